//! What was seen at an expectation, in a form in which two versions can be compared.

use jiff::Timestamp;
use serde::Serialize;

/// What was seen at one expectation, whether it was met or not.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
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
    /// What each registry saw since the observation before, in words, without counts.
    pub registry: Vec<String>,
    /// The ids of the causes that `pullproof explain` gives then, most likely first: one if it is
    /// certain, none if nothing fails.
    pub causes: Vec<String>,
}

impl Observation {
    /// Whether the same was seen. The order of requests is not compared: several containers pull at
    /// the same time.
    pub fn is_like(&self, other: &Self) -> bool {
        let sorted = |one: &Self| {
            let mut registry = one.registry.clone();
            registry.sort();
            registry
        };
        (&self.pod, &self.container, &self.phase, &self.reasons, &self.message)
            == (&other.pod, &other.container, &other.phase, &other.reasons, &other.message)
            && sorted(self) == sorted(other)
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

    #[test]
    fn the_order_of_requests_makes_no_difference() {
        let one = Observation { registry: vec!["a".into(), "b".into()], ..Observation::default() };
        let mut other =
            Observation { registry: vec!["b".into(), "a".into()], step: 3, ..one.clone() };
        assert!(one.is_like(&other));
        other.phase = Some("Running".into());
        assert!(!one.is_like(&other));
    }
}
