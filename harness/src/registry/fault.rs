//! Which faults meet a request.

use std::sync::Mutex;
use std::time::Duration;

use hyper::Request as HttpRequest;
use hyper::header::{HOST, HeaderMap, HeaderName, HeaderValue};

use super::authorization::Authorization;
use super::record::Request;
use crate::case::Variables;
use crate::case::model::{Fault, FaultAction, Headers, OwnAnswer};
use crate::mutex::locked;

/// The faults of a gateway, each with the number of requests that it has matched.
#[derive(Debug, Default)]
pub(super) struct Faults {
    list: Mutex<Vec<(Fault, u64)>>,
}

/// What is done to one request.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Plan {
    /// How long it waits before anything else.
    pub(super) delay: Duration,
    /// What it gets instead of the container's answer.
    pub(super) intercept: Option<Intercept>,
    /// After how many bytes the container's body ends.
    pub(super) cut: Option<u64>,
    /// Whether a byte of the container's body is flipped.
    pub(super) flip: bool,
    /// What the container's 401 becomes.
    pub(super) unchallenged: Option<u16>,
    /// What the headers of the answer become.
    pub(super) headers: Vec<Headers>,
    /// The headers of the request that the container does not get.
    pub(super) ignored: Vec<String>,
}

/// What a request gets instead of the container's answer.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Intercept {
    /// This status.
    Status(u16),
    /// 429 with this `Retry-After`.
    TooManyRequests(u64),
    /// An answer of the case's own.
    Answer(OwnAnswer),
    /// No answer.
    Reset,
    /// 307 to this registry of the case, by its address or by another name for it.
    Redirect { registry: String, away: bool },
}

impl Faults {
    /// Replaces all faults; the count of each begins anew.
    pub(super) fn set(&self, faults: Vec<Fault>) {
        *locked(&self.list) = faults.into_iter().map(|fault| (fault, 0)).collect();
    }

    /// Counts a request against each fault, and returns what is done to it. Of several faults that
    /// answer in the container's place the first counts; delays and changes of headers add up.
    pub(super) fn plan(&self, request: &Request) -> Plan {
        let mut plan = Plan::default();
        let mut list = locked(&self.list);
        for (fault, count) in list.iter_mut() {
            if !meets(fault, request) {
                continue;
            }
            *count += 1;
            if fault.nth.is_some_and(|nth| nth != *count) {
                continue;
            }
            let intercept = match &fault.action {
                FaultAction::Delay(milliseconds) => {
                    plan.delay = plan.delay.saturating_add(Duration::from_millis(*milliseconds));
                    continue;
                }
                FaultAction::Cut(bytes) => {
                    plan.cut.get_or_insert(*bytes);
                    continue;
                }
                FaultAction::Flip => {
                    plan.flip = true;
                    continue;
                }
                FaultAction::Unchallenged(status) => {
                    plan.unchallenged.get_or_insert(*status);
                    continue;
                }
                FaultAction::Headers(headers) => {
                    plan.headers.push(headers.clone());
                    continue;
                }
                FaultAction::Ignore(names) => {
                    plan.ignored.extend(names.iter().cloned());
                    continue;
                }
                FaultAction::Answer(answer) => Intercept::Answer(answer.clone()),
                FaultAction::Status(status) => Intercept::Status(*status),
                FaultAction::TooManyRequests(seconds) => Intercept::TooManyRequests(*seconds),
                FaultAction::Reset => Intercept::Reset,
                FaultAction::Redirect(registry) => {
                    Intercept::Redirect { registry: registry.clone(), away: false }
                }
                FaultAction::RedirectAway(registry) => {
                    Intercept::Redirect { registry: registry.clone(), away: true }
                }
            };
            plan.intercept.get_or_insert(intercept);
        }
        plan
    }
}

fn meets(fault: &Fault, request: &Request) -> bool {
    let authorized = request.authorization != Authorization::None;
    let by = request.authorization.user();
    fault.path.as_deref().is_none_or(|part| request.path.contains(part))
        && fault.method.as_deref().is_none_or(|wanted| request.method.eq_ignore_ascii_case(wanted))
        && fault.kind.is_none_or(|wanted| wanted == request.kind)
        && fault.user.as_deref().is_none_or(|wanted| by == Some(wanted))
        && fault.authorized.is_none_or(|wanted| wanted == authorized)
}

/// The host that the client asked, as it says itself.
pub(super) fn asked_host<B>(request: &HttpRequest<B>) -> String {
    let header = request.headers().get(HOST).and_then(|host| host.to_str().ok());
    let authority = request.uri().authority().map(hyper::http::uri::Authority::as_str);
    header.or(authority).unwrap_or_default().to_owned()
}

/// Replaces `$HOST` in a text.
pub(super) fn with_host(text: &str, host: &str) -> String {
    let mut variables = Variables::default();
    variables.set("HOST", host);
    variables.fill(text)
}

/// Sets, repeats or removes headers.
pub(super) fn change_headers(headers: &mut HeaderMap, changes: &Headers, host: &str) {
    for (name, values) in &changes.0 {
        // Both were checked when the case was read.
        let Ok(name) = HeaderName::try_from(name) else { continue };
        headers.remove(&name);
        for value in &values.0 {
            if let Ok(value) = HeaderValue::from_str(&with_host(value, host)) {
                headers.append(name.clone(), value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use hyper::Method;

    use super::super::record::{Arrival, Origin, Record};
    use super::*;
    use crate::case::model::HeaderValues;
    use crate::case::model::RequestKind;

    /// A request of janedoe's, or of nobody's.
    fn asks(method: &Method, path: &str, authorized: bool) -> Request {
        let mut request = HttpRequest::builder().method(method).uri(path);
        if authorized {
            request = request.header("authorization", "Basic amFuZWRvZTp4eHg=");
        }
        let arrival = Arrival::of(&Record::new(), &request.body(()).unwrap(), Origin::Node);
        arrival.request().unwrap().clone()
    }

    fn fault(action: FaultAction) -> Fault {
        Fault::new(action)
    }

    fn faults(list: Vec<Fault>) -> Faults {
        let faults = Faults::default();
        faults.set(list);
        faults
    }

    const BLOB: &str = "/v2/a/blobs/sha256:0";

    #[test]
    fn without_faults_nothing_is_done() {
        assert_eq!(Faults::default().plan(&asks(&Method::GET, BLOB, true)), Plan::default());
    }

    #[test]
    fn path_method_and_authorization_must_all_match() {
        let faults = faults(vec![Fault {
            path: Some("/blobs/".into()),
            method: Some("head".into()),
            authorized: Some(true),
            ..fault(FaultAction::Status(500))
        }]);
        let hit = Plan { intercept: Some(Intercept::Status(500)), ..Plan::default() };
        assert_eq!(faults.plan(&asks(&Method::HEAD, BLOB, true)), hit);
        assert_eq!(faults.plan(&asks(&Method::GET, BLOB, true)), Plan::default());
        assert_eq!(faults.plan(&asks(&Method::HEAD, BLOB, false)), Plan::default());
        assert_eq!(faults.plan(&asks(&Method::HEAD, "/v2/a/manifests/v1", true)), Plan::default());
    }

    #[test]
    fn nth_counts_only_requests_that_match() {
        let faults = faults(vec![Fault {
            path: Some("/blobs/".into()),
            nth: Some(2),
            ..fault(FaultAction::Reset)
        }]);
        let mut hits = Vec::new();
        for path in ["/v2/", BLOB, "/v2/", BLOB, BLOB] {
            hits.push(faults.plan(&asks(&Method::GET, path, false)).intercept.is_some());
        }
        assert_eq!(hits, [false, false, false, true, false]);
    }

    #[test]
    fn setting_faults_begins_the_count_anew() {
        let first = Fault { nth: Some(1), ..fault(FaultAction::Flip) };
        let faults = faults(vec![first.clone()]);
        assert!(faults.plan(&asks(&Method::GET, BLOB, false)).flip);
        assert!(!faults.plan(&asks(&Method::GET, BLOB, false)).flip);
        faults.set(vec![first]);
        assert!(faults.plan(&asks(&Method::GET, BLOB, false)).flip);
        faults.set(Vec::new());
        assert_eq!(faults.plan(&asks(&Method::GET, BLOB, false)), Plan::default());
    }

    #[test]
    fn several_faults_combine() {
        let faults = faults(vec![
            fault(FaultAction::Delay(20)),
            fault(FaultAction::Delay(30)),
            fault(FaultAction::Status(503)),
            fault(FaultAction::Status(500)),
            fault(FaultAction::Cut(7)),
            fault(FaultAction::Unchallenged(404)),
        ]);
        assert_eq!(
            faults.plan(&asks(&Method::GET, BLOB, false)),
            Plan {
                delay: Duration::from_millis(50),
                intercept: Some(Intercept::Status(503)),
                cut: Some(7),
                flip: false,
                unchallenged: Some(404),
                ..Plan::default()
            }
        );
    }

    #[test]
    fn kind_and_user_must_match() {
        let faults = faults(vec![
            Fault { kind: Some(RequestKind::Blob), ..fault(FaultAction::Flip) },
            Fault { user: Some("janedoe".into()), ..fault(FaultAction::Reset) },
        ]);
        let met = |path, authorized| {
            let plan = faults.plan(&asks(&Method::GET, path, authorized));
            (plan.flip, plan.intercept.is_some())
        };
        assert_eq!(met(BLOB, true), (true, true));
        assert_eq!(met(BLOB, false), (true, false));
        assert_eq!(met("/v2/blobs/manifests/v1", true), (false, true));
        assert_eq!(met("/v2/", false), (false, false));
    }

    #[test]
    fn headers_are_set_repeated_and_removed() {
        let values = |all: &[&str]| HeaderValues(all.iter().map(|&it| it.to_owned()).collect());
        let changes = Headers(
            [
                ("WWW-Authenticate", values(&["Negotiate", "Basic realm=\"$HOST\""])),
                ("docker-content-digest", values(&[])),
                ("X-New", values(&["1"])),
            ]
            .map(|(name, values)| (name.to_owned(), values))
            .into(),
        );
        let mut headers = HeaderMap::new();
        for (name, value) in
            [("www-authenticate", "Bearer"), ("docker-content-digest", "x"), ("x-kept", "2")]
        {
            headers.insert(name, HeaderValue::from_static(value));
        }
        change_headers(&mut headers, &changes, "r:5000");
        let all: Vec<_> =
            headers.iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap())).collect();
        let mut all = all;
        all.sort_unstable();
        assert_eq!(
            all,
            [
                ("www-authenticate", "Basic realm=\"r:5000\""),
                ("www-authenticate", "Negotiate"),
                ("x-kept", "2"),
                ("x-new", "1"),
            ]
        );
    }
}
