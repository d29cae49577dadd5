//! In what a key differs from an image that it does not match, and whether it is a near miss.

use crate::Image;
use crate::glob::BadPattern;
use crate::key::{self, DOCKER_HUB, labels};
use crate::url::Url;

/// One thing that keeps a key from matching an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Difference {
    /// The host, and in which way the key's is like it.
    Host(HostDifference),
    /// The port: no port matches only no port.
    Port {
        /// The key's.
        key: Option<String>,
        /// The image's.
        image: Option<String>,
    },
    /// The path.
    Path(PathDifference),
}

/// How a key's host is unlike the image's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HostDifference {
    /// Another number of labels, though one ends with the other: `*` stands for one label.
    Labels {
        /// How many the key has.
        key: usize,
        /// How many the image's host has.
        image: usize,
    },
    /// Only capitals differ, which count.
    Case,
    /// A few letters differ: how many.
    Similar(usize),
    /// Another host of Docker Hub; its key is `index.docker.io`.
    DockerHub,
    /// An IPv6 address without a port, which matches nothing, not even itself: its brackets are read
    /// as a set of characters.
    Ipv6WithoutPort,
    /// A pattern that is not well-formed.
    BadPattern,
    /// Another host altogether.
    Other,
}

/// How a key's path is unlike the image's, which has to begin with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PathDifference {
    /// `/v1` or `/v2`, which is dropped only with a slash behind it.
    ApiVersion,
    /// A slash behind the whole repository.
    TrailingSlash,
    /// A tag or a digest behind the repository.
    TagOrDigest,
    /// Only capitals differ, which count.
    Case,
    /// `library/` is missing: Docker Hub's images without an owner have it.
    Library,
    /// A path in Docker Hub's key `index.docker.io`, which can have none.
    DockerHub,
    /// A pattern: `*` stands for itself in a path.
    Pattern,
    /// Another path altogether.
    Other,
}

impl Difference {
    /// Whether a person may well have meant the key for the image.
    pub fn is_near(&self) -> bool {
        !matches!(self, Self::Host(HostDifference::Other))
    }
}

/// Lists what differs, the host first. Empty only for a key that matches.
pub(crate) fn differences(key: &Url, image_url: &Url, image: &Image) -> Vec<Difference> {
    let (key_host, key_port) = key.host_and_port();
    let (host, port) = image_url.host_and_port();
    let for_hub = image.is_docker_hub() && key_host == DOCKER_HUB;
    let host = match for_hub {
        true => None,
        false => host_difference(key_host, host).map(Difference::Host),
    };
    // Elsewhere a colon without a port is none; this key is compared as a whole.
    let colon = for_hub && key.host.ends_with(b":");
    let port = (key_port != port || colon).then(|| Difference::Port {
        key: if colon { Some(String::new()) } else { port_text(key_port) },
        image: port_text(port),
    });
    let path = match for_hub {
        // This key is compared as a whole: any path is too much.
        true if !key.path.is_empty() => Some(path_difference(&key.path, image_url)),
        _ if image_url.path.starts_with(&key.path) => None,
        _ => Some(path_difference(&key.path, image_url)),
    };
    host.into_iter().chain(port).chain(path.map(Difference::Path)).collect()
}

fn port_text(port: &[u8]) -> Option<String> {
    if port.is_empty() { None } else { Some(String::from_utf8_lossy(port).into_owned()) }
}

fn host_difference(key: &[u8], host: &[u8]) -> Option<HostDifference> {
    let (of_key, of_image) = (labels(key).count(), labels(host).count());
    match key::labels_match(key, host) {
        Ok(true) if of_key == of_image => return None,
        Err(BadPattern) if of_key == of_image => return Some(HostDifference::BadPattern),
        _ => {}
    }
    let (key_text, text) = (String::from_utf8_lossy(key), String::from_utf8_lossy(host));
    let hub = ["docker.io", "docker.com"];
    let is_of = |domain: &str| key_text == domain || key_text.ends_with(&format!(".{domain}"));
    if key == host {
        return Some(HostDifference::Ipv6WithoutPort);
    }
    if key_text.eq_ignore_ascii_case(&text) {
        return Some(HostDifference::Case);
    }
    if text == "docker.io" && hub.into_iter().any(is_of) {
        return Some(HostDifference::DockerHub);
    }
    if of_key != of_image && ends_alike(key, host) {
        return Some(HostDifference::Labels { key: of_key, image: of_image });
    }
    Some(match few_letters(&key_text, &text) {
        Some(letters) => HostDifference::Similar(letters),
        None => HostDifference::Other,
    })
}

/// How many letters differ, if they are few. Of a short host a few letters are all: at most one in four.
fn few_letters(key: &str, host: &str) -> Option<usize> {
    let length = host.chars().count();
    // A key may be as long as its secret, and comparing takes time by both lengths.
    if key.chars().count().abs_diff(length) > 3 {
        return None;
    }
    Some(strsim::levenshtein(key, host)).filter(|&letters| letters <= 3 && letters * 4 <= length)
}

/// Whether the shorter host is the end of the longer one: two labels of it at least, none of them a
/// `*` alone. A key of such labels only is meant for every registry.
fn ends_alike(key: &[u8], host: &[u8]) -> bool {
    let reversed = |host: &[u8]| labels(host).rev().map(<[u8]>::to_vec).collect::<Vec<_>>();
    let (mut key, host) = (reversed(key), reversed(host));
    if key.iter().all(|label| label == b"*") {
        return true;
    }
    if key.last().is_some_and(|label| label == b"*") {
        key.pop();
    }
    let alike = key
        .iter()
        .zip(&host)
        .all(|(pattern, label)| crate::glob::matches(pattern, label) == Ok(true));
    alike && key.len() >= 2 && host.len() >= 2
}

fn path_difference(key: &[u8], image: &Url) -> PathDifference {
    let path = image.path.as_slice();
    let library = key.strip_prefix(b"/").map(|rest| [b"/library/", rest].concat());
    let without_tag = key.iter().rposition(|byte| b":@".contains(byte)).map(|place| &key[..place]);
    if matches!(key, b"/v1" | b"/v2") {
        PathDifference::ApiVersion
    } else if key.strip_suffix(b"/") == Some(path) {
        PathDifference::TrailingSlash
    } else if without_tag.is_some_and(|key| key.len() > 1 && path.starts_with(strip_tag(key))) {
        PathDifference::TagOrDigest
    } else if path.starts_with(key) {
        PathDifference::DockerHub
    } else if path.to_ascii_lowercase().starts_with(&key.to_ascii_lowercase()) {
        PathDifference::Case
    } else if library.is_some_and(|library| path.starts_with(&library)) {
        PathDifference::Library
    } else if key.iter().any(|byte| b"*?[".contains(byte)) {
        PathDifference::Pattern
    } else {
        PathDifference::Other
    }
}

/// `app:v1@sha256` is what is left of a name with both, and `app@sha256` of one with a digest.
fn strip_tag(key: &[u8]) -> &[u8] {
    let end = key.iter().position(|byte| b":@".contains(byte)).unwrap_or(key.len());
    &key[..end]
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::KubernetesVersion;
    use crate::key::Key;

    fn between(key: &str, image: &str) -> Vec<Difference> {
        let version = KubernetesVersion::new(37, 2);
        let image = Image::parse(image, version).unwrap();
        let url = key::url_of(&image, version.rules()).unwrap();
        let key = Key::parse(key, version.rules()).unwrap().url.unwrap();
        differences(&key, &url, &image)
    }

    #[rstest]
    #[case("reg.example.com", "a.reg.example.com/x", HostDifference::Labels { key: 3, image: 4 })]
    #[case("*.example.com", "a.b.example.com/x", HostDifference::Labels { key: 3, image: 4 })]
    #[case("*.example.com", "example.com/x", HostDifference::Labels { key: 3, image: 2 })]
    #[case("a.b.example.com", "b.example.com/x", HostDifference::Labels { key: 4, image: 3 })]
    #[case("Reg.Example.com", "reg.example.com/x", HostDifference::Case)]
    #[case("reg.exmaple.com", "reg.example.com/x", HostDifference::Similar(2))]
    #[case("registry-1.docker.io", "nginx", HostDifference::DockerHub)]
    #[case("https://hub.docker.com", "a/b", HostDifference::DockerHub)]
    #[case("[::1]", "[::1]/x", HostDifference::Ipv6WithoutPort)]
    #[case("[::ffff:1.2.3.4]", "1.2.3.4/x", HostDifference::BadPattern)]
    #[case("quay.io", "ghcr.io/x", HostDifference::Other)]
    #[case("*.com", "quay.io/x", HostDifference::Other)]
    fn hosts_differ(#[case] key: &str, #[case] image: &str, #[case] difference: HostDifference) {
        assert_eq!(between(key, image), [Difference::Host(difference)]);
    }

    #[rstest]
    #[case("reg.example/v2", "reg.example/team/app", PathDifference::ApiVersion)]
    #[case("https://index.docker.io/v1", "nginx", PathDifference::ApiVersion)]
    #[case("https://index.docker.io/team", "team/app", PathDifference::DockerHub)]
    #[case("reg.example/team/app/", "reg.example/team/app", PathDifference::TrailingSlash)]
    #[case("reg.example/team/app:v1", "reg.example/team/app", PathDifference::TagOrDigest)]
    #[case("reg.example/app@sha256:00", "reg.example/app", PathDifference::TagOrDigest)]
    #[case("reg.example/app:v1@sha256:00", "reg.example/app", PathDifference::TagOrDigest)]
    #[case("reg.example/Team", "reg.example/team/app", PathDifference::Case)]
    #[case("docker.io/nginx", "nginx", PathDifference::Library)]
    #[case("reg.example/*", "reg.example/team", PathDifference::Pattern)]
    #[case("reg.example/other", "reg.example/team", PathDifference::Other)]
    fn paths_differ(#[case] key: &str, #[case] image: &str, #[case] difference: PathDifference) {
        assert_eq!(between(key, image), [Difference::Path(difference)]);
    }

    #[rstest]
    #[case("reg.example", "reg.example:5000/x", None, Some("5000"))]
    #[case("reg.example:443", "reg.example/x", Some("443"), None)]
    #[case("reg.example:1", "reg.example:2/x", Some("1"), Some("2"))]
    #[case("index.docker.io:443", "nginx", Some("443"), None)]
    #[case("index.docker.io:", "nginx", Some(""), None)]
    fn ports_differ(
        #[case] key: &str,
        #[case] image: &str,
        #[case] of_key: Option<&str>,
        #[case] of_image: Option<&str>,
    ) {
        let [key_port, image_port] = [of_key, of_image].map(|port| port.map(str::to_owned));
        let port = Difference::Port { key: key_port, image: image_port };
        assert_eq!(between(key, image), [port]);
    }

    #[test]
    fn all_that_differs_is_listed() {
        let differences = between("reg.exampl/b", "reg.example:5000/a");
        assert!(matches!(
            differences.as_slice(),
            [
                Difference::Host(HostDifference::Similar(1)),
                Difference::Port { .. },
                Difference::Path(_)
            ]
        ));
        assert!(differences.iter().all(Difference::is_near));
    }
}
