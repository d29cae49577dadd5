//! Which rules of the keyring an input exercises, by what this crate makes of it.

use std::collections::BTreeMap;

use pullproof_credentials::{
    ConfigError, Credential, Difference, Format, HostDifference, ImageError, KeyringError,
    KubernetesVersion, Lookup, MatchedBy, NoKeys, PassedOver, PathDifference, Reason, Sent,
    SyntaxKind, UrlError,
};

use super::compare::Outcome;

/// How often each rule was exercised.
#[derive(Default)]
pub struct Hits(BTreeMap<&'static str, usize>);

/// Every rule that inputs exercise.
const RULES: &[&str] = &[
    "image: capitals",
    "image: digest algorithm",
    "image: digest format",
    "image: digest length",
    "image: format",
    "image: identifier",
    "image: too long",
    "secret: type is not a pull secret's",
    "secret: type is not a pull secret's, data is",
    "secret: no such data key",
    "secret: data is empty",
    "secret: neighbour of an undecodable one",
    "secret: credsStore in the place of keys",
    "secret: credHelpers in the place of keys",
    "secret: keys outside auths",
    "secret: nothing in the place of keys",
    "secret: wrapped .dockercfg",
    "json: ends early",
    "json: wrong byte",
    "json: something behind",
    "json: byte order mark",
    "json: too deep",
    "json: value of another kind",
    "auth: not base64",
    "auth: no colon",
    "key: control character",
    "key: escape",
    "key: character in the host",
    "key: port is no number",
    COLONS,
    "key: brackets",
    "key: user name",
    "match: host",
    "match: path",
    "match: part of a path",
    "match: Docker Hub",
    "match: Docker Hub for another host",
    "match: Docker Hub only if no other key does",
    "match: more than one key of a secret",
    "match: more than one secret",
    "match: two spellings of a key",
    "match: the same login twice",
    "miss: labels",
    "miss: capitals of the host",
    "miss: similar host",
    "miss: host of Docker Hub",
    "miss: IPv6 address without a port",
    "miss: pattern that is not well-formed",
    "miss: other host",
    "miss: port",
    "miss: path is an API version",
    "miss: slash behind the repository",
    "miss: tag or digest in the path",
    "miss: capitals of the path",
    "miss: library/",
    "miss: path of Docker Hub",
    "miss: pattern in the path",
    "miss: other path",
    "miss: host of the image",
    "login: complete",
    "login: kept by a helper",
    "login: token",
    "login: empty",
    "login: no user name",
    "login: no password",
];

/// A rule of Kubernetes 1.36 and later.
const COLONS: &str = "key: more than one colon";

/// Rules that need the minor: images with IPv6 addresses, and a Go that looks at the address.
const SINCE: &[(&str, u32)] =
    &[("miss: IPv6 address without a port", 29), ("miss: host of the image", 34), (COLONS, 36)];

impl Hits {
    /// Counts what was generated.
    pub fn count_shape(&mut self, shape: &'static str) {
        *self.0.entry(shape).or_default() += 1;
    }

    /// Counts the rules that an outcome shows.
    pub fn count(&mut self, outcome: &Outcome) {
        match outcome {
            Outcome::Image(error) => self.count_shape(of_image(*error)),
            Outcome::Secret(error) => self.of_error(error),
            Outcome::Found { image, lookup } => self.of_lookup(image.host(), lookup),
        }
    }

    /// Returns all that was counted.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, usize)> {
        self.0.iter().map(|(rule, count)| (*rule, *count))
    }

    /// Returns the rules of a version that were not exercised.
    pub fn missing(&self, version: KubernetesVersion) -> Vec<&'static str> {
        let applies = |rule: &&str| {
            SINCE
                .iter()
                .all(|(since, minor)| rule != since || version >= KubernetesVersion::new(*minor, 0))
        };
        let rules = RULES.iter().copied().filter(applies);
        rules.filter(|rule| !self.0.contains_key(rule)).collect()
    }

    fn of_error(&mut self, error: &KeyringError) {
        self.count_shape(match &error.error {
            ConfigError::Syntax(error) => match error.kind {
                SyntaxKind::End => "json: ends early",
                SyntaxKind::Byte => "json: wrong byte",
                SyntaxKind::Trailing => "json: something behind",
                SyntaxKind::ByteOrderMark => "json: byte order mark",
                SyntaxKind::Depth => "json: too deep",
            },
            ConfigError::Type { .. } => "json: value of another kind",
            ConfigError::Base64 { .. } => "auth: not base64",
            ConfigError::NoColon { .. } => "auth: no colon",
        });
        self.of_passed_over(&error.passed_over);
    }

    fn of_lookup(&mut self, host: &str, lookup: &Lookup) {
        self.of_passed_over(&lookup.passed_over);
        for credential in &lookup.tried {
            self.of_credential(host, credential);
        }
        for pair in lookup.tried.windows(2) {
            let [first, second] = pair else { continue };
            if first.place != second.place {
                self.count_shape("match: more than one secret");
            } else if first.compared_as != second.compared_as {
                self.count_shape("match: more than one key of a secret");
            } else if first.order_is_random {
                self.count_shape("match: two spellings of a key");
            }
            if first.is_same_login(second) {
                self.count_shape("match: the same login twice");
            }
        }
    }

    fn of_credential(&mut self, host: &str, credential: &Credential) {
        self.count_shape(match credential.matched_by {
            MatchedBy::Host => "match: host",
            MatchedBy::Path => "match: path",
            MatchedBy::PartOfPath => "match: part of a path",
            MatchedBy::DockerHub if host == "docker.io" => "match: Docker Hub",
            MatchedBy::DockerHub => "match: Docker Hub for another host",
        });
        self.count_shape(match credential.sent {
            Sent::Yes => "login: complete",
            Sent::Helper(_) => "login: kept by a helper",
            Sent::Token => "login: token",
            Sent::Empty => "login: empty",
            Sent::NoUser => "login: no user name",
            Sent::NoPassword => "login: no password",
        });
    }

    fn of_passed_over(&mut self, passed_over: &[PassedOver]) {
        for passed in passed_over {
            match &passed.reason {
                Reason::Mismatch(differences) => {
                    assert!(!differences.is_empty(), "nothing differs: {passed:?}");
                    differences.iter().for_each(|difference| self.count_shape(of_miss(difference)));
                }
                Reason::Absent(_) | Reason::Undecodable { .. } => {}
                reason => self.count_shape(of_reason(reason)),
            }
        }
    }
}

fn of_image(error: ImageError) -> &'static str {
    match error {
        ImageError::Identifier => "image: identifier",
        ImageError::Uppercase => "image: capitals",
        ImageError::TooLong => "image: too long",
        ImageError::DigestAlgorithm => "image: digest algorithm",
        ImageError::DigestLength => "image: digest length",
        ImageError::DigestFormat => "image: digest format",
        ImageError::Format => "image: format",
    }
}

fn of_reason(reason: &Reason) -> &'static str {
    match reason {
        Reason::WrongType { data: None, .. } => "secret: type is not a pull secret's",
        Reason::WrongType { data: Some(Format::Json | Format::Legacy), .. } => {
            "secret: type is not a pull secret's, data is"
        }
        Reason::WrongDataKey { .. } => "secret: no such data key",
        Reason::EmptyData => "secret: data is empty",
        Reason::Neighbour(_) => "secret: neighbour of an undecodable one",
        Reason::NoKeys(NoKeys::Store(_)) => "secret: credsStore in the place of keys",
        Reason::NoKeys(NoKeys::Helpers(_)) => "secret: credHelpers in the place of keys",
        Reason::NoKeys(NoKeys::Unwrapped) => "secret: keys outside auths",
        Reason::NoKeys(NoKeys::Nothing) => "secret: nothing in the place of keys",
        Reason::Wrapped => "secret: wrapped .dockercfg",
        Reason::NotUrl(UrlError::ControlCharacter) => "key: control character",
        Reason::NotUrl(UrlError::Escape) => "key: escape",
        Reason::NotUrl(UrlError::HostCharacter) => "key: character in the host",
        Reason::NotUrl(UrlError::Port) => "key: port is no number",
        Reason::NotUrl(UrlError::Colons) => COLONS,
        Reason::NotUrl(UrlError::Brackets) => "key: brackets",
        Reason::NotUrl(UrlError::UserInfo) => "key: user name",
        Reason::ImageNotUrl(_) => "miss: host of the image",
        Reason::OtherKeyMatches(_) => "match: Docker Hub only if no other key does",
        Reason::Absent(_) | Reason::Undecodable { .. } | Reason::Mismatch(_) => "",
    }
}

fn of_miss(difference: &Difference) -> &'static str {
    match difference {
        Difference::Host(HostDifference::Labels { .. }) => "miss: labels",
        Difference::Host(HostDifference::Case) => "miss: capitals of the host",
        Difference::Host(HostDifference::Similar(_)) => "miss: similar host",
        Difference::Host(HostDifference::DockerHub) => "miss: host of Docker Hub",
        Difference::Host(HostDifference::Ipv6WithoutPort) => "miss: IPv6 address without a port",
        Difference::Host(HostDifference::BadPattern) => "miss: pattern that is not well-formed",
        Difference::Host(HostDifference::Other) => "miss: other host",
        Difference::Port { .. } => "miss: port",
        Difference::Path(PathDifference::ApiVersion) => "miss: path is an API version",
        Difference::Path(PathDifference::TrailingSlash) => "miss: slash behind the repository",
        Difference::Path(PathDifference::TagOrDigest) => "miss: tag or digest in the path",
        Difference::Path(PathDifference::Case) => "miss: capitals of the path",
        Difference::Path(PathDifference::Library) => "miss: library/",
        Difference::Path(PathDifference::DockerHub) => "miss: path of Docker Hub",
        Difference::Path(PathDifference::Pattern) => "miss: pattern in the path",
        Difference::Path(PathDifference::Other) => "miss: other path",
    }
}
