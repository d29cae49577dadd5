//! The words of a case for requests.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a request is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum RequestKind {
    /// `/v2/`, the question whether the API is there.
    Ping,
    /// A manifest, by tag or digest.
    Manifest,
    /// A blob.
    Blob,
    /// A blob on its way in.
    Upload,
    /// A token.
    Token,
    /// Anything else.
    Other,
}

impl fmt::Display for RequestKind {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str(match self {
            Self::Ping => "ping",
            Self::Manifest => "manifest",
            Self::Blob => "blob",
            Self::Upload => "upload",
            Self::Token => "token",
            Self::Other => "other",
        })
    }
}
