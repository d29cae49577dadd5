//! The record of the requests that a registry saw.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use hyper::Method;
use hyper::header::HeaderMap;
use jiff::Timestamp;
use secrecy::ExposeSecret as _;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use super::authorization::{self, Authorization};
use super::password::PasswordMark;
use crate::case::model::{RequestKind, is_secret};
use crate::mutex::locked;

/// The path at which the gateway answers as the token server.
pub(super) const TOKEN_PATH: &str = "/pullproof/token";

/// A request as a registry saw it. Holds neither password nor token.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Request {
    /// When its head had arrived.
    pub at: Timestamp,
    /// From which side it came.
    pub from: Origin,
    /// The method.
    pub method: String,
    /// The path, without the query: that may hold a secret.
    pub path: String,
    /// What the request is about.
    pub kind: RequestKind,
    /// The repository the path names.
    pub repository: Option<String>,
    /// The registry a mirror is asked to stand for: containerd's `ns` parameter.
    pub namespace: Option<String>,
    /// Who it says that it comes from: its Authorization header or, of a token request, its form.
    pub authorization: Authorization,
    /// By what the password that it carried is known again.
    #[serde(skip)]
    pub password: Option<PasswordMark>,
    /// The status it got; absent where the connection was closed without an answer.
    pub status: Option<u16>,
    /// Who gave that answer.
    pub answered_by: Responder,
    /// The bytes of body it got, as far as they were sent.
    pub bytes: u64,
    /// From the head of the request to the end of the answer's body; absent while that is sent.
    #[serde(serialize_with = "milliseconds", deserialize_with = "from_milliseconds")]
    pub duration: Option<Duration>,
    /// The client.
    pub user_agent: Option<String>,
    /// Its headers, names in small letters, without those that hold credentials.
    #[serde(skip)]
    pub headers: Vec<(String, String)>,
    /// What the gateway did to it.
    pub fault: Option<String>,
}

fn milliseconds<S: serde::Serializer>(
    duration: &Option<Duration>,
    to: S,
) -> Result<S::Ok, S::Error> {
    match duration {
        Some(duration) => to.serialize_f64(duration.as_micros() as f64 / 1000.0),
        None => to.serialize_none(),
    }
}

fn from_milliseconds<'de, D: serde::Deserializer<'de>>(
    from: D,
) -> Result<Option<Duration>, D::Error> {
    let milliseconds = Option::<f64>::deserialize(from)?;
    let read = milliseconds.map(|ms| Duration::try_from_secs_f64(ms / 1000.0)).transpose();
    read.map_err(serde::de::Error::custom)
}

impl Request {
    /// Whether it has a header of this name, in any spelling, that contains a text.
    pub fn has_header(&self, name: &str, text: &str) -> bool {
        let mut headers = self.headers.iter();
        headers.any(|(one, value)| one.eq_ignore_ascii_case(name) && value.contains(text))
    }

    /// Whether it may have changed what the registry holds.
    pub(super) fn writes(&self) -> bool {
        self.kind != RequestKind::Token
            && self.method != Method::GET.as_str()
            && self.method != Method::HEAD.as_str()
    }
}

impl fmt::Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.authorization, self.method, self.path)?;
        match self.status {
            Some(status) => write!(f, " → {status}")?,
            None => f.write_str(" → no answer")?,
        }
        match &self.fault {
            Some(fault) => write!(f, " ({fault})"),
            None => Ok(()),
        }
    }
}

/// Who answered a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Responder {
    /// The registry container, also where a fault changed its answer.
    Container,
    /// The token server.
    TokenServer,
    /// The gateway: a fault in the container's place, or plain HTTP on an HTTPS port.
    Gateway,
    /// The gateway, because the container did not answer: the environment is at fault and not the
    /// registry of the case.
    Unreachable,
    /// Nobody: the connection was reset by a fault, or the client left before.
    Nobody,
}

/// From which side a request came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Origin {
    /// From a node of the cluster.
    Node,
    /// From the host: a documented command such as `docker login`.
    Host,
    /// From a node, by the address that only a control pull is given: nobody's evidence.
    Control,
}

impl RequestKind {
    /// Reads a path: what it is about, and the repository it names.
    pub fn of(path: &str) -> (Self, Option<String>) {
        if path == TOKEN_PATH {
            return (Self::Token, None);
        }
        let Some(rest) = path.strip_prefix("/v2") else { return (Self::Other, None) };
        if rest.is_empty() || rest == "/" {
            return (Self::Ping, None);
        }
        let parts: Vec<&str> = rest.trim_start_matches('/').split('/').collect();
        // A repository may itself be called `blobs` or `manifests`, so the path is read from its end.
        let (kind, name) = match parts.as_slice() {
            [name @ .., "blobs", "uploads"] | [name @ .., "blobs", "uploads", _] => {
                (Self::Upload, name)
            }
            [name @ .., "blobs", _] => (Self::Blob, name),
            [name @ .., "manifests", _] => (Self::Manifest, name),
            [name @ .., "tags", "list"] | [name @ .., "referrers", _] => (Self::Other, name),
            _ => return (Self::Other, None),
        };
        (kind, (!name.is_empty()).then(|| name.join("/")))
    }
}

/// A place in a record: what was appended before it is not looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mark(usize);

impl Mark {
    /// Before the first request.
    pub const START: Mark = Mark(0);
}

/// The requests of one registry, in the order in which their answers began. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct Record {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    requests: Mutex<Vec<Request>>,
    changes: watch::Sender<u64>,
}

impl Record {
    /// An empty record.
    pub fn new() -> Self {
        Self::default()
    }

    /// The place after the last request so far.
    pub fn mark(&self) -> Mark {
        Mark(self.requests().len())
    }

    /// The requests since a place.
    pub fn since(&self, mark: Mark) -> Vec<Request> {
        self.requests().get(mark.0..).unwrap_or_default().to_vec()
    }

    /// The requests since a place, and the place after them.
    pub fn look(&self, since: Mark) -> (Vec<Request>, Mark) {
        let requests = self.since(since);
        let after = Mark(since.0 + requests.len());
        (requests, after)
    }

    /// Those of the requests since a place that are looked for.
    pub fn pick(&self, mark: Mark, mut is_it: impl FnMut(&Request) -> bool) -> Vec<Request> {
        let requests = self.requests();
        let since = requests.get(mark.0..).unwrap_or_default().iter();
        since.filter(|request| is_it(request)).cloned().collect()
    }

    /// All requests.
    pub fn all(&self) -> Vec<Request> {
        self.since(Mark::START)
    }

    /// Notifies of each change: a request that was appended, or one whose body ended.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.shared.changes.subscribe()
    }

    /// Waits until the requests since a place show what is looked for. It has no time limit of its
    /// own.
    pub async fn wait_for<T>(
        &self,
        since: Mark,
        mut look: impl FnMut(&[Request]) -> Option<T>,
    ) -> T {
        let mut changes = self.changes();
        loop {
            changes.borrow_and_update();
            if let Some(found) = look(self.requests().get(since.0..).unwrap_or_default()) {
                return found;
            }
            if changes.changed().await.is_err() {
                // The sender lives in `self`, so this cannot come; waiting for ever is what it means.
                std::future::pending::<()>().await;
            }
        }
    }

    /// Appends a request whose answer begins.
    pub(super) fn append(&self, request: Request, began: Instant) -> Entry {
        let mut requests = self.requests();
        let index = requests.len();
        requests.push(request);
        drop(requests);
        self.changed();
        Entry { record: self.clone(), index, began, bytes: 0 }
    }

    /// Appends a request of a test, see `super::sample::request`.
    #[cfg(test)]
    pub(crate) fn example(&self, line: &str) {
        let request = super::sample::request(line);
        drop(self.append(request, Instant::now()));
    }

    fn changed(&self) {
        self.shared.changes.send_modify(|count| *count += 1);
    }

    fn requests(&self) -> MutexGuard<'_, Vec<Request>> {
        // Nothing that holds the lock can leave the list half changed.
        locked(&self.shared.requests)
    }
}

/// A request whose answer is being sent. Bytes and duration are filled in when it is dropped,
/// which is also what happens to a body that nobody reads to its end.
#[derive(Debug)]
pub(super) struct Entry {
    record: Record,
    index: usize,
    began: Instant,
    bytes: u64,
}

impl Entry {
    /// Counts bytes of the body.
    pub(super) fn sent(&mut self, bytes: usize) {
        self.bytes += bytes as u64;
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        if let Some(request) = self.record.requests().get_mut(self.index) {
            request.bytes = self.bytes;
            request.duration = Some(self.began.elapsed());
        }
        self.record.changed();
    }
}

/// The headers that hold no credentials.
fn plain_headers(headers: &HeaderMap) -> Vec<(String, String)> {
    let plain = headers.iter().filter(|(name, _)| !is_secret(name));
    plain
        .map(|(name, value)| {
            (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
        })
        .collect()
}

/// A request without an answer yet. One that never gets an answer is recorded as well.
#[derive(Debug)]
pub(super) struct Arrival {
    record: Record,
    began: Instant,
    /// Taken when it is recorded.
    request: Option<Request>,
}

impl Arrival {
    /// Reads the head of a request, for a record.
    pub(super) fn of<B>(record: &Record, request: &hyper::Request<B>, from: Origin) -> Self {
        let path = request.uri().path().to_owned();
        let (kind, repository) = RequestKind::of(&path);
        let namespace = request.uri().query().and_then(|query| {
            query.split('&').find_map(|pair| pair.strip_prefix("ns=")).map(str::to_owned)
        });
        let user_agent = request
            .headers()
            .get(hyper::header::USER_AGENT)
            .map(|agent| String::from_utf8_lossy(agent.as_bytes()).into_owned());
        let authorization = Authorization::of(request.headers());
        let password = authorization::basic(request.headers())
            .map(|(_, password)| PasswordMark::of_bytes(password.expose_secret()));
        Self {
            record: record.clone(),
            began: Instant::now(),
            request: Some(Request {
                at: Timestamp::now(),
                from,
                method: request.method().to_string(),
                path,
                kind,
                repository,
                namespace,
                authorization,
                password,
                status: None,
                answered_by: Responder::Nobody,
                bytes: 0,
                duration: None,
                user_agent,
                headers: plain_headers(request.headers()),
                fault: None,
            }),
        }
    }

    /// The request so far; there is one until it is recorded.
    pub(super) fn request(&self) -> Option<&Request> {
        self.request.as_ref()
    }

    /// Names who asks, where the form of a token request says it.
    pub(super) fn names(&mut self, user: &str, password: PasswordMark) {
        if let Some(request) = &mut self.request {
            request.authorization = Authorization::Basic { user: user.to_owned() };
            request.password = Some(password);
        }
    }

    /// Records the request, now that its answer is known.
    pub(super) fn answered(
        mut self,
        by: Responder,
        status: Option<u16>,
        fault: Option<String>,
    ) -> Option<Entry> {
        let request = self.request.take()?;
        let request = Request { status, answered_by: by, fault, ..request };
        Some(self.record.append(request, self.began))
    }
}

impl Drop for Arrival {
    fn drop(&mut self) {
        if let Some(request) = self.request.take() {
            let fault = Some("the client left before the answer".to_owned());
            drop(self.record.append(Request { fault, ..request }, self.began));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arrival(record: &Record, uri: &str) -> Arrival {
        let request = hyper::Request::builder()
            .uri(uri)
            .header("authorization", "Basic amFuZWRvZTpDQU5BUlk=")
            .header("user-agent", "containerd/2.1.4")
            .body(())
            .unwrap();
        Arrival::of(record, &request, Origin::Node)
    }

    #[test]
    fn paths_are_read_from_their_end() {
        let of = |path| {
            let (kind, name) = RequestKind::of(path);
            (kind, name.unwrap_or_default())
        };
        use RequestKind::*;
        assert_eq!(of("/v2/"), (Ping, String::new()));
        assert_eq!(of("/v2"), (Ping, String::new()));
        assert_eq!(of("/v2/a/b/manifests/v1"), (Manifest, "a/b".into()));
        assert_eq!(of("/v2/blobs/manifests/sha256:0"), (Manifest, "blobs".into()));
        assert_eq!(of("/v2/a/blobs/sha256:0"), (Blob, "a".into()));
        assert_eq!(of("/v2/a/blobs/uploads/"), (Upload, "a".into()));
        assert_eq!(of("/v2/a/blobs/uploads/17"), (Upload, "a".into()));
        assert_eq!(of("/v2/a/tags/list"), (Other, "a".into()));
        assert_eq!(of("/v2/_catalog"), (Other, String::new()));
        assert_eq!(of(TOKEN_PATH), (Token, String::new()));
        assert_eq!(of("/"), (Other, String::new()));
    }

    #[test]
    fn a_request_is_there_when_its_answer_begins_and_complete_when_it_ends() {
        let record = Record::new();
        let mut entry = arrival(&record, "/v2/a/manifests/v1")
            .answered(Responder::Container, Some(200), None)
            .unwrap();
        assert_eq!(record.all()[0].status, Some(200));
        assert_eq!(record.all()[0].duration, None);
        entry.sent(3);
        drop(entry);
        assert_eq!(record.all()[0].bytes, 3);
        assert!(record.all()[0].duration.is_some());
    }

    #[test]
    fn a_request_without_an_answer_is_recorded_too() {
        let record = Record::new();
        drop(arrival(&record, "/v2/"));
        let seen = record.all();
        assert_eq!((seen.len(), seen[0].status), (1, None));
        assert_eq!(seen[0].fault.as_deref(), Some("the client left before the answer"));
    }

    #[test]
    fn a_mark_hides_what_came_before() {
        let record = Record::new();
        drop(arrival(&record, "/v2/").answered(Responder::Container, Some(401), None));
        let mark = record.mark();
        assert!(record.since(mark).is_empty());
        drop(arrival(&record, "/v2/a/blobs/x").answered(
            Responder::Nobody,
            None,
            Some("reset".into()),
        ));
        let since = record.since(mark);
        assert_eq!(since.len(), 1);
        assert_eq!(since[0].to_string(), "basic janedoe GET /v2/a/blobs/x → no answer (reset)");
    }

    #[test]
    fn neither_query_nor_password_is_kept() {
        let record = Record::new();
        drop(arrival(&record, "/v2/a/manifests/v1?ns=docker.io&token=CANARY").answered(
            Responder::Container,
            Some(200),
            None,
        ));
        let request = &record.all()[0];
        assert!(request.has_header("User-Agent", "containerd/2"));
        assert!(!request.has_header("Authorization", ""));
        assert_eq!(request.namespace.as_deref(), Some("docker.io"));
        let json = serde_json::to_string(request).unwrap();
        for text in [json, format!("{request:?}"), request.to_string()] {
            assert!(!text.contains("CANARY") && !text.contains("Q0FOQVJZ"), "{text}");
        }
    }

    #[tokio::test]
    async fn waiting_ends_with_the_request_that_is_looked_for() {
        let record = Record::new();
        let mark = record.mark();
        let waiting = {
            let record = record.clone();
            tokio::spawn(async move {
                record.wait_for(mark, |seen| (seen.len() == 2).then_some(seen.len())).await
            })
        };
        drop(arrival(&record, "/v2/").answered(Responder::Container, Some(401), None));
        drop(arrival(&record, "/v2/").answered(Responder::Container, Some(200), None));
        assert_eq!(waiting.await.unwrap(), 2);
    }
}
