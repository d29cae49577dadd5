//! What each version changed: neighbouring versions of a matrix, compared case by case.

use std::fmt;

use crate::{cluster::NodeVersions, outcome::Difference};

use super::{Grid, Row};

/// Two neighbouring versions of one program; the other program's version is the same.
#[derive(Debug)]
pub struct Change<'a> {
    /// The program.
    pub of: Program,
    /// The minor before.
    pub from: String,
    /// The minor after.
    pub to: String,
    /// The other program with its minor: `containerd 2.3`.
    pub with: String,
    /// How many cases were seen on both.
    pub compared: usize,
    /// The cases that showed something else.
    pub rows: Vec<(&'a Row, Difference)>,
}

/// A program that has versions in a matrix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Program {
    /// Kubernetes.
    Kubernetes,
    /// containerd.
    Containerd,
}

impl fmt::Display for Program {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str(match self {
            Self::Kubernetes => "Kubernetes",
            Self::Containerd => "containerd",
        })
    }
}

impl Program {
    fn other(self) -> Self {
        match self {
            Self::Kubernetes => Self::Containerd,
            Self::Containerd => Self::Kubernetes,
        }
    }

    fn minor(self, versions: &NodeVersions) -> (u64, u64) {
        let version = match self {
            Self::Kubernetes => &versions.kubernetes,
            Self::Containerd => &versions.containerd,
        };
        (version.major, version.minor)
    }
}

impl Change<'_> {
    /// The cases that differ in this, in their order.
    pub fn rows_with(&self, difference: Difference) -> impl Iterator<Item = &Row> {
        self.rows.iter().filter(move |(_, one)| *one == difference).map(|(row, _)| *row)
    }
}

/// Returns the steps from each version to the next, first those of Kubernetes. Only columns of the same
/// minor of the other program are compared: otherwise it would be open which of them made the difference.
pub fn changes(grid: &Grid) -> Vec<Change<'_>> {
    let mut all = Vec::new();
    for of in [Program::Kubernetes, Program::Containerd] {
        let mut columns: Vec<_> = (0..grid.columns.len())
            .filter_map(|at| {
                let versions = &grid.outcomes(at).next()?.versions;
                Some((of.other().minor(versions), of.minor(versions), at))
            })
            .collect();
        columns.sort_unstable();
        let steps =
            columns.windows(2).filter(|pair| pair[0].0 == pair[1].0 && pair[0].1 != pair[1].1);
        all.extend(steps.map(|pair| change(grid, of, pair[0], pair[1])));
    }
    all
}

type Place = ((u64, u64), (u64, u64), usize);

fn change(grid: &Grid, of: Program, from: Place, to: Place) -> Change<'_> {
    let minor = |(major, minor): (u64, u64)| format!("{major}.{minor}");
    let both = |row: &&Row| {
        let seen_on = row.seen_on();
        seen_on.contains(&from.2) && seen_on.contains(&to.2)
    };
    let compared: Vec<&Row> = grid.rows.iter().filter(both).collect();
    let differs = |row: &&'_ Row| row.difference_between(from.2, to.2);
    Change {
        of,
        from: minor(from.1),
        to: minor(to.1),
        with: format!("{} {}", of.other(), minor(from.0)),
        compared: compared.len(),
        rows: compared.iter().filter_map(|row| Some((*row, differs(row)?))).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn only_neighbours_with_the_same_other_program_are_compared() {
        let mut grid = sample::grid();
        let all = changes(&grid);
        assert_eq!(all.len(), 1);
        let change = &all[0];
        let words = format!("{} {} → {}, {}", change.of, change.from, change.to, change.with);
        assert_eq!(words, "Kubernetes 1.34 → 1.37, containerd 2.3");
        assert_eq!(change.compared, 3);
        let rows: Vec<_> = change.rows.iter().map(|(row, how)| (row.name.as_str(), *how)).collect();
        assert_eq!(rows, [("documentation/b", Difference::Wording)]);

        for row in &mut grid.rows {
            if let Some(outcome) = &mut row.cells[0] {
                outcome.versions.containerd = "2.2.1".parse().unwrap();
            }
        }
        assert!(changes(&grid).is_empty());
    }
}
