//! Which pods are meant.

use std::str::FromStr;

/// The pods to explain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// One pod.
    Pod(String),
    /// The pods of a workload: its kind, a Deployment for example, and its name.
    Workload(&'static str, String),
    /// Every pod of the cluster.
    All,
}

/// Kinds of workloads, with the names that kubectl takes for each.
pub(super) const WORKLOADS: [(&str, &[&str]); 6] = [
    ("Deployment", &["deployment", "deployments", "deploy"]),
    ("StatefulSet", &["statefulset", "statefulsets", "sts"]),
    ("DaemonSet", &["daemonset", "daemonsets", "ds"]),
    ("ReplicaSet", &["replicaset", "replicasets", "rs"]),
    ("Job", &["job", "jobs"]),
    ("CronJob", &["cronjob", "cronjobs", "cj"]),
];

/// A kind whose pods are not known.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not a kind with pods; expected a pod, pod/NAME, deployment/NAME, statefulset/NAME, daemonset/NAME, \
         replicaset/NAME, job/NAME or cronjob/NAME"
)]
pub struct TargetError(String);

impl FromStr for Target {
    type Err = TargetError;

    fn from_str(text: &str) -> Result<Self, TargetError> {
        let Some((kind, name)) = text.split_once('/') else {
            return Ok(Self::Pod(text.to_owned()));
        };
        let kind = kind.to_ascii_lowercase();
        // As in `deployment.apps/web`.
        let kind = kind.split_once('.').map_or(kind.as_str(), |(kind, _)| kind);
        if ["pod", "pods", "po"].contains(&kind) {
            return Ok(Self::Pod(name.to_owned()));
        }
        let known = WORKLOADS.iter().find(|(_, names)| names.contains(&kind));
        match known {
            Some((kind, _)) => Ok(Self::Workload(kind, name.to_owned())),
            None => Err(TargetError(text.to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("web-0", Target::Pod("web-0".into()))]
    #[case("po/web-0", Target::Pod("web-0".into()))]
    #[case("deploy/web", Target::Workload("Deployment", "web".into()))]
    #[case("deployment.apps/web", Target::Workload("Deployment", "web".into()))]
    #[case("CronJob/nightly", Target::Workload("CronJob", "nightly".into()))]
    fn names_are_those_that_kubectl_takes(#[case] text: &str, #[case] target: Target) {
        assert_eq!(text.parse(), Ok(target));
    }

    #[test]
    fn another_kind_is_refused_with_those_there_are() {
        let error = "service/web".parse::<Target>().unwrap_err();
        assert!(error.to_string().starts_with("`service/web` is not a kind with pods"), "{error}");
    }
}
