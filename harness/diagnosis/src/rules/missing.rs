//! An image that is not there: which part of its name is wrong.

use super::{Case, Finding};
use crate::cause::Cause::*;
use crate::reference::{Reference, Registry};
use crate::sign::Sign;

pub(super) fn finding(case: &Case<'_>) -> Finding {
    match case.lead {
        Sign::NameUnknown => return name_unknown(case),
        Sign::BlobUnknown => {
            return Finding::open([RegistryError, CorruptContent, Mirror, NotFound]);
        }
        // Harbor has other words for a repository; a proxy project says so of its registry's failures.
        Sign::ManifestUnknown if case.message.text().contains("artifact ") => {
            return Finding::open([NotFoundTag, NotFound, WrongReference, RegistryError]);
        }
        Sign::ManifestUnknown => {
            return Finding::open([NotFoundTag, NotFound, WrongReference, NotFoundRepository]);
        }
        // The reference was resolved; the digest that it stands for is not there
        // (containerd `core/remotes/docker/fetcher.go`).
        _ if case.message.text().contains("content at http") => {
            return Finding::open([RegistryError, NotFound, NotFoundTag, Mirror]);
        }
        _ => {}
    }
    if case.has(&Sign::NoCredentialsOnRequest) {
        // The registries of that time denied knowing what they would not show.
        if case.registry.knows_nodes() {
            return Finding::open([NodeIdentity, NoCredentials, NotFound, NotFoundTag]);
        }
        return Finding::open([NoCredentials, NotFound, NotFoundTag, NotFoundRepository]);
    }
    // Docker to 1.13 fell back to a registry's API v1, whose "not found" hid the refusal before it.
    if case.message.text().contains("Error: image ") {
        return Finding::open([NotFoundRepository, NoCredentials, WrongReference, NotFoundTag]);
    }
    if case.hides_refusals_of_mirrors() {
        return Finding::open([NotFound, NotFoundTag, NotFoundRepository, Mirror]);
    }
    match case.registry {
        // These refuse, rather than deny knowing, a repository that does not exist.
        Registry::DockerHub | Registry::Ghcr | Registry::Quay => {
            Finding::open([NotFoundTag, NotFound, WrongReference, NotFoundRepository])
        }
        Registry::Kubernetes => Finding::open([NotFoundTag, NotFound, Mirror, WrongReference]),
        _ if case.image.is_some_and(Reference::is_passed_through) => {
            Finding::open([NotFound, NotFoundTag, RegistryError, WrongReference])
        }
        _ => Finding::open([NotFound, NotFoundTag, NotFoundRepository, WrongReference]),
    }
}

/// ECR and Google's registry name what is missing; elsewhere a mirror or a proxy may not have it yet.
fn name_unknown(case: &Case<'_>) -> Finding {
    if matches!(case.registry, Registry::Ecr | Registry::Google) {
        return Finding::certain(NotFoundRepository);
    }
    Finding::open([NotFoundRepository, WrongReference, Mirror, RegistryError])
}
