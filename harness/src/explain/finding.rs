//! What was found, grouped: twenty pods that fail for one secret are one finding.

use std::{collections::HashMap, sync::Arc};

use pullproof_credentials::Lookup;
use pullproof_diagnosis::{Cause, Diagnosis};
use schemars::JsonSchema;
use serde::Serialize;

use crate::probe::Answers;

/// What was found in a cluster.
#[derive(Debug, Clone, Default)]
pub struct Explanation {
    /// One per cause, the one with the most pulls first.
    pub findings: Vec<Finding>,
    /// What may not be read, and what that leaves open.
    pub unread: Vec<String>,
    /// What is worth knowing and not a cause.
    pub notes: Vec<String>,
}

/// Why one or more pulls fail.
#[derive(Debug, Clone)]
pub struct Finding {
    /// The cause, of the first of the pulls.
    pub diagnosis: Diagnosis,
    /// What the kubelet's rules say of the secrets of the first of the pulls, if they may be read.
    pub lookup: Option<Lookup>,
    /// The pulls.
    pub pulls: Vec<Pull>,
    /// What registries answer for their images, asked from here; empty if they were not asked. The
    /// first has the logins of the look-up.
    pub probes: Vec<Arc<Answers>>,
}

/// A container that cannot pull.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Pull {
    /// The pod's namespace.
    pub namespace: String,
    /// The pod.
    pub pod: String,
    /// The container.
    pub container: String,
    /// Its image.
    pub image: String,
    /// The node, if the pod has one.
    pub node: Option<String>,
    /// The waiting reason.
    pub reason: String,
}

/// What two pulls have in common that are one finding.
#[derive(PartialEq, Eq, Hash)]
struct Group {
    causes: Vec<Cause>,
    namespace: String,
    registry: String,
    /// The secrets, with what comes of each key.
    secrets: Vec<String>,
    /// The innermost error of a message that is not understood.
    unknown: Option<String>,
}

impl Finding {
    fn group(&self) -> Group {
        let (namespace, image) =
            self.pulls.first().map_or(("", ""), |pull| (&*pull.namespace, &*pull.image));
        let causes = self.diagnosis.candidates().iter().map(|candidate| candidate.id);
        let causes: Vec<Cause> = self.diagnosis.cause().into_iter().chain(causes).collect();
        let rows = self.lookup.iter().flat_map(Lookup::rows);
        Group {
            namespace: namespace.to_owned(),
            registry: image.split_once('/').map_or("", |(registry, _)| registry).to_owned(),
            secrets: rows.map(|row| format!("{} {:?}", row.secret.name, row.key)).collect(),
            unknown: causes.is_empty().then(|| self.diagnosis.sentence.clone()),
            causes,
        }
    }
}

impl Explanation {
    /// Groups findings of one pull each.
    pub(super) fn of(
        findings: impl IntoIterator<Item = Finding>,
        unread: Vec<String>,
        notes: Vec<String>,
    ) -> Self {
        let mut grouped: Vec<Finding> = Vec::new();
        let mut places = HashMap::new();
        for finding in findings {
            let next = grouped.len();
            let place = *places.entry(finding.group()).or_insert(next);
            match grouped.get_mut(place) {
                Some(known) => {
                    known.pulls.extend(finding.pulls);
                    let probes = finding.probes.into_iter();
                    let new =
                        probes.filter(|one| !known.probes.iter().any(|two| Arc::ptr_eq(one, two)));
                    let new: Vec<_> = new.collect();
                    known.probes.extend(new);
                }
                None => grouped.push(finding),
            }
        }
        for finding in &mut grouped {
            finding.pulls.sort();
        }
        grouped.sort_by_key(|finding| std::cmp::Reverse(finding.pulls.len()));
        Self { findings: grouped, unread, notes }
    }
}

#[cfg(test)]
mod tests {
    use pullproof_diagnosis::{Evidence, diagnose};

    use super::*;

    fn finding(pod: &str, namespace: &str, message: &str) -> Finding {
        Finding {
            diagnosis: diagnose(&Evidence::of_message(message)),
            lookup: None,
            pulls: vec![Pull {
                namespace: namespace.into(),
                pod: pod.into(),
                container: "web".into(),
                image: format!("registry.example/{pod}:v1"),
                node: None,
                reason: "ErrImagePull".into(),
            }],
            probes: Vec::new(),
        }
    }

    #[test]
    fn pulls_of_one_cause_in_one_namespace_are_one_finding() {
        let unknown_ca =
            "tls: failed to verify certificate: x509: certificate signed by unknown authority";
        let full = "write /var/lib/containerd/x: no space left on device";
        let all = [
            finding("a", "shop", full),
            finding("c", "shop", unknown_ca),
            finding("b", "shop", unknown_ca),
            finding("b", "jobs", unknown_ca),
        ];
        let explanation = Explanation::of(all, Vec::new(), Vec::new());
        let pods = |finding: &Finding| -> Vec<String> {
            finding.pulls.iter().map(|pull| pull.pod.clone()).collect()
        };
        let found: Vec<_> = explanation.findings.iter().map(pods).collect();
        assert_eq!(found, [vec!["b", "c"], vec!["a"], vec!["b"]]);
    }
}
