//! What may be known of a failed pull; every part is optional.

use serde::{Deserialize, Serialize};

use crate::keyring::Lookup;

/// All that is known of a failed pull.
#[derive(Debug, Clone, Default)]
pub struct Evidence {
    /// What was said, in any order.
    pub messages: Vec<Said>,
    /// The image as the pod names it.
    pub image: Option<String>,
    /// Whether the image is on the node.
    pub on_node: Option<bool>,
    /// The container's pull policy.
    pub policy: Option<PullPolicy>,
    /// What is known of the pod.
    pub pod: Option<Pod>,
    /// The image looked up in the pod's pull secrets.
    pub keyring: Option<Lookup>,
    /// The kubelet's version.
    pub kubernetes: Option<semver::Version>,
    /// The container runtime.
    pub runtime: Option<Runtime>,
    /// When the pull failed, by a clock other than the node's.
    pub at: Option<jiff::Timestamp>,
    /// What the registry recorded of the pull, oldest first.
    pub requests: Vec<Request>,
    /// What the registry answers when asked now.
    pub probe: Option<Probe>,
}

impl Evidence {
    /// Returns the evidence of one message alone.
    #[must_use]
    pub fn of_message(text: impl Into<String>) -> Self {
        let said = Said { text: text.into(), place: Place::Unknown };
        Self { messages: vec![said], ..Self::default() }
    }
}

/// A message and where it stood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// The text.
    pub text: String,
    /// Where it stood.
    pub place: Place,
}

/// Where a message stood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// It is not known.
    Unknown,
    /// An event with this reason.
    Event(String),
    /// The waiting state of a container, with this reason.
    Waiting(String),
    /// A log of the kubelet or the runtime.
    Log,
}

/// A container's `imagePullPolicy`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum PullPolicy {
    /// Always ask the registry.
    Always,
    /// Ask it only if the image is not on the node.
    IfNotPresent,
    /// Never ask it.
    Never,
}

/// What is known of the pod.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pod {
    /// Its namespace.
    pub namespace: String,
    /// The pull secrets it names, those of its ServiceAccount included.
    pub secrets: Vec<String>,
}

/// The container runtime of the node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Runtime {
    /// Its name, as in `status.nodeInfo.containerRuntimeVersion`.
    pub name: String,
    /// Its version.
    pub version: Option<semver::Version>,
}

/// One request as the registry recorded it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// What was asked for.
    pub asked: Asked,
    /// Whether it carried credentials, or a token got with credentials.
    pub credentials: bool,
    /// The answer's status.
    pub status: u16,
}

/// What a request was for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Asked {
    /// A token.
    Token,
    /// A manifest.
    Manifest,
    /// A layer or configuration.
    Blob,
}

/// What the registry answers now, as far as it was asked: from another place than the node, whose
/// network, authorities and mirrors may differ.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Probe {
    /// The status of the manifest without credentials.
    #[serde(default)]
    pub anonymous: Option<u16>,
    /// The status of the manifest with the pod's credentials.
    #[serde(default)]
    pub authorised: Option<u16>,
    /// The status of the token server's answer to the pod's credentials, if there is a token server.
    #[serde(default)]
    pub token: Option<u16>,
    /// What kept the registry from being asked.
    #[serde(default)]
    pub obstacle: Option<Obstacle>,
    /// Whether the repository exists, asked by a user who may see it.
    #[serde(default)]
    pub repository: Option<bool>,
    /// Whether the tag or digest exists, asked likewise.
    #[serde(default)]
    pub tag: Option<bool>,
}

/// What kept the registry from being asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Obstacle {
    /// Its name was not resolved.
    Name,
    /// The connection was refused.
    Refused,
    /// It did not answer in time, or there was no way to it.
    Unreachable,
    /// Its certificate is of an authority that is not trusted there.
    UnknownAuthority,
    /// Its certificate is for another name.
    CertificateName,
    /// Its certificate has expired by the clock there.
    CertificateExpired,
    /// It answers plain HTTP where HTTPS was asked for.
    PlainHttp,
}
