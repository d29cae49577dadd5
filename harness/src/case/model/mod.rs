//! The words of a case file, as serde and the JSON Schema see them.
//!
//! Every struct refuses unknown keys; what serde cannot say (a registry that is not there, a failure
//! without a reason) is checked by `case::validate`, and by each verb for itself.

use std::{collections::BTreeMap, fmt};

use schemars::JsonSchema;
use semver::Version;
use serde::{Deserialize, Serialize};
use serde_saphyr::Spanned;

use super::{
    names::{LABEL, NAME, hosts_pattern, registry_pattern},
    range::VersionRange,
};

/// The longest name of a further namespace: the case's name and a number come with it.
pub(super) const NAMESPACE_LENGTH: usize = 15;

mod bounds;
mod fault;
mod registry;
mod request;
mod step;
mod text;

pub(crate) use bounds::is_secret;
pub use fault::*;
pub use registry::*;
pub use request::RequestKind;
pub use step::*;
pub use text::{Text, TextMatch, Texts};

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
    /// The version of the format that the file was written for. Default: any.
    #[serde(default)]
    pub format: Option<u64>,
    /// The versions on which a captured case was seen; `pullproof reproduce` begins with them.
    #[serde(default, rename = "seenOn")]
    pub seen_on: Option<SeenOn>,
    /// The versions this case speaks of; on others it does not apply.
    #[serde(default)]
    pub when: When,
    /// A literal namespace, taken exclusively while the case runs. Default: one of its own.
    #[serde(default)]
    #[schemars(length(max = 63), regex(pattern = format!("^{LABEL}$")))]
    pub namespace: Option<String>,
    /// More namespaces, by name: `$NAME` stands for each in manifests and commands.
    #[serde(default)]
    #[schemars(inner(length(max = NAMESPACE_LENGTH), regex(pattern = format!("^{NAME}$"))))]
    pub namespaces: Vec<String>,
    /// The registries, by literal host (`docker.io`) or by a name the harness gives a host of its
    /// own: `registry` becomes `$REGISTRY`, `the-mirror` becomes `$THE_MIRROR`.
    #[serde(default)]
    #[schemars(extend("propertyNames" = registry_pattern()))]
    pub registries: BTreeMap<String, Registry>,
    /// Registry settings of the node beyond the ones each registry brings, by image host.
    #[serde(default)]
    #[schemars(extend("propertyNames" = hosts_pattern()))]
    pub hosts: BTreeMap<String, Hosts>,
    /// What happens, in order.
    #[schemars(with = "Vec<Step>", length(min = 1))]
    pub steps: Vec<Spanned<Step>>,
}

/// The version of the format that is read here.
pub const FORMAT: u64 = 1;

/// The versions on which something was seen, as the node names them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SeenOn {
    /// The kubelet's: `1.36.3`.
    #[serde(default)]
    pub kubernetes: Option<String>,
    /// The runtime with its version: `containerd://2.2.1`, `cri-o://1.33.2`.
    #[serde(default)]
    pub runtime: Option<String>,
}

impl SeenOn {
    /// Returns the version of containerd, if that was the runtime.
    pub fn containerd(&self) -> Option<&str> {
        self.runtime.as_deref()?.strip_prefix("containerd://")
    }
}

/// Ranges of versions; all that are given must hold.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct When {
    /// Kubernetes versions, for example `>=1.35` or `1.34`.
    #[serde(default)]
    pub kubernetes: Option<VersionRange>,
    /// containerd versions, for example `>=2.0`.
    #[serde(default)]
    pub containerd: Option<VersionRange>,
}

/// `Kubernetes >=1.35, containerd >=2.0`.
impl fmt::Display for When {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kubernetes = self.kubernetes.iter().map(|range| format!("Kubernetes {range}"));
        let containerd = self.containerd.iter().map(|range| format!("containerd {range}"));
        to.write_str(&kubernetes.chain(containerd).collect::<Vec<_>>().join(", "))
    }
}

impl When {
    /// Whether a version of Kubernetes with one of containerd lies in the ranges.
    pub fn applies(&self, kubernetes: &Version, containerd: &Version) -> bool {
        self.kubernetes.as_ref().is_none_or(|range| range.contains(kubernetes))
            && self.containerd.as_ref().is_none_or(|range| range.contains(containerd))
    }
}
