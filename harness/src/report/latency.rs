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

use std::{fmt, time::Duration};

use jiff::{Timestamp, civil::Date, tz::TimeZone};
use serde::Serialize;

use crate::outcome::Decision;

use super::words::count;

/// What 99 of 100 decisions have to keep.
const LIMIT: Duration = Duration::from_millis(50);

/// A write of a pod's status by the kubelet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatusWrite {
    /// The pod's namespace.
    pub namespace: String,
    /// The pod.
    pub pod: String,
    /// When the API server received it.
    pub received: Timestamp,
}

impl StatusWrite {
    /// Reads a line of the API server's log: the container runtime's time, then klog's.
    pub fn parse(line: &str) -> Option<Self> {
        let value = |name: &str| {
            let (_, rest) = line.split_once(&format!(" {name}=\""))?;
            rest.split_once('"').map(|(value, _)| value)
        };
        if value("verb")? != "PATCH" || !value("userAgent")?.starts_with("kubelet/") {
            return None;
        }
        let path = value("URI")?.strip_prefix("/api/v1/namespaces/")?;
        let (namespace, rest) = path.split_once("/pods/")?;
        let pod = rest.split('?').next()?.strip_suffix("/status")?;
        // klog leaves out the year: `I1124 07:56:58.315378`. Its zone is the node's, UTC.
        let written: Timestamp = line.split(' ').next()?.parse().ok()?;
        let mut words = line.split(' ').skip_while(|word| !word.starts_with('I'));
        let (day, time) = (words.next()?, words.next()?);
        let year = written.to_zoned(TimeZone::UTC).year();
        let date = Date::new(year, day.get(1..3)?.parse().ok()?, day.get(3..5)?.parse().ok()?);
        let time: jiff::civil::Time = time.parse().ok()?;
        let logged = date.ok()?.to_datetime(time).to_zoned(TimeZone::UTC).ok()?.timestamp();
        let received = logged.checked_sub(go_duration(value("latency")?)?).ok()?;
        Some(Self { namespace: namespace.to_owned(), pod: pod.to_owned(), received })
    }
}

/// A duration as Go prints it below a minute: `817.329µs`, `10.7ms`, `1.2s`.
fn go_duration(text: &str) -> Option<Duration> {
    let (unit, seconds) = [("µs", 1e-6), ("ms", 1e-3), ("ns", 1e-9), ("s", 1.0)]
        .into_iter()
        .find(|(unit, _)| text.ends_with(unit))?;
    let number: f64 = text.strip_suffix(unit)?.parse().ok()?;
    Duration::try_from_secs_f64(number * seconds).ok()
}

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

    /// Whether 99 of 100 decisions by status came in time.
    pub fn is_good(&self) -> bool {
        percentile(&self.by_status, 99).is_some_and(|took| took <= LIMIT.as_secs_f64() * 1000.0)
    }
}

impl fmt::Display for Latency {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let figures = |all: &[f64]| {
            let at = |hundredths| percentile(all, hundredths).unwrap_or_default();
            format!("p50 {:.1} ms, p99 {:.1} ms, most {:.1} ms", at(50), at(99), at(100))
        };
        writeln!(to, "from the API server's receipt of the kubelet's status to the decision")?;
        let verdict = if self.is_good() { "kept" } else { "NOT KEPT" };
        writeln!(
            to,
            "  {} by status: {}; p99 of at most {} ms {verdict}",
            count(self.by_status.len(), "decision"),
            figures(&self.by_status),
            LIMIT.as_millis()
        )?;
        if !self.waited.is_empty() {
            let number = count(self.waited.len(), "decision");
            writeln!(to, "  {number} by events or requests after it: {}", figures(&self.waited))?;
        }
        write!(
            to,
            "  not measured: {} met before looked at, {} without a write in the log",
            self.before, self.unknown
        )
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

    const LINE: &str = concat!(
        "2026-11-24T07:56:58.325840448Z stderr F I1124 07:56:58.315378       1 httplog.go:135] \"HTTP\" ",
        "verb=\"PATCH\" URI=\"/api/v1/namespaces/n/pods/a/status\" latency=\"10.378ms\" ",
        "userAgent=\"kubelet/v1.37.2 (linux/amd64) kubernetes/$Format\" resp=200"
    );

    fn write(received: &str) -> StatusWrite {
        let received = received.parse().unwrap();
        StatusWrite { namespace: "n".into(), pod: "a".into(), received }
    }

    fn decision(began: &str, at: &str, waited: bool) -> Decision {
        let (began, at) = (began.parse().unwrap(), at.parse().unwrap());
        Decision { namespace: "n".into(), pod: "a".into(), began, at, waited }
    }

    #[test]
    fn a_write_was_received_when_its_answer_began() {
        assert_eq!(StatusWrite::parse(LINE), Some(write("2026-11-24T07:56:58.305Z")));
        for other in [
            LINE.replace("kubelet/", "kubectl/"),
            LINE.replace("PATCH", "GET"),
            LINE.replace("/status", ""),
            LINE.replace("10.378ms", "soon"),
            String::new(),
        ] {
            assert_eq!(StatusWrite::parse(&other), None, "{other}");
        }
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
        insta::assert_snapshot!(latency.to_string(), @r"
        from the API server's receipt of the kubelet's status to the decision
          1 decision by status: p50 20.0 ms, p99 20.0 ms, most 20.0 ms; p99 of at most 50 ms kept
          1 decision by events or requests after it: p50 300.0 ms, p99 300.0 ms, most 300.0 ms
          not measured: 1 met before looked at, 1 without a write in the log
        ");
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
