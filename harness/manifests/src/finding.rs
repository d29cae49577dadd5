//! Findings, each at a place of the manifests.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use pullproof_credentials::{Image, KubernetesVersion};
use pullproof_diagnosis::Cause;

use crate::outcome::{CheckedPod, Failure, Outcome};
use crate::slip::SlipKind;
use crate::{Container, Location, Manifests, ObjectId, Rule};

/// Something that is wrong.
#[derive(Debug, Clone)]
pub struct Finding {
    /// What names it in a baseline: no line, no file and no tag, which change without it.
    pub id: String,
    /// What it is about.
    pub rule: Rule,
    /// Where it is: of a container, where its image stands.
    pub location: Location,
    /// The object in which it is.
    pub object: ObjectId,
    /// The container that it is about.
    pub container: Option<Container>,
    /// The template that Helm rendered the object from.
    pub rendered_from: Option<Arc<str>>,
    /// What was found.
    pub detail: Detail,
}

/// What was found.
#[derive(Debug, Clone)]
pub enum Detail {
    /// An image that is not pulled with credentials.
    Pull(Box<Failure>),
    /// A mistake that is seen without looking at credentials.
    Slip(SlipKind),
    /// A pod's service account that no manifest creates.
    NoServiceAccount {
        /// Its name.
        name: String,
    },
    /// A secret that a pod or its service account names and nobody creates, though others serve the images.
    AbsentSecret {
        /// Its name.
        name: String,
    },
    /// An image without a fixed version and the policy IfNotPresent.
    MutableTag {
        /// The tag, if the image has one.
        tag: Option<String>,
    },
    /// A pull secret that no pod uses.
    UnusedSecret {
        /// The service account that lists it, if only pods use that account which have lists of their own,
        /// or none.
        account: Option<String>,
    },
}

impl SlipKind {
    fn rule(&self) -> Rule {
        match self {
            Self::MisspeltKey { .. } => Rule::MisspeltKey,
            Self::MisplacedKey { .. } => Rule::MisplacedKey,
            Self::DuplicateKey { .. } => Rule::DuplicateKey,
            Self::SecretAsText { .. } | Self::NotAList => Rule::WrongForm,
            Self::EmptyName => Rule::EmptyName,
            Self::SecretRefused(_) => Rule::SecretRefused,
            Self::DuplicateObject { .. } => Rule::DuplicateObject,
        }
    }
}

/// Returns all findings, in the order of file and line.
pub(crate) fn of(
    manifests: &Manifests,
    pods: &[CheckedPod],
    version: KubernetesVersion,
) -> Vec<Finding> {
    let mut findings: Vec<Finding> = pods.iter().flat_map(|pod| of_pod(pod, version)).collect();
    findings.extend(manifests.slips.iter().map(|slip| Finding {
        id: String::new(),
        rule: slip.kind.rule(),
        location: slip.location.clone(),
        object: slip.object.clone(),
        container: None,
        rendered_from: slip.rendered_from.clone(),
        detail: Detail::Slip(slip.kind.clone()),
    }));
    findings.extend(unused_secrets(manifests, pods));
    findings.sort_by(|a, b| (&a.location, a.rule.id()).cmp(&(&b.location, b.rule.id())));
    // Several pods have the same service account.
    findings.dedup_by(|a, b| {
        let absent = |finding: &Finding| matches!(finding.detail, Detail::AbsentSecret { .. });
        absent(a) && absent(b) && a.location == b.location
    });
    let mut seen: HashMap<String, u32> = HashMap::new();
    for finding in &mut findings {
        let id = finding.stable_id();
        let count = seen.entry(id.clone()).or_default();
        *count += 1;
        finding.id = if *count == 1 { id } else { format!("{id} #{count}") };
    }
    findings
}

impl Finding {
    fn stable_id(&self) -> String {
        let mut id = format!("{} {}", self.rule, self.object);
        if let Some(container) = &self.container {
            let image = container.image.split('@').next().unwrap_or_default();
            let name = image.rfind('/').map_or(0, |slash| slash + 1);
            let repository = image[name..].find(':').map_or(image, |tag| &image[..name + tag]);
            id.push_str(&format!(" {} {repository}", container.name));
        }
        // It is one word a line of a baseline.
        id.chars().map(|c| if c.is_control() { '?' } else { c }).collect()
    }
}

fn of_pod(pod: &CheckedPod, version: KubernetesVersion) -> Vec<Finding> {
    let template = &pod.template;
    let finding = |rule, location: &Location, container: Option<&Container>, detail| Finding {
        id: String::new(),
        rule,
        location: location.clone(),
        object: template.object.clone(),
        container: container.cloned(),
        rendered_from: template.rendered_from.clone(),
        detail,
    };
    let mut findings = Vec::new();
    if let (false, Some(account)) = (pod.account_exists, &template.service_account) {
        let detail = Detail::NoServiceAccount { name: account.name.clone() };
        findings.push(finding(Rule::ServiceAccountAbsent, &account.location, None, detail));
    }
    let missing = |outcome: &Outcome| {
        let causes = [Cause::SecretAbsent, Cause::SecretOtherNamespace];
        matches!(outcome, Outcome::Failed(failure) if causes.contains(&failure.cause))
    };
    if !pod.outcomes.iter().any(missing) {
        findings.extend(pod.absent.iter().map(|absent| {
            let detail = Detail::AbsentSecret { name: absent.name.clone() };
            finding(Rule::Cause(Cause::SecretAbsent), &absent.location, None, detail)
        }));
    }
    for (container, outcome) in pod.containers() {
        let location = &container.location;
        if let Outcome::Failed(failure) = outcome {
            let detail = Detail::Pull(failure.clone());
            findings.push(finding(Rule::Cause(failure.cause), location, Some(container), detail));
        }
        if let Some(tag) = mutable_tag(container, version) {
            let detail = Detail::MutableTag { tag };
            findings.push(finding(Rule::MutableTag, location, Some(container), detail));
        }
    }
    findings
}

/// The tag of an image that moves, if the node keeps what it has. Without a policy, such an image has
/// the policy Always (`SetDefaults_Container` in `pkg/apis/core/v1/defaults.go`).
fn mutable_tag(container: &Container, version: KubernetesVersion) -> Option<Option<String>> {
    if container.policy.as_deref() != Some("IfNotPresent") {
        return None;
    }
    let image = Image::parse(&container.image, version).ok()?;
    let moves = image.digest().is_none() && image.tag().is_none_or(|tag| tag == "latest");
    moves.then(|| image.tag().map(str::to_owned))
}

fn unused_secrets(manifests: &Manifests, pods: &[CheckedPod]) -> Vec<Finding> {
    let used: HashSet<(&str, &str)> = pods
        .iter()
        .flat_map(|pod| {
            let namespace = pod.template.object.namespace.as_str();
            pod.secrets.iter().map(move |name| (namespace, name.as_str()))
        })
        .collect();
    let unused = manifests.secrets.iter().filter(|secret| {
        let id = &secret.id;
        secret.is_pull_secret()
            && !secret.refused
            && !used.contains(&(id.namespace.as_str(), id.name.as_str()))
            && !manifests.mentioned.contains(&id.name)
    });
    unused
        .map(|secret| {
            let account = manifests.service_accounts.iter().find(|account| {
                account.id.namespace == secret.id.namespace
                    && account.pull_secrets.iter().any(|named| named.name == secret.id.name)
            });
            let account = account.map(|account| account.id.name.clone());
            Finding {
                id: String::new(),
                rule: Rule::UnusedSecret,
                location: secret.location.clone(),
                object: secret.id.clone(),
                container: None,
                rendered_from: secret.rendered_from.clone(),
                detail: Detail::UnusedSecret { account },
            }
        })
        .collect()
}
