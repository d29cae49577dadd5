//! Service accounts.

use crate::Location;
use crate::json::json;
use crate::object::{Object, ObjectId, items, text, value};
use crate::slip::{KEY, Slip};
use crate::template::SecretReference;

/// A ServiceAccount.
#[derive(Debug, Clone)]
pub struct ServiceAccount {
    /// What names it.
    pub id: ObjectId,
    /// Where it begins.
    pub location: Location,
    /// Its pull secrets, which a pod gets that names none.
    pub pull_secrets: Vec<SecretReference>,
    /// Its `imagePullSecrets` as they are written, whatever they are.
    pub written: Option<serde_json::Value>,
    /// The names under `secrets`, which have nothing to do with pulls.
    pub secrets: Vec<String>,
    /// Whether the API server refuses it for the form of its pull secrets.
    pub refused: bool,
}

impl ServiceAccount {
    pub(crate) fn read(object: &Object, slips: &mut Vec<Slip>) -> Self {
        let node = &object.node;
        object.misspelt(node, slips);
        object.duplicate_keys(node, slips);
        if let Some(metadata) = value(node, "metadata") {
            object.misplaced(metadata, "metadata", slips);
        }
        let (pull_secrets, refused) = object.pull_secrets(node, slips);
        let secrets = value(node, "secrets").map(items).unwrap_or_default();
        let secrets = secrets.iter().filter_map(|entry| text(entry, "name").map(str::to_owned));
        let (id, location) = (object.id.clone(), object.location.clone());
        let written = value(node, KEY).map(json);
        Self { id, location, pull_secrets, written, secrets: secrets.collect(), refused }
    }
}
