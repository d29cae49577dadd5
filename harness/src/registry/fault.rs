//! Which faults meet a request.

use std::sync::Mutex;
use std::time::Duration;

use hyper::Method;

use crate::case::model::{Fault, FaultAction};
use crate::mutex::locked;

/// The faults of a gateway, each with the number of requests that it has matched.
#[derive(Debug, Default)]
pub(super) struct Faults {
    list: Mutex<Vec<(Fault, u64)>>,
}

/// What is done to one request.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Plan {
    /// How long it waits before anything else.
    pub(super) delay: Duration,
    /// What it gets instead of the container's answer.
    pub(super) instead: Option<Instead>,
    /// After how many bytes the container's body ends.
    pub(super) cut: Option<u64>,
    /// Whether a byte of the container's body is flipped.
    pub(super) flip: bool,
    /// What the container's 401 becomes.
    pub(super) unchallenged: Option<u16>,
}

/// What a request gets instead of the container's answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Instead {
    /// This status.
    Status(u16),
    /// 429 with this `Retry-After`.
    TooManyRequests(u64),
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

    /// Counts a request against each fault, and tells what is done to it. Of several faults that
    /// answer in the container's place the first counts; delays add up.
    pub(super) fn plan(&self, method: &Method, path: &str, authorized: bool) -> Plan {
        let mut plan = Plan::default();
        let mut list = locked(&self.list);
        for (fault, count) in list.iter_mut() {
            if !meets(fault, method, path, authorized) {
                continue;
            }
            *count += 1;
            if fault.nth.is_some_and(|nth| nth != *count) {
                continue;
            }
            let instead = match &fault.action {
                FaultAction::Delay(milliseconds) => {
                    plan.delay += Duration::from_millis(*milliseconds);
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
                FaultAction::Status(status) => Instead::Status(*status),
                FaultAction::TooManyRequests(seconds) => Instead::TooManyRequests(*seconds),
                FaultAction::Reset => Instead::Reset,
                FaultAction::Redirect(registry) => {
                    Instead::Redirect { registry: registry.clone(), away: false }
                }
                FaultAction::RedirectAway(registry) => {
                    Instead::Redirect { registry: registry.clone(), away: true }
                }
            };
            plan.instead.get_or_insert(instead);
        }
        plan
    }
}

fn meets(fault: &Fault, method: &Method, path: &str, authorized: bool) -> bool {
    fault.path.as_deref().is_none_or(|part| path.contains(part))
        && fault.method.as_deref().is_none_or(|wanted| method.as_str().eq_ignore_ascii_case(wanted))
        && fault.authorized.is_none_or(|wanted| wanted == authorized)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(action: FaultAction) -> Fault {
        Fault { path: None, method: None, authorized: None, nth: None, action }
    }

    fn faults(list: Vec<Fault>) -> Faults {
        let faults = Faults::default();
        faults.set(list);
        faults
    }

    const BLOB: &str = "/v2/a/blobs/sha256:0";

    #[test]
    fn without_faults_nothing_is_done() {
        assert_eq!(Faults::default().plan(&Method::GET, BLOB, true), Plan::default());
    }

    #[test]
    fn path_method_and_authorization_must_all_match() {
        let faults = faults(vec![Fault {
            path: Some("/blobs/".into()),
            method: Some("head".into()),
            authorized: Some(true),
            ..fault(FaultAction::Status(500))
        }]);
        let hit = Plan { instead: Some(Instead::Status(500)), ..Plan::default() };
        assert_eq!(faults.plan(&Method::HEAD, BLOB, true), hit);
        assert_eq!(faults.plan(&Method::GET, BLOB, true), Plan::default());
        assert_eq!(faults.plan(&Method::HEAD, BLOB, false), Plan::default());
        assert_eq!(faults.plan(&Method::HEAD, "/v2/a/manifests/v1", true), Plan::default());
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
            hits.push(faults.plan(&Method::GET, path, false).instead.is_some());
        }
        assert_eq!(hits, [false, false, false, true, false]);
    }

    #[test]
    fn setting_faults_begins_the_count_anew() {
        let first = Fault { nth: Some(1), ..fault(FaultAction::Flip) };
        let faults = faults(vec![first.clone()]);
        assert!(faults.plan(&Method::GET, BLOB, false).flip);
        assert!(!faults.plan(&Method::GET, BLOB, false).flip);
        faults.set(vec![first]);
        assert!(faults.plan(&Method::GET, BLOB, false).flip);
        faults.set(Vec::new());
        assert_eq!(faults.plan(&Method::GET, BLOB, false), Plan::default());
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
            faults.plan(&Method::GET, BLOB, false),
            Plan {
                delay: Duration::from_millis(50),
                instead: Some(Instead::Status(503)),
                cut: Some(7),
                flip: false,
                unchallenged: Some(404),
            }
        );
    }
}
