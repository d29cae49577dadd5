//! What came of each container's pull.

use pullproof_credentials::{ImageError, KubernetesVersion, ListedBy, Lookup};
use pullproof_diagnosis::{Cause, Diagnosis};

use crate::finding::{self, Finding};
use crate::{Container, Location, Manifests, PodTemplate, SecretReference};

/// What came of every pod template. It has no secret's data beyond the keys and user names.
#[derive(Debug, Clone)]
pub struct Checked {
    /// A pod of each template, in the order of the manifests.
    pub pods: Vec<CheckedPod>,
    /// What is wrong, in the order of file and line.
    pub findings: Vec<Finding>,
    /// What is worth knowing and not wrong.
    pub notes: Vec<String>,
}

/// A pod as it is once the API server has admitted it.
#[derive(Debug, Clone)]
pub struct CheckedPod {
    /// What it is made of.
    pub template: PodTemplate,
    /// Its service account.
    pub service_account: String,
    /// Whether there is that account: the manifests have it, or it is every namespace's own.
    pub account_exists: bool,
    /// The names of the pull secrets that it has.
    pub secrets: Vec<String>,
    /// Whose list that is.
    pub listed_by: ListedBy,
    /// Those of its list that do not exist, and where they are named.
    pub absent: Vec<SecretReference>,
    /// What came of each container of the template, in its order.
    pub outcomes: Vec<Outcome>,
}

/// What came of the pull of an image.
#[derive(Debug, Clone)]
pub enum Outcome {
    /// It was pulled with credentials.
    Authenticated {
        /// The secret.
        secret: String,
        /// Its key that matched.
        key: String,
        /// The user name.
        user: String,
    },
    /// The image is said to be public, so that it needs none.
    Public,
    /// The API server refuses the pod.
    Refused,
    /// It was not pulled, or only because nothing was private.
    Failed(Box<Failure>),
}

/// Why an image is not pulled with credentials.
#[derive(Debug, Clone)]
pub struct Failure {
    /// The cause, or the likeliest of several.
    pub cause: Cause,
    /// What the manifests lack.
    pub lack: Lack,
    /// A secret of the pod's namespace that would serve the image.
    pub serving: Option<String>,
    /// What is known of the cause, if credentials were looked for.
    pub diagnosis: Option<Diagnosis>,
    /// What came of each secret and key.
    pub lookup: Option<Lookup>,
}

/// What a pod lacks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lack {
    /// Neither the pod nor its service account names a secret.
    NoSecret {
        /// The service account.
        account: String,
        /// Whether the manifests have it.
        known: bool,
        /// A pull secret that it has under `secrets`, where only those are which a pod may mount.
        mountable: Option<String>,
    },
    /// No secret that is named serves the image.
    NoneServes {
        /// A secret of its service account that would serve it, if the pod's own list did not replace it.
        replaced: Option<String>,
        /// One of them that the API server refuses, and where it is.
        refused: Option<(String, Location)>,
    },
    /// The policy is Never.
    NeverPulled,
    /// The image is not the name of one.
    NotAnImage(ImageError),
}

impl CheckedPod {
    /// Returns the containers, each with what came of it.
    pub fn containers(&self) -> impl Iterator<Item = (&Container, &Outcome)> {
        self.template.containers.iter().zip(&self.outcomes)
    }
}

impl Checked {
    /// Returns what came of pods, with the findings that follow from it and from the manifests alone.
    pub fn new(manifests: &Manifests, pods: Vec<CheckedPod>, version: KubernetesVersion) -> Self {
        let findings = finding::of(manifests, &pods, version);
        Self { pods, findings, notes: manifests.notes.clone() }
    }

    /// Returns how many containers there are.
    pub fn containers(&self) -> usize {
        self.pods.iter().map(|pod| pod.outcomes.len()).sum()
    }

    /// Returns how many of them are pulled with credentials.
    pub fn authenticated(&self) -> usize {
        let outcomes = self.pods.iter().flat_map(|pod| &pod.outcomes);
        outcomes.filter(|outcome| matches!(outcome, Outcome::Authenticated { .. })).count()
    }
}
