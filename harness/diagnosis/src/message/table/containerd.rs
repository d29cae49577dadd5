//! Wordings of containerd 1.1 to 2.4 and its CRI plugin; files are named as in 2.x.

use super::{is, status_after, with};
use crate::message::field;
use crate::message::row::{Origin::Containerd, Row, Spot};
use crate::sign::Sign;

const AUTHORIZER: &str = "core/remotes/docker/authorizer.go";
const RESOLVER: &str = "core/remotes/docker/resolver.go";
const FETCHER: &str = "core/remotes/docker/fetcher.go";
const HOSTS: &str = "core/remotes/docker/config/hosts.go";
const CRI: &str = "internal/cri/server/images/image_pull.go";

pub(super) const ROWS: &[Row] = &[
    with(
        Containerd,
        AUTHORIZER,
        "failed to fetch anonymous token",
        "failed to authorize: failed to fetch anonymous token: unexpected status: 401 Unauthorized",
        anonymous,
    ),
    with(
        Containerd,
        AUTHORIZER,
        "failed to fetch oauth token",
        "failed to authorize: failed to fetch oauth token: unexpected status: 401 Unauthorized",
        oauth,
    ),
    is(
        Containerd,
        AUTHORIZER,
        "insufficient_scope",
        "server message: insufficient_scope: authorization failed",
        Sign::InsufficientScope,
    ),
    with(
        Containerd,
        AUTHORIZER,
        "server message: invalid_token",
        "pull access denied, repository does not exist or may require authorization: server message: invalid_token: authorization failed",
        |_| Some(Sign::Denied),
    ),
    is(
        Containerd,
        AUTHORIZER,
        "missing username or secret",
        "failed to handle basic auth because missing username or secret",
        Sign::NoBasicAuth,
    ),
    is(
        Containerd,
        AUTHORIZER,
        "failed to find supported auth scheme",
        "failed to authorize: failed to find supported auth scheme: not implemented",
        Sign::NotTheProtocol,
    ),
    is(
        Containerd,
        "core/remotes/docker/auth/fetch.go",
        "no realm specified for token auth challenge",
        "failed to authorize: no realm specified for token auth challenge",
        Sign::NotTheProtocol,
    ),
    is(
        Containerd,
        "core/remotes/docker/auth/fetch.go",
        "did not include a token in the response",
        "authorization server did not include a token in the response",
        Sign::NotTheProtocol,
    ),
    is(
        Containerd,
        "core/remotes/docker/auth/fetch.go",
        "unable to decode token response",
        "failed to fetch anonymous token: unable to decode token response: x",
        Sign::NotTheProtocol,
    ),
    is(
        Containerd,
        RESOLVER,
        "pull access denied, repository does not exist or may require authorization",
        "pull access denied, repository does not exist or may require authorization: x",
        Sign::PullAccessDenied,
    ),
    with(
        Containerd,
        "core/remotes/errors/errors.go, from 1.7",
        "unexpected status from ",
        "unexpected status from HEAD request to https://reg.example.net/v2/a/manifests/1: 403 Forbidden",
        status_after,
    ),
    with(
        Containerd,
        "core/remotes/errors/errors.go, to 1.6",
        "unexpected status:",
        "unexpected status: 403 Forbidden",
        status_after,
    ),
    with(
        Containerd,
        "remotes/docker/resolver.go, to 1.5",
        "unexpected status code ",
        "unexpected status code [manifests v1]: 401 Unauthorized",
        status_after,
    ),
    with(
        Containerd,
        "remotes/docker/resolver.go, 1.6",
        "failed with status code ",
        "pulling from host reg.example.net failed with status code [manifests v1]: 401 Unauthorized",
        status_after,
    ),
    with(
        Containerd,
        FETCHER,
        "unexpected HEAD status code ",
        "unexpected HEAD status code https://reg.example.net/v2/a/blobs/x: 500 Internal Server Error",
        status_after,
    ),
    with(
        Containerd,
        RESOLVER,
        ": not found",
        "failed to resolve reference \"reg.example.net/a:1\": reg.example.net/a:1: not found",
        not_found,
    ),
    with(
        Containerd,
        "remotes/docker/resolver.go, to 1.1",
        " not found",
        "failed to resolve image \"reg.example.net/a:1\": reg.example.net/a:1 not found",
        reference_not_found,
    ),
    is(
        Containerd,
        "remotes/docker/resolver.go, to 1.3",
        "could not resolve digest for",
        "failed to resolve reference \"reg.example.net/a:1\": could not resolve digest for reg.example.net/a:1",
        Sign::NotTheProtocol,
    ),
    is(
        Containerd,
        FETCHER,
        "could not fetch content descriptor",
        "could not fetch content descriptor sha256:1 (x) from remote: y",
        Sign::BlobUnknown,
    ),
    is(
        Containerd,
        "core/images/handlers.go",
        "no match for platform in manifest",
        "no match for platform in manifest: not found",
        Sign::NoPlatform { platform: None },
    ),
    is(
        Containerd,
        "client/pull.go",
        "is no longer supported since containerd",
        "not implemented: media type \"x\" is no longer supported since containerd v2.1",
        Sign::UnsupportedManifest,
    ),
    with(
        Containerd,
        "core/images/handlers.go",
        "unexpected media type ",
        "unexpected media type text/html for sha256:1: not found",
        |spot| {
            // A web page under a manifest's address: something in between is not a registry.
            Some(if spot.after.starts_with("text/") {
                Sign::NotTheProtocol
            } else {
                Sign::UnsupportedManifest
            })
        },
    ),
    is(
        Containerd,
        "core/images/image.go",
        "schema 1 not supported",
        "media-type: schema 1 not supported",
        Sign::UnsupportedManifest,
    ),
    is(
        Containerd,
        "client/pull.go, 2.0",
        "Pulling Schema 1 images have been deprecated",
        "failed to get converter for \"reg.example.net/a:1\": Pulling Schema 1 images have been deprecated and disabled by default since containerd v2.0.",
        Sign::UnsupportedManifest,
    ),
    with(
        Containerd,
        "remotes/docker/schema1/converter.go, to 1.7",
        ": no signatures",
        "failed to pull and unpack image \"reg.example.net/a:1\": no signatures",
        |spot| spot.after.trim_matches(['"', ' ']).is_empty().then_some(Sign::UnsupportedManifest),
    ),
    is(
        Containerd,
        "core/diff/stream.go",
        "no processor for media-type",
        "no processor for media-type: unknown",
        Sign::UnsupportedManifest,
    ),
    with(
        Containerd,
        "plugins/content/local/writer.go",
        "unexpected commit digest ",
        "unexpected commit digest sha256:1, expected sha256:2: failed precondition",
        digest,
    ),
    is(
        Containerd,
        "plugins/content/local/writer.go",
        "unexpected commit size ",
        "unexpected commit size 1, expected 2: failed precondition",
        Sign::DigestMismatch { empty: false },
    ),
    is(
        Containerd,
        "core/metadata/content.go",
        "failed size validation",
        "\"layer-sha256:1\" failed size validation: 1 != 2: failed precondition",
        Sign::DigestMismatch { empty: false },
    ),
    is(
        Containerd,
        RESOLVER,
        "in header not a valid digest",
        "\"x\" in header not a valid digest: y",
        Sign::NotTheProtocol,
    ),
    is(
        Containerd,
        CRI,
        "failed to parse image reference",
        "failed to parse image reference \"A\": x",
        Sign::InvalidReference,
    ),
    is(
        Containerd,
        CRI,
        "invalid decoded auth",
        "invalid decoded auth: \"x\"",
        Sign::SecretUndecodable,
    ),
    is(Containerd, CRI, "get registry endpoints", "get registry endpoints: x", Sign::NodeConfig),
    is(
        Containerd,
        HOSTS,
        "unable to load CA cert",
        "unable to load CA cert \"/etc/ca.crt\"",
        Sign::NodeConfig,
    ),
    is(
        Containerd,
        HOSTS,
        "unable to read CA cert",
        "unable to read CA cert \"/etc/ca.crt\": x",
        Sign::NodeConfig,
    ),
    is(
        Containerd,
        HOSTS,
        "failed to load X509 key pair",
        "failed to load X509 key pair: x",
        Sign::NodeConfig,
    ),
    is(
        Containerd,
        HOSTS,
        "failed to decode hosts.toml",
        "failed to decode hosts.toml: x",
        Sign::NodeConfig,
    ),
    is(
        Containerd,
        "pkg/reference/reference.go",
        "object required",
        "failed to resolve reference \"reg.example.net/a\": object required",
        Sign::InvalidReference,
    ),
];

/// The token server's status; a network error in its place has its own row.
fn anonymous(spot: Spot<'_>) -> Option<Sign> {
    field::status(own_error(spot.after)).map(|code| Sign::AnonymousTokenRefused { code })
}

fn oauth(spot: Spot<'_>) -> Option<Sign> {
    field::status(own_error(spot.after)).map(|code| Sign::OauthTokenRefused { code })
}

/// Cuts off what belongs to the next of several errors.
fn own_error(text: &str) -> &str {
    text.split(", rpc error:").next().unwrap_or(text)
}

/// The whole of the innermost error is a reference that is not found.
fn reference_not_found(spot: Spot<'_>) -> Option<Sign> {
    let subject = spot.before.rsplit(": ").next()?;
    let ends = spot.after.is_empty() || spot.after.starts_with(['"', ',', ']']);
    let is_reference =
        subject.contains('/') && !subject.contains([' ', '"']) && !subject.ends_with(':');
    (ends && is_reference && spot.before.len() > subject.len()).then_some(Sign::NotFound)
}

fn digest(spot: Spot<'_>) -> Option<Sign> {
    // The digest of nothing: the download was empty.
    let empty = spot.after.starts_with("sha256:e3b0c44298fc1c149afbf4c8996fb924");
    Some(Sign::DigestMismatch { empty })
}

/// errdefs' "not found" ends errors of several kinds; only after a reference does it mean an image.
fn not_found(spot: Spot<'_>) -> Option<Sign> {
    if !spot.after.is_empty() && !spot.after.starts_with(['"', ',', ']', ' ', '\\', ';', ')']) {
        return None;
    }
    let subject = spot.before.rsplit(": ").next()?;
    let subject = subject.trim_matches('"');
    let other = [
        "no match for platform",
        "content digest",
        "snapshot ",
        "parent",
        "no such",
        "lookup ",
        "executable",
    ];
    let elsewhere =
        ["no match for platform in manifest", "failed to unpack image", "failed to prepare"];
    if other.iter().any(|words| subject.starts_with(words))
        || elsewhere.iter().any(|words| spot.before.contains(words))
        || (subject.contains(' ')
            && !subject.starts_with("failed to resolve reference ")
            && !subject.starts_with("content at")
            && !subject.starts_with("image \""))
    {
        return None;
    }
    Some(Sign::NotFound)
}
