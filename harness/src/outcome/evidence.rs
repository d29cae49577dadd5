//! What became of the evidence of a case.

use std::{fmt, path::PathBuf};

use serde::{Deserialize, Serialize};

/// What became of the evidence of a case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Evidence {
    /// All of it lies in this folder.
    In(PathBuf),
    /// Something could not be written: what, and why.
    Lost(String),
}

impl fmt::Display for Evidence {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::In(folder) => write!(to, "{}", folder.display()),
            Self::Lost(why) => write!(to, "not complete: {why}"),
        }
    }
}
