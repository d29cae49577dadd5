//! How soon after the kubelet's word an expectation was decided.
//!
//! Measured is the time from the moment in which the API server received the kubelet's `PATCH` of a
//! pod's status, by the API server's own log (`received` = the log line's time − its `latency`), to
//! the moment in which the harness held the expectation for met. So the API server's own work, the
//! write to etcd, the watch and the harness's rules are all in it. Both clocks are the host's: a
//! kind node shares its kernel. Of several writes the last one received before the decision counts.
//!
//! Not measured are expectations whose pod was as expected before they began, and told apart are
//! those that waited for events or requests, which come beside the status and later.

use std::time::Duration;

use serde::Serialize;

use crate::cluster::StatusWrite;

use super::Decision;

/// What 99 of 100 decisions have to keep.
pub const LIMIT: Duration = Duration::from_millis(50);

/// How soon expectations were decided.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Latency {
    /// Decided by the pod's status, in milliseconds, sorted.
    pub by_status: Vec<f64>,
    /// Decided by events or requests that came after it, in milliseconds, sorted.
    pub waited: Vec<f64>,
    /// How many were as expected before they were looked at.
    pub before: usize,
    /// How many belong to no write in the log.
    pub unknown: usize,
}

impl Latency {
    /// Finds the write that each decision followed.
    pub fn of<'a>(
        decisions: impl IntoIterator<Item = &'a Decision>,
        writes: &[StatusWrite],
    ) -> Self {
        let mut latency = Self::default();
        for decision in decisions {
            let last = writes
                .iter()
                .filter(|write| {
                    write.namespace == decision.namespace
                        && write.pod == decision.pod
                        && write.received <= decision.at
                })
                .max_by_key(|write| write.received);
            let Some(last) = last else {
                latency.unknown += 1;
                continue;
            };
            let took = decision.at.duration_since(last.received).as_secs_f64() * 1000.0;
            if last.received < decision.began {
                latency.before += 1;
            } else if decision.waited {
                latency.waited.push(took);
            } else {
                latency.by_status.push(took);
            }
        }
        latency.by_status.sort_by(f64::total_cmp);
        latency.waited.sort_by(f64::total_cmp);
        latency
    }

    /// Returns the median, the 99th percentile and the longest of sorted times, in milliseconds.
    pub fn figures(sorted: &[f64]) -> [f64; 3] {
        [50, 99, 100].map(|hundredths| percentile(sorted, hundredths).unwrap_or_default())
    }

    /// Whether 99 of 100 decisions by status came in time.
    pub fn is_good(&self) -> bool {
        percentile(&self.by_status, 99).is_some_and(|took| took <= LIMIT.as_secs_f64() * 1000.0)
    }
}

/// The smallest value that so many of a hundred do not exceed.
fn percentile(sorted: &[f64], hundredths: usize) -> Option<f64> {
    let rank = (sorted.len() * hundredths).div_ceil(100).max(1);
    sorted.get(rank - 1).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(received: &str) -> StatusWrite {
        let received = received.parse().unwrap();
        StatusWrite { namespace: "n".into(), pod: "a".into(), received }
    }

    fn decision(began: &str, at: &str, waited: bool) -> Decision {
        let (began, at) = (began.parse().unwrap(), at.parse().unwrap());
        Decision { namespace: "n".into(), pod: "a".into(), began, at, waited }
    }

    #[test]
    fn a_decision_is_measured_from_the_last_write_before_it() {
        let writes =
            ["2026-11-24T08:00:01Z", "2026-11-24T08:00:02Z", "2026-11-24T08:00:03Z"].map(write);
        let decisions = [
            decision("2026-11-24T08:00:00Z", "2026-11-24T08:00:02.020Z", false),
            decision("2026-11-24T08:00:00Z", "2026-11-24T08:00:02.300Z", true),
            decision("2026-11-24T08:00:02.5Z", "2026-11-24T08:00:02.501Z", false),
            decision("2026-11-24T08:00:00Z", "2026-11-24T08:00:00.5Z", false),
        ];
        let latency = Latency::of(&decisions, &writes);
        assert_eq!(latency.by_status.iter().map(|ms| ms.round()).collect::<Vec<_>>(), [20.0]);
        assert_eq!(latency.waited.iter().map(|ms| ms.round()).collect::<Vec<_>>(), [300.0]);
        assert_eq!((latency.before, latency.unknown), (1, 1));
    }

    #[test]
    fn one_in_a_hundred_may_be_late() {
        let all: Vec<f64> = (1..=200).map(f64::from).collect();
        assert_eq!(percentile(&all, 99), Some(198.0));
        assert_eq!(percentile(&all, 100), Some(200.0));
        assert_eq!(percentile(&all[..1], 50), Some(1.0));
        assert_eq!(percentile(&[], 99), None);
        assert!(!Latency::default().is_good());
    }
}
