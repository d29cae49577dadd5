//! The answers of a registry and its token server, as far as the runtime's message has them.

use std::sync::LazyLock;

use pullproof_diagnosis::Cause;
use regex::Regex;
use serde_json::{Map, Value, json};

use super::registry::Pull;

/// An address of the node at which nobody listens.
const CLOSED: &str = "http://127.0.0.1:9/token";
/// A manifest of the first schema (moby/moby, image/spec), as far as containerd reads it.
const SCHEMA_1: &str = "application/vnd.docker.distribution.manifest.v1+prettyjws";

/// Part of containerd's message about a manifest of the first schema.
const OLD_MANIFEST: &str = "no longer supported since containerd";

/// How a registry authenticates, by the runtime's message.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Challenge {
    #[default]
    Unknown,
    Basic,
    Token,
}

pub(super) fn challenge(message: &str) -> Challenge {
    let has = |part: &str| message.contains(part);
    if is_of_token_server(message) || has("insufficient_scope") || has("invalid_token") {
        Challenge::Token
    } else if has("no basic auth credentials") {
        Challenge::Basic
    } else {
        Challenge::Unknown
    }
}

/// Whether the token server refused or failed (core/remotes/docker/authorizer.go).
pub(super) fn is_of_token_server(message: &str) -> bool {
    ["fetch anonymous token", "fetch oauth token", "failed to authorize"]
        .iter()
        .any(|part| message.contains(part))
}

/// Whether the credentials were taken, and something else was wrong.
pub(super) fn had_token(message: &str) -> bool {
    ["insufficient_scope", "invalid_token", "did not include a token"]
        .iter()
        .any(|part| message.contains(part))
}

/// What stands beside the users of a token server.
pub(super) fn token_server(pull: &Pull) -> Map<String, Value> {
    let message = &pull.message;
    let mut fields = Map::new();
    let mut insert = |key: &str, value: Value| drop(fields.insert(key.to_owned(), value));
    if message.contains("insufficient_scope") && pull.logins.is_empty() {
        insert("anonymous", json!("scopeless"));
    }
    if message.contains("invalid_token") {
        // For whatever reason the registry does not take the token.
        insert("notBefore", json!(300));
    }
    if !is_of_token_server(message) {
        return fields;
    }
    if message.contains("did not include a token") {
        insert("field", json!("token"));
    }
    if message.contains("oauth token") && message.contains("from GET request") {
        insert("forms", json!("get"));
    }
    if let Some(realm) = realm(pull) {
        insert("challenge", json!({"realm": realm}));
    }
    fields
}

/// A realm at which no token can be had.
fn realm(pull: &Pull) -> Option<String> {
    static URL: LazyLock<Option<Regex>> =
        LazyLock::new(|| Regex::new(r#"(?:Get|Post|Head) "([^"?]+)[^"]*": "#).ok());
    let url = URL.as_ref()?.captures(&pull.message)?.get(1)?.as_str();
    if pull.message.contains("unsupported protocol scheme") {
        return Some(url.to_owned());
    }
    match pull.cause? {
        Cause::UnreachableRefused => Some(CLOSED.to_owned()),
        Cause::UnreachableTimeout => Some("https://192.0.2.1/token".to_owned()),
        Cause::Dns => {
            let host = url.split("://").nth(1)?.split(['/', ':']).next()?;
            Some(format!("https://{host}.invalid/token"))
        }
        _ => None,
    }
}

/// What the gateway has to do to the requests of a pull.
pub(super) fn fault(pull: &Pull) -> Option<Value> {
    let message = &pull.message;
    let (cause, status) = (pull.cause?, status(message));
    let answers = |status: u16| json!({"status": status});
    if is_of_token_server(message) {
        let action = match status? {
            // So do wrong credentials without a fault.
            401 => return None,
            429 => json!({"tooManyRequests": 1}),
            other => answers(other),
        };
        return Some(json!({"kind": "token", "action": action}));
    }
    let action = match cause {
        Cause::RateLimited => json!({"tooManyRequests": 1}),
        Cause::UnsupportedManifest if message.contains(OLD_MANIFEST) => {
            let body = r#"{"schemaVersion":1,"fsLayers":[],"history":[]}"#;
            json!({"answer": {"headers": {"Content-Type": SCHEMA_1}, "body": body}})
        }
        // What the message has of the answer counts more than a cause that may be another.
        _ => match (of_broken_answer(message), status) {
            (Some(action), _) => action,
            (None, _) if cause == Cause::CorruptContent => json!("corrupt"),
            // The registry's own words, with another status than its challenge has.
            (None, Some(status))
                if status != 401 && message.contains("authentication required") =>
            {
                json!({"withoutChallenge": status})
            }
            // Credentials of the node, which are not known, came to the same; or nobody wanted any.
            (None, Some(401)) if pull.logins.is_empty() || cause == Cause::RegistrySetting => {
                json!({"withoutChallenge": 401})
            }
            (None, Some(401)) | (None, None) if cause != Cause::NotAuthorised => return None,
            (None, None) if challenge(message) == Challenge::Token => return None,
            (None, status) => answers(status.unwrap_or(403)),
        },
    };
    let is_of_blob = is_cut(message).is_some()
        || ["/blobs/", "failed to copy", "httpReadSeeker"]
            .iter()
            .any(|part| message.contains(part));
    let mut fields = Map::from_iter([
        ("path".to_owned(), json!(format!("/v2/{}/", pull.repository))),
        ("action".to_owned(), action),
    ]);
    // What has no manifest's media type containerd looks for among the blobs as well.
    if media_type(message).is_none() {
        let kind = if cause == Cause::CorruptContent || is_of_blob { "blob" } else { "manifest" };
        fields.insert("kind".to_owned(), json!(kind));
    }
    let after_login = status == Some(403) && !message.contains("authentication required")
        || message.contains(OLD_MANIFEST)
        || is_cut(message).is_some();
    if after_login && !pull.logins.is_empty() {
        fields.insert("authorized".to_owned(), json!(true));
    }
    Some(Value::Object(fields))
}

/// The media type in the place of a manifest's (core/images/handlers.go).
fn media_type(message: &str) -> Option<&str> {
    static MEDIA_TYPE: LazyLock<Option<Regex>> =
        LazyLock::new(|| Regex::new(r"unexpected media type ([\w.+/-]+)").ok());
    let found = MEDIA_TYPE.as_ref()?.captures(message)?;
    found.get(1).map(|found| found.as_str())
}

/// An answer that is not a registry's, or that breaks off.
fn of_broken_answer(message: &str) -> Option<Value> {
    if let Some(media_type) = media_type(message) {
        let headers = json!({"Content-Type": media_type});
        return Some(json!({"answer": {"headers": headers, "body": "<!doctype html>"}}));
    }
    let has = |part: &str| message.contains(part);
    Some(match is_cut(message) {
        Some(0) => json!({"limitData": 0}),
        Some(bytes) => json!({"headers": {"Content-Length": bytes.to_string()}}),
        None if has("connection reset by peer") || message.ends_with("\": EOF") => {
            json!("resetPeer")
        }
        None if has("not found") && has("httpReadSeeker") => json!({"status": 404}),
        None => return None,
    })
}

/// After how many bytes a blob ended too early.
fn is_cut(message: &str) -> Option<u64> {
    static CUT: LazyLock<Option<Regex>> =
        LazyLock::new(|| Regex::new(r"but got (\d+): unexpected EOF").ok());
    let found = CUT.as_ref()?.captures(message);
    match found.and_then(|found| found.get(1)?.as_str().parse().ok()) {
        None if message.contains("unexpected EOF") => Some(0),
        bytes => bytes,
    }
}

/// The status of the answer that a message is about.
pub(super) fn status(message: &str) -> Option<u16> {
    let after = ["unexpected status code", "unexpected status from", "unexpected status"];
    let rest = after.iter().find_map(|words| message.rsplit_once(words)).map(|(_, rest)| rest)?;
    static STATUS: LazyLock<Option<Regex>> =
        LazyLock::new(|| Regex::new(r": ([45]\d\d)\b|^\s*([45]\d\d)\b").ok());
    let found = STATUS.as_ref()?.captures_iter(rest).last()?;
    found.get(1).or(found.get(2))?.as_str().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pull(cause: Cause, message: &str) -> Pull {
        Pull {
            repository: "team/app".into(),
            cause: Some(cause),
            message: message.into(),
            ..Pull::default()
        }
    }

    fn action(cause: Cause, message: &str) -> Value {
        fault(&pull(cause, message)).map_or(Value::Null, |fault| fault["action"].clone())
    }

    #[test]
    fn the_status_is_that_after_the_address() {
        for (message, expected) in [
            ("unexpected status from HEAD request to https://r:443/v2/a/manifests/1: 502 Bad", 502),
            ("unexpected status: 401 Unauthorized", 401),
            ("unexpected status code [manifests v1]: 403 Forbidden", 403),
        ] {
            assert_eq!(status(message), Some(expected), "{message}");
        }
        assert_eq!(status("no basic auth credentials"), None);
    }

    #[test]
    fn what_is_not_an_answer_of_a_registry_is_answered_again() {
        let cause = Cause::RegistryError;
        for (message, expected) in [
            (
                "unexpected status from GET request to https://r/v2/a/blobs/1: 500 x",
                json!({"status": 500}),
            ),
            ("short read: expected 2 bytes but got 0: unexpected EOF", json!({"limitData": 0})),
            ("but got 100: unexpected EOF", json!({"headers": {"Content-Length": "100"}})),
            ("failed to do request: Head \"https://r/v2/a/manifests/1\": EOF", json!("resetPeer")),
            ("failed to copy: httpReadSeeker: failed open: 1: not found", json!({"status": 404})),
        ] {
            assert_eq!(action(cause, message), expected, "{message}");
        }
    }

    #[test]
    fn a_page_is_the_answer_to_each_request_for_the_image() {
        let message = "unexpected media type text/html for sha256:1: not found";
        let page = fault(&pull(Cause::RegistryError, message)).unwrap();
        assert_eq!(page["action"]["answer"]["headers"]["Content-Type"], "text/html");
        assert_eq!(page["path"], "/v2/team/app/");
        assert_eq!(page["kind"], Value::Null, "{page}");
        let other = fault(&pull(Cause::RegistryError, "unexpected status: 502 x")).unwrap();
        assert_eq!(other["kind"], "manifest");
    }

    #[test]
    fn a_token_server_fails_as_it_did() {
        let begin = "failed to authorize: failed to fetch oauth token: ";
        let of = |cause, message: &str| token_server(&pull(cause, &format!("{begin}{message}")));
        let realm =
            of(Cause::Dns, "Post \"https://auth.acme.example/token\": lookup: no such host");
        assert_eq!(realm["challenge"]["realm"], "https://auth.acme.example.invalid/token");
        let get = "unexpected status from GET request to https://a/token: 401 Unauthorized";
        assert_eq!(of(Cause::CredentialsRefused, get)["forms"], "get");
        let post =
            "unexpected status from POST request to https://a/token: 503 Service Unavailable";
        let fault = fault(&pull(Cause::RegistryError, &format!("{begin}{post}"))).unwrap();
        assert_eq!(fault, json!({"kind": "token", "action": {"status": 503}}));
    }
}
