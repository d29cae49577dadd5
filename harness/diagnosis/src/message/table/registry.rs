//! Answers of registries other than refusals of a user: what is not there, limits, rules, formats.

use super::{is, with};
use crate::message::row::{Origin::Registry, Row, Spot};
use crate::sign::Sign;

const CODES: &str = "distribution registry/api/errcode/register.go";

pub(super) const ROWS: &[Row] = &[
    is(
        Registry,
        CODES,
        "manifest unknown",
        "reading manifest 1 in reg.example.net/a: manifest unknown: manifest unknown",
        Sign::ManifestUnknown,
    ),
    is(
        Registry,
        CODES,
        "MANIFEST_UNKNOWN",
        "StatusCode: 404, {\"errors\":[{\"code\":\"MANIFEST_UNKNOWN\"}]}",
        Sign::ManifestUnknown,
    ),
    is(
        Registry,
        "GCR",
        "Failed to fetch \"",
        "Failed to fetch \"v1\" from request \"/v2/example/a/manifests/v1\".",
        Sign::ManifestUnknown,
    ),
    is(
        Registry,
        "ECR",
        "Requested image not found",
        "Requested image not found",
        Sign::ManifestUnknown,
    ),
    is(
        Registry,
        "ACR",
        "manifest tagged by",
        "manifest tagged by \"v1\" is not found",
        Sign::ManifestUnknown,
    ),
    is(
        Registry,
        "Artifactory",
        "The named manifest is not known to the registry",
        "The named manifest is not known to the registry.",
        Sign::ManifestUnknown,
    ),
    is(
        Registry,
        "Quay endpoints/v2/manifest.py",
        "was deleted or has expired",
        "Tag v1 was deleted or has expired. To pull, revive via time machine",
        Sign::ManifestUnknown,
    ),
    with(
        Registry,
        "Docker's engine to 1.12",
        "not found in repository",
        "Tag v1 not found in repository docker.io/team/a",
        |_| Some(Sign::ManifestUnknown),
    ),
    is(
        Registry,
        CODES,
        "repository name not known to registry",
        "repository name not known to registry",
        Sign::NameUnknown,
    ),
    is(Registry, CODES, "name unknown", "name unknown: x", Sign::NameUnknown),
    is(
        Registry,
        CODES,
        "NAME_UNKNOWN",
        "{\"errors\":[{\"code\":\"NAME_UNKNOWN\"}]}",
        Sign::NameUnknown,
    ),
    with(
        Registry,
        "ECR",
        "The repository with name '",
        "The repository with name 'a' does not exist in the registry with id '1'",
        |spot| spot.after.contains("does not exist").then_some(Sign::NameUnknown),
    ),
    is(Registry, "Harbor", "project not found", "project not found, name: team", Sign::NameUnknown),
    with(
        Registry,
        "Harbor src/lib/errors",
        "repository ",
        "not found: repository team/a not found",
        harbor_repository,
    ),
    with(
        Registry,
        "Harbor src/lib/errors",
        "artifact ",
        "not found: artifact team/a:v1 not found",
        |spot| second_not_found(spot).then_some(Sign::ManifestUnknown),
    ),
    is(
        Registry,
        "distribution registry/storage/blobserver.go",
        "unknown blob",
        "unknown blob",
        Sign::BlobUnknown,
    ),
    is(
        Registry,
        CODES,
        "blob unknown",
        "blob unknown: blob unknown to registry",
        Sign::BlobUnknown,
    ),
    is(
        Registry,
        CODES,
        "invalid repository name",
        "name invalid: invalid repository name",
        Sign::InvalidReference,
    ),
    is(
        Registry,
        "Docker Hub",
        "toomanyrequests",
        "toomanyrequests: retry-after: 1ms, allowed: 44000/minute",
        Sign::RateLimited,
    ),
    is(
        Registry,
        "Docker Hub",
        "You have reached your unauthenticated pull rate limit",
        "You have reached your unauthenticated pull rate limit.",
        Sign::RateLimited,
    ),
    is(
        Registry,
        "Docker Hub",
        "reached your pull rate limit",
        "You have reached your pull rate limit.",
        Sign::RateLimited,
    ),
    is(Registry, "ECR Public, proxies", "Rate exceeded", "Rate exceeded", Sign::RateLimited),
    is(
        Registry,
        "net/http, containers/image",
        "Too Many Requests",
        "Too Many Requests",
        Sign::RateLimited,
    ),
    is(
        Registry,
        "GCR, Artifact Registry",
        "Quota exceeded for quota metric",
        "Quota exceeded for quota metric 'Requests per project per region'",
        Sign::RateLimited,
    ),
    is(
        Registry,
        "GHCR, GitLab",
        "bandwidth quota",
        "This account has used up its bandwidth quota",
        Sign::RegistrySetting,
    ),
    is(
        Registry,
        "Artifactory cloud",
        "Payment Required",
        "402 Payment Required",
        Sign::RegistrySetting,
    ),
    is(
        Registry,
        "Harbor",
        "vulnerable artifact",
        "current image with vulnerabilities cannot be pulled; vulnerable artifact",
        Sign::RegistrySetting,
    ),
    is(
        Registry,
        "Harbor src/server/middleware/vulnerable",
        "cannot be pulled due to configured policy",
        "current image with 3 vulnerabilities cannot be pulled due to configured policy in 'Prevent images with vulnerability severity of \"High\" or higher from running.'",
        Sign::RegistrySetting,
    ),
    is(
        Registry,
        "Harbor src/server/middleware/contenttrust",
        "The image is not signed",
        "The image is not signed by cosign.",
        Sign::RegistrySetting,
    ),
    is(
        Registry,
        "Artifactory Xray",
        "was not downloaded due to the download blocking policy",
        "Artifact x was not downloaded due to the download blocking policy configured in Xray",
        Sign::RegistrySetting,
    ),
    is(
        Registry,
        "Quay",
        "organization has been disabled",
        "The organization has been disabled. Please contact a system administrator.",
        Sign::RegistrySetting,
    ),
    is(
        Registry,
        "Quay",
        "namespace has been disabled",
        "namespace has been disabled",
        Sign::RegistrySetting,
    ),
    is(
        Registry,
        "GCR",
        "Container Registry is deprecated and shutting down",
        "Container Registry is deprecated and shutting down, please use the auto migration tool",
        Sign::RegistrySetting,
    ),
    is(
        Registry,
        "GCR, Artifact Registry",
        "API has not been used in project",
        "Artifact Registry API has not been used in project 1 before or it is disabled.",
        Sign::RegistrySetting,
    ),
    is(
        Registry,
        "GCR, Artifact Registry",
        "requires billing to be enabled",
        "This API method requires billing to be enabled.",
        Sign::RegistrySetting,
    ),
    with(
        Registry,
        "ACR",
        "client with IP",
        "denied: client with IP '198.51.100.7' is not allowed access.",
        |spot| {
            let address = spot.after.split('\'').nth(1).map(str::to_owned);
            spot.after.contains("not allowed").then_some(Sign::AddressNotAllowed { address })
        },
    ),
    is(
        Registry,
        "ACR",
        "public network access is not enabled",
        "denied: public network access is not enabled",
        Sign::AddressNotAllowed { address: None },
    ),
    is(
        Registry,
        "GCR, Artifact Registry",
        "prohibited by organization's policy",
        "Request is prohibited by organization's policy. vpcServiceControlsUniqueIdentifier: x",
        Sign::AddressNotAllowed { address: None },
    ),
    is(
        Registry,
        "GHCR",
        "IP allow list enabled",
        "the organization has an IP allow list enabled, and your IP address is not permitted",
        Sign::AddressNotAllowed { address: None },
    ),
    is(
        Registry,
        "Quay",
        "geo-ip blocked",
        "denied: The region from which you are pulling has been geo-ip blocked.",
        Sign::AddressBlocked,
    ),
    is(
        Registry,
        "Docker Hub",
        "must comply with US export control",
        "Since Docker is a US company, we must comply with US export control regulations.",
        Sign::AddressBlocked,
    ),
    is(
        Registry,
        "CloudFront",
        "configured to block access from your country",
        "The Amazon CloudFront distribution is configured to block access from your country.",
        Sign::AddressBlocked,
    ),
    is(
        Registry,
        "Google's front end",
        "Your client does not have permission to get URL",
        "Your client does not have permission to get URL <code>/v2/a</code> from this server.",
        Sign::AddressBlocked,
    ),
    is(
        Registry,
        "Cloudflare",
        "Sorry, you have been blocked",
        "Sorry, you have been blocked",
        Sign::AddressBlocked,
    ),
    is(
        Registry,
        "RFC 7725",
        "Unavailable For Legal Reasons",
        "451 Unavailable For Legal Reasons",
        Sign::AddressBlocked,
    ),
    is(
        Registry,
        "distribution registry/handlers/manifests.go",
        "Accept header does not support OCI",
        "OCI index found, but Accept header does not support OCI indexes",
        Sign::UnsupportedManifest,
    ),
    is(
        Registry,
        CODES,
        "manifest invalid",
        "manifest invalid: manifest invalid",
        Sign::UnsupportedManifest,
    ),
    is(
        Registry,
        "Docker Hub",
        "pull.v1 is deprecated",
        "docker pull.v1 is deprecated",
        Sign::UnsupportedManifest,
    ),
    is(
        Registry,
        "openshift/image-registry pkg/dockerregistry/server/pullthroughmanifestservice.go",
        "unable to pull manifest from",
        "unknown: unable to pull manifest from quay.io/team/a@sha256:1: x",
        Sign::PassedThrough,
    ),
    is(
        Registry,
        "ACR, Docker Hub",
        "does not match bearer token resource",
        "Requested repository does not match bearer token resource: a.",
        Sign::NotTheProtocol,
    ),
    is(
        Registry,
        CODES,
        "The operation is unsupported",
        "unsupported: The operation is unsupported.",
        Sign::NotTheProtocol,
    ),
];

fn second_not_found(spot: Spot<'_>) -> bool {
    let mut words = spot.after.split_whitespace();
    words.next();
    words.next() == Some("not") && words.next().is_some_and(|word| word.starts_with("found"))
}

/// "repository X not found"; Docker's old engine uses it too and goes on about access.
fn harbor_repository(spot: Spot<'_>) -> Option<Sign> {
    (second_not_found(spot) && !spot.after.contains("no pull access")).then_some(Sign::NameUnknown)
}
