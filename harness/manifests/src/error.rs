//! What is wrong with a text of manifests, and where.

use std::fmt;

use crate::tree::{Fault, Place};

/// A text that cannot be checked. Displays as `FILE:LINE:COLUMN: problem`, then a hint. It has no value
/// of the text, which may be a password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct ManifestError {
    /// The file, as it was named.
    pub file: String,
    /// Line and column, counted from 1, if they are known.
    pub place: Option<Place>,
    /// What is wrong, and what was expected.
    pub problem: String,
    /// What to do about it.
    pub hint: Option<&'static str>,
}

/// What to do about a template that was not rendered.
const RENDER: &str = "the text has {{ … }}, so it is a template: run helm template first";

impl ManifestError {
    pub(crate) fn at(file: &str, place: Option<Place>, problem: impl Into<String>) -> Self {
        Self { file: file.to_owned(), place, problem: problem.into(), hint: None }
    }

    /// Adds the hint to render a template first, if the text is one.
    pub(crate) fn of_template(mut self, text: &str) -> Self {
        self.hint = text.contains("{{").then_some(RENDER);
        self
    }

    pub(crate) fn of_fault(file: &str, text: &str, fault: &Fault) -> Self {
        let problem = format!("is not YAML: {}", fault.problem);
        Self::at(file, Some(fault.place), problem).of_template(text)
    }
}

impl fmt::Display for ManifestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if let Some((line, column)) = self.place {
            write!(f, ":{line}:{column}")?;
        }
        write!(f, ": {}", self.problem)?;
        self.hint.map_or(Ok(()), |hint| write!(f, "\n  hint: {hint}"))
    }
}
