//! The key of an entry: what it is compared as, and whether an image matches it
//! (`Add` and `URLsMatch` in `pkg/credentialprovider/keyring.go`).

use crate::Image;
use crate::glob;
use crate::url::{Url, UrlError};
use crate::version::Rules;

/// The key that Docker Hub's credentials have.
pub(crate) const DOCKER_HUB: &[u8] = b"index.docker.io";

/// A key, compared without its scheme and API version.
#[derive(Debug, Clone)]
pub(crate) struct Key {
    /// What keys are ordered by: host and path.
    pub(crate) normalised: Vec<u8>,
    /// What is compared. It is parsed again after its escapes were read, which can fail.
    pub(crate) url: Result<Url, UrlError>,
}

impl Key {
    pub(crate) fn parse(text: &str, rules: Rules) -> Result<Self, UrlError> {
        let schemes = ["https://", "http://"];
        let rest = schemes.iter().find_map(|scheme| text.strip_prefix(scheme)).unwrap_or(text);
        let Url { host: mut normalised, path } = Url::parse(rest.as_bytes(), rules)?;
        let api = path.starts_with(b"/v2/") || path.starts_with(b"/v1/");
        let path = if api { &path[3..] } else { &path };
        if path != b"/" {
            normalised.extend_from_slice(path);
        }
        let url = Url::parse(&normalised, rules);
        Ok(Self { normalised, url })
    }
}

/// The key for people: a password that stands before the host is left out.
pub(crate) fn shown(text: &str) -> String {
    let after_scheme = text.find("://").map_or(0, |place| place + 3);
    let end =
        text[after_scheme..].find(['/', '?', '#']).map_or(text.len(), |end| after_scheme + end);
    let authority = &text[after_scheme..end];
    match authority.rsplit_once('@').and_then(|(user, host)| Some((user.split_once(':')?.0, host)))
    {
        Some((user, host)) => format!("{}{user}:***@{host}{}", &text[..after_scheme], &text[end..]),
        None => text.to_owned(),
    }
}

/// Whether host, port and path of a key match those of an image.
pub(crate) fn matches(key: &Url, image: &Url) -> bool {
    let ((key_host, key_port), (host, port)) = (key.host_and_port(), image.host_and_port());
    key_port == port
        && labels(key_host).count() == labels(host).count()
        && image.path.starts_with(&key.path)
        && labels_match(key_host, host) == Ok(true)
}

pub(crate) fn labels(host: &[u8]) -> impl DoubleEndedIterator<Item = &[u8]> {
    host.split(|&byte| byte == b'.')
}

/// Whether each label of the host matches the key's. As many as both have are compared.
pub(crate) fn labels_match(key: &[u8], host: &[u8]) -> Result<bool, glob::BadPattern> {
    for (pattern, label) in labels(key).zip(labels(host)) {
        if !glob::matches(pattern, label)? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Whether one label of a key's host, which may be a pattern, matches one of an image's host
/// (`filepath.Match` of Go). A pattern that is not well-formed matches nothing.
pub fn label_matches(pattern: &str, label: &str) -> bool {
    glob::matches(pattern.as_bytes(), label.as_bytes()) == Ok(true)
}

/// How an image came to match a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MatchedBy {
    /// The key is a host.
    Host,
    /// The key has a path, and the image's path is that or below it.
    Path,
    /// The key's path ends within a word of the image's: `reg/team` matches `reg/teammate/app`.
    PartOfPath,
    /// No key matches, and the image is Docker Hub's as far as the kubelet can tell.
    DockerHub,
}

impl MatchedBy {
    pub(crate) fn of(key: &Url, image: &Url) -> Self {
        match key.path.as_slice() {
            [] | [b'/'] => Self::Host,
            [.., b'/'] => Self::Path,
            path => match image.path.get(path.len()) {
                None | Some(b'/') => Self::Path,
                Some(_) => Self::PartOfPath,
            },
        }
    }
}

/// Reads the repository of an image as a URL, which it need not be.
pub(crate) fn url_of(image: &Image, rules: Rules) -> Result<Url, UrlError> {
    Url::parse(image.repository().as_bytes(), rules)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::KubernetesVersion;

    const VERSION: KubernetesVersion = KubernetesVersion::new(37, 2);

    #[rstest]
    #[case("reg", "reg")]
    #[case("http://reg", "reg")]
    #[case("https://reg/", "reg")]
    #[case("https://reg/v1/", "reg")]
    #[case("reg/v2/", "reg")]
    #[case("reg/v2/team", "reg/team")]
    #[case("reg/v2", "reg/v2")]
    #[case("reg/v3/", "reg/v3/")]
    #[case("reg//", "reg//")]
    #[case("user:pass@reg:5000/team/", "reg:5000/team/")]
    #[case("reg/%74eam?x#y", "reg/team")]
    #[case("ftp://reg", "ftp://reg")]
    #[case("", "")]
    fn scheme_and_api_version_are_dropped(#[case] text: &str, #[case] normalised: &str) {
        let key = Key::parse(text, VERSION.rules()).unwrap();
        assert_eq!(key.normalised, normalised.as_bytes());
    }

    #[rstest]
    #[case("https://jane:hunt:er@2@reg/a@b", "https://jane:***@reg/a@b")]
    #[case("jane:hunter2@reg", "jane:***@reg")]
    #[case("jane@reg:5000", "jane@reg:5000")]
    #[case("reg:5000/a:b@c", "reg:5000/a:b@c")]
    fn a_password_in_a_key_is_not_shown(#[case] text: &str, #[case] expected: &str) {
        assert_eq!(shown(text), expected);
    }

    #[rstest]
    #[case("*.kubernetes.io", "a.kubernetes.io/x", true)]
    #[case("*.kubernetes.io", "kubernetes.io/x", false)]
    #[case("*.kubernetes.io", "a.b.kubernetes.io/x", false)]
    #[case("k*.io", "kubernetes.io/x", true)]
    #[case("reg.example", "reg.example:5000/x", false)]
    #[case("reg.example:5000", "reg.example:5000/x", true)]
    #[case("reg.example:*", "reg.example:5000/x", false)]
    #[case("reg.example/pong", "reg.example/pongz", true)]
    #[case("reg.example/pong/", "reg.example/pong", false)]
    #[case("reg.example/*", "reg.example/x", false)]
    #[case("Reg.example", "reg.example/x", false)]
    #[case("[::1]", "[::1]/x", false)]
    #[case("[::1]:80", "[::1]:80/x", true)]
    #[case("reg.example/a%3Fb", "reg.example/a", true)]
    fn keys_match_images(#[case] key: &str, #[case] image: &str, #[case] matched: bool) {
        let image = Image::parse(image, VERSION).unwrap();
        let image = url_of(&image, VERSION.rules()).unwrap();
        let key = Key::parse(key, VERSION.rules()).ok().and_then(|key| key.url.ok());
        assert_eq!(key.is_some_and(|key| matches(&key, &image)), matched);
    }

    #[rstest]
    #[case("reg", MatchedBy::Host)]
    #[case("reg/a", MatchedBy::Path)]
    #[case("reg/a/", MatchedBy::Path)]
    #[case("reg/a/b", MatchedBy::Path)]
    #[case("reg/a/", MatchedBy::Path)]
    #[case("reg/a/bc", MatchedBy::Path)]
    fn a_path_matches_whole_words(#[case] key: &str, #[case] by: MatchedBy) {
        let key = Key::parse(key, VERSION.rules()).unwrap().url.unwrap();
        let image = Url { host: b"reg".into(), path: [&key.path[..], b"/more"].concat() };
        assert_eq!(MatchedBy::of(&key, &image), by);
    }
}
