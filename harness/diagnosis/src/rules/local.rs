//! What the kubelet, the runtime or a limit says, rather than a refusal or a missing image.

use super::{Case, Finding};
use crate::cause::Cause::*;
use crate::sign::Sign;

pub(super) fn finding(case: &Case<'_>) -> Finding {
    use Sign as S;
    match case.lead {
        S::QpsExceeded => Finding::certain(Qps),
        S::NotPresentNever => never(case),
        // An address that does not parse may stand in a configuration of the node as well.
        S::InvalidReference if case.message.text().contains("parse \"http") => {
            Finding::open([InvalidName, NodeConfig, ProviderFailed])
        }
        S::InvalidReference => Finding::certain(InvalidName),
        S::ShortName => Finding::open([WrongReference, NodeConfig, InvalidName]),
        S::SecretUndecodable => Finding::certain(SecretUndecodable),
        S::SecretsUnretrievable { .. } => {
            Finding::open([SecretAbsent, SecretOtherNamespace, UnreachableTimeout, NoCredentials])
        }
        S::NoSpace => Finding::certain(DiskFull),
        S::SignatureRejected => Finding::certain(SignaturePolicy),
        S::RegistryBlocked => Finding::certain(NodeConfig),
        S::StorageRefused => Finding::open([NodeConfig, RuntimeFault, CorruptContent, DiskFull]),
        // The realm of the challenge is not an address.
        S::NodeConfig if case.message.text().contains(" token: ") => {
            Finding::certain(RegistrySetting)
        }
        // An address in the runtime's configuration, of the registry or of its mirror.
        S::NodeConfig if case.message.text().contains("parse ") => {
            Finding::open([NodeConfig, Mirror])
        }
        S::NodeConfig => Finding::certain(NodeConfig),
        S::RuntimeFault if case.message.text().contains(" locked") => {
            Finding::certain(RuntimeFault)
        }
        // A runtime that does not answer, or that was sought at another runtime's socket.
        S::RuntimeFault => Finding::open([RuntimeFault, NodeConfig]),
        S::RateLimited => Finding::certain(RateLimited),
        S::RegistrySetting => Finding::certain(RegistrySetting),
        S::AddressNotAllowed { .. } => Finding::certain(NetworkRule),
        S::AddressBlocked => Finding::certain(AddressBlocked),
        // Docker did not make out its own processor (containerd `platforms/cpuinfo_linux.go`).
        S::NoPlatform { platform: Some(platform) } if platform.ends_with("/unknown") => {
            Finding::open([NoSuchPlatform, RuntimeFault])
        }
        // CRI-O without quotes here missed images that have no variant, and tripped over its own
        // store (containers/image `internal/pkg/platform`).
        S::NoPlatform { .. } if is_of_old_crio(case.message.text()) => {
            Finding::open([NoSuchPlatform, RuntimeFault])
        }
        S::NoPlatform { .. } => Finding::certain(NoSuchPlatform),
        S::UnsupportedManifest => Finding::certain(UnsupportedManifest),
        // The count also differs if the runtime wrote one layer by two requests at once.
        S::DigestMismatch { .. } if case.message.text().contains("commit size") => {
            Finding::open([CorruptContent, RuntimeFault, RegistryError])
        }
        S::DigestMismatch { .. } => Finding::certain(CorruptContent),
        S::BadArchive => Finding::open([CorruptContent, UnsupportedManifest, RegistryError]),
        S::StoreIncomplete => Finding::open([RuntimeFault, CorruptContent, NodeConfig]),
        S::UnpackFailed => Finding::open([RuntimeFault, CorruptContent, NodeConfig, DiskFull]),
        S::DeadlineExceeded if case.has(&S::InspectFailed) => {
            Finding::open([RuntimeFault, SlowPull, NodeConfig])
        }
        S::NoProgress => Finding::open([SlowPull, UnreachableTimeout, Mirror, RuntimeFault]),
        S::DeadlineExceeded => Finding::open([SlowPull, UnreachableTimeout, RuntimeFault, Proxy]),
        S::InspectFailed => Finding::open([RuntimeFault, CorruptContent, NodeConfig]),
        S::RegistryUnavailable => {
            Finding::open([UnreachableRefused, RegistryError, UnreachableTimeout])
        }
        S::SignatureRead => Finding::open([NotAuthorised, RegistryError, SignaturePolicy]),
        _ => Finding::open([Mirror, NodeConfig, UnreachableTimeout]),
    }
}

fn is_of_old_crio(text: &str) -> bool {
    const WORDS: &str = "no image found in manifest list for architecture ";
    text.split_once(WORDS).is_some_and(|(_, architecture)| !architecture.starts_with('"'))
}

fn never(case: &Case<'_>) -> Finding {
    match (case.keeps_images_from_pods(), case.evidence.on_node) {
        (true, Some(true)) => Finding::certain(NotThisPodsImage),
        (true, None) => Finding::open([PolicyNever, NotThisPodsImage]),
        _ => Finding::certain(PolicyNever),
    }
}
