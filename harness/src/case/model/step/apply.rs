//! `apply`: objects that are created or replaced.

use serde_json::Value;

use super::Action;
use crate::{
    case::{
        error::CaseError,
        manifest::Manifests,
        secrets::Found,
        source::Source,
        tree::{Content, Node},
    },
    redaction::Redaction,
};

impl Action for Manifests {
    /// Manifests are checked when they are read, before anything of the case is known.
    fn check(&self, _: Source<'_>, _: usize) -> Result<(), CaseError> {
        Ok(())
    }

    /// Those of files are filled as well, and looked through where they are read.
    fn filled<'a>(&self, written: &'a Node) -> Vec<&'a Node> {
        let in_place = |manifest: &&Node| matches!(manifest.content, Content::Map(_));
        written.each().iter().filter(in_place).collect()
    }

    /// The case file holds the objects of all steps, of files too, and they are looked through there.
    fn secrets(&self, _: &mut Found) {}

    fn proves(&self) -> bool {
        false
    }

    fn needs_node_alone(&self) -> bool {
        false
    }

    fn describe(&self, objects: &[Value], _: &Redaction) -> Vec<String> {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let words = |object: &Value| {
            format!("apply {}/{}", text(&object["kind"]), text(&object["metadata"]["name"]))
        };
        objects.iter().map(words).collect()
    }
}
