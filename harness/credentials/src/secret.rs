//! Pull secrets, and which of them a pod uses.

use std::collections::BTreeMap;

use secrecy::{ExposeSecret as _, SecretSlice};

/// A Secret that a pod may name among its `imagePullSecrets`.
#[derive(Debug, Clone)]
pub struct PullSecret {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Its `type`.
    pub kind: String,
    data: BTreeMap<String, SecretSlice<u8>>,
}

impl PullSecret {
    /// Returns a Secret without data.
    pub fn new(
        namespace: impl Into<String>,
        name: impl Into<String>,
        kind: impl Into<String>,
    ) -> Self {
        let data = BTreeMap::new();
        Self { namespace: namespace.into(), name: name.into(), kind: kind.into(), data }
    }

    /// Returns the Secret with one more entry in its `data`: the bytes, not their base64.
    #[must_use]
    pub fn with_data(mut self, key: impl Into<String>, value: impl Into<Vec<u8>>) -> Self {
        self.data.insert(key.into(), value.into().into());
        self
    }

    /// Returns a Secret of the type that `kubectl create secret docker-registry` makes.
    pub fn docker_config_json(
        namespace: impl Into<String>,
        name: impl Into<String>,
        content: impl Into<Vec<u8>>,
    ) -> Self {
        let secret = Self::new(namespace, name, Format::Json.secret_type());
        secret.with_data(Format::Json.data_key(), content)
    }

    /// Returns what names the Secret.
    pub fn id(&self) -> SecretId {
        SecretId { namespace: self.namespace.clone(), name: self.name.clone() }
    }

    /// Returns the keys of its `data` with their values, in the order of the alphabet.
    pub fn entries(&self) -> impl Iterator<Item = (&str, &SecretSlice<u8>)> {
        self.data.iter().map(|(key, value)| (key.as_str(), value))
    }

    pub(crate) fn data(&self, key: &str) -> Option<&[u8]> {
        self.data.get(key).map(|value| value.expose_secret())
    }

    pub(crate) fn data_keys(&self) -> Vec<String> {
        self.data.keys().cloned().collect()
    }
}

/// What names a Secret.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SecretId {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

/// The two formats of pull secrets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// `kubernetes.io/dockerconfigjson`: the content of Docker's config.json.
    Json,
    /// `kubernetes.io/dockercfg`: what config.json has under `auths`.
    Legacy,
}

impl Format {
    /// Returns the format that the type of a Secret names.
    pub fn of_type(kind: &str) -> Option<Self> {
        [Self::Json, Self::Legacy].into_iter().find(|format| format.secret_type() == kind)
    }

    /// Returns the `type` of Secrets of this format.
    pub const fn secret_type(self) -> &'static str {
        match self {
            Self::Json => "kubernetes.io/dockerconfigjson",
            Self::Legacy => "kubernetes.io/dockercfg",
        }
    }

    /// Returns the key of their `data`.
    pub const fn data_key(self) -> &'static str {
        match self {
            Self::Json => ".dockerconfigjson",
            Self::Legacy => ".dockercfg",
        }
    }
}

/// Whose list of pull secrets a pod has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ListedBy {
    /// The pod names them itself, and its service account's are left out.
    Pod,
    /// They were those of its service account when the pod was created.
    ServiceAccount,
}

/// Returns the names of the pull secrets of a pod that is created with these, in the order in which
/// the kubelet takes them, and whose list it is.
///
/// The service account's are used only if the pod's list is empty
/// (`plugin/pkg/admission/serviceaccount/admission.go`). An entry without a name fills the list; the
/// kubelet ignores it (`getPullSecretsForPod` in `pkg/kubelet/kubelet_pods.go`). A name that is there
/// twice is used twice.
pub fn effective_secrets<'a>(
    pod: &'a [String],
    service_account: &'a [String],
) -> (Vec<&'a str>, ListedBy) {
    let (names, by) = match pod {
        [] => (service_account, ListedBy::ServiceAccount),
        _ => (pod, ListedBy::Pod),
    };
    (names.iter().map(String::as_str).filter(|name| !name.is_empty()).collect(), by)
}

/// The pull secrets of a pod: those that exist, and the names of those that do not.
#[derive(Debug, Clone, Default)]
pub struct PodSecrets {
    /// Those that the kubelet finds, in the pod's order.
    pub found: Vec<PullSecret>,
    /// Those that it does not find, which it passes over with a warning.
    pub absent: Vec<AbsentSecret>,
}

/// A Secret that a pod names and that its namespace does not have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AbsentSecret {
    /// What the pod names.
    pub id: SecretId,
    /// The Secret that was perhaps meant.
    pub near: Option<NearSecret>,
}

/// A Secret that is nearly the one that is named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NearSecret {
    /// Another namespace has a Secret of that name, which a pod cannot use.
    OtherNamespace(String),
    /// The namespace has a pull secret of this name, which differs in few letters.
    Name(String),
}

impl PodSecrets {
    /// Finds the secrets that a pod in `namespace` names, among all that are known.
    pub fn resolve(namespace: &str, names: &[&str], known: &[PullSecret]) -> Self {
        let mut resolved = Self::default();
        for &name in names {
            let same_name = || known.iter().filter(|secret| secret.name == name);
            match same_name().find(|secret| secret.namespace == namespace) {
                Some(secret) => resolved.found.push(secret.clone()),
                None => {
                    let other = same_name().next().map(|secret| secret.namespace.clone());
                    let near = match other {
                        Some(namespace) => Some(NearSecret::OtherNamespace(namespace)),
                        None => similar_name(namespace, name, known).map(NearSecret::Name),
                    };
                    let id = SecretId { namespace: namespace.to_owned(), name: name.to_owned() };
                    resolved.absent.push(AbsentSecret { id, near });
                }
            }
        }
        resolved
    }
}

/// The pull secret of the namespace whose name is closest, if it is close.
fn similar_name(namespace: &str, name: &str, known: &[PullSecret]) -> Option<String> {
    known
        .iter()
        .filter(|secret| secret.namespace == namespace && Format::of_type(&secret.kind).is_some())
        .map(|secret| (strsim::jaro_winkler(&secret.name, name), &secret.name))
        .filter(|(likeness, _)| *likeness > 0.85)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, name)| name.clone())
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn names(list: &[&str]) -> Vec<String> {
        list.iter().map(|&name| name.to_owned()).collect()
    }

    #[rstest]
    #[case(&["a", "b"], &["c"], &["a", "b"], ListedBy::Pod)]
    #[case(&[], &["c", "c"], &["c", "c"], ListedBy::ServiceAccount)]
    #[case(&[""], &["c"], &[], ListedBy::Pod)]
    #[case(&["b", "", "a"], &[], &["b", "a"], ListedBy::Pod)]
    fn the_service_accounts_list_is_used_if_the_pods_is_empty(
        #[case] pod: &[&str],
        #[case] account: &[&str],
        #[case] effective: &[&str],
        #[case] by: ListedBy,
    ) {
        let (pod, account) = (names(pod), names(account));
        assert_eq!(effective_secrets(&pod, &account), (effective.to_vec(), by));
    }

    #[test]
    fn secrets_are_found_in_the_pods_namespace_only() {
        let secret =
            |namespace: &str, name: &str| PullSecret::docker_config_json(namespace, name, "{}");
        let known = [secret("b", "registry"), secret("a", "regcred"), secret("a", "other")];
        let pod =
            PodSecrets::resolve("a", &["other", "registry", "regcreds", "zzz", "other"], &known);
        let found: Vec<_> = pod.found.iter().map(|secret| secret.name.as_str()).collect();
        assert_eq!(found, ["other", "other"]);
        let near: Vec<_> = pod.absent.into_iter().map(|absent| absent.near).collect();
        let other = NearSecret::OtherNamespace("b".into());
        assert_eq!(near, [Some(other), Some(NearSecret::Name("regcred".into())), None]);
    }

    #[test]
    fn debug_output_has_no_data() {
        let secret = PullSecret::docker_config_json("a", "b", "hunter2");
        assert!(!format!("{secret:?}").contains("hunter2"));
        assert!(!format!("{secret:?}").contains("104"));
    }
}
