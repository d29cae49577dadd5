//! A matrix as a table of text.

use std::fmt::Write as _;

use super::{Grid, Row, grid::Column, terminal, words};
use crate::outcome::Result;

/// The width of the column of names.
fn width(grid: &Grid) -> usize {
    let names = grid.rows.iter().map(|row| row.short_name().chars().count() + 2);
    names.max().unwrap_or_default().max(24)
}

/// The line above the table.
pub fn heading(grid: &Grid) -> String {
    let mut text = " ".repeat(width(grid));
    for column in &grid.columns {
        write!(text, "  {:<wide$}", column.label, wide = cell_width(column)).ok();
    }
    text.trim_end().to_owned()
}

/// The line of a case.
pub fn row(grid: &Grid, row: &Row) -> String {
    let mut text = format!("{:<wide$}", format!("  {}", row.short_name()), wide = width(grid));
    for (column, cell) in grid.columns.iter().zip(&row.cells) {
        let word = cell.as_ref().map_or("-", terminal::word);
        write!(text, "  {word:<wide$}", wide = cell_width(column)).ok();
    }
    if let Some(difference) = row.difference() {
        write!(text, "  differs: {}", words::difference(difference)).ok();
    }
    text.trim_end().to_owned()
}

fn cell_width(column: &Column) -> usize {
    column.label.chars().count().max(6)
}

/// What was seen otherwise on one version than on another.
pub fn differences(grid: &Grid) -> String {
    let mut text = String::new();
    for row in grid.rows.iter().filter(|row| row.differs()) {
        writeln!(text, "{}", row.name).ok();
        let all = row.seen_on().len();
        let steps = row.sights();
        for sights in steps.iter().filter(|sights| sights.iter().any(|s| s.columns.len() != all)) {
            for sight in sights {
                let on = grid.labels(&sight.columns).join(", ");
                let head = match &sight.seen.pod {
                    Some(pod) => format!("step {}, {pod}", sight.seen.step),
                    None => format!("step {}", sight.seen.step),
                };
                let state = words::state(sight.seen).map(|state| format!("{state}; "));
                let registry = words::registry(sight.seen);
                let state = state.unwrap_or_default();
                writeln!(text, "  {on:<12} {head}: {state}the registry saw {registry}").ok();
                for line in sight.seen.message.iter().flat_map(|message| message.lines()) {
                    writeln!(text, "  {:<12} {line}", "").ok();
                }
            }
        }
    }
    text
}

/// What each column is and how it went.
pub fn legend(grid: &Grid) -> String {
    let mut text = String::new();
    for (at, column) in grid.columns.iter().enumerate() {
        write!(text, "{:<8} ", column.label).ok();
        if let Some(error) = &column.error {
            let error = error.replace('\n', "\n         ");
            writeln!(text, "could not be joined: {error}").ok();
            continue;
        }
        let count = |is: fn(&Result) -> bool| grid.outcomes(at).filter(|o| is(&o.result)).count();
        write!(
            text,
            "{} passed, {} failed",
            count(|result| matches!(result, Result::Passed)),
            count(|result| matches!(result, Result::Failed(_)))
        )
        .ok();
        let broken = count(|result| matches!(result, Result::Broken { .. }));
        let other = count(|result| matches!(result, Result::NotApplicable { .. }));
        for (count, word) in [(broken, "could not be run"), (other, "not applicable")] {
            if count > 0 {
                write!(text, ", {count} {word}").ok();
            }
        }
        writeln!(text, " on {}", grid.versions(at).unwrap_or_default()).ok();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn a_table_shows_each_outcome_and_marks_what_differs() {
        let grid = sample::grid();
        let mut text = heading(&grid) + "\n";
        for (theme, rows) in grid.themes() {
            text += &format!("{theme}\n");
            for one in rows {
                text += &format!("{}\n", row(&grid, one));
            }
        }
        text += &differences(&grid);
        text += &legend(&grid);
        insta::assert_snapshot!(text, @r"
                                  1.34    1.37
        documentation
          a                       ok      ok
          b                       ok      ok      differs: wording
        key-matching
          c                       ok      FAILED
          d                       ok      n/a
        documentation/b
          1.34         step 2, private-reg: Pending: ErrImagePull, then ImagePullBackOff; the registry saw anonymous 401
                       <old>
          1.37         step 2, private-reg: Pending: ErrImagePull, then ImagePullBackOff; the registry saw anonymous 401
                       <new>
        1.34     4 passed, 0 failed on Kubernetes 1.34.4, containerd 2.3.7
        1.37     2 passed, 1 failed, 1 not applicable on Kubernetes 1.37.2, containerd 2.3.7
        ");
    }

    #[test]
    fn a_version_that_could_not_be_joined_is_told_with_its_reason() {
        let mut grid = sample::grid();
        grid.columns[0].error = Some("the image is missing\n  run ./scripts/setup".into());
        assert!(
            legend(&grid).starts_with("1.34     could not be joined: the image is missing\n"),
            "{}",
            legend(&grid)
        );
    }
}
