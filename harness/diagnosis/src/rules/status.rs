//! A status without words.

use super::access::{self, Sent};
use super::{Case, Finding};
use crate::cause::Cause::*;
use crate::message::field;
use crate::reference::Registry;
use crate::sign::Sign;

pub(super) fn finding(case: &Case<'_>, code: u16, url: Option<&str>) -> Finding {
    match code {
        401 => unauthorised(case),
        403 => forbidden(case, url),
        404 if asked_page(case)
            && (case.registry.is_well_known() || case.message.host().is_none()) =>
        {
            Finding::open([RegistryError, WrongReference, NotFound, Mirror])
        }
        404 if asked_page(case) => {
            Finding::open([WrongReference, NotFound, RegistrySetting, Mirror])
        }
        404 if is_token(url) => Finding::open([RegistrySetting, Mirror, Proxy, WrongReference]),
        404 | 410 if is_blob(url) => {
            Finding::open([RegistryError, CorruptContent, Mirror, NotFound])
        }
        404 | 410 => Finding::open([NotFound, NotFoundTag, NotFoundRepository, WrongReference]),
        402 => Finding::certain(RegistrySetting),
        407 => Finding::certain(Proxy),
        429 => Finding::certain(RateLimited),
        451 => Finding::certain(AddressBlocked),
        // Harbor's answer if the project's rules keep an image back (`src/server/middleware`).
        412 => Finding::open([RegistrySetting, SignaturePolicy, Mirror, RegistryError]),
        405 | 406 | 415 => Finding::open([UnsupportedManifest, RegistrySetting, Mirror]),
        408 => Finding::open([UnreachableTimeout, RegistryError, Proxy]),
        // A gateway's words; which one's, an address would say.
        502..=504 if case.message.host().is_none() => Finding::open([RegistryError, Proxy, Mirror]),
        500..=599 => failed(case),
        // Go's server answers so if it is asked for plain HTTP on a port for HTTPS.
        400 if url.is_some_and(|url| url.starts_with("http://")) => {
            Finding::open([HttpsOnHttp, RegistryError, CredentialsRefused, Mirror])
        }
        400..=499 => Finding::open([CredentialsRefused, RegistryError, TokenExpired, Mirror]),
        _ => Finding::open([Mirror, RegistrySetting, Proxy]),
    }
}

fn unauthorised(case: &Case<'_>) -> Finding {
    if case.asked_mirror() {
        return Finding::open([Mirror, NoCredentials, CredentialsRefused, KeyMismatch]);
    }
    if case.got_manifest() {
        return Finding::open([RegistryError, TokenExpired, Mirror, CredentialsRefused]);
    }
    Finding::open(access::candidates(case, Sent::Maybe))
}

fn forbidden(case: &Case<'_>, url: Option<&str>) -> Finding {
    if case.asked_mirror() {
        return Finding::open([Mirror, WrongReference, NotAuthorised, NetworkRule]);
    }
    // Who got the manifest may read the repository; the store of its blobs is what refuses.
    if is_blob(url) {
        return Finding::open([AddressBlocked, NetworkRule, Proxy, RegistryError]);
    }
    // A proxy before a private registry may admit GET alone, as it may refuse an address.
    if case.registry == Registry::Other && is_of_head(case) {
        return Finding::open([NotAuthorised, NetworkRule, RegistrySetting, NoCredentials]);
    }
    Finding::open(match case.registry {
        Registry::Acr => [NetworkRule, NodeIdentity, NotAuthorised, RegistrySetting],
        // Accounts that own shared images differ by region.
        Registry::Ecr => [TokenExpired, NotAuthorised, NodeIdentity, WrongReference],
        Registry::Google => [NodeIdentity, NotAuthorised, NoCredentials, NotFoundRepository],
        Registry::Kubernetes => [AddressBlocked, NetworkRule, Proxy, Mirror],
        Registry::DockerHub => [AddressBlocked, Mirror, Proxy, NotAuthorised],
        Registry::Quay => [AddressBlocked, NotAuthorised, NetworkRule, NoCredentials],
        Registry::Ghcr => [NoCredentials, NotFoundRepository, NotAuthorised, CredentialsRefused],
        Registry::OpenShift => {
            [NotAuthorised, NoCredentials, CredentialsRefused, NotFoundRepository]
        }
        Registry::GitLab => [NotAuthorised, NoCredentials, CredentialsRefused, NetworkRule],
        Registry::Other => [NotAuthorised, NetworkRule, AddressBlocked, NoCredentials],
    })
}

/// A registry's failure; where its own authorisation or a mirror is behind it, that stays open.
fn failed(case: &Case<'_>) -> Finding {
    if case.has(&Sign::SignatureRead) || case.registry == Registry::OpenShift {
        return Finding::open([RegistryError, NotAuthorised, RegistrySetting]);
    }
    if case.asked_mirror() {
        return Finding::open([RegistryError, Mirror, Proxy]);
    }
    Finding::certain(RegistryError)
}

/// Whether a web server's page for an unknown path came back, rather than a registry's answer.
fn asked_page(case: &Case<'_>) -> bool {
    let text = case.message.text();
    ["page not found", "<html", "<!DOCTYPE", "<title>"].iter().any(|words| text.contains(words))
}

/// Whether the answer was one to HEAD (containerd `core/remotes/errors/errors.go`).
fn is_of_head(case: &Case<'_>) -> bool {
    case.message.text().contains("from HEAD request")
}

fn is_token(url: Option<&str>) -> bool {
    url.and_then(|url| url.split_once("://")?.1.split_once('/')).is_some_and(|(_, path)| {
        let path = path.split('?').next().unwrap_or(path);
        !path.contains("/manifests/") && (path.contains("token") || path.ends_with("auth"))
    })
}

fn is_blob(url: Option<&str>) -> bool {
    url.is_some_and(|url| {
        url.contains("/blobs/")
            || field::host_of(url).is_some_and(|host| host.contains("cloudfront"))
    })
}
