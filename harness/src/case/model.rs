//! The words of a case file, as serde and the JSON Schema see them.
//!
//! Every struct refuses unknown keys; what serde cannot say (exactly one verb a step, a reason for
//! every failure) is checked in [`super::validate`].

use std::collections::BTreeMap;

use schemars::JsonSchema;
use secrecy::SecretString;
use serde::Deserialize;
use serde_saphyr::Spanned;

use super::manifest::Manifests;
use super::range::VersionRange;

/// One case: registries as they are, plain manifests, and what must be seen.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "pullproof case")]
pub struct Case {
    /// What the case proves, as one sentence.
    pub title: String,
    /// Where the behaviour is documented or was reported: a page, a thread, a KEP or a file.
    pub source: String,
    /// What was seen that differs from the source, or anything a reader has to know.
    #[serde(default)]
    pub note: Option<String>,
    /// The versions this case speaks of; on others it does not apply.
    #[serde(default)]
    pub when: When,
    /// A literal namespace, taken exclusively while the case runs. Default: one of its own.
    #[serde(default)]
    pub namespace: Option<String>,
    /// More namespaces, by name: `$NAME` stands for each in manifests and commands.
    #[serde(default)]
    pub namespaces: Vec<String>,
    /// The registries, by literal host (`docker.io`) or by a name the harness gives a host of its
    /// own: `registry` becomes `$REGISTRY`, `the-mirror` becomes `$THE_MIRROR`.
    #[serde(default)]
    pub registries: BTreeMap<String, Registry>,
    /// Registry settings of the node beyond the ones each registry brings, by image host.
    #[serde(default)]
    pub hosts: BTreeMap<String, Hosts>,
    /// What happens, in order.
    #[schemars(with = "Vec<Step>")]
    pub steps: Vec<Spanned<Step>>,
}

/// Ranges of versions; all that are given must hold.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct When {
    /// Kubernetes versions, for example `>=1.35` or `1.34`.
    #[serde(default)]
    pub kubernetes: Option<VersionRange>,
    /// containerd versions, for example `>=2.0`.
    #[serde(default)]
    pub containerd: Option<VersionRange>,
}

/// A registry of a case: a real registry container behind the gateway.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Registry {
    /// How the registry authenticates.
    pub auth: Auth,
    /// The transport the registry speaks and how far the node trusts it.
    #[serde(default)]
    pub tls: Tls,
    /// What is pushed into it before the first step.
    #[serde(default)]
    pub images: Vec<Image>,
    /// Faults the gateway injects from the start.
    #[serde(default)]
    pub faults: Vec<Fault>,
    /// Whether the node is told about this registry by a hosts.toml.
    #[serde(default)]
    pub node: NodeSetting,
}

/// How a registry authenticates.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Auth {
    /// Anyone may pull; never a challenge.
    None,
    /// htpasswd in the container: user to password.
    Basic(#[schemars(with = "BTreeMap<String, String>")] BTreeMap<String, SecretString>),
    /// Bearer tokens from a token server, verified by the container.
    Token(TokenAuth),
}

/// Users and rights of a token server.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TokenAuth {
    /// The users, by name.
    #[serde(default)]
    pub users: BTreeMap<String, TokenUser>,
    /// Repositories for which a token is given to anyone.
    #[serde(default)]
    pub public: Vec<String>,
    /// What the token server says to a request without credentials for anything else.
    #[serde(default)]
    pub anonymous: Anonymous,
    /// Which forms of the token request are served.
    #[serde(default)]
    pub forms: TokenForms,
    /// How long a token is valid, in seconds.
    #[serde(default = "minute")]
    pub expires: u64,
    /// Changes to the challenge the container sends.
    #[serde(default)]
    pub challenge: Challenge,
}

fn minute() -> u64 {
    60
}

/// A user of a token server.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TokenUser {
    /// The password.
    #[schemars(with = "String")]
    pub password: SecretString,
    /// Repositories the user may pull; absent means all.
    #[serde(default)]
    pub repositories: Option<Vec<String>>,
}

/// How a token server meets requests without credentials for what is not public.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Anonymous {
    /// 401, as Harbor or a private token server does.
    #[default]
    Refused,
    /// A token without the scope asked for, as Docker Hub does.
    Scopeless,
}

/// Which token requests a token server answers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum TokenForms {
    /// POST oauth2 and GET.
    #[default]
    Both,
    /// GET only: POST is 404, as with older token servers.
    Get,
}

/// A challenge other than the right one.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Challenge {
    /// A realm to send in place of the token server's address.
    #[serde(default)]
    pub realm: Option<String>,
    /// A scope to send in place of the one the container asks for.
    #[serde(default)]
    pub scope: Option<String>,
    /// A service to send in place of the right one.
    #[serde(default)]
    pub service: Option<String>,
}

/// The transport of a registry and the node's trust in it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Tls {
    /// Plain HTTP, and the node knows it.
    #[default]
    None,
    /// A certificate of a CA that hosts.toml names.
    Trusted,
    /// A certificate of a CA the node was not told about.
    Untrusted,
    /// A trusted CA, a certificate for another name.
    WrongName,
    /// A trusted CA, a certificate that has expired.
    Expired,
    /// hosts.toml says https, the registry speaks plain HTTP.
    HttpForHttps,
    /// hosts.toml says http, the registry speaks HTTPS.
    HttpsForHttp,
}

/// Whether the node gets a hosts.toml for a registry.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum NodeSetting {
    /// A hosts.toml whose `server` is this registry.
    #[default]
    Hosts,
    /// None: the node resolves the host itself, so the harness gives it as an address and port.
    Nothing,
}

/// An image of a registry, with a digest no other case has.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema)]
#[schemars(with = "ImageForm")]
pub struct Image {
    /// `repository:tag`.
    pub name: String,
    /// Bytes of random data in its layer, to make it large. Default 0.
    pub padding: u64,
    /// What the manifest offers.
    pub platform: Platform,
    /// Another image of the case, by `registry/repository:tag` or `repository:tag`, whose digest this one shares.
    pub same_as: Option<String>,
    /// The name by which manifests and commands know its digest: `DIGEST` for `$DIGEST`.
    pub digest: Option<String>,
}

/// What a node finds behind a tag.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Platform {
    /// A manifest for the node's platform.
    #[default]
    Node,
    /// An index with the node's platform among others.
    Index,
    /// An index that lacks the node's platform.
    Other,
}

#[derive(Deserialize, JsonSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "only its schema is used")]
enum ImageForm {
    Name(String),
    Fields(ImageFields),
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct ImageFields {
    name: String,
    #[serde(default)]
    padding: u64,
    #[serde(default)]
    platform: Platform,
    #[serde(default)]
    same_as: Option<String>,
    #[serde(default)]
    digest: Option<String>,
}

impl<'de> Deserialize<'de> for Image {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        super::forms::string_or(from, "an image: \"repository:tag\" or its fields", |fields| {
            let ImageFields { name, padding, platform, same_as, digest } = match fields {
                super::forms::Form::Text(name) => ImageFields {
                    name,
                    padding: 0,
                    platform: Platform::Node,
                    same_as: None,
                    digest: None,
                },
                super::forms::Form::Fields(fields) => fields,
            };
            Image { name, padding, platform, same_as, digest }
        })
    }
}

/// A fault the gateway injects. Without `path` it meets every request, without `nth` each of them.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Fault {
    /// Part of the request's path, for example `/manifests/` or `/blobs/`.
    #[serde(default)]
    pub path: Option<String>,
    /// The method, for example `HEAD`.
    #[serde(default)]
    pub method: Option<String>,
    /// Only requests that carry (true) or lack (false) an Authorization header.
    #[serde(default)]
    pub authorized: Option<bool>,
    /// Only the n-th request that matches, counted from 1.
    #[serde(default)]
    pub nth: Option<u64>,
    /// What happens to it.
    #[serde(rename = "do")]
    pub action: FaultAction,
}

/// What the gateway does instead of, or to, the container's answer.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum FaultAction {
    /// Answers with this status and an OCI error body.
    Status(u16),
    /// Answers 429 with `Retry-After` in seconds.
    TooManyRequests(u64),
    /// Waits this many milliseconds before it passes the request on.
    Delay(u64),
    /// Closes the connection without an answer.
    Reset,
    /// Ends the body after this many bytes.
    Cut(u64),
    /// Flips one byte of the body.
    Flip,
    /// Answers 307 to the same path on another registry of the case.
    Redirect(String),
    /// The same, to a name that differs from the first registry's in more than the port.
    RedirectAway(String),
    /// Turns the container's 401 into this status, dropping the challenge.
    Unchallenged(u16),
}

/// A hosts.toml of the node for one image host, beyond what its registry brings.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Hosts {
    /// The registry of the case that is `server`; absent leaves `server` out.
    #[serde(default)]
    pub server: Option<String>,
    /// Registries of the case that are tried before `server`, in order.
    #[serde(default)]
    pub mirrors: Vec<String>,
}

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
    /// Changes a registry: users and passwords, faults.
    #[serde(default)]
    pub registry: Option<RegistryChange>,
    /// Reads or writes files of the node.
    #[serde(default)]
    pub node: Option<NodeChange>,
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
    #[serde(default)]
    pub of: Option<String>,
    /// Users and passwords from now on, in place of all before.
    #[serde(default)]
    #[schemars(with = "Option<BTreeMap<String, String>>")]
    pub users: Option<BTreeMap<String, SecretString>>,
    /// Faults from now on, in place of all before; an empty list ends them.
    #[serde(default)]
    pub faults: Option<Vec<Fault>>,
    /// Pushes these images (again), each with a new digest.
    #[serde(default)]
    pub push: Vec<Image>,
}

/// What happens on the node. A case that writes files or restarts the kubelet has the node to
/// itself; images are its own.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
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
        super::forms::string_or(from, "a command or its fields", |form| {
            let RunFields { command, stdin, exit, stdout, stderr } = match form {
                super::forms::Form::Text(command) => {
                    RunFields { command, stdin: None, exit: 0, stdout: None, stderr: None }
                }
                super::forms::Form::Fields(fields) => fields,
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
    #[serde(default)]
    pub lacks: Texts,
}

/// What must be seen.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
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
    /// How privacy is shown for a pod that runs.
    #[serde(default)]
    pub pair: Pair,
}

/// When the kubelet looks at a failed pod again.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Sync {
    /// At once: the harness updates an annotation of the pod, which brings the kubelet's next sync.
    #[default]
    Hastened,
    /// After its own 10 to 15 s.
    Natural,
}

/// How a case shows that the image of a running pod is private.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Pair {
    /// The harness lets a pod without credentials pull the same image, which must fail.
    #[default]
    Anonymous,
    /// The registry refuses an anonymous request for the manifest: for nodes with credentials of
    /// their own, on which a pod without any pulls as well.
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
    #[serde(default)]
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
#[serde(rename_all = "kebab-case")]
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
