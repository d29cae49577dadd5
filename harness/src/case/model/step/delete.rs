//! `delete`: an object that goes.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::{Action, ObjectName};
use crate::{
    case::{
        error::CaseError,
        secrets::Found,
        source::{Source, at},
        tree::Node,
    },
    redaction::Redaction,
};

/// An object that is deleted.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Delete(pub ObjectName);

impl Action for Delete {
    fn check(&self, source: Source<'_>, index: usize) -> Result<(), CaseError> {
        self.0.check(source, at!["steps", index, "delete"])
    }

    fn filled<'a>(&self, written: &'a Node) -> Vec<&'a Node> {
        vec![written]
    }

    fn secrets(&self, _: &mut Found) {}

    fn proves(&self) -> bool {
        false
    }

    fn needs_node_alone(&self) -> bool {
        false
    }

    fn describe(&self, _: &[Value], _: &Redaction) -> Vec<String> {
        vec![format!("delete {}", self.0)]
    }
}
