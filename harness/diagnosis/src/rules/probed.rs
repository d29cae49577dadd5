//! What the registry answers now to requests from elsewhere than the node.
//!
//! The node may be answered otherwise: by a mirror, under another address, as another identity. So a
//! cause that is left over is never certain for that, and what may lie on the node's way stays open.

use super::{Case, Finding, narrow};
use crate::cause::Cause::{self, *};
use crate::evidence::{Obstacle, Probe};
use crate::sign::Sign;

/// Causes for which the node is answered otherwise than who asked.
const ON_THE_WAY: &[Cause] =
    &[Mirror, NodeIdentity, ProviderFailed, Proxy, AddressBlocked, NetworkRule];

/// Causes that say that the image is not there.
const MISSING: &[Cause] = &[NotFound, NotFoundTag, NotFoundRepository];

/// Returns what is left of a finding after a probe.
pub(super) fn finding(probe: Probe, finding: Finding) -> Finding {
    match (probe.repository, probe.tag) {
        (Some(false), _) => return Finding::certain(NotFoundRepository),
        (Some(true), Some(false)) => return Finding::certain(NotFoundTag),
        _ => {}
    }
    if finding.cause().is_some() {
        return finding;
    }
    if let Some(cause) = refused(probe).filter(|cause| finding.causes().contains(cause)) {
        return of_refusal(cause, &finding);
    }
    let answered = [probe.anonymous, probe.authorised];
    if answered.contains(&Some(404)) {
        return kept(&finding, |cause| {
            MISSING.contains(&cause) || [Mirror, WrongReference].contains(&cause)
        });
    }
    let there = probe.tag == Some(true) || answered.contains(&Some(200));
    kept(&finding, |cause| {
        !(there && MISSING.contains(&cause)
            || probe.repository == Some(true) && cause == NotFoundRepository
            || probe.authorised == Some(200) && narrow::SOMETHING_SENT.contains(&cause)
            || probe.anonymous == Some(200) && narrow::NOTHING_SENT.contains(&cause))
    })
}

/// Puts the cause of a certificate's time first that another clock speaks for.
pub(super) fn by_clock(case: &Case<'_>, finding: Finding) -> Finding {
    let (Sign::CertificateTime { .. }, Some(probe)) = (case.lead, case.evidence.probe) else {
        return finding;
    };
    let likelier = match probe.obstacle {
        Some(Obstacle::CertificateExpired) => TlsExpired,
        None if probe.anonymous.is_some() => NodeClock,
        _ => return finding,
    };
    if finding.cause().is_some() || !finding.causes().contains(&likelier) {
        return finding;
    }
    Finding::open([likelier].into_iter().chain(finding.causes().iter().copied()))
}

/// Why the registry refused the pod's credentials, if it did.
fn refused(probe: Probe) -> Option<Cause> {
    match (probe.token, probe.authorised) {
        (Some(401), None) | (None, Some(401)) => Some(CredentialsRefused),
        (None | Some(200), Some(401 | 403)) => Some(NotAuthorised),
        _ => None,
    }
}

fn of_refusal(cause: Cause, finding: &Finding) -> Finding {
    // Some registries answer the same of a repository that is not there, and of a token that is too old.
    let same: &[Cause] = match cause {
        NotAuthorised => &[NotFoundRepository, WrongReference],
        _ => &[TokenExpired],
    };
    let others = finding.causes().iter().copied();
    let others = others.filter(|other| same.contains(other) || ON_THE_WAY.contains(other));
    Finding::left([cause].into_iter().chain(others))
}

fn kept(finding: &Finding, keep: impl Fn(Cause) -> bool) -> Finding {
    let left: Vec<_> = finding.causes().iter().copied().filter(|cause| keep(*cause)).collect();
    if left.is_empty() { finding.clone() } else { Finding::open(left) }
}
