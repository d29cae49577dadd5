//! A place in a case's file.

use std::{fmt, path::PathBuf};

use serde::{Deserialize, Serialize};

/// A place in a case's file, as editors read it: `scenarios/a.yaml:7`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceLocation {
    /// The file.
    pub path: PathBuf,
    /// The line, counted from 1; absent if it is not known.
    pub line: Option<u64>,
}

impl fmt::Display for SourceLocation {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(to, "{}", self.path.display())?;
        match self.line {
            Some(line) => write!(to, ":{line}"),
            None => Ok(()),
        }
    }
}
