//! Where something stands.

use std::{fmt, sync::Arc};

use crate::tree::Place;

/// A place in a file. Displays as `FILE:LINE`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Location {
    /// The file, as it was named.
    pub file: Arc<str>,
    /// The line, counted from 1.
    pub line: u64,
    /// The column, counted from 1.
    pub column: u64,
}

impl Location {
    pub(crate) fn new(file: &Arc<str>, (line, column): Place) -> Self {
        Self { file: Arc::clone(file), line, column }
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}
