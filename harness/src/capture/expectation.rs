//! What was seen of a captured pod, as the expectation of its case.

use std::sync::LazyLock;

use pullproof_diagnosis::Cause;
use serde_json::{Map, Value, json};

use crate::evidence::{
    PULL_FAILURES,
    volatile::{self, Volatile},
};

/// What was seen of a container.
#[derive(Debug, Default)]
pub(super) struct Seen<'a> {
    /// The pod.
    pub pod: &'a str,
    /// The container, if the pod has several.
    pub container: Option<&'a str>,
    /// The phase.
    pub phase: &'a str,
    /// The waiting reason.
    pub reason: &'a str,
    /// The message that has the cause: the container's, or that of an event.
    pub message: &'a str,
    /// Whether the message is that of an event.
    pub of_event: bool,
    /// The cause, if it is certain.
    pub cause: Option<Cause>,
    /// Whether the message is worded by containerd or the kubelet, which a kind node has.
    pub has_words_of_here: bool,
}

/// Returns what stands under `expect`.
pub(super) fn expectation(seen: &Seen<'_>) -> Value {
    let mut expect = Map::from_iter([("pod".to_owned(), json!(seen.pod))]);
    let mut insert = |key: &str, value: Value| drop(expect.insert(key.to_owned(), value));
    if let Some(container) = seen.container {
        insert("container", json!(container));
    }
    insert("phase", json!(seen.phase));
    if seen.phase == "Running" {
        insert("privacyCheck", json!("public"));
        return Value::Object(expect);
    }
    // One with spaces is the error of a secret that cannot be decoded.
    match reasons(seen.reason, seen.message) {
        none if none.is_empty() => {}
        reasons => insert("reasons", json!(reasons)),
    }
    let part = if seen.has_words_of_here { part(seen.message) } else { None };
    match (part, seen.of_event) {
        (Some(part), true) => insert("events", json!([{"reason": "Failed", "message": part}])),
        (Some(part), false) => insert("message", json!(part)),
        (None, _) => {}
    }
    if let Some(cause) = seen.cause {
        insert("cause", json!(cause.id()));
    }
    Value::Object(expect)
}

/// The waiting reasons in the order in which they come. That of a back-off is the second: the first is
/// in its message since 1.31 (kubernetes/kubernetes#127918), and mostly ErrImagePull.
fn reasons<'a>(last: &'a str, message: &'a str) -> Vec<&'a str> {
    let first = PULL_FAILURES
        .into_iter()
        .find(|reason| *reason != "ImagePullBackOff" && message.contains(&format!(": {reason}: ")));
    match last {
        "" => Vec::new(),
        "ErrImagePull" | "ImagePullBackOff" => {
            vec![first.unwrap_or("ErrImagePull"), "ImagePullBackOff"]
        }
        last => vec![last],
    }
}

/// What a run on another machine has otherwise. There the registry has another address as well, so a URL
/// and a port count.
static VOLATILE: LazyLock<Volatile> = LazyLock::new(|| {
    Volatile::new([
        volatile::DIGEST,
        (r"\b[0-9a-f]{12,}\b", "<id>"),
        volatile::TIME,
        (r#"https?://[^\s"]*"#, "<url>"),
        volatile::IPV4,
        volatile::IPV6,
        (r":\d{2,5}\b", ":<port>"),
        volatile::DURATION,
    ])
});

/// The length of the shortest part of a message that is expected.
const SHORTEST: usize = 8;

/// Returns the innermost part of a message that is the same on another machine: what stands after a
/// colon is closer to the cause than what stands before it.
fn part(message: &str) -> Option<&str> {
    let mut found = None;
    let mut end = message.trim_end().len();
    let mut begin = end;
    while let Some(colon) = message[..begin].rfind(": ") {
        let segment = &message[colon + 2..end];
        if VOLATILE.is_in(segment) {
            // What is outside of it may still be of use.
            if found.is_some() {
                break;
            }
            end = colon;
        } else {
            found = Some(segment);
            if segment.len() >= SHORTEST {
                break;
            }
        }
        begin = colon;
    }
    found
        .filter(|part| part.len() >= SHORTEST)
        .or_else(|| {
            let whole = message.trim();
            (whole.len() >= SHORTEST && !VOLATILE.is_in(whole)).then_some(whole)
        })
        .or_else(|| fragment(message))
}

/// Returns the longest part between what another run has otherwise, of a word or more.
fn fragment(message: &str) -> Option<&str> {
    let has_words = |part: &&str| part.len() >= SHORTEST && part.contains(' ');
    let fragments = VOLATILE.split(message).into_iter().map(str::trim);
    fragments.filter(has_words).max_by_key(|part| part.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neither_a_url_nor_an_overlap_of_two_patterns_is_in_a_fragment() {
        assert_eq!(VOLATILE.len(), 8);
        let message = "Get \"https://10.0.0.7:443/v2/a/manifests/with/a/long/path\": net/http: x at \
                       [fc00::1]:443";
        assert_eq!(VOLATILE.split(message), ["Get \"", "\": net/http: x at ", ""]);
        assert_eq!(fragment(message), Some("\": net/http: x at"));
    }

    #[test]
    fn the_innermost_part_that_is_the_same_elsewhere_is_expected() {
        for (message, expected) in [
            (
                "failed to pull and unpack image \"r.example/a:v1\": failed to resolve reference \
                 \"r.example/a:v1\": pull access denied, repository does not exist or may require \
                 authorization: authorization failed: no basic auth credentials",
                Some("no basic auth credentials"),
            ),
            (
                "failed to do request: Head \"https://r.example/v2/a/manifests/v1\": dial tcp: lookup r.example on 10.96.0.10:53: no such host",
                Some("no such host"),
            ),
            ("x: rpc error: code = NotFound desc = r.example/a:v1: not found", Some("not found")),
            ("dial tcp 10.0.0.7:443: connect: connection refused", Some("connection refused")),
            (
                "unexpected status from HEAD request to https://r/v2/a/manifests/1: 502 Bad Gateway",
                Some("502 Bad Gateway"),
            ),
            ("back-off 5m0s", None),
            (
                "Container image \"a:v1\" is not present with pull policy of Never",
                Some("Container image \"a:v1\" is not present with pull policy of Never"),
            ),
            (
                "Container image \"127.0.0.1:41005/a:v1\" is not present with pull policy of Never",
                Some("/a:v1\" is not present with pull policy of Never"),
            ),
            ("", None),
        ] {
            assert_eq!(part(message), expected, "{message}");
        }
    }

    #[test]
    fn a_failing_pull_is_expected_by_reason_message_and_cause() {
        let seen = Seen {
            pod: "web",
            container: Some("web"),
            phase: "Pending",
            reason: "ImagePullBackOff",
            message: "authorization failed: no basic auth credentials",
            cause: Some(Cause::NoCredentials),
            has_words_of_here: true,
            ..Seen::default()
        };
        let expected = json!({
            "pod": "web",
            "container": "web",
            "phase": "Pending",
            "reasons": ["ErrImagePull", "ImagePullBackOff"],
            "message": "no basic auth credentials",
            "cause": "no-credentials",
        });
        assert_eq!(expectation(&seen), expected);
        let of_docker = expectation(&Seen { has_words_of_here: false, ..seen });
        assert_eq!(of_docker.get("message"), None);
    }

    #[test]
    fn a_pod_that_runs_is_expected_to() {
        let seen = Seen { pod: "web", phase: "Running", ..Seen::default() };
        let expected = json!({"pod": "web", "phase": "Running", "privacyCheck": "public"});
        assert_eq!(expectation(&seen), expected);
    }
}
