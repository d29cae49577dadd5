//! Names of a case: of hosts, registries, namespaces and images, and what they may look like.

use std::sync::LazyLock;

use regex::Regex;

/// The folder of certs.d that counts for every host without one of its own.
pub const EVERY_HOST: &str = "_default";

/// The pattern of a DNS label (RFC 1123).
pub(super) const LABEL: &str = "[a-z0-9]([a-z0-9-]*[a-z0-9])?";

/// The pattern of a name that becomes a variable: a label that begins with a letter.
pub(super) const NAME: &str = "[a-z]([a-z0-9-]*[a-z0-9])?";

/// The pattern of a variable, without its `$`.
pub(super) const VARIABLE: &str = "[A-Z][A-Z0-9_]*";

/// The pattern of a tag.
const TAG: &str = "[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}";

fn host() -> String {
    let label = "[a-zA-Z0-9]([a-zA-Z0-9-]*[a-zA-Z0-9])?";
    format!(r"({label}(\.{label})*|\[[0-9a-fA-F:]+\])(:[0-9]{{1,5}})?")
}

fn repository() -> String {
    let component = r"[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*";
    format!("{component}(/{component})*")
}

/// Returns the pattern of an image of a registry, for the schema.
pub(super) fn image_pattern() -> String {
    format!("^{}:{TAG}$", repository())
}

/// Returns the patterns of a registry's name, for the schema: a name, or a host to be taken literally.
pub(super) fn registry_pattern() -> serde_json::Value {
    serde_json::json!({
        "anyOf": [
            {"pattern": format!("^{NAME}$")},
            {"pattern": format!("^{}$", host()), "not": {"pattern": "^[^.:]*$"}},
        ],
    })
}

/// Returns the patterns of a host of the node's settings, for the schema. One with variables is a host when they are
/// replaced.
pub(super) fn hosts_pattern() -> serde_json::Value {
    let part = r"[^$/\x00-\x1f\x7f-\x9f]*";
    serde_json::json!({
        "anyOf": [
            {"pattern": format!("^({NAME}|{}|{EVERY_HOST})$", host())},
            {"pattern": format!(r"^({part}\$)+{part}$")},
        ],
        "not": {"pattern": r"\.\."},
    })
}

/// Whether a registry's name is a host to be taken literally.
pub fn is_literal(name: &str) -> bool {
    name.contains(['.', ':']) || name == "localhost" || name == EVERY_HOST
}

/// Whether a text is a host of an image name: a domain, IPv4 or bracketed IPv6 address with or without
/// a port (distribution/reference, regexp.go: domainAndPort). It never leaves the folder it names.
pub(super) fn is_host(text: &str) -> bool {
    static HOST: LazyLock<Regex> = LazyLock::new(|| regex(&host()));
    text.len() <= 255 && HOST.is_match(text)
}

/// Whether a text is a DNS label (RFC 1123), as the names of namespaces are.
pub(super) fn is_label(text: &str) -> bool {
    static IS_LABEL: LazyLock<Regex> = LazyLock::new(|| regex(LABEL));
    text.len() <= 63 && IS_LABEL.is_match(text)
}

/// Whether a text is a DNS subdomain (RFC 1123), as the names of most objects are.
pub(super) fn is_subdomain(text: &str) -> bool {
    text.len() <= 253 && text.split('.').all(is_label)
}

/// Whether a text is a repository (distribution/reference, regexp.go: remoteName).
pub(super) fn is_repository(text: &str) -> bool {
    static REPOSITORY: LazyLock<Regex> = LazyLock::new(|| regex(&repository()));
    text.len() <= 255 && REPOSITORY.is_match(text)
}

/// Whether a text is a tag (distribution/reference, regexp.go: tag).
pub(super) fn is_tag(text: &str) -> bool {
    static IS_TAG: LazyLock<Regex> = LazyLock::new(|| regex(TAG));
    IS_TAG.is_match(text)
}

/// Whether a text can be a variable: `$NAME` in manifests and commands.
pub(super) fn is_variable(text: &str) -> bool {
    static IS_VARIABLE: LazyLock<Regex> = LazyLock::new(|| regex(VARIABLE));
    IS_VARIABLE.is_match(text)
}

pub(super) fn regex(pattern: &str) -> Regex {
    // A constant, which the tests compile.
    Regex::new(&format!("^(?:{pattern})$")).unwrap_or_else(|error| unreachable!("{error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_what_an_image_name_may_begin_with() {
        for host in ["docker.io", "a.b.example.com:5000", "localhost", "127.0.0.1:5000", "[::1]:80"]
        {
            assert!(is_host(host), "{host}");
        }
        for other in ["../../x.y", "a/b.c", "a..b", ".a", "a.b:", "a.b:port", "a b.c", "", "a.b\n"]
        {
            assert!(!is_host(other), "{other:?}");
        }
    }

    #[test]
    fn repositories_and_tags() {
        for good in ["app", "janedoe/jdoe-private", "a__b", "a.b/c-d"] {
            assert!(is_repository(good), "{good}");
        }
        for bad in ["", "JDoe", "a//b", "/a", "a/", "-a", "a b", "a_-b"] {
            assert!(!is_repository(bad), "{bad:?}");
        }
        assert!(is_tag("v1.0-x") && !is_tag("") && !is_tag("-x") && !is_tag("a:b"));
    }

    #[test]
    fn labels_and_variables() {
        assert!(
            is_label("awesome-apps") && !is_label("Awesome") && !is_label("a.b") && !is_label("")
        );
        assert!(is_subdomain("a.b-c") && !is_subdomain("a..b"));
        assert!(is_variable("DIGEST_2") && !is_variable("2X") && !is_variable("digest"));
    }
}
