//! The words of a case for what happens.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use secrecy::SecretString;
use serde::Deserialize;

use super::{Expect, Fault, Image, Texts, When};
use crate::case::forms::{Form, string_or};
use crate::case::manifest::Manifests;

/// One step: a verb, and the versions it applies to.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// The versions this step speaks of; on others it is passed over.
    #[serde(default)]
    pub when: When,
    /// Creates or replaces objects.
    #[serde(default)]
    pub apply: Option<Manifests>,
    /// Waits until the cluster and the registry show what is written, or fails.
    #[serde(default)]
    pub expect: Option<Expect>,
    /// Runs a documented command as it stands, with the case's own home, kubeconfig and tools.
    #[serde(default)]
    pub run: Option<Run>,
    /// Merges a patch into an object.
    #[serde(default)]
    pub patch: Option<Patch>,
    /// Deletes an object and waits until it is gone: `pod/private-reg`.
    #[serde(default)]
    pub delete: Option<String>,
    /// Changes a registry: users and passwords, faults, whether it listens.
    #[serde(default)]
    pub registry: Option<RegistryChange>,
    /// Reads or writes files of the node.
    #[serde(default)]
    pub node: Option<NodeChange>,
}

/// A key that is a verb, and whether a step has it.
type Verb = (&'static str, fn(&Step) -> bool);

const VERBS: [Verb; 7] = [
    ("apply", |step| step.apply.is_some()),
    ("expect", |step| step.expect.is_some()),
    ("run", |step| step.run.is_some()),
    ("patch", |step| step.patch.is_some()),
    ("delete", |step| step.delete.is_some()),
    ("registry", |step| step.registry.is_some()),
    ("node", |step| step.node.is_some()),
];

impl Step {
    /// Returns the keys that are verbs.
    pub fn known_verbs() -> impl Iterator<Item = &'static str> {
        VERBS.into_iter().map(|(verb, _)| verb)
    }

    /// Returns the verbs that it has: one, once it is validated.
    pub fn verbs(&self) -> Vec<&'static str> {
        VERBS.into_iter().filter(|(_, is)| is(self)).map(|(verb, _)| verb).collect()
    }

    /// Whether it can fail by what is seen.
    pub fn proves(&self) -> bool {
        let record = self.node.as_ref().is_some_and(|node| node.record.is_some());
        self.expect.is_some() || self.run.is_some() || record
    }
}

/// A merge patch.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Patch {
    /// The object: `serviceaccount/default`.
    pub object: String,
    /// What is merged into it (RFC 7396).
    pub merge: serde_json::Value,
}

/// What changes at a registry in mid-case.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RegistryChange {
    /// The registry; may be left out where the case has one.
    #[serde(default, rename = "registry")]
    pub of: Option<String>,
    /// Users and passwords from now on, in place of all before.
    #[serde(default, deserialize_with = "changed_users")]
    #[schemars(with = "Option<BTreeMap<String, String>>")]
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

fn changed_users<'de, D: serde::Deserializer<'de>>(
    from: D,
) -> Result<Option<BTreeMap<String, SecretString>>, D::Error> {
    super::bounds::users(from).map(Some)
}

/// What happens on the node. A case that writes files or restarts the kubelet has the node to
/// itself; images are its own.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct NodeChange {
    /// Files to write, by absolute path; removed or restored after the case.
    #[serde(default)]
    pub files: BTreeMap<String, String>,
    /// Images to remove from the node, as a pod would name them.
    #[serde(default)]
    pub remove_images: Vec<String>,
    /// Images to bring onto the node without the kubelet, as a preload does.
    #[serde(default)]
    pub preload: Vec<String>,
    /// Restarts the kubelet and waits until it answers.
    #[serde(default)]
    pub restart_kubelet: bool,
    /// Looks at what the kubelet has recorded of who may use an image (1.35 and later).
    #[serde(default)]
    pub record: Option<ImageRecord>,
}

impl NodeChange {
    /// Whether other cases on the node would notice.
    pub fn concerns_others(&self) -> bool {
        !self.files.is_empty() || self.restart_kubelet
    }
}

/// The kubelet's record of an image that it pulled (KEP-2535).
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ImageRecord {
    /// The image as the record names it, without tag and digest: `$REGISTRY/janedoe/jdoe-private`.
    pub image: String,
    /// What the record shows. Where there is none, it is empty: `{equals: ''}`.
    #[serde(rename = "matches")]
    pub shows: Output,
}

/// A documented command.
#[derive(Debug, Clone, JsonSchema)]
#[schemars(with = "RunForm")]
pub struct Run {
    /// The command line, given to `sh`.
    pub command: String,
    /// Standard input.
    pub stdin: Option<String>,
    /// The exit status that is right.
    pub exit: i32,
    /// What standard output must show.
    pub stdout: Option<Output>,
    /// What standard error must show.
    pub stderr: Option<Output>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "only its schema is used")]
enum RunForm {
    Command(String),
    Fields(Box<RunFields>),
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct RunFields {
    command: String,
    #[serde(default)]
    stdin: Option<String>,
    #[serde(default)]
    exit: i32,
    #[serde(default)]
    stdout: Option<Output>,
    #[serde(default)]
    stderr: Option<Output>,
}

impl<'de> Deserialize<'de> for Run {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        string_or(from, "a command or its fields", |form| {
            let RunFields { command, stdin, exit, stdout, stderr } = match form {
                Form::Text(command) => {
                    RunFields { command, stdin: None, exit: 0, stdout: None, stderr: None }
                }
                Form::Fields(fields) => fields,
            };
            Run { command, stdin, exit, stdout, stderr }
        })
    }
}

/// What a command prints.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Output {
    /// Texts it contains.
    #[serde(default)]
    pub contains: Texts,
    /// Exactly this, line ends at the end aside.
    #[serde(default)]
    pub equals: Option<String>,
    /// JSON (or YAML) that holds at least these values.
    #[serde(default)]
    pub json: Option<serde_json::Value>,
    /// Texts it must not contain.
    #[serde(default, rename = "notContains")]
    pub lacks: Texts,
}
