//! The shape of an image reference, and which registry it names.

use std::fmt;

use serde::Serialize;

use crate::message::field;

/// An image reference, as far as a diagnosis needs it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Reference {
    /// The reference as written.
    pub text: String,
    /// Host and port, where the reference names them.
    pub host: Option<String>,
    /// The repository's path, without host, tag and digest.
    pub path: String,
}

impl Reference {
    /// Reads a reference; what cannot be parsed as one has no host.
    ///
    /// The first part of the path is a host if it has a dot or a port, or is `localhost`
    /// (`distribution/reference/normalize.go`).
    #[must_use]
    pub fn read(text: &str) -> Self {
        let bare = text.split('@').next().unwrap_or(text);
        let (host, rest) = match bare.split_once('/') {
            Some((first, rest)) if is_host(first) => (Some(first.to_owned()), rest),
            _ => (None, bare),
        };
        let path = match rest.rsplit_once(':') {
            Some((path, tag)) if !tag.contains('/') => path,
            _ => rest,
        };
        Self { text: text.to_owned(), host, path: path.to_owned() }
    }

    /// Returns the host that is asked: Docker Hub's where the reference names none.
    #[must_use]
    pub fn registry(&self) -> &str {
        self.host.as_deref().unwrap_or("docker.io")
    }

    /// Returns whether another registry's host stands where this registry has a namespace.
    ///
    /// A namespace of Docker Hub has no dot, and no registry holds itself.
    #[must_use]
    pub fn names_two_registries(&self) -> bool {
        let Some(first) = self.path.split('/').next().filter(|_| self.path.contains('/')) else {
            return false;
        };
        if Registry::of(self.registry()) == Registry::DockerHub {
            return first.contains('.');
        }
        Some(first) == self.host.as_deref()
    }

    /// Returns whether the path's first part is named as projects are that fetch from another registry.
    #[must_use]
    pub fn is_passed_through(&self) -> bool {
        let first = self.path.split('/').next().unwrap_or_default();
        ["cache", "proxy", "remote", "mirror"].iter().any(|word| first.contains(word))
            || Registry::of(first).is_well_known()
    }

    /// Returns whether the reference is a single word, which Docker Hub's `library` stands for.
    #[must_use]
    pub fn is_single_word(&self) -> bool {
        match self.host.as_deref() {
            None => !self.path.contains('/'),
            Some(host) => {
                Registry::of(host) == Registry::DockerHub
                    && self.path.strip_prefix("library/").is_some_and(|rest| !rest.contains('/'))
            }
        }
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

fn is_host(part: &str) -> bool {
    part == "localhost" || part.contains(['.', ':'])
}

/// Registries whose answers have a meaning of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Registry {
    /// Docker Hub.
    DockerHub,
    /// Amazon's private registry.
    Ecr,
    /// Azure's registry.
    Acr,
    /// Google's registries.
    Google,
    /// Quay.
    Quay,
    /// GitHub's registry.
    Ghcr,
    /// A GitLab's registry.
    GitLab,
    /// OpenShift's internal registry.
    OpenShift,
    /// Kubernetes' own public images.
    Kubernetes,
    /// Any other.
    Other,
}

impl Registry {
    /// Returns which registry a host belongs to, token servers included.
    #[must_use]
    pub fn of(host: &str) -> Self {
        let host = field::without_port(host).to_ascii_lowercase();
        let host = host.as_str();
        let under = |suffix: &str| {
            host.strip_suffix(suffix).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
        };
        if under("docker.io") || host == "production.cloudflare.docker.com" {
            Self::DockerHub
        } else if host.contains(".dkr.ecr.")
            || host.contains(".dkr-ecr.")
            || host.starts_with("ecr.")
        {
            Self::Ecr
        } else if [".azurecr.io", ".azurecr.cn", ".azurecr.us"]
            .iter()
            .any(|end| host.ends_with(end))
        {
            Self::Acr
        } else if host == "k8s.gcr.io" || host == "registry.k8s.io" {
            Self::Kubernetes
        } else if under("gcr.io") || host.ends_with(".pkg.dev") {
            Self::Google
        } else if under("quay.io") {
            Self::Quay
        } else if host == "ghcr.io" || host == "docker.pkg.github.com" {
            Self::Ghcr
        } else if host.contains("gitlab") {
            Self::GitLab
        } else if host.starts_with("image-registry.openshift-image-registry")
            || host.starts_with("docker-registry.default")
        {
            Self::OpenShift
        } else {
            Self::Other
        }
    }

    /// Returns whether nodes are meant to pull from it by an identity of their own.
    #[must_use]
    pub const fn knows_nodes(self) -> bool {
        matches!(self, Self::Ecr | Self::Acr | Self::Google)
    }

    /// Returns whether its name is known to exist in the public DNS.
    #[must_use]
    pub const fn is_well_known(self) -> bool {
        matches!(self, Self::DockerHub | Self::Google | Self::Quay | Self::Ghcr | Self::Kubernetes)
    }
}

/// Returns whether only a cluster's DNS, or a local one, can know the name.
pub(crate) fn is_local_name(host: &str) -> bool {
    let host = field::without_port(host).trim_end_matches('.');
    let top = host.rsplit('.').next().unwrap_or(host);
    // No public top-level domain has a hyphen, but for encoded ones.
    top == host
        || (top.contains('-') && !top.starts_with("xn--"))
        || [".svc", ".local", ".internal", ".lan", ".localdomain"]
            .iter()
            .any(|end| host.ends_with(end))
        || host.contains(".svc.")
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("tool", None, "tool")]
    #[case("team/tool:1", None, "team/tool")]
    #[case("reg:5000/team/tool:1", Some("reg:5000"), "team/tool")]
    #[case("localhost/tool@sha256:1", Some("localhost"), "tool")]
    #[case("docker.io/quay.io/team/tool", Some("docker.io"), "quay.io/team/tool")]
    fn references(#[case] text: &str, #[case] host: Option<&str>, #[case] path: &str) {
        let reference = Reference::read(text);
        assert_eq!((reference.host.as_deref(), reference.path.as_str()), (host, path));
    }

    #[rstest]
    #[case("docker.io/quay.io/team/tool", true)]
    #[case("reg.example.net/reg.example.net/tool", true)]
    #[case("reg.example.net/docker.io/library/tool", false)]
    #[case("gcr.io/example.org/project/tool", false)]
    #[case("docker.io/team/tool", false)]
    fn doubled_registries(#[case] text: &str, #[case] expected: bool) {
        assert_eq!(Reference::read(text).names_two_registries(), expected);
    }

    #[rstest]
    #[case("auth.docker.io", Registry::DockerHub)]
    #[case("1.dkr.ecr.eu-west-1.amazonaws.com", Registry::Ecr)]
    #[case("example.azurecr.io", Registry::Acr)]
    #[case("eu.gcr.io", Registry::Google)]
    #[case("k8s.gcr.io", Registry::Kubernetes)]
    #[case("europe-docker.pkg.dev", Registry::Google)]
    #[case("notquay.io", Registry::Other)]
    #[case("registry.gitlab.com:443", Registry::GitLab)]
    fn registries(#[case] host: &str, #[case] expected: Registry) {
        assert_eq!(Registry::of(host), expected);
    }
}
