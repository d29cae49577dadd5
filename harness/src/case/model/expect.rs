//! The words of a case for what must be seen.

use std::borrow::Cow;
use std::collections::BTreeMap;

use pullproof_diagnosis::Cause;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::json;

use super::{RequestKind, When};

/// What must be seen.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Expect {
    /// The pod: its name, its workload (`deployment/web`), or its labels (`app=web`); of several that
    /// exist the newest. May be left out if only the registry is looked at.
    #[serde(default)]
    pub pod: Option<String>,
    /// The pod's namespace, where the case has several.
    #[serde(default)]
    pub namespace: Option<String>,
    /// The container, init container or ephemeral container. Default: the first that fails.
    #[serde(default)]
    pub container: Option<String>,
    /// The pod's phase; with `container`, the phase that a pod of this container alone would have.
    #[serde(default)]
    pub phase: Option<Phase>,
    /// The waiting reasons in the order in which they come, up to the one that decides.
    #[serde(default)]
    pub reasons: Vec<String>,
    /// What the container's waiting message contains, equals or lacks.
    #[serde(default)]
    pub message: Texts,
    /// Events of the pod that must have come since the expectation of its events before.
    #[serde(default)]
    pub events: Vec<ExpectedEvent>,
    /// Whether the events must have come in the order in which they are listed.
    #[serde(default, rename = "inOrder")]
    pub in_order: bool,
    /// Reasons of events that must not have come since the expectation of its events before, and do
    /// not come until the pull's outcome has settled.
    #[serde(default)]
    pub no_events: Vec<String>,
    /// What the registry saw since the expectation before; of several, a list.
    #[serde(default)]
    pub registry: Witnesses,
    /// When the kubelet looks at a failed pod again.
    #[serde(default)]
    pub sync: Sync,
    /// How long the outcome of the pull has to be past, in seconds, before something that must not be
    /// there (`requests: none`, `noEvents`, a count of 0) is taken to be absent. Default: 1.
    #[serde(default)]
    pub settle: Option<u64>,
    /// For how long everything stays as expected once it is, in seconds. Default: it need not.
    #[serde(default, rename = "staysFor")]
    pub stays_for: Option<u64>,
    /// Why the pull fails, by the id of `pullproof explain`: from what a user may read, and again with
    /// the registry's record. A cause that the evidence leaves open has to be among its candidates.
    #[serde(default)]
    #[schemars(with = "Option<CauseId>")]
    pub cause: Option<Cause>,
    /// The longest this may take, in seconds; default 60. Given, a failed pull is waited out: a later
    /// retry may succeed. Not given, an expectation that a failed pull contradicts fails at once.
    #[serde(default)]
    pub within: Option<u64>,
    /// How it is shown that the image of a pod that runs is private.
    #[serde(default, rename = "privacyCheck")]
    pub pair: Pair,
}

impl Expect {
    /// Whether its phase or reasons are those of a pull that fails.
    pub fn fails(&self) -> bool {
        self.phase == Some(Phase::Pending)
            || self.reasons.iter().any(|reason| reason != "ContainerCreating")
    }
}

/// The ids of causes.
struct CauseId;

impl JsonSchema for CauseId {
    fn schema_name() -> Cow<'static, str> {
        "Cause".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let each = Cause::ALL
            .iter()
            .map(|cause| json!({"const": cause.id(), "description": cause.meaning()}));
        json_schema!({"description": "Why a pull fails.", "oneOf": each.collect::<Vec<_>>()})
    }
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
    /// Requests of the node that must have come, others beside them; `none`: the registry saw nothing
    /// at all of the node.
    #[serde(default)]
    pub requests: Option<Requests>,
    /// Whether the requests must have come in the order in which they are listed.
    #[serde(default, rename = "inOrder")]
    pub in_order: bool,
    /// Users in the order in which they first came.
    #[serde(default)]
    pub order: Vec<String>,
}

impl ExpectedRequests {
    /// The key that says that the registry did not see something, if there is one: it holds before
    /// anything has happened.
    pub fn absence(&self) -> Option<&'static str> {
        let Self { anonymous, authenticated, bearer, tokens, requests, .. } = self;
        let nobody = |users: &Option<Authenticated>| {
            users.as_ref().is_some_and(|users| users.0.is_empty() || users.0.values().any(is_none))
        };
        match requests {
            Some(Requests::None) => return Some("requests"),
            Some(Requests::Each(each)) if each.iter().any(|one| one.count.is_bounded()) => {
                return Some("requests");
            }
            _ => {}
        }
        if anonymous.as_ref().is_some_and(is_none) {
            return Some("anonymous");
        }
        [("authenticated", authenticated), ("bearer", bearer), ("tokens", tokens)]
            .into_iter()
            .find_map(|(key, users)| nobody(users).then_some(key))
    }
}

fn is_none(statuses: &Statuses) -> bool {
    statuses.0.is_empty()
}

/// Requests that must have come.
#[derive(Debug, Clone, JsonSchema)]
#[schemars(with = "RequestsForm")]
pub enum Requests {
    /// Not one.
    None,
    /// Each of these.
    Each(Vec<ExpectedRequest>),
}

#[derive(Deserialize, JsonSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "only its schema is used")]
enum RequestsForm {
    None(Nothing),
    Each(Vec<ExpectedRequest>),
}

/// The word `none`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Nothing {
    /// Not one.
    None,
}

/// Requests of the node, by what is said of them; what is not said may be anything.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ExpectedRequest {
    /// What they ask for.
    #[serde(default)]
    pub kind: Option<RequestKind>,
    /// The method, for example `HEAD`.
    #[serde(default)]
    pub method: Option<String>,
    /// Part of the path, for example `/janedoe/jdoe-private/`.
    #[serde(default)]
    pub path: Option<String>,
    /// By whom: the user of Basic credentials or of a token request's form, the subject of a bearer
    /// token; `anonymous` without credentials.
    #[serde(default)]
    pub user: Option<String>,
    /// The password that they carried.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub password: Option<SecretString>,
    /// What their headers contain, by name in any spelling: `User-Agent: containerd/`.
    #[serde(default, deserialize_with = "super::bounds::request_headers")]
    pub headers: BTreeMap<String, String>,
    /// The statuses that they got, any of these; 0 stands for a connection closed without an answer.
    #[serde(default)]
    pub status: Option<Statuses>,
    /// How many there were. Default: at least one.
    #[serde(default)]
    pub count: Count,
}

/// How many: `2`, `>=2`, `<=2`, or `0`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, JsonSchema)]
#[schemars(with = "CountForm")]
pub struct Count {
    /// At least so many.
    pub least: u64,
    /// At most so many.
    pub most: Option<u64>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "only its schema is used")]
enum CountForm {
    Exactly(u64),
    Range(#[schemars(regex(pattern = r"^(>=|<=)[0-9]+$"))] String),
}

impl Default for Count {
    fn default() -> Self {
        Self { least: 1, most: None }
    }
}

impl Count {
    /// Whether there are as many.
    pub fn holds(&self, count: u64) -> bool {
        count >= self.least && self.most.is_none_or(|most| count <= most)
    }

    /// Whether one more could be one too many.
    pub fn is_bounded(&self) -> bool {
        self.most.is_some()
    }
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
    /// How it is looked for.
    pub how: TextMatch,
    /// What is looked for.
    pub text: String,
}

/// How a text is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TextMatch {
    /// It is a part.
    Contains,
    /// It is all there is.
    Equals,
    /// It is no part of any.
    Lacks,
}

/// Texts that are looked for; each that applies to the version must be found.
#[derive(Debug, Clone, Default, PartialEq, JsonSchema)]
#[schemars(with = "serde_json::Value")]
pub struct Texts(pub Vec<Text>);
