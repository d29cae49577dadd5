//! Refusals: the distribution protocol's error codes and the words of single registries.

use super::{is, with};
use crate::message::row::{Origin::Registry, Row, Spot};
use crate::sign::Sign;

const CODES: &str = "distribution registry/api/errcode/register.go";

pub(super) const ROWS: &[Row] = &[
    with(
        Registry,
        CODES,
        "authentication required",
        "unauthorized: authentication required",
        |spot| {
            // Docker Hub's and Red Hat's summaries of other errors end with it as well.
            (!spot.before.ends_with("does not exist or ")).then_some(Sign::AuthenticationRequired)
        },
    ),
    is(
        Registry,
        "registry v1",
        "Authentication is required",
        "details: (Authentication is required.)",
        Sign::AuthenticationRequired,
    ),
    is(
        Registry,
        "Red Hat",
        "Please login to the Red Hat Registry",
        "unauthorized: Please login to the Red Hat Registry using your Customer Portal credentials.",
        Sign::AuthenticationRequired,
    ),
    with(
        Registry,
        "GHCR, Docker's engine",
        "unauthorized",
        "Get https://ghcr.io/v2/team/a/manifests/1: unauthorized",
        bare_unauthorized,
    ),
    with(Registry, CODES, "unauthorized: ", "unauthorized: words of its own", own_words),
    is(
        Registry,
        CODES,
        "requested access to the resource is denied",
        "denied: requested access to the resource is denied",
        Sign::Denied,
    ),
    with(Registry, CODES, "denied: ", "denied: words of its own", own_words),
    with(
        Registry,
        CODES,
        ": denied",
        "Head \"https://ghcr.io/v2/team/a/manifests/1\": denied: denied",
        bare_denied,
    ),
    is(
        Registry,
        "Quay endpoints/v1",
        "\"error\": \"Permission Denied\"",
        "Error: Status 403 trying to pull repository team/a: \"{\"error\": \"Permission Denied\"}\"",
        Sign::Denied,
    ),
    is(
        Registry,
        "Quay",
        "access to the requested resource is not authorized",
        "unauthorized: access to the requested resource is not authorized",
        Sign::Denied,
    ),
    is(
        Registry,
        "Harbor src/server/middleware/v2auth",
        "unauthorized to access repository",
        "unauthorized: unauthorized to access repository: team/a, action: pull",
        Sign::Denied,
    ),
    is(
        Registry,
        "Nexus",
        "access to the requested resource is denied",
        "denied: access to the requested resource is denied",
        Sign::Denied,
    ),
    is(
        Registry,
        "GitLab lib/gitlab/auth",
        "access forbidden",
        "denied: access forbidden",
        Sign::Denied,
    ),
    is(
        Registry,
        "Artifactory",
        "The client does not have permission",
        "denied: The client does not have permission for manifest",
        Sign::PermissionMissing { identity: None },
    ),
    is(
        Registry,
        "GHCR",
        "denied: permission_denied",
        "denied: permission_denied: read_package",
        Sign::PermissionMissing { identity: None },
    ),
    is(
        Registry,
        "GCR",
        "don't have the needed permissions to perform this operation",
        "unauthorized: You don't have the needed permissions to perform this operation, and you may have invalid credentials.",
        Sign::Denied,
    ),
    is(
        Registry,
        "GCR",
        "Token exchange failed for project",
        "denied: Token exchange failed for project 'example'.",
        Sign::PermissionMissing { identity: Some(true) },
    ),
    with(
        Registry,
        "GCR, Artifact Registry",
        "Permission \"",
        "denied: Permission \"artifactregistry.repositories.downloadArtifacts\" denied on resource \"projects/x\" (or it may not exist)",
        google,
    ),
    is(
        Registry,
        "GCR",
        "Permission denied for \"",
        "denied: Permission denied for \"1.4\" from request \"/v2/example/a/manifests/1.4\".",
        Sign::PermissionMissing { identity: None },
    ),
    is(
        Registry,
        "GCR",
        "does not have storage.objects.get access",
        "a@x.iam.gserviceaccount.com does not have storage.objects.get access to the Google Cloud Storage object.",
        Sign::PermissionMissing { identity: Some(true) },
    ),
    is(
        Registry,
        "Artifact Registry",
        "Unauthenticated request",
        "denied: Unauthenticated request. Unauthenticated requests do not have permission \"x\" on resource \"y\"",
        Sign::Unauthenticated,
    ),
    is(
        Registry,
        "GCR",
        "Anonymous caller does not have",
        "Anonymous caller does not have storage.objects.get access",
        Sign::Unauthenticated,
    ),
    is(
        Registry,
        "Huawei SWR",
        "You may not login yet",
        "denied: You may not login yet",
        Sign::Unauthenticated,
    ),
    is(
        Registry,
        "nginx before a registry",
        "no user/password was provided for basic authentication",
        "no user/password was provided for basic authentication",
        Sign::NoBasicAuth,
    ),
    with(
        Registry,
        "ECR",
        "is not authorized to perform: ecr:",
        "User: arn:aws:sts::1:assumed-role/node/i-1 is not authorized to perform: ecr:BatchGetImage on resource: x because no identity-based policy allows the ecr:BatchGetImage action",
        ecr,
    ),
    is(
        Registry,
        "ECR",
        "not authorized to pull",
        "denied: not authorized to pull this image",
        Sign::PermissionMissing { identity: None },
    ),
    is(
        Registry,
        "OCI Registry",
        "Anonymous users are only allowed read access on public repos",
        "denied: Anonymous users are only allowed read access on public repos",
        Sign::NoBasicAuth,
    ),
    is(
        Registry,
        "Docker Hub",
        "incorrect username or password",
        "unauthorized: incorrect username or password",
        Sign::BadCredentials,
    ),
    is(
        Registry,
        "Quay auth/credentials.py",
        "invalid username or password",
        "unauthorized: Invalid Username or Password.",
        Sign::BadCredentials,
    ),
    is(
        Registry,
        "Quay auth/credentials.py",
        "Could not find robot with",
        "unauthorized: Could not find robot with username: team+bot and supplied password.",
        Sign::BadCredentials,
    ),
    is(
        Registry,
        "Quay auth/credentials.py",
        "This user has been disabled",
        "unauthorized: This user has been disabled. Please contact your administrator.",
        Sign::BadCredentials,
    ),
    is(
        Registry,
        "Artifactory",
        "BAD_CREDENTIAL",
        "unauthorized: BAD_CREDENTIAL",
        Sign::BadCredentials,
    ),
    is(
        Registry,
        "Artifactory",
        "Bad props auth token",
        "unauthorized: Bad props auth token: apiKey=x",
        Sign::BadCredentials,
    ),
    is(
        Registry,
        "Artifactory",
        "Bad credentials",
        "unauthorized: Bad credentials",
        Sign::BadCredentials,
    ),
    is(
        Registry,
        "Artifactory",
        "Wrong username was used",
        "unauthorized: Wrong username was used",
        Sign::BadCredentials,
    ),
    is(
        Registry,
        "GitLab",
        "HTTP Basic: Access denied",
        "HTTP Basic: Access denied. The provided password or token is incorrect",
        Sign::BadCredentials,
    ),
    is(
        Registry,
        "ACR",
        "Invalid clientid or client secret",
        "unauthorized: Invalid clientid or client secret.",
        Sign::BadCredentials,
    ),
    is(
        Registry,
        "ACR",
        "Application not registered with AAD",
        "unauthorized: Application not registered with AAD.",
        Sign::BadCredentials,
    ),
    is(
        Registry,
        "GCR",
        "Not Authorized. Details",
        "unauthorized: Not Authorized. Details: (1)",
        Sign::Denied,
    ),
    is(
        Registry,
        "Harbor",
        "invalid user name or password",
        "unauthorized: invalid user name or password",
        Sign::BadCredentials,
    ),
    is(
        Registry,
        "Alibaba, Tencent",
        "wrong username or password",
        "unauthorized: wrong username or password",
        Sign::BadCredentials,
    ),
    is(
        Registry,
        "ACR",
        "AADSTS7000222",
        "AADSTS7000222: The provided client secret keys for app 'x' are expired.",
        Sign::TokenExpired,
    ),
    is(
        Registry,
        "Quay, Artifactory",
        "token has expired",
        "unauthorized: Access token has expired.",
        Sign::TokenExpired,
    ),
    is(
        Registry,
        "Artifactory",
        "Token failed verification: expired",
        "unauthorized: Token failed verification: expired",
        Sign::TokenExpired,
    ),
    is(
        Registry,
        "golang-jwt, behind many token servers",
        "token is expired",
        "unauthorized: token is expired by 3h",
        Sign::TokenExpired,
    ),
];

/// The whole of an answer, with no reason behind it.
fn bare_unauthorized(spot: Spot<'_>) -> Option<Sign> {
    let after = spot.after.trim_end_matches(['.', '"', ' ', ']', ')']);
    (after.is_empty() && spot.before.ends_with(": ")).then_some(Sign::AuthenticationRequired)
}

/// Any words behind one of the protocol's codes; rows that know them count for more.
fn own_words(spot: Spot<'_>) -> Option<Sign> {
    let code = spot.before.is_empty() || spot.before.ends_with([' ', '"', '[']);
    (code && !spot.after.trim().is_empty()).then_some(Sign::Refused)
}

/// A denial with no reason behind it; the last word, or said twice.
fn bare_denied(spot: Spot<'_>) -> Option<Sign> {
    let after = spot.after.trim_end_matches(['.', '"', ' ', ']', ')']);
    matches!(after, "" | ": denied" | ": access denied").then_some(Sign::Denied)
}

fn google(spot: Spot<'_>) -> Option<Sign> {
    spot.after
        .split(')')
        .next()?
        .contains(" denied on resource")
        .then_some(Sign::PermissionMissing { identity: None })
}

fn ecr(spot: Spot<'_>) -> Option<Sign> {
    if spot.after.starts_with("GetAuthorizationToken") {
        return None;
    }
    let identity = if spot.after.contains("no identity-based policy") {
        Some(true)
    } else if spot.after.contains("resource-based policy") || spot.after.contains("explicit deny") {
        Some(false)
    } else {
        None
    };
    Some(Sign::PermissionMissing { identity })
}
