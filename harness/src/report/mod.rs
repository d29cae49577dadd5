//! Outcomes for people and machines. Reads [`crate::run::Outcome`] and nothing else.

mod terminal;

pub use terminal::{failure, line, summary};
