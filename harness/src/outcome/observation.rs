//! What was seen at an expectation, in a form in which two versions can be compared.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::registry::RequestSummary;

/// What was seen at one expectation, whether it was met or not.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Observation {
    /// The step of the case's file, counted from 1.
    pub step: usize,
    /// What was done since the observation before: `apply Pod/private-reg`, a command.
    pub after: Vec<String>,
    /// The pod that was looked at.
    pub pod: Option<String>,
    /// The container, where the case names one.
    pub container: Option<String>,
    /// The pod's phase.
    pub phase: Option<String>,
    /// The waiting reasons it had so far, each once, in the order in which they first came.
    pub reasons: Vec<String>,
    /// The message of the last of them, while the pod still waits: hosts, digests, namespaces and
    /// times are replaced by what they stand for.
    pub message: Option<String>,
    /// The requests that each registry of the case got since the observation before.
    pub registries: BTreeMap<String, Vec<RequestSummary>>,
    /// The ids of the causes that `pullproof explain` gives then, most likely first: one if it is
    /// certain, none if nothing fails.
    pub causes: Vec<String>,
}

/// In what two observations differ. Of several, the one that matters most: the last of these.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Difference {
    /// The same happened; the message has other words.
    Wording,
    /// The pod came to the same end; the registry got other requests.
    Requests,
    /// The pod's phase, its waiting reasons or the steps taken.
    Outcome,
}

impl Observation {
    /// Returns in what the other differs, if it does. Order and number of requests are not compared:
    /// several containers pull at the same time, and how often a pull is tried again is chance.
    pub fn difference(&self, other: &Self) -> Option<Difference> {
        let end = |one: &'_ Self| {
            (one.pod.clone(), one.container.clone(), one.phase.clone(), one.reasons.clone())
        };
        if end(self) != end(other) {
            Some(Difference::Outcome)
        } else if !self.has_requests_of(other) {
            Some(Difference::Requests)
        } else {
            (self.message != other.message).then_some(Difference::Wording)
        }
    }

    fn has_requests_of(&self, other: &Self) -> bool {
        let within = |one: &[RequestSummary], all: &[RequestSummary]| {
            one.iter().all(|request| all.iter().any(|of| of.is_like(request)))
        };
        self.registries.len() == other.registries.len()
            && self.registries.iter().all(|(name, one)| {
                let same = other.registries.get(name);
                same.is_some_and(|other| within(one, other) && within(other, one))
            })
    }
}

/// When an expectation of a pod was found to be met.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// The pod's namespace.
    pub namespace: String,
    /// The pod.
    pub pod: String,
    /// When it was first looked at.
    pub began: Timestamp,
    /// When it was decided.
    pub at: Timestamp,
    /// Whether events or requests, which come beside the pod's status, were waited for.
    pub waited: bool,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::sample;

    #[test]
    fn the_order_of_requests_makes_no_difference() {
        let seen = |lines: &str| {
            let requests = RequestSummary::of(&sample::requests(lines));
            let registries = BTreeMap::from([("registry".to_owned(), requests)]);
            Observation { registries, ..Observation::default() }
        };
        let (anonymous, known) = ("node GET /v2/ - 401\n", "node GET /v2/ a 200\n");
        let one = seen(&format!("{anonymous}{known}"));
        let mut other = seen(&format!("{known}{anonymous}{anonymous}"));
        other.step = 3;
        assert_eq!(one.difference(&other), None);
        assert_eq!(one.difference(&seen(anonymous)), Some(Difference::Requests));
        assert_eq!(seen(anonymous).difference(&one), Some(Difference::Requests));
        other.message = Some("other".into());
        assert_eq!(one.difference(&other), Some(Difference::Wording));
        other.phase = Some("Running".into());
        assert_eq!(one.difference(&other), Some(Difference::Outcome));
    }
}
