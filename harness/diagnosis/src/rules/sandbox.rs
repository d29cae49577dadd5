//! Images of pod sandboxes: the runtime pulls them itself, without the pod's secrets.

use super::lead::{self, Kind};
use super::{Case, Finding};
use crate::cause::Cause::*;
use crate::reference::Registry;
use crate::sign::Sign;

/// Returns what differs from the image of a container, if anything does.
pub(super) fn finding(case: &Case<'_>) -> Option<Finding> {
    use Sign as S;
    match (lead::kind(case.lead), case.lead) {
        // Public registries give everybody a token: something in between refused.
        (_, S::AnonymousTokenRefused { .. }) if case.registry.is_well_known() => {
            Some(Finding::open([SandboxImage, Mirror, Proxy, AddressBlocked]))
        }
        (_, S::InvalidReference) => Some(Finding::open([InvalidName, SandboxImage, NodeConfig])),
        // The runtime should have had the image; no credentials of a pod could have helped.
        (Kind::Access | Kind::Reason, _) | (_, S::Status { code: 401, .. }) => Some(refused(case)),
        (_, S::Status { code: 403, .. }) => {
            Some(Finding::open([SandboxImage, AddressBlocked, NetworkRule, Mirror]))
        }
        (Kind::Missing, _) | (_, S::Status { code: 404, .. }) => {
            Some(Finding::open([SandboxImage, NotFoundTag, NotFound, WrongReference]))
        }
        // A node without any name server, or on a closed network, should not have asked at all.
        (_, S::ResolverFailed { .. }) => Some(Finding::open([SandboxImage, Dns])),
        (_, S::Timeout | S::NoRoute) => {
            Some(Finding::open([UnreachableTimeout, SandboxImage, Proxy]))
        }
        (_, S::NoSuchHost { host, .. }) if !is_public(host) => {
            Some(Finding::open([Dns, SandboxImage, WrongReference]))
        }
        // The default of containerd and of old kubelets; on a closed network another one was meant.
        (_, S::ConnectionRefused { .. })
            if matches!(case.registry, Registry::Kubernetes | Registry::Google) =>
        {
            Some(Finding::open([UnreachableRefused, SandboxImage, Mirror, Proxy]))
        }
        (_, S::ConnectionLost) => {
            Some(Finding::open([SandboxImage, UnreachableRefused, Proxy, UnreachableTimeout]))
        }
        (_, S::DeadlineExceeded) => {
            Some(Finding::open([UnreachableTimeout, SandboxImage, RuntimeFault, SlowPull]))
        }
        _ => None,
    }
}

/// A cloud's registry knows its nodes, and the image was there when the node started; elsewhere the
/// repository may be gone, unless the registry plainly asked for credentials.
fn refused(case: &Case<'_>) -> Finding {
    let asked = matches!(case.lead, Sign::NoBasicAuth | Sign::AuthenticationRequired);
    if case.registry.knows_nodes() || (asked && !case.registry.is_well_known()) {
        return Finding::certain(SandboxImage);
    }
    Finding::open([SandboxImage, NotFoundRepository, NoCredentials, WrongReference])
}

fn is_public(host: &str) -> bool {
    Registry::of(host).is_well_known()
}
