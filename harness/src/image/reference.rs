//! Image references, as containerd and the kubelet read them.

/// The registry of names without one.
const DOCKER_HUB: &str = "docker.io";

/// An image reference in its parts, normalised as by `ParseDockerRef`
/// (github.com/distribution/reference, normalize.go).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// The registry's host, with its port: `docker.io` if none is named.
    pub host: String,
    /// The repository: of a single word at Docker Hub, `library/` and that word.
    pub repository: String,
    /// The tag, if there is one.
    pub tag: Option<String>,
    /// The digest, if there is one: `sha256:…`.
    pub digest: Option<String>,
}

impl Reference {
    /// Reads a reference. It is not checked: what is no reference gives parts that are none.
    ///
    /// ```
    /// use pullproof::image::Reference;
    /// let hub = Reference::of("index.docker.io/nginx:1.29");
    /// assert_eq!((hub.host.as_str(), hub.repository.as_str()), ("docker.io", "library/nginx"));
    /// ```
    pub fn of(text: &str) -> Self {
        let (text, digest) = match text.split_once('@') {
            Some((name, digest)) => (name, Some(digest.to_owned())),
            None => (text, None),
        };
        let (host, rest) = match text.split_once('/') {
            Some((host, rest)) if is_host(host) => (host, rest),
            _ => (DOCKER_HUB, text),
        };
        let host = if host == "index.docker.io" { DOCKER_HUB } else { host };
        let (path, tag) = match rest.rsplit_once(':') {
            Some((path, tag)) => (path, Some(tag.to_owned())),
            None => (rest, None),
        };
        let repository = match host == DOCKER_HUB && !path.contains('/') {
            true => format!("library/{path}"),
            false => path.to_owned(),
        };
        Self { host: host.to_owned(), repository, tag, digest }
    }

    /// The same repository, tag and digest at another host.
    pub fn at(&self, host: &str) -> String {
        let tag = self.tag.iter().map(|tag| format!(":{tag}"));
        let digest = self.digest.iter().map(|digest| format!("@{digest}"));
        format!("{host}/{}{}", self.repository, tag.chain(digest).collect::<String>())
    }
}

/// Whether the first part of a reference is a host. One with capitals is, for a repository has none.
fn is_host(part: &str) -> bool {
    part.contains(['.', ':']) || part == "localhost" || part.chars().any(|c| c.is_ascii_uppercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_a_docker_hub_name_is_the_same_image() {
        for (text, repository) in [
            ("nginx", "library/nginx"),
            ("nginx:1.29", "library/nginx"),
            ("docker.io/nginx:1.29", "library/nginx"),
            ("index.docker.io/library/nginx:1.29", "library/nginx"),
            ("janedoe/jdoe-private:v1", "janedoe/jdoe-private"),
            ("docker.io/janedoe/jdoe-private:v1", "janedoe/jdoe-private"),
        ] {
            let read = Reference::of(text);
            assert_eq!((read.host.as_str(), read.repository.as_str()), ("docker.io", repository));
        }
    }

    #[test]
    fn a_host_has_a_dot_a_port_or_capitals() {
        for (text, host) in [
            ("localhost/a:v1", "localhost"),
            ("localhost:5000/a:v1", "localhost:5000"),
            ("[fc00::1]:5000/a", "[fc00::1]:5000"),
            ("Registry/a", "Registry"),
            ("quay.io/a/b", "quay.io"),
            ("team/a", "docker.io"),
        ] {
            assert_eq!(Reference::of(text).host, host, "{text}");
        }
    }

    #[test]
    fn the_same_image_at_another_host_keeps_tag_and_digest() {
        let at = |text: &str| Reference::of(text).at("other.invalid");
        assert_eq!(at("127.0.0.1:5000/a/b:v1"), "other.invalid/a/b:v1");
        assert_eq!(at("nginx@sha256:00"), "other.invalid/library/nginx@sha256:00");
        assert_eq!(at("quay.io/a:v1@sha256:00"), "other.invalid/a:v1@sha256:00");
        assert_eq!(at("quay.io/a"), "other.invalid/a");
    }
}
