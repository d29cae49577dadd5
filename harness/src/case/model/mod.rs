//! The words of a case file, as serde and the JSON Schema see them.
//!
//! Every struct refuses unknown keys; what serde cannot say (a registry that is not there, a failure
//! without a reason) is checked by `case::validate`, and by each verb for itself.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use semver::Version;
use serde::Deserialize;
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

impl When {
    /// Whether a version of Kubernetes with one of containerd lies in the ranges.
    pub fn applies(&self, kubernetes: &Version, containerd: &Version) -> bool {
        self.kubernetes.as_ref().is_none_or(|range| range.contains(kubernetes))
            && self.containerd.as_ref().is_none_or(|range| range.contains(containerd))
    }
}
