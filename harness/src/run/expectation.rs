//! Is an expectation met? Pure rules over what was seen; no cluster is asked.

use crate::{
    case::model::{Expect, ExpectedEvent, Output, Phase, Text, When},
    cluster::NodeVersions,
    evidence::{EventSeen, PodHistory},
};

/// How far an expectation is met by what has been seen so far.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Met {
    /// All of it was seen.
    Yes,
    /// This is still missing, and may come.
    NotYet(Mismatch),
    /// The pod is as expected; only what is reported beside it (events, requests) is missing.
    Nearly(Mismatch),
    /// This cannot come any more.
    Never(Mismatch),
}

/// What was expected and what was seen.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Mismatch {
    /// What it is about: `phase`, `waiting reasons`, `message`, …
    pub of: String,
    /// What the case says.
    pub expected: String,
    /// What was there.
    pub seen: String,
}

impl Mismatch {
    /// A mismatch.
    pub fn new(of: &str, expected: impl Into<String>, seen: impl Into<String>) -> Self {
        Self { of: of.to_owned(), expected: expected.into(), seen: seen.into() }
    }
}

/// Reasons after which a pull has failed; the container may still start at a later retry.
const FAILURES: [&str; 8] = [
    "ErrImagePull",
    "ImagePullBackOff",
    "ErrImageNeverPull",
    "InvalidImageName",
    "ImageInspectError",
    "RegistryUnavailable",
    "SignatureValidationFailed",
    "CreateContainerError",
];

/// Whether versions lie in what a case speaks of.
pub fn applies(when: &When, versions: &NodeVersions) -> bool {
    when.kubernetes.as_ref().is_none_or(|range| range.contains(&versions.kubernetes))
        && when.containerd.as_ref().is_none_or(|range| range.contains(&versions.containerd))
}

/// The waiting reasons of a container, by its status and its events.
pub fn reasons(history: &PodHistory, container: Option<&str>, events: &[EventSeen]) -> Vec<String> {
    let mut seen = history.reasons(container);
    // The kubelet writes the newest status only: a state that lasted shorter than a write is told by
    // its event alone.
    if seen.first().is_some_and(|first| first == "ImagePullBackOff")
        && events.iter().any(|event| event.message == "Error: ErrImagePull")
    {
        seen.insert(0, "ErrImagePull".to_owned());
    }
    seen
}

/// Looks at a pod. `patient`: a failed pull may still be followed by one that succeeds.
pub fn pod(
    expect: &Expect,
    history: Option<&PodHistory>,
    events: &[EventSeen],
    versions: &NodeVersions,
    patient: bool,
) -> Met {
    let Some(history) = history else {
        return Met::NotYet(Mismatch::new("pod", "to be there", "no such pod"));
    };
    let Some(now) = history.now() else {
        return Met::NotYet(Mismatch::new("pod", "a status", "none"));
    };
    let container = expect.container.as_deref();
    let seen = reasons(history, container, events);
    if !expect.reasons.is_empty() {
        let common = expect.reasons.iter().zip(&seen).take_while(|(a, b)| a == b).count();
        if common < expect.reasons.len() {
            let mismatch = || {
                let seen = if seen.is_empty() { now.in_words() } else { seen.join(", then ") };
                Mismatch::new("waiting reasons", expect.reasons.join(", then "), seen)
            };
            let other = seen.len() > common;
            let runs = now
                .containers
                .iter()
                .any(|one| one.running && container.is_none_or(|name| one.name == name));
            // A container without a name is any: one that runs says nothing of the others.
            let started = runs && (container.is_some() || now.phase == "Running");
            let over = other || started || now.phase == "Succeeded" || now.phase == "Failed";
            return if over { Met::Never(mismatch()) } else { Met::NotYet(mismatch()) };
        }
    }
    if let Some(phase) = expect.phase
        && phase.as_str() != now.phase
    {
        let mismatch = Mismatch::new("phase", phase.as_str(), now.in_words());
        let failed = seen.iter().any(|reason| FAILURES.contains(&reason.as_str()));
        return match phase {
            Phase::Running | Phase::Succeeded if failed && !patient => Met::Never(mismatch),
            Phase::Pending => Met::Never(mismatch),
            _ if now.phase == "Failed" => Met::Never(mismatch),
            _ => Met::NotYet(mismatch),
        };
    }
    // A phase of Pending alone is true of every pod at first: it has to have failed.
    if expect.phase == Some(Phase::Pending) && expect.reasons.is_empty() && seen.is_empty() {
        return Met::NotYet(Mismatch::new("phase", "Pending, with a failed pull", now.in_words()));
    }
    let texts = match texts_for(&expect.message.0, versions) {
        Ok(texts) => texts,
        Err(mismatch) => return Met::Never(mismatch),
    };
    let messages = history.messages(container, expect.reasons.last().map(String::as_str));
    for text in texts {
        // The message of a reason comes with it: if it is another now, it stays another.
        if !messages.iter().any(|message| message.contains(text)) {
            let seen = if messages.is_empty() { "no message".into() } else { messages.join("\n") };
            let mismatch = Mismatch::new("message", format!("contains {text:?}"), seen);
            return if messages.is_empty() { Met::NotYet(mismatch) } else { Met::Never(mismatch) };
        }
    }
    Met::Yes
}

/// Looks at a pod's events; they are reported later than the status.
pub fn events(expect: &Expect, events: &[EventSeen], versions: &NodeVersions) -> Met {
    for wanted in &expect.events {
        match event(wanted, events, versions) {
            Met::Yes => {}
            other => return other,
        }
    }
    for unwanted in &expect.no_events {
        if let Some(event) = events.iter().find(|event| event.reason == *unwanted) {
            let seen = format!("{}: {}", event.reason, event.message);
            return Met::Never(Mismatch::new("events", format!("no {unwanted}"), seen));
        }
    }
    Met::Yes
}

fn event(wanted: &ExpectedEvent, events: &[EventSeen], versions: &NodeVersions) -> Met {
    let texts = match texts_for(&wanted.message.0, versions) {
        Ok(texts) => texts,
        Err(mismatch) => return Met::Never(mismatch),
    };
    let found = events.iter().any(|event| {
        event.reason == wanted.reason
            && wanted.kind.as_ref().is_none_or(|kind| *kind == event.kind)
            && texts.iter().all(|text| event.message.contains(text))
    });
    if found {
        return Met::Yes;
    }
    let kind = wanted.kind.as_deref().map(|kind| format!("{kind} ")).unwrap_or_default();
    let text: String = texts.iter().map(|text| format!(" with {text:?}")).collect();
    let seen: Vec<String> = events.iter().map(|e| format!("{}: {}", e.reason, e.message)).collect();
    let seen = if seen.is_empty() { "no events".to_owned() } else { seen.join("\n") };
    Met::Nearly(Mismatch::new("events", format!("{kind}{}{text}", wanted.reason), seen))
}

/// The texts that hold for these versions; none of several is a gap in the case.
fn texts_for<'a>(texts: &'a [Text], versions: &NodeVersions) -> Result<Vec<&'a str>, Mismatch> {
    let held: Vec<&str> = texts
        .iter()
        .filter(|text| applies(&text.when, versions))
        .map(|text| text.contains.as_str())
        .collect();
    if held.is_empty() && !texts.is_empty() {
        let versions =
            format!("Kubernetes {}, containerd {}", versions.kubernetes, versions.containerd);
        return Err(Mismatch::new("message", "a text for this version", versions));
    }
    Ok(held)
}

/// Looks at what a command printed.
pub fn output(
    of: &str,
    wanted: &Output,
    printed: &str,
    versions: &NodeVersions,
) -> Result<(), Mismatch> {
    for text in texts_for(&wanted.contains.0, versions)? {
        if !printed.contains(text) {
            return Err(Mismatch::new(of, format!("contains {text:?}"), printed));
        }
    }
    for text in &wanted.lacks.0 {
        if applies(&text.when, versions) && printed.contains(&text.contains) {
            return Err(Mismatch::new(of, format!("lacks {:?}", text.contains), printed));
        }
    }
    if let Some(exact) = &wanted.equals
        && exact.trim_end_matches('\n') != printed.trim_end_matches('\n')
    {
        return Err(Mismatch::new(of, exact, printed));
    }
    if let Some(wanted) = &wanted.json {
        let value: serde_json::Value = serde_saphyr::from_str(printed).map_err(|error| {
            Mismatch::new(of, "JSON or YAML", format!("{}\n{printed}", error.without_snippet()))
        })?;
        if let Some((path, wanted, seen)) = first_difference(wanted, &value, "") {
            let place = if path.is_empty() { "all of it".to_owned() } else { path };
            return Err(Mismatch::new(of, format!("{place} is {wanted}"), seen));
        }
    }
    Ok(())
}

/// The first value of `wanted` that `seen` does not hold, with its path.
fn first_difference(
    wanted: &serde_json::Value,
    seen: &serde_json::Value,
    path: &str,
) -> Option<(String, String, String)> {
    use serde_json::Value::{Array, Object};
    match (wanted, seen) {
        (Object(wanted), Object(seen)) => wanted.iter().find_map(|(key, value)| {
            let path = format!("{path}.{key}");
            match seen.get(key) {
                Some(seen) => first_difference(value, seen, &path),
                None => Some((path, value.to_string(), "absent".to_owned())),
            }
        }),
        (Array(wanted), Array(seen)) if wanted.len() == seen.len() => {
            wanted.iter().zip(seen).enumerate().find_map(|(at, (wanted, seen))| {
                first_difference(wanted, seen, &format!("{path}[{at}]"))
            })
        }
        _ if wanted == seen => None,
        _ => Some((path.to_owned(), wanted.to_string(), seen.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::evidence::Timeline;

    fn versions() -> NodeVersions {
        NodeVersions { kubernetes: "1.37.2".parse().unwrap(), containerd: "2.3.7".parse().unwrap() }
    }

    fn expect(yaml: &str) -> Expect {
        serde_saphyr::from_str(yaml).unwrap()
    }

    fn history(states: &[(&str, &str, &str)]) -> PodHistory {
        let timeline = Timeline::default();
        for (phase, state, text) in states {
            let state = match *state {
                "running" => "{running: {}}".to_owned(),
                reason => format!("{{waiting: {{reason: {reason}, message: {text:?}}}}}"),
            };
            let pod = format!(
                "{{metadata: {{name: a, namespace: n, uid: u}}, status: {{phase: {phase}, \
                 containerStatuses: [{{name: c, image: i, imageID: '', ready: false, \
                 restartCount: 0, state: {state}}}]}}}}"
            );
            timeline.pod(serde_saphyr::from_str(&pod).unwrap(), Timestamp::UNIX_EPOCH);
        }
        timeline.pod_named("n", "a").unwrap()
    }

    fn judge(expectation: &str, states: &[(&str, &str, &str)]) -> Met {
        pod(&expect(expectation), Some(&history(states)), &[], &versions(), false)
    }

    const FAILS: &str = "{pod: a, phase: Pending, reasons: [ErrImagePull, ImagePullBackOff], \
                         message: no basic auth}";
    const CREATING: (&str, &str, &str) = ("Pending", "ContainerCreating", "");
    const PULL: (&str, &str, &str) = ("Pending", "ErrImagePull", "no basic auth credentials");
    const BACK: (&str, &str, &str) = ("Pending", "ImagePullBackOff", "Back-off: no basic auth");

    #[test]
    fn a_failing_pull_is_met_at_its_last_reason_and_not_before() {
        assert!(matches!(judge(FAILS, &[CREATING]), Met::NotYet(_)));
        assert!(matches!(judge(FAILS, &[CREATING, PULL]), Met::NotYet(_)));
        assert_eq!(judge(FAILS, &[CREATING, PULL, BACK]), Met::Yes);
        assert_eq!(judge(FAILS, &[PULL, BACK, PULL, BACK]), Met::Yes);
    }

    #[test]
    fn a_state_too_short_to_be_written_is_told_by_its_event() {
        let back = history(&[CREATING, BACK]);
        let event = EventSeen {
            at: Timestamp::UNIX_EPOCH,
            namespace: "n".into(),
            about: "Pod/a".into(),
            kind: "Warning".into(),
            reason: "Failed".into(),
            message: "Error: ErrImagePull".into(),
            count: 1,
        };
        let judge =
            |events: &[EventSeen]| pod(&expect(FAILS), Some(&back), events, &versions(), false);
        assert!(matches!(judge(&[]), Met::Never(_)));
        assert_eq!(judge(&[event]), Met::Yes);
    }

    #[test]
    fn another_reason_or_message_can_not_become_the_expected_one() {
        let never = ("Pending", "ErrImageNeverPull", "no basic auth");
        assert!(matches!(judge(FAILS, &[never]), Met::Never(_)));
        let other = ("Pending", "ImagePullBackOff", "x509: unknown authority");
        let Met::Never(mismatch) = judge(FAILS, &[PULL, other]) else { panic!() };
        assert_eq!(mismatch.of, "message");
        assert!(mismatch.seen.contains("x509"));
    }

    #[test]
    fn a_pod_that_runs_has_not_failed_to_pull() {
        let Met::Never(mismatch) = judge(FAILS, &[CREATING, ("Running", "running", "")]) else {
            panic!()
        };
        assert_eq!(mismatch.seen, "Running");
    }

    #[test]
    fn pending_alone_is_not_met_by_a_pod_that_has_not_begun() {
        let pending = "{pod: a, phase: Pending, message: ''}";
        assert!(matches!(judge(pending, &[CREATING]), Met::NotYet(_)));
        assert_eq!(judge(pending, &[CREATING, PULL]), Met::Yes);
    }

    #[test]
    fn running_gives_up_at_the_first_failed_pull_unless_patient() {
        let running = expect("{pod: a, phase: Running}");
        let failed = history(&[CREATING, PULL]);
        assert!(matches!(pod(&running, Some(&failed), &[], &versions(), false), Met::Never(_)));
        assert!(matches!(pod(&running, Some(&failed), &[], &versions(), true), Met::NotYet(_)));
        let recovered = history(&[PULL, BACK, ("Running", "running", "")]);
        assert_eq!(pod(&running, Some(&recovered), &[], &versions(), true), Met::Yes);
    }

    #[test]
    fn a_missing_pod_is_not_yet() {
        let running = expect("{pod: a, phase: Running}");
        assert!(matches!(pod(&running, None, &[], &versions(), false), Met::NotYet(_)));
    }

    #[test]
    fn a_text_for_other_versions_only_is_a_gap() {
        let gap = "{pod: a, reasons: [ErrImagePull], message: {contains: x, kubernetes: '<1.33'}}";
        let Met::Never(mismatch) = judge(gap, &[PULL]) else { panic!() };
        assert!(mismatch.seen.contains("1.37.2"), "{mismatch:?}");
        let right = "{pod: a, reasons: [ErrImagePull], message: \
                     [{contains: x, kubernetes: '<1.33'}, {contains: basic, kubernetes: '>=1.33'}]}";
        assert_eq!(judge(right, &[PULL]), Met::Yes);
    }

    #[test]
    fn events_are_looked_for_by_reason_type_and_text() {
        let seen = [EventSeen {
            at: Timestamp::UNIX_EPOCH,
            namespace: "n".into(),
            about: "Pod/a".into(),
            kind: "Warning".into(),
            reason: "Failed".into(),
            message: "Failed to pull image".into(),
            count: 1,
        }];
        let judge = |yaml: &str| events(&expect(yaml), &seen, &versions());
        assert_eq!(judge("{events: [{reason: Failed, type: Warning, message: pull}]}"), Met::Yes);
        assert!(matches!(judge("{events: [{reason: Failed, type: Normal}]}"), Met::Nearly(_)));
        assert!(matches!(judge("{events: [{reason: BackOff}]}"), Met::Nearly(_)));
        assert!(matches!(judge("{noEvents: [Failed]}"), Met::Never(_)));
        assert_eq!(judge("{noEvents: [BackOff]}"), Met::Yes);
    }

    #[test]
    fn json_holds_what_is_wanted_and_may_hold_more() {
        let wanted: Output = serde_saphyr::from_str("{json: {a: {b: [1, 2]}}}").unwrap();
        let judge = |printed: &str| output("stdout", &wanted, printed, &versions());
        assert_eq!(judge(r#"{"a": {"b": [1, 2], "c": 3}, "d": 4}"#), Ok(()));
        assert_eq!(judge("a:\n  b: [1, 2]\n"), Ok(()));
        let error = judge(r#"{"a": {"b": [1, 3]}}"#).unwrap_err();
        assert_eq!((error.expected.as_str(), error.seen.as_str()), (".a.b[1] is 2", "3"));
        assert!(judge("{").is_err());
    }
}
