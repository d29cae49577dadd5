//! Findings that a project has accepted, so that only new ones fail.

use std::collections::BTreeSet;
use std::fmt;

use crate::Finding;

/// The ids of accepted findings: a text of one a line, with comments after `#` at a line's begin.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Baseline {
    ids: BTreeSet<String>,
}

impl Baseline {
    /// Reads a text. Every text is a baseline.
    pub fn parse(text: &str) -> Self {
        let lines = text.lines().map(str::trim);
        let ids = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
        Self { ids: ids.map(str::to_owned).collect() }
    }

    /// Returns one that accepts these findings.
    pub fn of<'a>(findings: impl IntoIterator<Item = &'a Finding>) -> Self {
        Self { ids: findings.into_iter().map(|finding| finding.id.clone()).collect() }
    }

    /// Whether a finding is accepted.
    pub fn accepts(&self, finding: &Finding) -> bool {
        self.ids.contains(&finding.id)
    }

    /// Returns the accepted findings that are none any more.
    pub fn gone<'a>(&'a self, findings: &[Finding]) -> Vec<&'a str> {
        let found: BTreeSet<&str> = findings.iter().map(|finding| finding.id.as_str()).collect();
        self.ids.iter().map(String::as_str).filter(|id| !found.contains(id)).collect()
    }
}

impl fmt::Display for Baseline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "# Findings that `pullproof check --expect` accepts, one a line.")?;
        self.ids.iter().try_for_each(|id| writeln!(f, "{id}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_baseline_reads_back() {
        let text = "# a comment\n\nno-credentials a/Job/b c ghcr.io/d\r\n";
        let baseline = Baseline::parse(text);
        assert_eq!(baseline.ids.len(), 1);
        assert_eq!(Baseline::parse(&baseline.to_string()), baseline);
    }
}
