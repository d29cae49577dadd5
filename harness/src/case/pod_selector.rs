//! Which pod a case means: by its name, by the workload it belongs to, or by labels.

use std::fmt;

use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;

/// The workloads whose pods can be meant, as kubectl writes them, with the kind that owns the pods.
const WORKLOADS: [(&str, &str); 6] = [
    ("deployment", "ReplicaSet"),
    ("replicaset", "ReplicaSet"),
    ("statefulset", "StatefulSet"),
    ("daemonset", "DaemonSet"),
    ("job", "Job"),
    ("cronjob", "Job"),
];

/// A pod as a case names it: `private-reg`, `deployment/web`, `app=web,tier=front`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PodSelector {
    /// The pod of this name.
    Name(String),
    /// The newest pod of a workload.
    Workload {
        /// Its kind as kubectl writes it: `deployment`.
        kind: &'static str,
        /// Its name.
        name: String,
    },
    /// The newest pod with all of these labels.
    Labels(Vec<(String, String)>),
}

/// A text that means no pod.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PodSelectorError {
    /// The kind has no pods, or is not known.
    #[error("`{0}` is not a workload; expected one of: {known}", known = WORKLOADS.map(|(kind, _)| kind).join(", "))]
    Kind(String),
    /// A label without a name.
    #[error("`{0}` is not a label; write name=value")]
    Label(String),
    /// Nothing.
    #[error("a pod's name is missing")]
    Empty,
}

impl PodSelector {
    /// Reads what a case says.
    ///
    /// ```
    /// use pullproof::case::PodSelector;
    /// assert_eq!(PodSelector::parse("web"), Ok(PodSelector::Name("web".into())));
    /// assert!(PodSelector::parse("service/web").is_err());
    /// ```
    ///
    /// # Errors
    /// A kind that has no pods, a label without a name, nothing at all.
    pub fn parse(text: &str) -> Result<Self, PodSelectorError> {
        if text.contains('=') {
            let labels = text.split(',').map(|label| match label.trim().split_once('=') {
                Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
                _ => Err(PodSelectorError::Label(label.to_owned())),
            });
            return labels.collect::<Result<_, _>>().map(Self::Labels);
        }
        match text.split_once('/') {
            Some(("pod", name)) if !name.is_empty() => Ok(Self::Name(name.to_owned())),
            Some((kind, name)) => match WORKLOADS.iter().find(|(known, _)| *known == kind) {
                Some((kind, _)) if !name.is_empty() => {
                    Ok(Self::Workload { kind, name: name.to_owned() })
                }
                Some(_) => Err(PodSelectorError::Empty),
                None => Err(PodSelectorError::Kind(kind.to_owned())),
            },
            None if text.is_empty() => Err(PodSelectorError::Empty),
            None => Ok(Self::Name(text.to_owned())),
        }
    }

    /// Returns the pattern of what [`PodSelector::parse`] reads, for the schema.
    pub(super) fn pattern() -> String {
        let kinds = WORKLOADS.map(|(kind, _)| kind).join("|");
        let label = r"\s*[^=,\s][^=,]*=[^,]*";
        format!("^([^=/]+|(pod|{kinds})/[^=]+|{label}(,{label})*)$")
    }

    /// Whether a pod is one that is meant.
    pub fn selects(&self, pod: &Pod) -> bool {
        match self {
            Self::Name(name) => pod.name_any() == *name,
            Self::Labels(labels) => {
                labels.iter().all(|(name, value)| pod.labels().get(name) == Some(value))
            }
            Self::Workload { kind, name } => {
                let owner =
                    WORKLOADS.iter().find(|(known, _)| known == kind).map(|(_, owner)| owner);
                pod.owner_references().iter().any(|one| {
                    Some(&one.kind.as_str()) == owner && owns(kind, name, &one.name, pod)
                })
            }
        }
    }
}

/// Whether the owner of a pod is the workload, or was made by it.
fn owns(kind: &str, name: &str, owner: &str, pod: &Pod) -> bool {
    match kind {
        // pkg/controller/deployment/sync.go names a ReplicaSet by the hash of its template.
        "deployment" => pod
            .labels()
            .get("pod-template-hash")
            .is_some_and(|hash| owner == format!("{name}-{hash}")),
        // pkg/controller/cronjob/utils.go names a Job by the minute it was due.
        "cronjob" => owner
            .strip_prefix(name)
            .and_then(|rest| rest.strip_prefix('-'))
            .is_some_and(|due| !due.is_empty() && due.bytes().all(|c| c.is_ascii_digit())),
        _ => owner == name,
    }
}

impl fmt::Display for PodSelector {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => to.write_str(name),
            Self::Workload { kind, name } => write!(to, "{kind}/{name}"),
            Self::Labels(labels) => {
                let labels: Vec<String> =
                    labels.iter().map(|(name, value)| format!("{name}={value}")).collect();
                to.write_str(&labels.join(","))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pod(metadata: &str) -> Pod {
        serde_saphyr::from_str(&format!("{{metadata: {metadata}}}")).unwrap()
    }

    fn owned(kind: &str, name: &str, labels: &str) -> Pod {
        pod(&format!(
            "{{name: p, labels: {labels}, ownerReferences: [{{apiVersion: v1, kind: {kind}, \
             name: {name}, uid: u}}]}}"
        ))
    }

    fn selects(text: &str, pod: &Pod) -> bool {
        PodSelector::parse(text).unwrap().selects(pod)
    }

    #[test]
    fn a_pod_is_meant_by_name_workload_or_labels() {
        let web = owned("ReplicaSet", "web-5d4f", "{app: web, pod-template-hash: 5d4f}");
        assert!(selects("deployment/web", &web) && selects("app=web", &web) && selects("p", &web));
        assert!(!selects("deployment/we", &web) && !selects("job/web", &web));
        assert!(!selects("app=web,tier=front", &web));
        assert!(selects("cronjob/tick", &owned("Job", "tick-29401", "{}")));
        assert!(!selects("cronjob/tick", &owned("Job", "tick-by-hand", "{}")));
        assert!(selects("daemonset/all", &owned("DaemonSet", "all", "{}")));
    }

    #[test]
    fn what_means_no_pod_is_refused() {
        assert_eq!(PodSelector::parse(""), Err(PodSelectorError::Empty));
        assert_eq!(PodSelector::parse("job/"), Err(PodSelectorError::Empty));
        assert_eq!(PodSelector::parse("=web"), Err(PodSelectorError::Label("=web".into())));
        let error = PodSelector::parse("service/web").unwrap_err().to_string();
        assert!(error.contains("deployment, replicaset"), "{error}");
    }
}
