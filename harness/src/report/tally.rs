//! Several rounds of the same cases: how many failures, and which cases went both ways.

use std::{collections::BTreeMap, fmt};

use crate::outcome::{Outcome, Result};

use super::words::count;

/// What rounds add up to.
#[derive(Debug, Default)]
pub struct Tally {
    rounds: usize,
    /// How often each case was as expected, and how often not.
    cases: BTreeMap<String, (usize, usize)>,
    failed: usize,
    broken: usize,
}

impl Tally {
    /// Adds up.
    pub fn of(rounds: &[Vec<Outcome>]) -> Self {
        let mut tally = Self { rounds: rounds.len(), ..Self::default() };
        for outcome in rounds.iter().flatten() {
            let (good, bad) = tally.cases.entry(outcome.name.clone()).or_default();
            match outcome.result {
                Result::Passed | Result::NotApplicable { .. } => *good += 1,
                Result::Failed(_) => (tally.failed, *bad) = (tally.failed + 1, *bad + 1),
                Result::Broken { .. } => (tally.broken, *bad) = (tally.broken + 1, *bad + 1),
            }
        }
        tally
    }

    /// Cases that were as expected in one round and not in another.
    pub fn flakes(&self) -> Vec<&str> {
        let both = self.cases.iter().filter(|(_, (good, bad))| *good > 0 && *bad > 0);
        both.map(|(name, _)| name.as_str()).collect()
    }

    /// How many outcomes were not as expected.
    pub fn bad(&self) -> usize {
        self.failed + self.broken
    }
}

/// Each case that was not as expected, and the sum.
impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, (good, bad)) in self.cases.iter().filter(|(_, (_, bad))| *bad > 0) {
            let word = if *good > 0 { "flake" } else { "failure" };
            writeln!(f, "{word}: {name}, not as expected in {bad} of {} rounds", good + bad)?;
        }
        write!(
            f,
            "{}, {}, {}",
            count(self.rounds, "round"),
            count(self.cases.len(), "case"),
            // 0 failures, not 0 failure.
            count(self.failed, "failure"),
        )?;
        if self.broken > 0 {
            write!(f, ", {} not run", self.broken)?;
        }
        write!(f, ", flakes: {}", self.flakes().len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample::{failed, named};

    #[test]
    fn rounds_without_a_failure_have_no_flakes() {
        let round = || vec![named("a/b", Result::Passed), named("a/c", Result::Passed)];
        let tally = Tally::of(&[round(), round()]);
        assert_eq!(tally.to_string(), "2 rounds, 2 cases, 0 failures, flakes: 0");
        assert_eq!(tally.bad(), 0);
    }

    #[test]
    fn a_flake_is_a_case_that_went_both_ways() {
        let broken = Result::Broken { error: "no cluster".into() };
        let rounds = [
            vec![named("a/b", Result::Passed), named("a/c", failed()), named("a/d", broken)],
            vec![named("a/b", failed()), named("a/c", failed()), named("a/d", Result::Passed)],
        ];
        let tally = Tally::of(&rounds);
        assert_eq!(tally.flakes(), ["a/b", "a/d"]);
        insta::assert_snapshot!(tally.to_string(), @r"
        flake: a/b, not as expected in 1 of 2 rounds
        failure: a/c, not as expected in 2 of 2 rounds
        flake: a/d, not as expected in 1 of 2 rounds
        2 rounds, 3 cases, 3 failures, 1 not run, flakes: 2
        ");
    }
}
