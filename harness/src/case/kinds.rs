//! The kinds of objects that a step can name, as kubectl names one of them.

/// A kind of object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kind {
    /// What a step calls it, before the `/` of `pod/private-reg`.
    pub word: &'static str,
    /// Its API version.
    pub api_version: &'static str,
    /// Its kind.
    pub kind: &'static str,
}

const fn kind(word: &'static str, api_version: &'static str, kind: &'static str) -> Kind {
    Kind { word, api_version, kind }
}

/// The kinds that `patch` and `delete` know.
pub const KINDS: [Kind; 11] = [
    kind("pod", "v1", "Pod"),
    kind("secret", "v1", "Secret"),
    kind("serviceaccount", "v1", "ServiceAccount"),
    kind("configmap", "v1", "ConfigMap"),
    kind("namespace", "v1", "Namespace"),
    kind("deployment", "apps/v1", "Deployment"),
    kind("replicaset", "apps/v1", "ReplicaSet"),
    kind("statefulset", "apps/v1", "StatefulSet"),
    kind("daemonset", "apps/v1", "DaemonSet"),
    kind("job", "batch/v1", "Job"),
    kind("cronjob", "batch/v1", "CronJob"),
];

impl Kind {
    /// Finds the kind of a word.
    pub fn named(word: &str) -> Option<&'static Self> {
        KINDS.iter().find(|kind| kind.word == word)
    }
}
