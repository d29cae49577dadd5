//! Which version changed an outcome, with as few runs as can be.

/// What is known of a line of versions, oldest first, of which at most one is assumed to have changed
/// the outcome.
#[derive(Debug)]
pub struct Bisection {
    /// Per version, whether the outcome was reproduced there, as far as it was tried.
    known: Vec<Option<bool>>,
}

/// Where an outcome changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// It is the same on all versions.
    None,
    /// Between this version and the next.
    After(usize),
}

impl Bisection {
    /// Nothing is known of any of the versions.
    pub fn new(versions: usize) -> Self {
        Self { known: vec![None; versions] }
    }

    /// Notes what was seen on a version.
    pub fn note(&mut self, version: usize, reproduced: bool) {
        if let Some(known) = self.known.get_mut(version) {
            *known = Some(reproduced);
        }
    }

    /// Returns what was seen on a version.
    pub fn seen(&self, version: usize) -> Option<bool> {
        self.known.get(version).copied().flatten()
    }

    /// Returns the turns that agree with all that is known; none if the outcome changes more than once.
    pub fn turns(&self) -> Vec<Turn> {
        let gaps = (0..self.known.len().saturating_sub(1)).map(Turn::After);
        std::iter::once(Turn::None).chain(gaps).filter(|turn| self.allows(*turn)).collect()
    }

    /// Returns the version to try next: the one that leaves the fewest turns, whatever is seen there.
    /// None if at most one turn is left.
    pub fn next(&self) -> Option<usize> {
        let turns = self.turns();
        if turns.len() < 2 {
            return None;
        }
        let reference = self.known.iter().position(Option::is_some).unwrap_or(0);
        let left = |version: usize| {
            let same = turns.iter().filter(|turn| turn.is_same(reference, version)).count();
            same.max(turns.len() - same)
        };
        let open = (0..self.known.len()).filter(|version| self.known[*version].is_none());
        open.min_by_key(|version| left(*version))
    }

    fn allows(&self, turn: Turn) -> bool {
        let known: Vec<(usize, bool)> =
            self.known.iter().enumerate().filter_map(|(at, seen)| Some((at, (*seen)?))).collect();
        known.windows(2).all(|pair| turn.is_same(pair[0].0, pair[1].0) == (pair[0].1 == pair[1].1))
    }
}

impl Turn {
    /// Whether two versions lie on the same side of it.
    fn is_same(self, one: usize, other: usize) -> bool {
        match self {
            Self::None => true,
            Self::After(last) => (one <= last) == (other <= last),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Tries versions until the turn is found; returns it with the number of versions tried.
    fn search(versions: usize, begin: usize, turn: Turn) -> (Vec<Turn>, usize) {
        let mut bisection = Bisection::new(versions);
        bisection.note(begin, true);
        let mut tried = 1;
        while let Some(version) = bisection.next() {
            bisection.note(version, turn.is_same(begin, version));
            tried += 1;
        }
        (bisection.turns(), tried)
    }

    #[test]
    fn seven_versions_take_at_most_four_clusters() {
        for begin in 0..7 {
            for turn in std::iter::once(Turn::None).chain((0..6).map(Turn::After)) {
                let (found, tried) = search(7, begin, turn);
                assert_eq!(found, [turn], "from {begin}");
                assert!(tried <= 4, "{tried} clusters from {begin} for {turn:?}");
            }
        }
    }

    #[test]
    fn an_outcome_that_changes_twice_has_no_turn() {
        let mut bisection = Bisection::new(3);
        for (version, reproduced) in [(0, true), (1, false), (2, true)] {
            bisection.note(version, reproduced);
        }
        assert!(bisection.turns().is_empty());
        assert_eq!(bisection.next(), None);
    }

    #[test]
    fn a_single_version_needs_no_other() {
        assert_eq!(search(1, 0, Turn::None), (vec![Turn::None], 1));
    }
}
