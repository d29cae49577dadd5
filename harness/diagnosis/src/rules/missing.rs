//! An image that is not there: which part of its name is wrong.

use super::{Case, Finding};
use crate::cause::Cause::*;
use crate::reference::Registry;
use crate::sign::Sign;

pub(super) fn finding(case: &Case<'_>) -> Finding {
    match case.lead {
        Sign::NameUnknown => Finding::certain(NotFoundRepository),
        Sign::BlobUnknown => Finding::open([RegistryError, CorruptContent, Mirror, NotFound]),
        Sign::ManifestUnknown => Finding::open([NotFoundTag, NotFound, WrongReference, NotFoundRepository]),
        // These refuse, rather than deny knowing, a repository that does not exist.
        _ if matches!(case.registry, Registry::DockerHub | Registry::Ghcr | Registry::Quay) => {
            Finding::open([NotFoundTag, NotFound, WrongReference, NotFoundRepository])
        }
        _ => Finding::open([NotFound, NotFoundTag, NotFoundRepository, WrongReference]),
    }
}
