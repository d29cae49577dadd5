//! Events that must have come.

use schemars::JsonSchema;
use serde::Deserialize;

use super::Count;
use crate::case::model::Texts;

/// An event that must have come.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ExpectedEvent {
    /// Its reason, for example `Failed`.
    pub reason: String,
    /// `Normal` or `Warning`.
    #[serde(default, rename = "type")]
    pub kind: Option<String>,
    /// What its message contains, equals or lacks.
    #[serde(default)]
    pub message: Texts,
    /// The container that it is about.
    #[serde(default)]
    pub container: Option<String>,
    /// How often it came. Default: at least once.
    #[serde(default)]
    pub count: Count,
}
