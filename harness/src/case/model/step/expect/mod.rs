//! `expect`: what must be seen.

use std::borrow::Cow;

use pullproof_diagnosis::Cause;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::Action;
use crate::{
    case::{
        error::CaseError,
        forms::{NOT_BLANK, never_null, says_something},
        model::Texts,
        pod_selector::PodSelector,
        secrets::Found,
        source::Source,
        tree::Node,
    },
    redaction::Redaction,
};

mod check;
mod count;
mod event;
mod pods;
mod requests;
mod status;

use check::{LONGEST, WHOM_AND_HOW};
pub use count::Count;
pub use event::ExpectedEvent;
pub use requests::{ExpectedRequest, ExpectedRequests, Nothing, Requests, Witnesses};
pub use status::{Authenticated, Statuses};

/// What must be seen.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[schemars(transform = form)]
pub struct Expect {
    /// The pod: its name, its workload (`deployment/web`), or its labels (`app=web`); of several that
    /// exist the newest. May be left out if only the registry is looked at.
    #[serde(default)]
    #[schemars(regex(pattern = PodSelector::pattern()))]
    pub pod: Option<String>,
    /// The pod's namespace, where the case has several.
    #[serde(default)]
    #[schemars(regex(pattern = NOT_BLANK))]
    pub namespace: Option<String>,
    /// The container, init container or ephemeral container. Default: the first that fails.
    #[serde(default)]
    #[schemars(regex(pattern = NOT_BLANK))]
    pub container: Option<String>,
    /// The pod's phase; with `container`, the phase that a pod of this container alone would have.
    #[serde(default)]
    pub phase: Option<Phase>,
    /// The waiting reasons in the order in which they come, up to the one that decides.
    #[serde(default)]
    #[schemars(length(min = 1), inner(regex(pattern = NOT_BLANK)))]
    pub reasons: Vec<String>,
    /// What the container's waiting message contains, equals or lacks.
    #[serde(default)]
    pub message: Texts,
    /// Events of the pod that must have come since the expectation of its events before.
    #[serde(default)]
    #[schemars(length(min = 1))]
    pub events: Vec<ExpectedEvent>,
    /// Whether the events must have come in the order in which they are listed.
    #[serde(default)]
    pub in_order: bool,
    /// Reasons of events that must not have come since the expectation of its events before, and do
    /// not come until the pull's outcome has settled.
    #[serde(default)]
    #[schemars(length(min = 1), inner(regex(pattern = NOT_BLANK)))]
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
    #[schemars(range(min = 1, max = LONGEST))]
    pub settle: Option<u64>,
    /// For how long everything stays as expected once it is, in seconds. Default: it need not.
    #[serde(default)]
    #[schemars(range(min = 1, max = LONGEST))]
    pub stays_for: Option<u64>,
    /// Why the pull fails, by the id of `pullproof explain`: from what a user may read, and again with
    /// the registry's record. A cause that the evidence leaves open has to be among its candidates.
    #[serde(default)]
    #[schemars(with = "Option<CauseId>")]
    pub cause: Option<Cause>,
    /// The longest this may take, in seconds; default 60. Given, a failed pull is waited out: a later
    /// retry may succeed. Not given, an expectation that a failed pull contradicts fails at once.
    #[serde(default)]
    #[schemars(range(min = 1, max = LONGEST))]
    pub within: Option<u64>,
    /// How it is shown that the image of a pod that runs is private.
    #[serde(default)]
    pub privacy_check: PrivacyCheck,
}

/// Says of a schema what is checked of an expectation as a whole.
fn form(schema: &mut Schema) {
    never_null(schema);
    says_something(schema, &WHOM_AND_HOW);
    let of_a_pod = ["phase", "reasons", "message", "events", "noEvents", "cause", "container"];
    let needs: Map<String, Value> =
        of_a_pod.into_iter().map(|key| (key.to_owned(), json!(["pod"]))).collect();
    schema.insert("dependentRequired".to_owned(), needs.into());
    let runs = json!({"required": ["phase", "reasons"],
        "properties": {"phase": {"enum": ["Running", "Succeeded"]}}});
    schema.insert("not".to_owned(), runs);
}

impl Expect {
    /// Whether its phase or reasons are those of a pull that fails.
    pub fn fails(&self) -> bool {
        self.phase == Some(Phase::Pending)
            || self.reasons.iter().any(|reason| reason != "ContainerCreating")
    }
}

impl Action for Expect {
    fn check(&self, source: Source<'_>, index: usize) -> Result<(), CaseError> {
        check::check(source, index, self)?;
        pods::check(source, index, self)
    }

    /// Users, passwords and repositories of a registry are what they are.
    fn filled<'a>(&self, written: &'a Node) -> Vec<&'a Node> {
        let of_the_cluster = |(key, _): &&(Node, Node)| key.text() != Some("registry");
        written.entries().iter().filter(of_the_cluster).map(|(_, value)| value).collect()
    }

    fn secrets(&self, found: &mut Found) {
        for seen in &self.registry.0 {
            if let Some(Requests::Each(requests)) = &seen.requests {
                let passwords = requests.iter().filter_map(|request| request.password.as_ref());
                passwords.for_each(|password| found.password(password));
            }
        }
    }

    fn proves(&self) -> bool {
        true
    }

    fn needs_node_alone(&self) -> bool {
        false
    }

    /// Nothing: what was seen is noted itself.
    fn describe(&self, _: &[Value], _: &Redaction) -> Vec<String> {
        Vec::new()
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
    Nudged,
    /// After its own 10 to 15 s.
    Natural,
}

/// How a case shows that the image of a running pod is private.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum PrivacyCheck {
    /// The harness lets a pod without credentials pull the same image, which must fail.
    #[default]
    NodePull,
    /// The registry refuses an anonymous request for the manifest: for nodes with credentials of
    /// their own, on which a pod without any pulls as well.
    RegistryAnswer,
    /// The image is public on purpose; there is nothing to check.
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
