//! One look at everything that an expectation is about.

use super::{Mismatch, Verdict, absence, absence::PullOutcome, events, pod, requests};
use crate::{
    case::model::{Expect, ExpectedRequests},
    cluster::NodeVersions,
    evidence::{EventSeen, PodHistory},
    registry::Request,
};

/// What there is to see of an expectation.
pub struct Sight<'a> {
    /// The pod, if it exists.
    pub pod: Option<PodHistory>,
    /// The same pod with its states since the expectation before.
    pub recent: Option<PodHistory>,
    /// Its events since the expectation of its events before.
    pub events: Vec<EventSeen>,
    /// The pods that exist in its namespace.
    pub present: Vec<String>,
    /// The registries that the expectation speaks of, each with its requests since the expectation of
    /// it before.
    pub registries: Vec<(&'a ExpectedRequests, Vec<Request>)>,
    /// What the node runs.
    pub versions: &'a NodeVersions,
}

impl Sight<'_> {
    /// Whether the pod or the container that is meant is not there.
    pub fn lacks_its_object(&self, expect: &Expect) -> bool {
        let has = |pod: &PodHistory| {
            let name = expect.container.as_deref();
            name.is_none_or(|name| pod.container_names().contains(&name))
        };
        expect.pod.is_some() && !self.pod.as_ref().is_some_and(has)
    }

    /// What an absence hangs on, once it is seen: the outcome of the pod's pulls.
    pub fn outcome(&self, expect: &Expect) -> Option<PullOutcome> {
        PullOutcome::of(self.pod.as_ref()?, expect.container.as_deref())
    }

    /// Whether all events of that outcome have arrived.
    pub fn has_all_events(&self, expect: &Expect) -> bool {
        let container = expect.container.as_deref();
        self.pod
            .as_ref()
            .is_some_and(|pod| absence::are_events_closed(pod, container, &self.events))
    }
}

/// Judges all of it. What must not be there is a reason to fail at once; that it is absent so far says
/// nothing yet, see [`absence`].
pub fn look(expect: &Expect, sight: &Sight<'_>) -> Verdict {
    let registries =
        || Verdict::all(sight.registries.iter().map(|(expected, seen)| requests(expected, seen)));
    let Some(name) = &expect.pod else { return registries() };
    let (Some(history), Some(recent)) = (&sight.pod, &sight.recent) else {
        let there = match sight.present.is_empty() {
            true => "no pod".to_owned(),
            false => format!("only {}", sight.present.join(", ")),
        };
        return Verdict::Pending(Mismatch::new("pod", name, there));
    };
    let patient = expect.within.is_some();
    let verdict = pod(expect, history, recent, &sight.events, sight.versions, patient);
    if verdict != Verdict::Met {
        return verdict;
    }
    Verdict::all([events(expect, &sight.events, sight.versions), registries()])
}

#[cfg(test)]
mod tests {
    use super::super::sample::{event, expect, history, requests, versions};
    use super::*;

    fn judge(yaml: &str, pod: Option<PodHistory>, events: Vec<EventSeen>, seen: &str) -> Verdict {
        let (expect, versions) = (expect(yaml), versions());
        let registries = expect.registry.0.iter().map(|one| (one, requests(seen))).collect();
        let present = vec!["b".to_owned()];
        let recent = pod.clone();
        look(&expect, &Sight { pod, recent, events, present, registries, versions: &versions })
    }

    const FAILS: &str = "{pod: a, phase: Pending, reasons: [ErrImagePull], \
                         events: [{reason: Failed}], registry: {anonymous: 401}}";

    #[test]
    fn a_pod_that_is_not_there_is_named_with_those_that_are() {
        let Verdict::Pending(mismatch) = judge(FAILS, None, vec![], "") else { panic!() };
        assert_eq!((mismatch.expected.as_str(), mismatch.seen.as_str()), ("a", "only b"));
    }

    #[test]
    fn the_pod_comes_first_then_what_is_reported_beside_it() {
        let failed = || Some(history(&[("Pending", "ErrImagePull", "")]));
        let creating = Some(history(&[("Pending", "ContainerCreating", "")]));
        let asked = "node HEAD /v2/a/manifests/v1 - 401";
        let verdict = judge(FAILS, creating, vec![event("Failed", "")], asked);
        assert!(matches!(verdict, Verdict::Pending(_)), "{verdict:?}");
        let verdict = judge(FAILS, failed(), vec![], asked);
        assert!(matches!(verdict, Verdict::AwaitingReports(_)), "{verdict:?}");
        let verdict = judge(FAILS, failed(), vec![], "node HEAD /v2/a/manifests/v1 - 404");
        assert!(matches!(verdict, Verdict::Impossible(_)), "{verdict:?}");
        assert_eq!(judge(FAILS, failed(), vec![event("Failed", "")], asked), Verdict::Met);
    }
}
