//! Events that must have come.

use schemars::JsonSchema;
use serde::Deserialize;

use super::Count;
use crate::case::{
    forms::{NOT_BLANK, never_null},
    model::Texts,
};

/// An event that must have come.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(transform = never_null)]
pub struct ExpectedEvent {
    /// Its reason, for example `Failed`.
    #[schemars(regex(pattern = NOT_BLANK))]
    pub reason: String,
    /// `Normal` or `Warning`.
    #[serde(default, rename = "type")]
    #[schemars(extend("enum" = ["Normal", "Warning"]))]
    pub kind: Option<String>,
    /// What its message contains, equals or lacks.
    #[serde(default)]
    pub message: Texts,
    /// The container that it is about.
    #[serde(default)]
    #[schemars(regex(pattern = NOT_BLANK))]
    pub container: Option<String>,
    /// How often it came. Default: at least once.
    #[serde(default)]
    pub count: Count,
}
