//! Pods, events and requests for the tests of the rules.

use jiff::Timestamp;

use crate::{
    case::{PodSelector, model::Expect},
    cluster::NodeVersions,
    evidence::{EventSeen, PodHistory, Timeline},
    registry::{Authorization, Origin, PasswordMark, Request, RequestKind, Responder},
};

pub fn versions() -> NodeVersions {
    NodeVersions { kubernetes: "1.37.2".parse().unwrap(), containerd: "2.3.7".parse().unwrap() }
}

pub fn expect(yaml: &str) -> Expect {
    serde_saphyr::from_str(yaml).unwrap()
}

/// A pod `a` with containers `c`, of which the states tell, and `d`, of which they do not: phase, then
/// `running` or a waiting reason, then its message.
pub fn history(states: &[(&str, &str, &str)]) -> PodHistory {
    let timeline = Timeline::default();
    for (phase, state, text) in states {
        let state = match *state {
            "running" => "{running: {}}".to_owned(),
            reason => format!("{{waiting: {{reason: {reason}, message: {text:?}}}}}"),
        };
        let pod = format!(
            "{{metadata: {{name: a, namespace: n, uid: u}}, \
             spec: {{containers: [{{name: c, image: i}}, {{name: d, image: i}}]}}, \
             status: {{phase: {phase}, containerStatuses: [{{name: c, image: i, imageID: '', \
             ready: false, restartCount: 0, state: {state}}}]}}}}"
        );
        timeline.pod(serde_saphyr::from_str(&pod).unwrap(), Timestamp::UNIX_EPOCH);
    }
    timeline.find("n", &PodSelector::Name("a".to_owned())).unwrap()
}

pub fn event(reason: &str, message: &str) -> EventSeen {
    EventSeen {
        at: Timestamp::UNIX_EPOCH,
        uid: "u".into(),
        namespace: "n".into(),
        about: "Pod/a".into(),
        container: Some("c".into()),
        kind: "Warning".into(),
        reason: reason.into(),
        message: message.into(),
        count: 1,
        marks: Vec::new(),
    }
}

/// Requests as a gateway records them, one a line: `node GET /v2/a/manifests/v1 janedoe 200`, with
/// `bearer:` before the subject of a token, `janedoe/secret` with a password, `-` for no credentials and
/// for no answer.
pub fn requests(lines: &str) -> Vec<Request> {
    let lines = lines.lines().map(str::trim).filter(|line| !line.is_empty());
    lines.map(request).collect()
}

/// One of [`requests`].
pub fn request(line: &str) -> Request {
    let words: Vec<&str> = line.split_whitespace().collect();
    let [from, method, path, who, status] = words[..] else { panic!("{line}") };
    let (who, password) = match who.split_once('/') {
        Some((who, password)) => (who, Some(password)),
        None => (who, None),
    };
    let (kind, repository) = RequestKind::of(path);
    Request {
        at: Timestamp::UNIX_EPOCH,
        from: match from {
            "node" => Origin::Node,
            "control" => Origin::Control,
            _ => Origin::Host,
        },
        method: method.to_owned(),
        path: path.to_owned(),
        kind,
        repository,
        namespace: None,
        authorization: match who.strip_prefix("bearer:") {
            Some(subject) => {
                Authorization::Bearer { subject: Some(subject.to_owned()), scopes: Vec::new() }
            }
            None if who == "-" => Authorization::None,
            None => Authorization::Basic { user: who.to_owned() },
        },
        password: password.map(|password| PasswordMark::of(&password.into())),
        status: status.parse().ok(),
        answered_by: Responder::Container,
        bytes: 0,
        duration: None,
        user_agent: None,
        headers: Vec::new(),
        fault: None,
    }
}
