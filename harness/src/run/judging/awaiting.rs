//! Waiting until what is expected was seen, or cannot be seen any more.

use std::{collections::BTreeMap, time::Duration};

use anyhow::Context;
use futures::future::select_all;
use tokio::time::Instant;

use crate::{
    case::{
        PodSelector,
        model::{Expect, ExpectedRequests, Sync},
    },
    cluster::NodeVersions,
    evidence::{Mark as TimelineMark, Timeline},
    expectation::{
        Mismatch, Sight, Verdict,
        absence::{self, PullOutcome},
        look,
    },
    registry::{Mark, Record, Request},
};

/// How long an expectation may take if the case does not say.
const TIMEOUT: Duration = Duration::from_secs(60);
/// How long events and requests may lag behind the pod's status.
const REPORT_LAG: Duration = Duration::from_secs(10);
/// How long a pod or container that a controller or a command makes may take to appear.
const APPEARANCE: Duration = Duration::from_secs(10);
/// How long a kubelet may take to follow a nudge before it gets the next one.
const NUDGE_INTERVAL: Duration = Duration::from_secs(2);

/// How long an expectation may take, the time in which it has to stay as it is included.
pub(in crate::run) fn patience(expect: &Expect) -> Duration {
    let stays = expect.stays_for.map_or(Duration::ZERO, Duration::from_secs);
    timeout(expect).saturating_add(stays).saturating_add(absence::settle(expect))
}

fn timeout(expect: &Expect) -> Duration {
    expect.within.map_or(TIMEOUT, Duration::from_secs)
}

/// Has the kubelet look at a pod again, before it would by itself.
pub(in crate::run) trait Nudge: std::marker::Sync {
    fn nudge(&self, pod: &str) -> impl Future<Output = ()> + Send;
}

/// Where the states, events and requests of one expectation are found.
pub(in crate::run) struct Witnesses<'a> {
    pub expect: &'a Expect,
    pub timeline: &'a Timeline,
    pub namespace: &'a str,
    pub pod: Option<&'a PodSelector>,
    /// Up to where pods were looked at before.
    pub looked: &'a Looked,
    /// The registries that the expectation speaks of, and up to where each was looked at before.
    pub registries: Vec<(&'a ExpectedRequests, Record, Mark)>,
    pub versions: &'a NodeVersions,
}

/// Up to where the pods of a case were looked at, by UID.
#[derive(Debug, Clone, Default)]
pub(in crate::run) struct Looked {
    states: BTreeMap<String, TimelineMark>,
    events: BTreeMap<String, TimelineMark>,
}

/// An expectation that was met.
#[derive(Debug)]
pub(in crate::run) struct Met {
    /// Whether events, requests or their absence were waited for after the pod was as expected.
    pub waited: bool,
    /// Up to where pods have now been looked at.
    pub looked: Looked,
    /// Up to where the registries have now been looked at, in the order in which they were given.
    pub registries: Vec<Mark>,
}

/// An expectation that was not met.
#[derive(Debug)]
pub(in crate::run) struct Missed {
    pub mismatch: Mismatch,
    pub waited: Duration,
    /// The kubelet's message, if the pod waits.
    pub kubelet: Option<String>,
    /// The requests of the registries since the expectation before.
    pub requests: Vec<Request>,
}

/// Why waiting ended without the expectation being met.
#[derive(Debug)]
pub(in crate::run) enum Ended {
    /// Something else was seen.
    Missed(Box<Missed>),
    /// Nothing more can be seen.
    Blind(anyhow::Error),
}

impl Witnesses<'_> {
    fn sight(&self) -> (Sight<'_>, Vec<Mark>) {
        let history = self.pod.and_then(|which| self.timeline.find(self.namespace, which));
        let uid = history.as_ref().map(|pod| pod.uid.clone()).unwrap_or_default();
        let mark =
            |marks: &BTreeMap<String, TimelineMark>| marks.get(&uid).copied().unwrap_or_default();
        let mut registries = Vec::new();
        let mut marks = Vec::new();
        for (expected, record, since) in &self.registries {
            let (requests, mark) = record.look(*since);
            registries.push((*expected, requests));
            marks.push(mark);
        }
        let sight = Sight {
            recent: history.as_ref().map(|pod| pod.since(mark(&self.looked.states))),
            events: history.as_ref().map_or_else(Vec::new, |pod| {
                self.timeline.events_of(pod, mark(&self.looked.events))
            }),
            present: self.timeline.names(self.namespace),
            pod: history,
            registries,
            versions: self.versions,
        };
        (sight, marks)
    }

    /// Waits until the expectation is met.
    pub async fn until_met(&self, kubelet: &impl Nudge) -> Result<Met, Ended> {
        let began = Instant::now();
        let mut changes = self.timeline.changes();
        let mut requested: Vec<_> =
            self.registries.iter().map(|(_, record, _)| record.changes()).collect();
        let mut wait = Wait::new(self.expect, began);
        loop {
            changes.borrow_and_update();
            for requested in &mut requested {
                requested.borrow_and_update();
            }
            let (sight, marks) = self.sight();
            let next = wait.next(self.expect, look(self.expect, &sight), &sight, Instant::now());
            let mut wake = match next {
                Next::Met => {
                    let looked = self.looked.after(self.expect, &sight);
                    return Ok(Met { waited: wait.waited(), looked, registries: marks });
                }
                Next::Missed(mismatch) => return Err(missed(mismatch, began, &sight, self.expect)),
                Next::Wait(until) => until,
            };
            if let Some(pod) = to_nudge(self.expect, &sight) {
                let now = Instant::now();
                let due = wait.nudged.map_or(now, |nudged| nudged + NUDGE_INTERVAL);
                if now >= due {
                    kubelet.nudge(pod).await;
                    wait.nudged = Some(now);
                }
                wake = wake.min(due.max(now) + NUDGE_INTERVAL);
            }
            let any_request = async {
                match requested.is_empty() {
                    false => {
                        let changed = requested.iter_mut().map(|one| Box::pin(one.changed()));
                        drop(select_all(changed).await);
                    }
                    true => std::future::pending().await,
                }
            };
            tokio::select! {
                changed = changes.changed() => {
                    changed.context("the watch of the cluster ended").map_err(Ended::Blind)?;
                }
                () = any_request => {}
                () = tokio::time::sleep_until(wake) => {}
            }
        }
    }
}

impl Looked {
    /// What an expectation was about has been looked at up to what it saw; the rest stays.
    fn after(&self, expect: &Expect, sight: &Sight<'_>) -> Self {
        let mut looked = self.clone();
        let Some(pod) = &sight.pod else { return looked };
        if let Some(now) = pod.now() {
            looked.states.insert(pod.uid.clone(), now.mark);
        }
        let speaks_of_events = !expect.events.is_empty() || !expect.no_events.is_empty();
        let last = sight.events.iter().flat_map(|event| &event.marks).max();
        if let (true, Some(last)) = (speaks_of_events, last) {
            looked.events.insert(pod.uid.clone(), *last);
        }
        looked
    }
}

fn missed(mismatch: Mismatch, began: Instant, sight: &Sight<'_>, expect: &Expect) -> Ended {
    let kubelet = sight.pod.as_ref().and_then(|pod| {
        let waiting = pod.waits_now(expect.container.as_deref())?;
        Some(format!("{}: {}", waiting.reason, waiting.message))
    });
    Ended::Missed(Box::new(Missed {
        mismatch,
        waited: began.elapsed(),
        kubelet,
        requests: sight.registries.iter().flat_map(|(_, seen)| seen.clone()).collect(),
    }))
}

/// The pod that shows ErrImagePull, if ImagePullBackOff is waited for.
fn to_nudge<'a>(expect: &Expect, sight: &'a Sight<'_>) -> Option<&'a str> {
    let pod = sight.pod.as_ref()?;
    let seen = pod.reasons(expect.container.as_deref());
    let waits = expect.sync == Sync::Nudged
        && expect.reasons.get(seen.len()).is_some_and(|next| next == "ImagePullBackOff")
        && seen.last().is_some_and(|last| last == "ErrImagePull");
    waits.then_some(pod.name.as_str())
}

/// What follows from a look.
#[derive(Debug, PartialEq, Eq)]
enum Next {
    Met,
    Missed(Mismatch),
    /// Look again after a change, and at this time at the latest.
    Wait(Instant),
}

/// The clocks of one expectation.
#[derive(Debug)]
struct Wait {
    deadline: Instant,
    /// Until when the pod and the container have to appear.
    appears: Instant,
    /// How long reports beside the pod may lag.
    lag: Duration,
    lag_ends: Option<Instant>,
    /// The outcome that an absence hangs on, and when it was first seen.
    outcome: Option<(PullOutcome, Instant)>,
    /// Whether it was waited for.
    settles: bool,
    /// Until when everything has to stay as it is, once it is.
    stays_until: Option<Instant>,
    nudged: Option<Instant>,
}

impl Wait {
    fn new(expect: &Expect, now: Instant) -> Self {
        let timeout = timeout(expect);
        // If the case gives a time, everything has that time.
        let (lag, appears) = match expect.within {
            Some(_) => (timeout, timeout),
            None => (REPORT_LAG, APPEARANCE),
        };
        Self {
            deadline: now + timeout,
            appears: now + appears,
            lag,
            lag_ends: None,
            outcome: None,
            settles: false,
            stays_until: None,
            nudged: None,
        }
    }

    fn waited(&self) -> bool {
        self.lag_ends.is_some() || self.settles || self.stays_until.is_some()
    }

    fn next(&mut self, expect: &Expect, verdict: Verdict, sight: &Sight<'_>, now: Instant) -> Next {
        self.notice(sight.outcome(expect), now);
        if let Some(until) = self.stays_until
            && verdict != Verdict::Met
        {
            return Next::Missed(changed(expect, verdict, until, now));
        }
        match verdict {
            Verdict::Met => {
                self.unsettled(expect, sight, now).unwrap_or_else(|| self.stay(expect, now))
            }
            Verdict::Impossible(mismatch) => Next::Missed(mismatch),
            Verdict::Pending(mismatch) => {
                self.lag_ends = None;
                self.settles = false;
                let absent = sight.lacks_its_object(expect);
                let end = if absent { self.deadline.min(self.appears) } else { self.deadline };
                if now >= end { Next::Missed(mismatch) } else { Next::Wait(end) }
            }
            Verdict::AwaitingReports(mismatch) => {
                let end = *self.lag_ends.get_or_insert(now + self.lag);
                let end = end.min(self.deadline);
                if now >= end { Next::Missed(mismatch) } else { Next::Wait(end) }
            }
        }
    }

    fn notice(&mut self, outcome: Option<PullOutcome>, now: Instant) {
        let before = self.outcome.take();
        self.outcome = outcome.map(|outcome| match before {
            Some((before, since)) if outcome.continues(&before) => (outcome, since),
            _ => (outcome, now),
        });
    }

    /// What to do as long as an absence cannot be asserted.
    fn unsettled(&mut self, expect: &Expect, sight: &Sight<'_>, now: Instant) -> Option<Next> {
        if !absence::is_claimed(expect) {
            return None;
        }
        self.settles = true;
        let Some((_, outcome)) = self.outcome else {
            // What is expected is there, but other containers of the pod are still being pulled.
            let wanted = "the pulls of all containers to end, for something to be absent";
            let words = sight.pod.as_ref().and_then(|pod| Some(pod.now()?.summary()));
            let mismatch = Mismatch::new("outcome", wanted, words.unwrap_or_default());
            return Some(match now >= self.deadline {
                true => Next::Missed(mismatch),
                false => Next::Wait(self.deadline),
            });
        };
        let settled = outcome + absence::settle(expect);
        let end = match absence::is_of_events(expect) && !sight.has_all_events(expect) {
            true => settled.max(outcome + REPORT_LAG),
            false => settled,
        };
        (now < end).then_some(Next::Wait(end))
    }

    fn stay(&mut self, expect: &Expect, now: Instant) -> Next {
        let Some(seconds) = expect.stays_for else { return Next::Met };
        let until = *self.stays_until.get_or_insert(now + Duration::from_secs(seconds));
        if now >= until { Next::Met } else { Next::Wait(until) }
    }
}

/// What is said of something that did not stay as it was.
fn changed(expect: &Expect, verdict: Verdict, until: Instant, now: Instant) -> Mismatch {
    let (Verdict::Impossible(mismatch)
    | Verdict::Pending(mismatch)
    | Verdict::AwaitingReports(mismatch)) = verdict
    else {
        unreachable!("only what is not met has changed");
    };
    let seconds = expect.stays_for.unwrap_or_default();
    let held = Duration::from_secs(seconds).saturating_sub(until - now).as_secs_f64();
    Mismatch {
        expected: format!("{}, for {seconds} s", mismatch.expected),
        seen: format!("{}, after {held:.1} s", mismatch.seen),
        of: mismatch.of,
    }
}

#[cfg(test)]
mod tests;
