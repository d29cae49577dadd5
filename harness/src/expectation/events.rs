//! The events of a pod; they are reported later than its status.

use super::{Mismatch, Verdict, texts};
use crate::{
    case::model::{Count, Expect, ExpectedEvent},
    cluster::NodeVersions,
    evidence::EventSeen,
};

/// Judges the events of a pod since the expectation of its events before.
pub fn events(expect: &Expect, events: &[EventSeen], versions: &NodeVersions) -> Verdict {
    let wanted = expect.events.iter().map(|wanted| event(wanted, events, versions));
    let unwanted = expect.no_events.iter().map(|unwanted| {
        match events.iter().find(|event| event.reason == *unwanted) {
            Some(event) => {
                Verdict::Impossible(Mismatch::new("events", format!("no {unwanted}"), line(event)))
            }
            None => Verdict::Met,
        }
    });
    let verdict = Verdict::all(wanted.chain(unwanted));
    if verdict == Verdict::Met && expect.in_order {
        order(expect, events, versions)
    } else {
        verdict
    }
}

fn event(wanted: &ExpectedEvent, events: &[EventSeen], versions: &NodeVersions) -> Verdict {
    let found = match matching(wanted, events, versions) {
        Ok(found) => found,
        Err(gap) => return Verdict::Impossible(gap),
    };
    let count: usize = found.iter().map(|event| usize::try_from(event.count).unwrap_or(0)).sum();
    if wanted.count.holds(count as u64) {
        return Verdict::Met;
    }
    let seen: Vec<String> = events.iter().map(line).collect();
    let seen = if seen.is_empty() { "no events".to_owned() } else { seen.join("\n") };
    let mismatch = Mismatch::new("events", words(wanted), seen);
    match (count as u64) < wanted.count.least {
        true => Verdict::AwaitingReports(mismatch),
        false => Verdict::Impossible(mismatch),
    }
}

/// Whether the wanted events first came in the order in which they are listed.
fn order(expect: &Expect, events: &[EventSeen], versions: &NodeVersions) -> Verdict {
    // Events are sorted by when they first came, and none of them can come first any more.
    let first = |wanted: &ExpectedEvent| {
        let found = matching(wanted, events, versions).unwrap_or_default();
        found.first().and_then(|event| events.iter().position(|one| std::ptr::eq(one, *event)))
    };
    let places: Vec<_> = expect.events.iter().map(first).collect();
    if places.is_sorted() {
        return Verdict::Met;
    }
    let wanted: Vec<String> = expect.events.iter().map(words).collect();
    let seen: Vec<String> = events.iter().map(line).collect();
    Verdict::Impossible(Mismatch::new("order of events", wanted.join("\n"), seen.join("\n")))
}

fn matching<'a>(
    wanted: &ExpectedEvent,
    events: &'a [EventSeen],
    versions: &NodeVersions,
) -> Result<Vec<&'a EventSeen>, Mismatch> {
    let texts = texts::held("events", &wanted.message, versions)?;
    let fits = |event: &&EventSeen| {
        event.reason == wanted.reason
            && wanted.kind.as_ref().is_none_or(|kind| *kind == event.kind)
            && (wanted.container.is_none() || wanted.container == event.container)
            && texts.iter().all(|text| texts::fits(text, &event.message))
    };
    Ok(events.iter().filter(fits).collect())
}

fn words(wanted: &ExpectedEvent) -> String {
    let kind = wanted.kind.as_deref().map(|kind| format!("{kind} ")).unwrap_or_default();
    let of = wanted.container.as_deref().map(|name| format!(" of {name}")).unwrap_or_default();
    let text: String =
        wanted.message.0.iter().map(|text| format!(" that {}", texts::wanted(text))).collect();
    format!("{}{kind}{}{of}{text}", count(wanted.count), wanted.reason)
}

/// A count in words, with a blank after it; nothing for "at least one".
pub(super) fn count(count: Count) -> String {
    match (count.least, count.most) {
        (1, None) => String::new(),
        (least, Some(most)) if least == most => format!("{least} × "),
        (least, None) => format!("at least {least} × "),
        (_, Some(most)) => format!("at most {most} × "),
    }
}

fn line(event: &EventSeen) -> String {
    let times = if event.count > 1 { format!(" (×{})", event.count) } else { String::new() };
    format!("{} {}: {}{times}", event.kind, event.reason, event.message)
}

#[cfg(test)]
mod tests {
    use super::super::sample::{event, expect, versions};
    use super::*;

    fn judge(yaml: &str, seen: &[EventSeen]) -> Verdict {
        events(&expect(yaml), seen, &versions())
    }

    #[test]
    fn events_are_looked_for_by_reason_type_container_and_text() {
        let seen = [event("Failed", "Failed to pull image")];
        let judge = |yaml: &str| judge(&format!("{{events: [{yaml}]}}"), &seen);
        assert_eq!(
            judge("{reason: Failed, type: Warning, container: c, message: pull}"),
            Verdict::Met
        );
        assert_eq!(
            judge("{reason: Failed, message: {equals: Failed to pull image}}"),
            Verdict::Met
        );
        for other in [
            "{reason: Failed, type: Normal}",
            "{reason: Failed, container: d}",
            "{reason: Failed, message: {equals: Failed}}",
            "{reason: Failed, message: {notContains: pull}}",
            "{reason: BackOff}",
        ] {
            let Verdict::AwaitingReports(mismatch) = judge(other) else { panic!("{other}") };
            assert_eq!(mismatch.seen, "Warning Failed: Failed to pull image");
        }
    }

    #[test]
    fn an_event_that_must_not_come_is_known_at_once() {
        let seen = [event("Failed", "")];
        let Verdict::Impossible(mismatch) =
            judge("{events: [{reason: BackOff}], noEvents: [Failed]}", &seen)
        else {
            panic!()
        };
        assert_eq!(mismatch.expected, "no Failed");
        assert_eq!(judge("{noEvents: [BackOff]}", &seen), Verdict::Met);
    }

    #[test]
    fn events_are_counted() {
        let seen = [event("Failed", "one"), EventSeen { count: 2, ..event("Failed", "two") }];
        let judge = |count: &str| {
            judge(&format!("{{events: [{{reason: Failed, count: {count}}}]}}"), &seen)
        };
        assert_eq!(judge("3"), Verdict::Met);
        assert_eq!(judge("'>=3'"), Verdict::Met);
        assert!(matches!(judge("4"), Verdict::AwaitingReports(_)));
        assert!(matches!(judge("2"), Verdict::Impossible(_)));
        assert!(matches!(judge("0"), Verdict::Impossible(_)));
    }

    #[test]
    fn events_may_have_to_come_in_order() {
        let seen = [event("Pulling", ""), event("Failed", ""), event("BackOff", "")];
        let judge = |first: &str, second: &str| {
            judge(
                &format!("{{inOrder: true, events: [{{reason: {first}}}, {{reason: {second}}}]}}"),
                &seen,
            )
        };
        assert_eq!(judge("Pulling", "BackOff"), Verdict::Met);
        assert!(matches!(judge("BackOff", "Failed"), Verdict::Impossible(_)));
        assert!(matches!(judge("BackOff", "Pulled"), Verdict::AwaitingReports(_)));
    }
}
