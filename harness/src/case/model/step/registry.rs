//! `registry`: a registry that changes in mid-case.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use secrecy::SecretString;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::Action;
use crate::{
    case::{
        error::CaseError,
        model::{Fault, Image, bounds},
        secrets::Found,
        source::{Source, at},
        tree::Node,
    },
    redaction::Redaction,
};

/// What changes at a registry in mid-case.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RegistryChange {
    /// The registry; may be left out where the case has one.
    #[serde(default)]
    pub registry: Option<String>,
    /// Users and passwords from now on, in place of all before.
    #[serde(default, deserialize_with = "changed_users")]
    #[schemars(with = "Option<BTreeMap<String, String>>", extend("propertyNames" = {"pattern": bounds::USER}))]
    pub users: Option<BTreeMap<String, SecretString>>,
    /// Faults from now on, in place of all before; an empty list ends them.
    #[serde(default)]
    pub faults: Option<Vec<Fault>>,
    /// Pushes these images (again), each with a new digest.
    #[serde(default)]
    pub push: Vec<Image>,
    /// Closes the registry's port (false), with all connections, or opens the same port again (true).
    #[serde(default)]
    pub listening: Option<bool>,
}

fn changed_users<'de, D: Deserializer<'de>>(
    from: D,
) -> Result<Option<BTreeMap<String, SecretString>>, D::Error> {
    bounds::users(from).map(Some)
}

impl Action for RegistryChange {
    /// What it pushes, and where its faults lead, is checked with that of the registries.
    fn check(&self, source: Source<'_>, index: usize) -> Result<(), CaseError> {
        source.registry_of(at!["steps", index, "registry"], self.registry.as_deref())
    }

    /// Users, passwords and repositories are what they are.
    fn filled<'a>(&self, _: &'a Node) -> Vec<&'a Node> {
        Vec::new()
    }

    fn secrets(&self, found: &mut Found) {
        found.users(self.users.iter().flatten());
    }

    fn proves(&self) -> bool {
        false
    }

    fn needs_node_alone(&self) -> bool {
        false
    }

    fn describe(&self, _: &[Value], _: &Redaction) -> Vec<String> {
        let mut words = Vec::new();
        let of = self.registry.as_deref().unwrap_or("the registry");
        if let Some(users) = &self.users {
            let names: Vec<&str> = users.keys().map(String::as_str).collect();
            words.push(format!("{of} has other passwords from now on: {}", names.join(", ")));
        }
        match self.faults.as_deref() {
            None => {}
            Some([]) => words.push(format!("{of} has no fault any more")),
            Some(_) => words.push(format!("{of} is faulty from now on")),
        }
        words.extend(self.push.iter().map(|image| format!("push {} to {of}", image.name)));
        words
    }
}
