//! Wordings of CRI-O and the libraries it pulls with (containers/image, containers/storage).

use super::{is, status_after, with};
use crate::message::field;
use crate::message::row::{Origin::Crio, Row, Spot};
use crate::sign::Sign;

const ERRORS: &str = "containers/image docker/errors.go";
const CLIENT: &str = "containers/image docker/docker_client.go";
const POLICY: &str = "containers/image signature/policy_eval_signedby.go";
const SHORT: &str = "containers/image pkg/shortnames/shortnames.go";

pub(super) const ROWS: &[Row] = &[
    is(
        Crio,
        ERRORS,
        "invalid username/password",
        "unable to retrieve auth token: invalid username/password: unauthorized: x",
        Sign::CrioUnauthorized,
    ),
    with(
        Crio,
        "containers/image docker/distribution_error.go",
        "received unexpected HTTP status:",
        "received unexpected HTTP status: 503 Service Unavailable",
        status_after,
    ),
    with(
        Crio,
        "containers/image docker/docker_client.go, to 5.31",
        "invalid status code from registry",
        "Error fetching blob: invalid status code from registry 404 (Not Found)",
        status_after,
    ),
    with(
        Crio,
        "containers/image docker/docker_client.go",
        "Requesting bearer token: ",
        "initializing source docker://reg.example.net/a:1: Requesting bearer token: invalid status code from registry 403 (Forbidden)",
        token,
    ),
    with(
        Crio,
        ERRORS,
        "StatusCode: ",
        "reading manifest 1 in reg.example.net/a: StatusCode: 404, \"404 page not found\"",
        status_after,
    ),
    is(
        Crio,
        CLIENT,
        "Error reading signatures",
        "Error reading signatures: x",
        Sign::SignatureRead,
    ),
    is(
        Crio,
        CLIENT,
        "downloading signatures for",
        "downloading signatures for sha256:1 in reg.example.net/a: x",
        Sign::SignatureRead,
    ),
    is(
        Crio,
        CLIENT,
        "is blocked in ",
        "registry reg.example.net is blocked in /etc/containers/registries.conf or /etc/containers/registries.conf.d",
        Sign::RegistryBlocked,
    ),
    is(
        Crio,
        CLIENT,
        "missing realm in bearer auth challenge",
        "missing realm in bearer auth challenge",
        Sign::NotTheProtocol,
    ),
    is(
        Crio,
        CLIENT,
        "decoding bearer token",
        "decoding bearer token (last URL \"https://reg.example.net/token\", body start \"x\"): y",
        Sign::NotTheProtocol,
    ),
    with(
        Crio,
        "containers/image internal/manifest/docker_schema2_list.go",
        "no image found in manifest list for architecture",
        "no image found in manifest list for architecture arm64, variant \"v8\", OS linux",
        platform,
    ),
    with(
        Crio,
        "containers/image internal/manifest/oci_index.go",
        "no image found in image index for architecture",
        "no image found in image index for architecture \"arm64\", variant \"v8\", OS \"linux\"",
        platform,
    ),
    is(
        Crio,
        "containers/image copy/single.go",
        "cannot be used on",
        "image operating system \"linux\" cannot be used on \"windows\"",
        Sign::NoPlatform { platform: None },
    ),
    is(
        Crio,
        "containers/image copy/single.go",
        "Source image rejected",
        "Source image rejected: x",
        Sign::SignatureRejected,
    ),
    is(
        Crio,
        POLICY,
        "A signature was required, but no signature exists",
        "A signature was required, but no signature exists",
        Sign::SignatureRejected,
    ),
    is(
        Crio,
        "containers/image signature/policy_eval_simple.go",
        "is rejected by policy",
        "Running image docker://reg.example.net/a:1 is rejected by policy.",
        Sign::SignatureRejected,
    ),
    is(
        Crio,
        "containers/image signature/policy_config.go",
        "invalid policy in",
        "invalid policy in \"/etc/containers/policy.json\": Unknown key \"x\"",
        Sign::NodeConfig,
    ),
    is(
        Crio,
        "containers/image signature/policy_config.go",
        "policy.json: no such file",
        "open /etc/containers/policy.json: no such file or directory",
        Sign::NodeConfig,
    ),
    is(
        Crio,
        "containers/image pkg/sysregistriesv2/system_registries_v2.go",
        "loading registries configuration",
        "loading registries configuration: x",
        Sign::NodeConfig,
    ),
    is(
        Crio,
        SHORT,
        "short-name resolution enforced",
        "short-name resolution enforced but cannot prompt without a TTY",
        Sign::ShortName,
    ),
    is(
        Crio,
        SHORT,
        "did not resolve to an alias",
        "short-name \"a:1\" did not resolve to an alias and no unqualified-search registries are defined in \"/etc/containers/registries.conf\"",
        Sign::ShortName,
    ),
    is(
        Crio,
        "internal/storage/image.go, to 1.20",
        "no registries configured while trying to pull an unqualified image",
        "no registries configured while trying to pull an unqualified image, add at least one in /etc/crio/crio.conf",
        Sign::ShortName,
    ),
    is(
        Crio,
        "internal/storage/image.go",
        "short name mode is enforcing",
        "short name mode is enforcing, but image name a:1 returns ambiguous list",
        Sign::ShortName,
    ),
    is(
        Crio,
        "containers/image copy/digesting_reader.go",
        "Digest did not match",
        "Digest did not match, expected sha256:1, got sha256:2",
        Sign::DigestMismatch { empty: false },
    ),
    is(
        Crio,
        CLIENT,
        "digest mismatch, expected",
        "digest mismatch, expected \"sha256:1\", got \"sha256:2\"",
        Sign::DigestMismatch { empty: false },
    ),
    is(
        Crio,
        "containers/image manifest/manifest.go",
        "Unsupported manifest media type",
        "unsupported manifest media type and no default available: x",
        Sign::UnsupportedManifest,
    ),
    is(
        Crio,
        "containers/image internal/manifest/manifest.go",
        "unsupported MIME type",
        "unsupported MIME type for compression: x",
        Sign::UnsupportedManifest,
    ),
    is(
        Crio,
        "containers/image manifest/docker_schema2.go",
        "unsupported docker v2s2 media type",
        "unsupported docker v2s2 media type: \"application/vnd.oci.image.layer.v1.tar+gzip\"",
        Sign::UnsupportedManifest,
    ),
    is(
        Crio,
        "containers/image manifest/docker_schema1.go",
        "unsupported schema version",
        "unsupported schema version 1",
        Sign::UnsupportedManifest,
    ),
    is(
        Crio,
        "internal/oci, image pull",
        "pull progress timeout",
        "pulling image: pull progress timeout",
        Sign::NoProgress,
    ),
    is(
        Crio,
        "containers/storage layers.go",
        "error creating read-write layer",
        "error creating read-write layer with ID \"1\": x",
        Sign::UnpackFailed,
    ),
    is(
        Crio,
        "containers/storage drivers",
        "committing the finished image",
        "committing the finished image: x",
        Sign::UnpackFailed,
    ),
    is(
        Crio,
        "containers/storage pkg/idtools",
        "potentially insufficient UIDs or GIDs",
        "potentially insufficient UIDs or GIDs available in user namespace (requested 0:42 for /etc/gshadow)",
        Sign::NodeConfig,
    ),
];

fn token(spot: Spot<'_>) -> Option<Sign> {
    field::status(spot.after).map(|code| Sign::TokenRefused { code })
}

/// Architecture, variant and system, as `OS/architecture/variant`; older versions do not quote all.
fn platform(spot: Spot<'_>) -> Option<Sign> {
    let mut words =
        spot.after.split_whitespace().map(|word| word.trim_matches(['"', ',', '.', ';', ']', ')']));
    let read = (|| {
        let architecture = words.next()?;
        let variant = words.next().filter(|word| *word == "variant").and_then(|_| words.next())?;
        let system = words.next().filter(|word| *word == "OS").and_then(|_| words.next())?;
        let platform = format!("{system}/{architecture}/{variant}");
        Some(platform.trim_end_matches('/').to_owned())
    })();
    Some(Sign::NoPlatform { platform: read })
}
