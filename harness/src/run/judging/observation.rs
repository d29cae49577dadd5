//! Notes what is seen at an expectation.

use std::sync::LazyLock;

use pullproof_diagnosis::Diagnosis;

use crate::{
    case::{PodSelector, model::Expect},
    evidence::{
        Mark,
        volatile::{self, Volatile},
    },
    expectation::reasons,
    outcome::{Decision, Observation},
    registry::RequestSummary,
};

use crate::run::context::CaseContext;

/// What a case has shown so far.
#[derive(Debug, Default)]
pub struct Observer {
    done: Vec<String>,
    /// What was seen, in order.
    pub observed: Vec<Observation>,
    /// When it was decided.
    pub decisions: Vec<Decision>,
}

impl Observer {
    /// Notes a step that was taken.
    pub fn done(&mut self, words: Vec<String>) {
        self.done.extend(words);
    }

    fn seen(&mut self, mut observation: Observation) {
        observation.after = std::mem::take(&mut self.done);
        self.observed.push(observation);
    }
}

/// Notes what there is to see of an expectation now.
pub fn note(
    context: &mut CaseContext<'_>,
    index: usize,
    expect: &Expect,
    namespace: &str,
    which: Option<&PodSelector>,
    diagnoses: Option<&[Diagnosis; 2]>,
) {
    let plain = Plain::of(context);
    let mut seen = Observation {
        step: index + 1,
        pod: expect.pod.as_deref().map(|name| plain.text(name)),
        container: expect.container.clone(),
        causes: diagnoses.map_or_else(Vec::new, |[diagnosis, _]| {
            diagnosis.candidates().iter().map(|one| one.id.to_string()).collect()
        }),
        ..Observation::default()
    };
    let container = expect.container.as_deref();
    if let Some(which) = which
        && let Some(history) = context.timeline.find(namespace, which)
        && let Some(now) = history.now()
    {
        let events = context.timeline.events_of(&history, Mark::default());
        let reasons = reasons(&history, container, &events);
        seen.reasons = each_once(reasons, expect.reasons.last());
        seen.phase = Some(now.phase.clone());
        let last = seen.reasons.last().filter(|_| history.waits_now(container).is_some());
        let message = match last {
            Some(last) => history.messages(container, Some(last)).pop(),
            None => now.reason.clone(),
        };
        seen.message = message
            .filter(|message| !message.is_empty())
            .map(|message| plain.text(&context.redaction.hide(&message)));
    }
    for live in context.registries.values() {
        let mut requests = RequestSummary::of(&live.registry.record().since(live.looked));
        if expect.within.is_some() {
            requests = last_of_each(requests);
        }
        seen.registries.insert(live.registry.name().to_owned(), requests);
    }
    context.observer.seen(seen);
}

/// Each reason once, up to the one a case looks for: what comes after it is chance.
fn each_once(reasons: Vec<String>, last: Option<&String>) -> Vec<String> {
    let mut once: Vec<String> = Vec::new();
    for reason in reasons {
        if !once.contains(&reason) {
            once.push(reason);
        }
    }
    if let Some(at) = once.iter().position(|reason| Some(reason) == last) {
        once.truncate(at + 1);
    }
    once
}

/// The last answer to each sender: if a retry is waited for, how many came too early is chance.
fn last_of_each(requests: Vec<RequestSummary>) -> Vec<RequestSummary> {
    let mut last: Vec<RequestSummary> = Vec::new();
    for request in requests {
        match last.iter_mut().find(|known| known.has_sender_of(&request)) {
            Some(known) => *known = request,
            None => last.push(request),
        }
    }
    last
}

/// What stands for the parts of a message that another run has otherwise.
struct Plain {
    names: Vec<(String, String)>,
}

impl Plain {
    fn of(context: &CaseContext<'_>) -> Self {
        let mut names = Vec::new();
        for live in context.registries.values() {
            let name = live.registry.name();
            let word = match live.host == name {
                // It is reached at an address that is the harness's choice.
                true => format!("<{name}>"),
                false => format!("${}", crate::case::variable_name(name)),
            };
            for address in [live.registry.node(), live.registry.host()] {
                names.push((address.to_string(), word.clone()));
            }
        }
        for (name, value) in context.variables.iter() {
            if !context.registries.contains_key(value) {
                names.push((value.to_owned(), format!("${name}")));
            }
        }
        Self::new(names)
    }

    fn new(mut names: Vec<(String, String)>) -> Self {
        // containerd has the host in a query as well.
        let in_query = names.iter().filter(|(value, _)| value.contains(':'));
        let in_query = in_query.map(|(value, name)| (value.replace(':', "%3A"), name.clone()));
        names.extend(in_query.collect::<Vec<_>>());
        // Longest first: one may be part of another.
        names.sort_by_key(|(value, _)| std::cmp::Reverse(value.len()));
        Self { names }
    }

    fn text(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for (value, name) in &self.names {
            text = text.replace(value, name);
        }
        VOLATILE.replace(&text)
    }
}

static VOLATILE: LazyLock<Volatile> = LazyLock::new(|| {
    Volatile::new([
        volatile::DIGEST,
        // A container, as containerd names it.
        (r"\b[0-9a-f]{64}\b", "<id>"),
        volatile::TIME,
        (r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", "<id>"),
        (r"\[::ffff:\d{1,3}(\.\d{1,3}){3}\](:\d{1,5})?", "<address>"),
        volatile::IPV4,
        volatile::IPV6,
        volatile::DURATION,
    ])
});

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::sample;

    #[test]
    fn what_another_run_has_otherwise_is_replaced() {
        assert_eq!(VOLATILE.len(), 8);
        let plain = Plain::new(vec![
            ("127.0.0.1:41005".into(), "$REGISTRY".into()),
            ("172.18.0.1:41005".into(), "$REGISTRY".into()),
            ("documentation-a-0f0f0f".into(), "$NAMESPACE".into()),
        ]);
        for (message, seen) in [
            (
                r#"Head "http://172.18.0.1:41005/v2/a/manifests/v1?ns=127.0.0.1%3A41005": dial tcp 172.18.0.1:41005: connect: refused"#,
                r#"Head "http://$REGISTRY/v2/a/manifests/v1?ns=$REGISTRY": dial tcp $REGISTRY: connect: refused"#,
            ),
            (
                "read tcp 172.18.0.2:50312->172.18.0.1:41005: connection reset by peer",
                "read tcp <address>->$REGISTRY: connection reset by peer",
            ),
            ("127.0.0.1:41005/a@sha256:0123456789abcdef0123: 1", "$REGISTRY/a@sha256:…: 1"),
            (
                "current time 2026-11-24T08:00:00Z is after 2026-11-23T08:00:00Z",
                "current time <time> is after <time>",
            ),
            (
                "back-off 1m20s restarting c in documentation-a-0f0f0f",
                "back-off <duration> restarting c in $NAMESPACE",
            ),
            (
                "container 6b0e1f0a2d3c4b5a69788796a5b4c3d2e1f00f1e2d3c4b5a69788796a5b4c3d2: exec",
                "container <id>: exec",
            ),
            ("[fc00:f853::1]:5000 and [::1]", "<address> and <address>"),
            ("https://[::ffff:172.18.0.1]:39877/v2/", "https://<address>/v2/"),
            ("your.registry.example.com/v1s:v1.34", "your.registry.example.com/v1s:v1.34"),
        ] {
            assert_eq!(plain.text(message), seen);
        }
    }

    #[test]
    fn reasons_come_once_and_up_to_the_one_that_is_looked_for() {
        let reasons =
            || ["ErrImagePull", "ImagePullBackOff", "ErrImagePull"].map(str::to_owned).to_vec();
        assert_eq!(each_once(reasons(), None), ["ErrImagePull", "ImagePullBackOff"]);
        assert_eq!(each_once(reasons(), Some(&"ErrImagePull".into())), ["ErrImagePull"]);
        assert_eq!(each_once(reasons(), Some(&"Other".into())).len(), 2);
    }

    #[test]
    fn of_several_tries_the_last_status_counts() {
        let requests = RequestSummary::of(&sample::requests(
            "node GET /v2/ - -
             node GET /v2/ - 401
             node GET /v2/ a 401
             node GET /v2/ a 200",
        ));
        let last: Vec<String> = last_of_each(requests).iter().map(ToString::to_string).collect();
        assert_eq!(last, ["anonymous 401", "basic a 200"]);
    }
}
