//! When something that must not be there may be taken to be absent: once what would have brought it is
//! over. That is the outcome of the pull, and a time in which what was on its way arrives.

use std::time::Duration;

use crate::{
    case::model::Expect,
    evidence::{EventSeen, PodHistory},
};

/// How long an outcome is past before an absence counts, if the case does not say.
const SETTLE: Duration = Duration::from_secs(1);

/// The reasons of the events by which the kubelet ends an attempt to start a container
/// (pkg/kubelet/events/event.go). Its events arrive in the order in which it sends them.
const CLOSING: [&str; 5] = ["Started", "Failed", "BackOff", "ErrImageNeverPull", "InspectFailed"];

/// Whether an expectation says of something that it must not be there.
pub fn is_claimed(expect: &Expect) -> bool {
    is_of_events(expect) || expect.registry.0.iter().any(|registry| registry.absence().is_some())
}

/// Whether it says so of events.
pub fn is_of_events(expect: &Expect) -> bool {
    !expect.no_events.is_empty() || expect.events.iter().any(|event| event.count.is_bounded())
}

/// How long the outcome has to be past.
pub fn settle(expect: &Expect) -> Duration {
    expect.settle.map_or(SETTLE, Duration::from_secs)
}

/// What the pulls of a pod have come to, by container, once they have: see [`is_outcome`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PullOutcome(Vec<(String, String)>);

impl PullOutcome {
    /// The outcome of a pod, or of a container of it.
    pub fn of(history: &PodHistory, container: Option<&str>) -> Option<Self> {
        let now = history.now().filter(|_| is_outcome(history, container))?;
        let meant =
            now.containers.iter().filter(|one| container.is_none_or(|name| one.name == name));
        let came_to = meant.map(|one| {
            let waits = one.waiting.as_ref().map(|waiting| waiting.reason.as_str());
            (one.name.clone(), waits.unwrap_or(one.phase()).to_owned())
        });
        Some(Self(came_to.collect()))
    }

    /// Whether it is the same that was seen before, without another pull: a failed one becomes
    /// ImagePullBackOff as soon as the kubelet looks at the pod again.
    pub fn continues(&self, before: &Self) -> bool {
        let same = |((one, now), (other, before)): (&(String, String), &(String, String))| {
            let backs_off = now == "ImagePullBackOff" && before == "ErrImagePull";
            one == other && (now == before || backs_off)
        };
        self.0.len() == before.0.len() && self.0.iter().zip(&before.0).all(same)
    }
}

/// Whether the pulls of a pod have come to their end: of the container that is named, or of each of
/// them. One that waits for an init container that fails is not pulled.
pub fn is_outcome(history: &PodHistory, container: Option<&str>) -> bool {
    let Some(now) = history.now() else { return false };
    let of = |name: &str| now.containers.iter().find(|one| one.name == name);
    match container {
        Some(name) => of(name).is_some_and(|one| one.is_decided()),
        None if now.phase == "Succeeded" || now.phase == "Failed" => true,
        None if now.waits(None).is_some() && now.phase == "Pending" => {
            let held_back = |one: &crate::evidence::ContainerState| {
                one.waiting.as_ref().is_some_and(|waiting| waiting.reason == "PodInitializing")
            };
            now.containers.iter().all(|one| one.is_decided() || held_back(one))
        }
        None => {
            let names = history.container_names();
            !names.is_empty()
                && names.iter().all(|name| of(name).is_some_and(|one| one.is_decided()))
        }
    }
}

/// Whether the kubelet's events of the outcome have arrived, and with them all that it sent before:
/// one that ends the attempt, of each container that has come to its end.
pub fn are_events_closed(
    history: &PodHistory,
    container: Option<&str>,
    events: &[EventSeen],
) -> bool {
    let Some(now) = history.now() else { return false };
    let closed = |name: &str| {
        events.iter().any(|event| {
            event.container.as_deref() == Some(name) && CLOSING.contains(&event.reason.as_str())
        })
    };
    now.containers
        .iter()
        .filter(|one| container.is_none_or(|name| one.name == name))
        .filter(|one| one.is_decided())
        .all(|one| closed(&one.name))
}

#[cfg(test)]
mod tests {
    use super::super::sample::{event, expect, history};
    use super::*;

    #[test]
    fn an_absence_is_claimed_by_none_by_an_upper_bound_or_by_no_events() {
        for claim in [
            "{noEvents: [Pulling]}",
            "{events: [{reason: Failed, count: 2}]}",
            "{registry: {requests: none}}",
            "{registry: {anonymous: none}}",
            "{registry: {authenticated: none}}",
            "{registry: {tokens: {janedoe: none}}}",
            "{registry: [{registry: a, anonymous: 401}, {registry: b, bearer: none}]}",
            "{registry: {requests: [{kind: blob, count: '<=2'}]}}",
        ] {
            assert!(is_claimed(&expect(claim)), "{claim}");
        }
        for other in [
            "{pod: a, phase: Running}",
            "{events: [{reason: Failed, count: '>=2'}]}",
            "{registry: {anonymous: 401, authenticated: {janedoe: 200}}}",
            "{registry: {requests: [{kind: blob}]}}",
        ] {
            assert!(!is_claimed(&expect(other)), "{other}");
        }
    }

    #[test]
    fn an_outcome_is_that_of_every_container_unless_one_is_named() {
        // Of the pod's two containers the second has no status.
        let one = history(&[("Running", "running", "")]);
        assert!(is_outcome(&one, Some("c")));
        assert!(!is_outcome(&one, Some("d")));
        assert!(!is_outcome(&one, None));
        let creating = history(&[("Pending", "ContainerCreating", "")]);
        assert!(!is_outcome(&creating, Some("c")));
        let failed = history(&[("Pending", "ErrImagePull", "")]);
        assert!(is_outcome(&failed, Some("c")) && is_outcome(&failed, None));
    }

    #[test]
    fn a_back_off_continues_the_outcome_of_the_pull_before_and_nothing_else_does() {
        let of = |reason: &str| {
            let history = history(&[("Pending", reason, "")]);
            PullOutcome::of(&history, Some("c"))
        };
        let continues = |now: &str, before: &str| of(now).unwrap().continues(&of(before).unwrap());
        assert!(continues("ErrImagePull", "ErrImagePull"));
        assert!(continues("ImagePullBackOff", "ErrImagePull"));
        assert!(!continues("ErrImagePull", "ImagePullBackOff"), "another pull");
        assert!(!continues("running", "ErrImagePull"));
        assert_eq!(of("ContainerCreating"), None);
    }

    #[test]
    fn events_are_all_there_when_the_last_of_an_attempt_is() {
        let failed = history(&[("Pending", "ErrImagePull", "")]);
        assert!(!are_events_closed(&failed, None, &[event("Pulling", "")]));
        assert!(are_events_closed(&failed, None, &[event("Pulling", ""), event("Failed", "")]));
    }
}
