//! Pods, events and requests for the tests of the rules.

use jiff::Timestamp;

use crate::{
    case::{PodSelector, model::Expect},
    cluster::NodeVersions,
    evidence::{EventSeen, PodHistory, Timeline},
};

pub use crate::registry::sample::{request, requests};

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
