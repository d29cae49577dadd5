//! `patch`: an object that is changed.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{Action, ObjectName, shortened};
use crate::{
    case::{
        error::CaseError,
        secrets::Found,
        source::{Source, at},
        tree::Node,
    },
    redaction::Redaction,
};

/// A merge patch.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Patch {
    /// The object: `serviceaccount/default`.
    pub object: ObjectName,
    /// What is merged into it (RFC 7396).
    #[schemars(with = "Map<String, Value>")]
    pub merge: Value,
}

impl Action for Patch {
    fn check(&self, source: Source<'_>, index: usize) -> Result<(), CaseError> {
        self.object.check(source, at!["steps", index, "patch", "object"])?;
        if !self.merge.is_object() {
            let problem = "a merge patch is a mapping: `merge: {spec: …}`";
            return Err(source.error(at!["steps", index, "patch", "merge"], problem));
        }
        Ok(())
    }

    fn filled<'a>(&self, written: &'a Node) -> Vec<&'a Node> {
        vec![written]
    }

    fn secrets(&self, found: &mut Found) {
        found.merged(self.object.is_secret(), &self.merge);
    }

    fn proves(&self) -> bool {
        false
    }

    fn needs_node_alone(&self) -> bool {
        false
    }

    fn describe(&self, _: &[Value], redaction: &Redaction) -> Vec<String> {
        let merge = redaction.hide_value(&self.merge).to_string();
        vec![format!("patch {}: {}", self.object, shortened(&merge))]
    }
}
