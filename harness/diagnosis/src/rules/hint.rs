//! A message whose wording no row of the table knows: what its generic parts leave.

use super::Finding;
use super::lead::{self, Kind};
use crate::cause::Cause::{self, *};
use crate::message::{Message, field};
use crate::sign::Sign;

/// Parts of words, in lower case, and what they stand for; the earlier explain the later.
static HINTS: &[(&[&str], Sign)] = &[
    (&["no space", "disk full", "out of disk", "insufficient space"], Sign::NoSpace),
    (&["certificate", "x509", "tls:", "handshake"], Sign::TlsRefused),
    (&["proxy"], Sign::Proxy),
    (
        &["lookup ", "resolve host", "name resolution", "dns"],
        Sign::ResolverFailed { host: String::new() },
    ),
    (&["timeout", "timed out", "deadline"], Sign::Timeout),
    (&["refused", "unreachable", "connect", "dial tcp", "do request"], Sign::ConnectionLost),
    (&["too many requests", "rate limit", "ratelimit"], Sign::RateLimited),
    (&["signature", "not signed", "by policy"], Sign::SignatureRejected),
    (&["platform", "architecture"], Sign::NoPlatform { platform: None }),
    (&["media type", "mediatype", "schema", "unsupported"], Sign::UnsupportedManifest),
    (&["digest", "checksum", "corrupt"], Sign::DigestMismatch { empty: false }),
    (
        &["unauthor", "denied", "forbidden", "credential", "authenti", "permission", "login"],
        Sign::Refused,
    ),
    (&["token", "password", "authoriz"], Sign::Refused),
    (&["not found", "notfound", "no such", "not exist", "manifest"], Sign::NotFound),
    (&["layer", "snapshot", "unpack", "extract", "mount", "blob"], Sign::UnpackFailed),
];

/// Words without which a message is not about an image.
const ABOUT: &[&str] = &["image", "pull", "registry", "manifest", "repository"];

/// Returns the sign that a message's generic parts stand for.
///
/// Names of images and addresses are left out: they may hold any word.
pub(super) fn of(message: &Message) -> Option<Sign> {
    let words: Vec<_> =
        message.text().split_whitespace().filter(|word| !word.contains('/')).collect();
    let text = words.join(" ").to_ascii_lowercase();
    let has = |parts: &[&str]| parts.iter().any(|part| text.contains(part));
    if !has(ABOUT) {
        return None;
    }
    let status = || {
        let code = field::status(&text)?;
        Some(Sign::Status { code, url: message.url().map(str::to_owned) })
    };
    HINTS.iter().find(|(parts, _)| has(parts)).map(|(_, sign)| sign.clone()).or_else(status)
}

/// Returns what a hint leaves: never a cause for certain, and the neighbours of what it stands for.
pub(super) fn finding(found: Finding, sign: &Sign) -> Finding {
    let neighbours: &[Cause] = match lead::kind(sign) {
        Kind::Tls => &[TlsUnknownCa, NodeConfig, RegistrySetting, Proxy],
        Kind::Network => &[UnreachableTimeout, UnreachableRefused, Dns, Proxy],
        Kind::Content | Kind::Summary | Kind::Format => {
            &[RuntimeFault, CorruptContent, NodeConfig, UnsupportedManifest]
        }
        _ => &[NodeConfig, UnreachableTimeout, RuntimeFault],
    };
    Finding::open(found.causes().iter().chain(neighbours).copied())
}
