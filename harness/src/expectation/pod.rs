//! What a pod's status says.

use super::{Mismatch, Verdict, texts};
use crate::{
    case::model::{Expect, Phase},
    cluster::NodeVersions,
    evidence::{EventSeen, PULL_FAILURES, PodHistory, PodState},
};

/// Whether it is a reason after which a container has failed to start; it may still at a later retry.
fn is_failure(reason: &str) -> bool {
    PULL_FAILURES.contains(&reason) || reason == "CreateContainerError"
}

/// The waiting reasons of a container, by its status and its events.
pub fn reasons(history: &PodHistory, container: Option<&str>, events: &[EventSeen]) -> Vec<String> {
    let mut seen = history.reasons(container);
    let of_it = |event: &&EventSeen| {
        container.is_none() || event.container.is_none() || event.container.as_deref() == container
    };
    // The kubelet writes the newest status only: a state that lasted shorter than a write is told by
    // its event alone.
    if seen.first().is_some_and(|first| first == "ImagePullBackOff")
        && events.iter().filter(of_it).any(|event| event.message == "Error: ErrImagePull")
    {
        seen.insert(0, "ErrImagePull".to_owned());
    }
    seen
}

/// Judges a pod by its states; `recent` are those since the expectation before. `patient`: a failed
/// pull may still be followed by one that succeeds.
pub fn pod(
    expect: &Expect,
    history: &PodHistory,
    recent: &PodHistory,
    events: &[EventSeen],
    versions: &NodeVersions,
    patient: bool,
) -> Verdict {
    let Some(now) = history.now() else {
        return Verdict::Pending(Mismatch::new("pod", "a status", "none"));
    };
    if now.deleting {
        return Verdict::Pending(Mismatch::new("pod", "to be there", now.summary()));
    }
    let container = expect.container.as_deref();
    if let Some(name) = container
        && !history.container_names().contains(&name)
    {
        // A command may have just added it, which the watch reports later.
        let there = history.container_names().join(", ");
        return Verdict::Pending(Mismatch::new("container", name, format!("only {there}")));
    }
    let seen = reasons(history, container, events);
    for verdict in [
        waiting(expect, now, &seen, recent),
        phase(expect, now, &seen, patient),
        message(expect, recent, versions),
    ] {
        if verdict != Verdict::Met {
            return verdict;
        }
    }
    Verdict::Met
}

/// The waiting reasons, in their order.
fn waiting(expect: &Expect, now: &PodState, seen: &[String], recent: &PodHistory) -> Verdict {
    if expect.reasons.is_empty() {
        return Verdict::Met;
    }
    let container = expect.container.as_deref();
    let common = expect.reasons.iter().zip(seen).take_while(|(a, b)| a == b).count();
    // A reason of long ago is no news: it must still hold, or have come again.
    let last = expect.reasons.last().map(String::as_str);
    let recent = recent.reasons(container).iter().any(|reason| Some(reason.as_str()) == last);
    if common == expect.reasons.len() && recent {
        return Verdict::Met;
    }
    let words = if seen.is_empty() { now.summary() } else { seen.join(", then ") };
    let mismatch = Mismatch::new("waiting reasons", expect.reasons.join(", then "), words);
    let other = common < expect.reasons.len() && seen.len() > common;
    let runs = now
        .containers
        .iter()
        .any(|one| one.running && container.is_none_or(|name| one.name == name));
    // A container without a name is any: one that runs says nothing of the others.
    let started = runs && (container.is_some() || now.phase == "Running");
    match other || started || now.phase == "Succeeded" || now.phase == "Failed" {
        true => Verdict::Impossible(mismatch),
        false => Verdict::Pending(mismatch),
    }
}

/// The phase of the pod, or of the container that is named.
fn phase(expect: &Expect, now: &PodState, seen: &[String], patient: bool) -> Verdict {
    let Some(wanted) = expect.phase else { return Verdict::Met };
    let of = expect.container.as_deref().map(|name| now.containers.iter().find(|c| c.name == name));
    let (phase, words) = match of {
        // Its status may come later than the container itself.
        Some(None) => ("Pending", "no status yet".to_owned()),
        Some(Some(one)) => (one.phase(), format!("{} is {}", one.name, one.phase())),
        None => (now.phase.as_str(), now.summary()),
    };
    let failed = seen.iter().any(|reason| is_failure(reason));
    if wanted.as_str() == phase {
        // A phase of Pending alone is true of every pod at first: its pull has to have failed.
        return match wanted == Phase::Pending && expect.reasons.is_empty() && seen.is_empty() {
            true => Verdict::Pending(Mismatch::new("phase", "Pending, with a failed pull", words)),
            false => Verdict::Met,
        };
    }
    let words = match now.waits(expect.container.as_deref()) {
        Some(waiting) if of.is_some() => format!("{words}, {}", waiting.reason),
        _ => words,
    };
    let mismatch = Mismatch::new("phase", wanted.as_str(), words);
    match wanted {
        Phase::Running | Phase::Succeeded if failed && !patient => Verdict::Impossible(mismatch),
        Phase::Pending => Verdict::Impossible(mismatch),
        _ if phase == "Failed" || now.phase == "Failed" => Verdict::Impossible(mismatch),
        _ => Verdict::Pending(mismatch),
    }
}

/// The waiting messages that came with the last reason that is expected.
fn message(expect: &Expect, recent: &PodHistory, versions: &NodeVersions) -> Verdict {
    let wanted = match texts::held("message", &expect.message, versions) {
        Ok(wanted) => wanted,
        Err(gap) => return Verdict::Impossible(gap),
    };
    let container = expect.container.as_deref();
    let messages = recent.messages(container, expect.reasons.last().map(String::as_str));
    for text in wanted {
        if messages.is_empty() {
            return Verdict::Pending(Mismatch::new("message", texts::wanted(text), "no message"));
        }
        // The message of a reason comes with it: if it is another now, it stays another.
        if !texts::found(text, &messages) {
            let mismatch = Mismatch::new("message", texts::wanted(text), messages.join("\n"));
            return Verdict::Impossible(mismatch);
        }
    }
    Verdict::Met
}

#[cfg(test)]
mod tests {
    use super::super::sample::{event, expect, history, versions};
    use super::*;

    fn judged(expectation: &str, seen: &PodHistory, patient: bool) -> Verdict {
        pod(&expect(expectation), seen, seen, &[], &versions(), patient)
    }

    fn judge(expectation: &str, states: &[(&str, &str, &str)]) -> Verdict {
        judged(expectation, &history(states), false)
    }

    const FAILS: &str = "{pod: a, phase: Pending, reasons: [ErrImagePull, ImagePullBackOff], \
                         message: no basic auth}";
    const CREATING: (&str, &str, &str) = ("Pending", "ContainerCreating", "");
    const PULL: (&str, &str, &str) = ("Pending", "ErrImagePull", "no basic auth credentials");
    const BACK: (&str, &str, &str) = ("Pending", "ImagePullBackOff", "Back-off: no basic auth");
    const RUNS: (&str, &str, &str) = ("Running", "running", "");

    #[test]
    fn a_failing_pull_is_met_at_its_last_reason_and_not_before() {
        assert!(matches!(judge(FAILS, &[CREATING]), Verdict::Pending(_)));
        assert!(matches!(judge(FAILS, &[CREATING, PULL]), Verdict::Pending(_)));
        assert_eq!(judge(FAILS, &[CREATING, PULL, BACK]), Verdict::Met);
        assert_eq!(judge(FAILS, &[PULL, BACK, PULL, BACK]), Verdict::Met);
    }

    #[test]
    fn a_state_too_short_to_be_written_is_told_by_its_event() {
        let back = history(&[CREATING, BACK]);
        let judge =
            |events: &[EventSeen]| pod(&expect(FAILS), &back, &back, events, &versions(), false);
        assert!(matches!(judge(&[]), Verdict::Impossible(_)));
        assert_eq!(judge(&[event("Failed", "Error: ErrImagePull")]), Verdict::Met);
    }

    #[test]
    fn another_reason_or_message_can_not_become_the_expected_one() {
        let never = ("Pending", "ErrImageNeverPull", "no basic auth");
        assert!(matches!(judge(FAILS, &[never]), Verdict::Impossible(_)));
        let other = ("Pending", "ImagePullBackOff", "x509: unknown authority");
        let Verdict::Impossible(mismatch) = judge(FAILS, &[PULL, other]) else { panic!() };
        assert_eq!(mismatch.of, "message");
        assert!(mismatch.seen.contains("x509"));
    }

    #[test]
    fn a_message_is_a_part_or_the_whole_or_lacks_a_text() {
        let is = |message: &str| {
            judge(&format!("{{pod: a, reasons: [ErrImagePull], message: {message}}}"), &[PULL])
        };
        assert_eq!(is("{equals: no basic auth credentials}"), Verdict::Met);
        assert!(matches!(is("{equals: no basic auth}"), Verdict::Impossible(_)));
        assert_eq!(is("{notContains: x509}"), Verdict::Met);
        assert!(matches!(is("{notContains: basic}"), Verdict::Impossible(_)));
    }

    #[test]
    fn a_pod_that_runs_has_not_failed_to_pull() {
        let Verdict::Impossible(mismatch) = judge(FAILS, &[CREATING, RUNS]) else { panic!() };
        assert_eq!(mismatch.seen, "Running");
    }

    #[test]
    fn pending_alone_is_not_met_by_a_pod_that_has_not_begun() {
        let pending = "{pod: a, phase: Pending}";
        assert!(matches!(judge(pending, &[CREATING]), Verdict::Pending(_)));
        assert_eq!(judge(pending, &[CREATING, PULL]), Verdict::Met);
    }

    #[test]
    fn running_gives_up_at_the_first_failed_pull_unless_patient() {
        let running = "{pod: a, phase: Running}";
        let failed = history(&[CREATING, PULL]);
        assert!(matches!(judged(running, &failed, false), Verdict::Impossible(_)));
        assert!(matches!(judged(running, &failed, true), Verdict::Pending(_)));
        assert_eq!(judged(running, &history(&[PULL, BACK, RUNS]), true), Verdict::Met);
    }

    #[test]
    fn a_container_that_the_pod_does_not_have_is_named_with_those_it_has() {
        let Verdict::Pending(mismatch) =
            judge("{pod: a, container: nosuch, phase: Running}", &[RUNS])
        else {
            panic!()
        };
        assert_eq!((mismatch.expected.as_str(), mismatch.seen.as_str()), ("nosuch", "only c, d"));
    }

    #[test]
    fn the_phase_of_a_container_is_its_own() {
        // The pod runs by its other container.
        let waits = ("Running", "ErrImagePull", "no basic auth credentials");
        let of =
            |wanted: &str| judge(&format!("{{pod: a, container: c, phase: {wanted}}}"), &[waits]);
        let Verdict::Impossible(mismatch) = of("Running") else { panic!() };
        assert_eq!(mismatch.seen, "c is Pending, ErrImagePull");
        assert_eq!(of("Pending"), Verdict::Met);
        let other = "{pod: a, container: d, phase: Running}";
        assert!(matches!(judge(other, &[RUNS]), Verdict::Pending(_)), "d has no status");
    }

    #[test]
    fn a_pod_that_is_being_deleted_is_not_judged() {
        let mut going = history(&[RUNS]);
        going.states[0].deleting = true;
        let Verdict::Pending(mismatch) = judged("{pod: a, phase: Running}", &going, false) else {
            panic!()
        };
        assert_eq!(mismatch.seen, "Running, being deleted");
    }

    #[test]
    fn what_was_over_at_the_expectation_before_does_not_meet_this_one() {
        let all = history(&[PULL, BACK, PULL]);
        let recent = all.since(all.states[2].mark);
        let judge = |yaml: &str| pod(&expect(yaml), &all, &recent, &[], &versions(), false);
        let back = "{pod: a, reasons: [ErrImagePull, ImagePullBackOff], message: Back-off}";
        assert!(matches!(judge(back), Verdict::Pending(_)));
        assert_eq!(judge("{pod: a, reasons: [ErrImagePull], message: basic}"), Verdict::Met);
    }

    #[test]
    fn a_text_for_other_versions_only_is_a_gap() {
        let gap = "{pod: a, reasons: [ErrImagePull], message: {contains: x, kubernetes: '<1.33'}}";
        let Verdict::Impossible(mismatch) = judge(gap, &[PULL]) else { panic!() };
        assert!(mismatch.seen.contains("1.37.2"), "{mismatch:?}");
        let right = "{pod: a, reasons: [ErrImagePull], message: \
                     [{contains: x, kubernetes: '<1.33'}, {contains: basic, kubernetes: '>=1.33'}]}";
        assert_eq!(judge(right, &[PULL]), Verdict::Met);
    }
}
