//! Outcomes for people and machines. Reads [`crate::outcome::Outcome`], or what `explain` and `check` found.
//!
//! One run: [`line()`], [`failure`] and [`summary`] for a terminal, [`junit`] and [`json`] for
//! machines, [`Tally`] over several rounds. [`check`]: what came of the images of manifests. Several versions: a [`Grid`] of outcomes, as a table
//! ([`heading`], [`row`], …), as [`markdown`] and as a [`page`] of HTML.

mod changes;
pub mod check;
mod explanation;
mod explanation_json;
mod grid;
mod html;
mod json;
mod junit;
mod latency;
mod markdown;
mod probe;
mod probe_json;
mod reproduction;
#[cfg(test)]
pub(crate) mod sample;
mod table;
mod tally;
mod terminal;
mod words;

pub use explanation::{diagnosis_alone, explanation};
pub use explanation_json::{explanation_json, explanation_schema};
pub use grid::{Column, Grid, Row, Sight};
pub use html::page;
pub use json::{json, matrix_json};
pub use junit::junit;
pub use markdown::markdown;
pub use reproduction::{Reproduction, reproductions, reproductions_json};
pub use table::{differences, heading, legend, row};
pub use tally::Tally;
pub use terminal::{failure, line, summary, word};
