//! The latency of decisions in words.

use std::fmt;

use crate::outcome::{LIMIT, Latency};

use super::words::count;

impl fmt::Display for Latency {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let figures = |all: &[f64]| {
            let [median, most_of_all, longest] = Latency::figures(all);
            format!("p50 {median:.1} ms, p99 {most_of_all:.1} ms, most {longest:.1} ms")
        };
        writeln!(to, "from the API server's receipt of the kubelet's status to the decision")?;
        let verdict = if self.is_good() { "met" } else { "NOT MET" };
        writeln!(
            to,
            "  {} by status: {}; p99 ≤ {} ms: {verdict}",
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_is_stated_beside_the_figures() {
        let latency = Latency { by_status: vec![20.0], waited: vec![300.0], before: 1, unknown: 1 };
        insta::assert_snapshot!(latency.to_string(), @r"
        from the API server's receipt of the kubelet's status to the decision
          1 decision by status: p50 20.0 ms, p99 20.0 ms, most 20.0 ms; p99 ≤ 50 ms: met
          1 decision by events or requests after it: p50 300.0 ms, p99 300.0 ms, most 300.0 ms
          not measured: 1 met before looked at, 1 without a write in the log
        ");
    }
}
