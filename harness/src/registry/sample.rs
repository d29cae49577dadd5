//! Requests for tests.

use jiff::Timestamp;

use super::{Authorization, Origin, PasswordMark, Request, Responder};
use crate::case::model::RequestKind;

/// Requests as a gateway records them, one a line: `node GET /v2/a/manifests/v1 janedoe 200`, with
/// `bearer:` before the subject of a token, `janedoe/secret` with a password, `-` for no credentials and
/// for no answer.
pub fn requests(lines: &str) -> Vec<Request> {
    let lines = lines.lines().map(str::trim).filter(|line| !line.is_empty());
    lines.map(request).collect()
}

/// One of [`requests`].
pub fn request(line: &str) -> Request {
    let words: Vec<&str> = line.split_whitespace().collect();
    let [from, method, path, who, status] = words[..] else { panic!("{line}") };
    let (who, password) = match who.split_once('/') {
        Some((who, password)) => (who, Some(password)),
        None => (who, None),
    };
    let (kind, repository) = RequestKind::of(path);
    Request {
        at: Timestamp::UNIX_EPOCH,
        from: match from {
            "node" => Origin::Node,
            "control" => Origin::Control,
            _ => Origin::Host,
        },
        method: method.to_owned(),
        path: path.to_owned(),
        kind,
        repository,
        namespace: None,
        authorization: match who.strip_prefix("bearer:") {
            Some(subject) => {
                Authorization::Bearer { subject: Some(subject.to_owned()), scopes: Vec::new() }
            }
            None if who == "-" => Authorization::None,
            None => Authorization::Basic { user: who.to_owned() },
        },
        password: password.map(|password| PasswordMark::of(&password.into())),
        status: status.parse().ok(),
        answered_by: Responder::Container,
        bytes: 0,
        duration: None,
        user_agent: None,
        headers: Vec::new(),
        fault: None,
    }
}
