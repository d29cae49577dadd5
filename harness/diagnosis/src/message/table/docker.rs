//! Wordings of Docker's engine, behind dockershim and cri-dockerd.

use super::{is, status_after, with};
use crate::message::row::{Origin::Docker, Row, Spot};
use crate::sign::Sign;

const PULL: &str = "moby daemon/internal/distribution/pull_v2.go";
const ERRORS: &str = "moby daemon/internal/distribution/errors.go";
const CLIENT: &str = "distribution registry/client/errors.go";

pub(super) const ROWS: &[Row] = &[
    is(
        Docker,
        "distribution registry/client/auth/session.go",
        "no basic auth credentials",
        "Get https://reg.example.net/v2/a/manifests/1: no basic auth credentials",
        Sign::NoBasicAuth,
    ),
    is(
        Docker,
        ERRORS,
        "repository does not exist or may require 'docker login'",
        "pull access denied for a, repository does not exist or may require 'docker login'",
        Sign::PullAccessDenied,
    ),
    is(
        Docker,
        "moby distribution/errors.go, to 18.09",
        "repository does not exist or may require docker login",
        "pull access denied for a, repository does not exist or may require docker login",
        Sign::PullAccessDenied,
    ),
    is(
        Docker,
        "moby distribution/errors.go, to 17.09",
        "does not exist or no pull access",
        "repository a not found: does not exist or no pull access",
        Sign::PullAccessDenied,
    ),
    is(
        Docker,
        "moby registry/session.go, to 20.10",
        "Network timed out while trying to connect to",
        "Network timed out while trying to connect to https://reg.example.net/v1/repositories/a/images",
        Sign::Timeout,
    ),
    with(Docker, ERRORS, "manifest for ", "manifest for reg.example.net/a:1 not found", manifest),
    with(
        Docker,
        "docker to 1.9, registry v1 answers",
        "Error: image ",
        "Error: image library/a:1 not found",
        manifest,
    ),
    with(
        Docker,
        PULL,
        "no matching manifest for ",
        "no matching manifest for linux/arm64/v8 in the manifest list entries",
        platform,
    ),
    with(
        Docker,
        "moby daemon/images/image.go",
        "does not match the specified platform",
        "image with reference a was found but its platform (linux/amd64) does not match the specified platform (linux/arm64)",
        specified,
    ),
    is(
        Docker,
        "hcsshim, on Windows",
        "container operating system does not match the host operating system",
        "hcsshim::CreateComputeSystem 1: The container operating system does not match the host operating system.",
        Sign::NoPlatform { platform: None },
    ),
    is(
        Docker,
        "moby layer",
        "failed to register layer",
        "failed to register layer: x",
        Sign::UnpackFailed,
    ),
    is(
        Docker,
        "moby distribution/pull_v2.go",
        "unsupported manifest format",
        "unsupported manifest format",
        Sign::UnsupportedManifest,
    ),
    is(
        Docker,
        "moby distribution/pull_v2.go",
        "when fetching image or plugin",
        "Encountered remote \"application/vnd.oci.image.index.v1+json\"(unknown) when fetching image or plugin",
        Sign::UnsupportedManifest,
    ),
    is(
        Docker,
        "moby distribution/pull_v2.go",
        "[DEPRECATION NOTICE]",
        "[DEPRECATION NOTICE] Docker Image Format v1 and Docker Image manifest version 2, schema 1 support",
        Sign::UnsupportedManifest,
    ),
    is(
        Docker,
        "moby daemon/containerd",
        "manifest.v1+prettyjws not supported",
        "application/vnd.docker.distribution.manifest.v1+prettyjws not supported",
        Sign::UnsupportedManifest,
    ),
    is(
        Docker,
        "distribution manifest/schema2/manifest.go",
        "mediaType in manifest should be",
        "mediaType in manifest should be 'application/vnd.docker.distribution.manifest.v2+json' not 'x'",
        Sign::UnsupportedManifest,
    ),
    is(
        Docker,
        "distribution manifest",
        "manifest schema v1 unsupported",
        "manifest schema v1 unsupported",
        Sign::UnsupportedManifest,
    ),
    is(
        Docker,
        "moby distribution/pull_v2.go",
        "invalid rootfs in image configuration",
        "invalid rootfs in image configuration",
        Sign::UnsupportedManifest,
    ),
    with(
        Docker,
        CLIENT,
        "error parsing HTTP ",
        "error parsing HTTP 403 response body: invalid character '<' looking for beginning of value: \"<html>\"",
        status_after,
    ),
    with(
        Docker,
        CLIENT,
        "unexpected http code: ",
        "unexpected http code: 500 Internal Server Error",
        status_after,
    ),
    with(
        Docker,
        "moby daemon/pkg/registry/auth.go",
        "failed with status: ",
        "login attempt to https://reg.example.net/v2/ failed with status: 502 Bad Gateway",
        status_after,
    ),
    is(
        Docker,
        "moby daemon/pkg/registry",
        "Cannot connect to the Docker daemon",
        "Cannot connect to the Docker daemon at unix:///var/run/docker.sock.",
        Sign::RuntimeFault,
    ),
    is(
        Docker,
        "cri-dockerd libdocker/kube_docker_client.go",
        "exceeded image pull deadline",
        "Cancel pulling image a because it exceeded image pull deadline 1m0s.",
        Sign::NoProgress,
    ),
    is(
        Docker,
        "dockershim libdocker, pull of an image",
        "because of no progress for",
        "Cancel pulling image \"a\" because of no progress for 1m0s, latest progress: \"x\"",
        Sign::NoProgress,
    ),
    is(
        Docker,
        "moby volume and layer store",
        "layer does not exist",
        "layer does not exist",
        Sign::StoreIncomplete,
    ),
    is(
        Docker,
        "moby daemon/graphdriver/overlay2",
        "readlink /var/lib/docker/overlay2",
        "Error response from daemon: readlink /var/lib/docker/overlay2: invalid argument",
        Sign::StoreIncomplete,
    ),
    is(
        Docker,
        "cri-dockerd core/convert.go",
        "unable to convert a nil pointer to a runtime API image",
        "unable to convert a nil pointer to a runtime API image",
        Sign::RuntimeFault,
    ),
    is(
        Docker,
        "moby daemon/internal/distribution/pull_v2.go",
        "verification failed for digest",
        "filesystem layer verification failed for digest sha256:1",
        Sign::DigestMismatch { empty: false },
    ),
    is(
        Docker,
        "moby daemon/internal/distribution/pull_v2.go",
        "layers from manifest don't match image configuration",
        "layers from manifest don't match image configuration",
        Sign::BadArchive,
    ),
    is(
        Docker,
        "libtrust",
        "missing signature key",
        "missing signature key",
        Sign::UnsupportedManifest,
    ),
    is(
        Docker,
        "docker 17.06",
        "no supported platform found in manifest list",
        "no supported platform found in manifest list",
        Sign::NoPlatform { platform: None },
    ),
    with(
        Docker,
        "docker to 1.9, registry v1",
        "Error: Status ",
        "Error: Status 403 trying to pull repository team/a: \"{}\"",
        status_after,
    ),
];

/// "manifest for X not found" and, of old engines, "Error: image X not found".
fn manifest(spot: Spot<'_>) -> Option<Sign> {
    let mut words = spot.after.split_whitespace();
    let (_, not, found) = (words.next()?, words.next()?, words.next()?);
    (not == "not" && found.starts_with("found")).then_some(Sign::NotFound)
}

/// The platform up to "in the manifest list entries"; on Windows it has a space in it.
fn platform(spot: Spot<'_>) -> Option<Sign> {
    let platform = spot.after.split(" in the manifest list").next().filter(|name| name.len() < 80);
    Some(Sign::NoPlatform { platform: platform.map(str::to_owned) })
}

fn specified(spot: Spot<'_>) -> Option<Sign> {
    let platform =
        spot.after.trim_start().strip_prefix('(').and_then(|rest| rest.split(')').next());
    Some(Sign::NoPlatform { platform: platform.map(str::to_owned) })
}
