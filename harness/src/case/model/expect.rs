//! The words of a case for what must be seen.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use super::When;

/// What must be seen.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Expect {
    /// The pod. May be left out where only the registry is looked at.
    #[serde(default)]
    pub pod: Option<String>,
    /// The pod's namespace, where the case has several.
    #[serde(default)]
    pub namespace: Option<String>,
    /// The container, init container or ephemeral container. Default: any.
    #[serde(default)]
    pub container: Option<String>,
    /// The pod's phase.
    #[serde(default)]
    pub phase: Option<Phase>,
    /// The waiting reasons in the order in which they come, up to the one that decides.
    #[serde(default)]
    pub reasons: Vec<String>,
    /// What the container's waiting message contains.
    #[serde(default)]
    pub message: Texts,
    /// Events of the pod that must have come.
    #[serde(default)]
    pub events: Vec<ExpectedEvent>,
    /// Reasons of events that must not have come.
    #[serde(default)]
    pub no_events: Vec<String>,
    /// What the registry saw since the expectation before; of several, a list.
    #[serde(default)]
    pub registry: Witnesses,
    /// When the kubelet looks at a failed pod again.
    #[serde(default)]
    pub sync: Sync,
    /// The longest this may take, in seconds; default 60. Given, a failed pull is waited out: a later
    /// retry may succeed. Not given, an expectation that a failed pull contradicts fails at once.
    #[serde(default)]
    pub within: Option<u64>,
    /// How it is shown that the image of a pod that runs is private.
    #[serde(default, rename = "privacyCheck")]
    pub pair: Pair,
}

/// When the kubelet looks at a failed pod again.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Sync {
    /// At once: the harness updates an annotation of the pod, which brings the kubelet's next sync.
    #[default]
    #[serde(rename = "nudged")]
    Hastened,
    /// After its own 10 to 15 s.
    Natural,
}

/// How a case shows that the image of a running pod is private.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Pair {
    /// The harness lets a pod without credentials pull the same image, which must fail.
    #[default]
    #[serde(rename = "nodePull")]
    Anonymous,
    /// The registry refuses an anonymous request for the manifest: for nodes with credentials of
    /// their own, on which a pod without any pulls as well.
    #[serde(rename = "registryAnswer")]
    Registry,
    /// The image is public on purpose; nothing to pair.
    Public,
}

/// A pod phase.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[expect(missing_docs, reason = "the names are those of the Kubernetes API")]
pub enum Phase {
    Pending,
    Running,
    Succeeded,
    Failed,
}

impl Phase {
    /// The word of the Kubernetes API.
    pub fn as_str(self) -> &'static str {
        match self {
            Phase::Pending => "Pending",
            Phase::Running => "Running",
            Phase::Succeeded => "Succeeded",
            Phase::Failed => "Failed",
        }
    }
}

/// An event that must have come.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ExpectedEvent {
    /// Its reason, for example `Failed`.
    pub reason: String,
    /// `Normal` or `Warning`.
    #[serde(default, rename = "type")]
    pub kind: Option<String>,
    /// What its message contains.
    #[serde(default)]
    pub message: Texts,
}

/// What registries must have seen, each of them.
#[derive(Debug, Clone, Default, JsonSchema)]
#[schemars(with = "WitnessesForm")]
pub struct Witnesses(pub Vec<ExpectedRequests>);

#[derive(Deserialize, JsonSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "only its schema is used")]
enum WitnessesForm {
    One(ExpectedRequests),
    Many(Vec<ExpectedRequests>),
}

/// What a registry must have seen.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ExpectedRequests {
    /// The registry; may be left out where the case has one.
    #[serde(default, rename = "registry")]
    pub of: Option<String>,
    /// Statuses of requests without Authorization; `none`: there were none.
    #[serde(default)]
    pub anonymous: Option<Statuses>,
    /// Statuses of requests with Basic credentials, by user; `none`: there were none.
    #[serde(default)]
    pub authenticated: Option<Authenticated>,
    /// Statuses of requests with a bearer token, by the token's subject; `none`: there were none.
    #[serde(default)]
    pub bearer: Option<Authenticated>,
    /// Statuses of requests to the token server, by user (`anonymous` without credentials).
    #[serde(default)]
    pub tokens: Option<Authenticated>,
    /// `none`: the registry saw nothing at all of the node.
    #[serde(default)]
    pub requests: Option<Nothing>,
    /// Users in the order in which they first came.
    #[serde(default)]
    pub order: Vec<String>,
}

/// The word `none`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Nothing {
    /// Not one.
    None,
}

/// Statuses that were seen: each of these at least once, and no other.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema)]
#[schemars(with = "serde_json::Value")]
pub struct Statuses(pub Vec<u16>);

/// Users and the statuses their requests got.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema)]
#[schemars(with = "serde_json::Value")]
pub struct Authenticated(pub BTreeMap<String, Statuses>);

/// A text, and the versions it holds for.
#[derive(Debug, Clone, PartialEq)]
pub struct Text {
    /// The versions the text holds for.
    pub when: When,
    /// What is looked for.
    pub contains: String,
}

/// Texts that are looked for; each that applies to the version must be found.
#[derive(Debug, Clone, Default, PartialEq, JsonSchema)]
#[schemars(with = "serde_json::Value")]
pub struct Texts(pub Vec<Text>);
