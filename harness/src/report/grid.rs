//! Cases × versions: the outcomes of a matrix, and where versions differ.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::{
    case::model::When,
    outcome::{Difference, Observation, Outcome, Result},
};

/// A version of the matrix.
#[derive(Debug, Clone, Serialize)]
pub struct Column {
    /// What it was asked for by: `1.37`, or `1.37/2.2` with another containerd.
    pub label: String,
    /// Why its cluster could not be joined.
    pub error: Option<String>,
}

impl Column {
    /// A version that nothing is known of yet.
    pub fn new(label: String) -> Self {
        Self { label, error: None }
    }
}

/// Cases × versions.
#[derive(Debug, Clone)]
pub struct Grid {
    /// The versions, in the order in which they were asked for.
    pub columns: Vec<Column>,
    /// The cases, in the order in which they were found.
    pub rows: Vec<Row>,
}

/// A case on each version.
#[derive(Debug, Clone)]
pub struct Row {
    /// The case's name.
    pub name: String,
    /// Its outcomes, one a column, as far as there are any.
    pub cells: Vec<Option<Outcome>>,
}

/// What was seen at one expectation on some of the versions.
#[derive(Debug)]
pub struct Sight<'a> {
    /// The columns.
    pub columns: Vec<usize>,
    /// What all of them showed.
    pub seen: &'a Observation,
}

impl Grid {
    /// A grid without outcomes.
    pub fn new(columns: Vec<Column>, names: Vec<String>) -> Self {
        let empty = vec![None; columns.len()];
        let row = |name| Row { name, cells: empty.clone() };
        Self { columns, rows: names.into_iter().map(row).collect() }
    }

    /// Puts an outcome in its place.
    pub fn set(&mut self, column: usize, row: usize, outcome: Outcome) {
        let cell = self.rows.get_mut(row).and_then(|row| row.cells.get_mut(column));
        if let Some(cell) = cell {
            *cell = Some(outcome);
        }
    }

    /// Whether a row has all the outcomes it will get.
    pub fn is_complete(&self, row: &Row) -> bool {
        let mut cells = row.cells.iter().zip(&self.columns);
        cells.all(|(cell, column)| cell.is_some() || column.error.is_some())
    }

    /// The rows by theme, in their order.
    pub fn themes(&self) -> Vec<(&str, Vec<&Row>)> {
        let mut themes: Vec<(&str, Vec<&Row>)> = Vec::new();
        for row in &self.rows {
            match themes.iter_mut().find(|(theme, _)| *theme == row.theme()) {
                Some((_, rows)) => rows.push(row),
                None => themes.push((row.theme(), vec![row])),
            }
        }
        themes
    }

    /// The outcomes of a column.
    pub fn outcomes(&self, column: usize) -> impl Iterator<Item = &Outcome> {
        self.rows.iter().filter_map(move |row| row.cells.get(column)?.as_ref())
    }

    /// The versions a column's node says it runs: `Kubernetes 1.37.2, containerd 2.3.7`.
    pub fn versions(&self, column: usize) -> Option<String> {
        let versions = &self.outcomes(column).next()?.versions;
        Some(format!("Kubernetes {}, containerd {}", versions.kubernetes, versions.containerd))
    }

    /// The labels of some columns.
    pub fn labels(&self, columns: &[usize]) -> Vec<&str> {
        columns.iter().map(|at| self.columns[*at].label.as_str()).collect()
    }
}

impl Row {
    /// The case's folder.
    pub fn theme(&self) -> &str {
        self.name.split_once('/').map_or("", |(theme, _)| theme)
    }

    /// The case's name in its folder.
    pub fn short_name(&self) -> &str {
        self.name.split_once('/').map_or(self.name.as_str(), |(_, name)| name)
    }

    /// Any of its outcomes: title, source and path are the same in all.
    pub fn any(&self) -> Option<&Outcome> {
        self.cells.iter().flatten().next()
    }

    /// The columns in which the case was seen through, whether or not it showed what it expects.
    pub fn seen_on(&self) -> Vec<usize> {
        let seen = |cell: &Option<Outcome>| cell.as_ref().is_some_and(Outcome::was_seen);
        (0..self.cells.len()).filter(|at| seen(&self.cells[*at])).collect()
    }

    /// What each expectation showed, the versions that showed the same together.
    pub fn sights(&self) -> Vec<Vec<Sight<'_>>> {
        let seen_on = self.seen_on();
        let observed = |at: usize| {
            self.cells[at].as_ref().map_or(&[][..], |outcome| outcome.observed.as_slice())
        };
        // Versions may take different steps, each as many; else the steps tell which belong together.
        let alike = seen_on.windows(2).all(|w| observed(w[0]).len() == observed(w[1]).len());
        let mut steps: BTreeMap<usize, Vec<Sight<'_>>> = BTreeMap::new();
        for at in &seen_on {
            for (order, seen) in observed(*at).iter().enumerate() {
                let sights = steps.entry(if alike { order } else { seen.step }).or_default();
                match sights.iter_mut().find(|sight| sight.seen.difference(seen).is_none()) {
                    Some(sight) => sight.columns.push(*at),
                    None => sights.push(Sight { columns: vec![*at], seen }),
                }
            }
        }
        steps.into_values().collect()
    }

    /// In what two versions differ, if both saw the case through and showed different things.
    pub fn difference_between(&self, one: usize, other: usize) -> Option<Difference> {
        let seen = |at: usize| {
            let cell = self.cells.get(at)?.as_ref();
            cell.filter(|outcome| outcome.was_seen()).map(|outcome| outcome.observed.as_slice())
        };
        let (one, other) = (seen(one)?, seen(other)?);
        if one.len() != other.len() {
            return Some(Difference::Outcome);
        }
        one.iter().zip(other).filter_map(|(one, other)| one.difference(other)).max()
    }

    /// In what versions differ most, if they showed different things.
    pub fn difference(&self) -> Option<Difference> {
        let seen_on = self.seen_on();
        let others = seen_on.iter().skip(1);
        others.filter_map(|at| self.difference_between(seen_on[0], *at)).max()
    }

    /// Whether versions showed different things.
    pub fn differs(&self) -> bool {
        self.difference().is_some()
    }

    /// The versions that a case is not about, with those that it is.
    pub fn not_applicable(&self) -> Option<(Vec<usize>, &When)> {
        let mut columns = Vec::new();
        let mut about = None;
        for (at, cell) in self.cells.iter().enumerate() {
            let result = cell.as_ref().map(|one| &one.result);
            if let Some(Result::NotApplicable { applies_to }) = result {
                columns.push(at);
                about = Some(applies_to);
            }
        }
        about.map(|about| (columns, about))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample::{grid, outcome, pending, running};

    #[test]
    fn rows_are_grouped_by_theme_in_their_order() {
        let grid = grid();
        let themes: Vec<_> = grid.themes().into_iter().map(|(t, rows)| (t, rows.len())).collect();
        assert_eq!(themes, [("documentation", 2), ("key-matching", 2)]);
    }

    #[test]
    fn a_row_differs_where_another_message_was_seen() {
        let grid = grid();
        let differs: Vec<bool> = grid.rows.iter().map(Row::differs).collect();
        assert_eq!(differs, [false, true, false, false]);
        let sights = grid.rows[1].sights();
        assert_eq!((sights[0].len(), sights[1].len()), (2, 1));
        assert_eq!(sights[1][0].columns, [0, 1]);
    }

    #[test]
    fn a_step_that_only_one_version_takes_is_a_difference() {
        let on = |observed: Vec<Observation>| Some(Outcome { observed, ..outcome(Result::Passed) });
        let cells = vec![on(vec![pending("a"), running()]), on(vec![running()])];
        let row = Row { name: "a/b".into(), cells };
        assert!(row.differs());
        let sights = row.sights();
        assert_eq!(
            (sights[0][0].columns.as_slice(), sights[1][0].columns.as_slice()),
            (&[0][..], &[0, 1][..])
        );
    }

    #[test]
    fn versions_that_take_as_many_steps_are_compared_one_by_one() {
        let on = |step, seen: Observation| {
            Some(Outcome {
                observed: vec![Observation { step, ..seen }],
                ..outcome(Result::Passed)
            })
        };
        let cells = vec![on(3, running()), on(4, running())];
        assert!(!Row { name: "a/b".into(), cells }.differs());
    }

    #[test]
    fn a_version_that_could_not_be_joined_holds_up_no_row() {
        let mut grid = Grid::new(
            ["1.34", "1.37"].map(|label| Column::new(label.into())).into(),
            vec!["a/b".into()],
        );
        grid.set(0, 0, outcome(Result::Passed));
        assert!(!grid.is_complete(&grid.rows[0]));
        grid.columns[1].error = Some("no image".into());
        assert!(grid.is_complete(&grid.rows[0]));
    }
}
