//! Secrets, the registry's record and its present answers decide among the causes that signs leave.

use super::access::{self, Sent};
use super::lead::{self, Kind};
use super::{Case, Finding, probed};
use crate::cause::Cause::{self, *};
use crate::evidence::{Asked, PullPolicy, Request};
use crate::keyring::{Keyring, Lookup};
use crate::reference::Registry;
use crate::sign::Sign;

/// Causes that say that nothing was sent.
pub(super) const NOTHING_SENT: &[Cause] = &[
    NoCredentials,
    SecretAbsent,
    SecretOtherNamespace,
    SecretWrongType,
    SecretWrongKey,
    SecretUndecodable,
    SecretEmpty,
    KeyMismatch,
    ProviderFailed,
];

/// Causes that say that something was.
pub(super) const SOMETHING_SENT: &[Cause] = &[CredentialsRefused, TokenExpired, NotAuthorised];

/// Returns what is left of a finding after the other evidence.
pub(super) fn by_evidence(case: &Case<'_>, finding: Finding) -> Finding {
    if case.message.is_sandbox() || finding.cause() == Some(WrongReference) {
        return finding;
    }
    if !concerns_registry(case.lead) {
        return probed::by_clock(case, finding);
    }
    let finding = match &case.evidence.keyring {
        Some(Lookup::Read(keyring)) => by_keyring(case, keyring, finding),
        None if names_no_secret(case) => by_keyring(case, &Keyring::default(), finding),
        _ => finding,
    };
    let finding = if cached(case) {
        Finding::left([NotThisPodsImage].into_iter().chain(finding.causes().to_vec()))
    } else {
        finding
    };
    let finding = by_requests(case, &case.evidence.requests, finding);
    match case.evidence.probe {
        Some(probe) => probed::finding(probe, finding),
        None => finding,
    }
}

/// Whether credentials and repositories can have to do with what the sign says.
fn concerns_registry(sign: &Sign) -> bool {
    matches!(lead::kind(sign), Kind::Access | Kind::Missing | Kind::Reason)
        || matches!(
            sign,
            Sign::Status { code: 401 | 403 | 404, .. } | Sign::SecretsUnretrievable { .. }
        )
}

fn names_no_secret(case: &Case<'_>) -> bool {
    case.evidence.pod.as_ref().is_some_and(|pod| pod.secrets.is_empty())
}

/// Whether the image is on the node and was asked for again only because the pod lacks what it was
/// pulled with.
fn cached(case: &Case<'_>) -> bool {
    case.keeps_images_from_pods()
        && case.evidence.on_node == Some(true)
        && case.evidence.policy == Some(PullPolicy::IfNotPresent)
        && access::sent(case.lead).is_some_and(|sent| sent != Sent::Yes)
}

fn by_keyring(case: &Case<'_>, keyring: &Keyring, finding: Finding) -> Finding {
    let Some(sent) = access::sent(case.lead) else { return finding };
    if keyring.tried.is_empty() {
        none_tried(case, keyring, sent, finding)
    } else {
        tried(case, keyring, sent, finding)
    }
}

/// No secret of the pod matched: the reason is what was passed over.
fn none_tried(case: &Case<'_>, keyring: &Keyring, sent: Sent, finding: Finding) -> Finding {
    if matches!(case.lead, Sign::Status { code: 401, .. }) && case.says_if_nothing_was_sent() {
        return Finding::open([CredentialsRefused, NodeIdentity, RegistrySetting, Mirror]);
    }
    let reasons = keyring.causes();
    // The node's own identity may be what was refused, and no secret is missing then.
    let by_node = case.registry.knows_nodes() && keyring.passed.is_empty();
    if sent == Sent::Yes || by_node {
        return finding;
    }
    let reasons = if reasons.is_empty() { vec![NoCredentials] } else { reasons };
    let conclusive = sent == Sent::No && !case.registry.knows_nodes();
    if conclusive {
        return Finding::left(reasons);
    }
    let others = finding.causes().iter().copied().filter(|cause| {
        !NOTHING_SENT.contains(cause)
            && (!SOMETHING_SENT.contains(cause) || case.registry.knows_nodes())
    });
    Finding::left(reasons.into_iter().chain(others))
}

/// Some secret matched and was sent.
fn tried(case: &Case<'_>, keyring: &Keyring, sent: Sent, finding: Finding) -> Finding {
    if let Some(cause) = finding.cause().filter(|cause| SOMETHING_SENT.contains(cause)) {
        return Finding::certain(cause);
    }
    if let Some(at) = case.evidence.at
        && keyring.tried.iter().all(|tried| tried.expires.is_some_and(|expires| expires < at))
    {
        return Finding::certain(TokenExpired);
    }
    match (sent, case.lead) {
        // Of several credentials one was empty, and another was sent.
        (Sent::No, _) if case.has_status(401) => {
            let reasons = keyring.causes();
            Finding::open([CredentialsRefused].into_iter().chain(reasons).chain([NotAuthorised]))
        }
        // The secret matches now; when the pull was tried it did not, or another pull is meant.
        (Sent::No, _) => Finding::open([NoCredentials, SecretAbsent, Mirror, RuntimeFault]),
        (_, Sign::OauthTokenRefused { code: 401 }) if !case.registry.knows_nodes() => {
            Finding::certain(CredentialsRefused)
        }
        // A token was granted, so the password is good; it does not cover the repository.
        (_, Sign::InsufficientScope) => {
            Finding::open([NotAuthorised, NotFoundRepository, WrongReference])
        }
        _ => {
            let left = finding
                .causes()
                .iter()
                .copied()
                .filter(|cause| !NOTHING_SENT.contains(cause) && *cause != NodeIdentity);
            let refused = match case.lead {
                Sign::Status { code: 403, .. } => [NotAuthorised, CredentialsRefused],
                _ => [CredentialsRefused, NotAuthorised],
            };
            // A registry without a challenge gets no credentials; who got them had one.
            let unasked = (sent != Sent::Yes).then_some(RegistrySetting);
            Finding::open(refused.into_iter().chain(unasked).chain(left))
        }
    }
}

/// The registry's own record of the pull.
fn by_requests(case: &Case<'_>, requests: &[Request], finding: Finding) -> Finding {
    if requests.is_empty() {
        return finding;
    }
    let any = |holds: &dyn Fn(&Request) -> bool| requests.iter().any(holds);
    if any(&|request| request.status == 429)
        && !any(&|request| request.asked == Asked::Blob && request.status < 300)
    {
        return Finding::certain(RateLimited);
    }
    let with =
        |status: &[u16]| any(&|request| request.credentials && status.contains(&request.status));
    let token = any(&|request| {
        request.credentials && request.asked == Asked::Token && request.status == 200
    });
    let manifest = |status: &dyn Fn(u16) -> bool| {
        any(&|request| request.asked == Asked::Manifest && status(request.status))
    };
    if manifest(&|status| status == 404) && !with(&[200]) && !manifest(&|status| status < 300) {
        let found = [NotFoundTag, NotFoundRepository, NotFound, WrongReference];
        // Whether it was a mirror that answered, the record of one registry does not say.
        let known = finding
            .causes()
            .iter()
            .copied()
            .filter(|cause| found.contains(cause) || *cause == Mirror);
        return if finding.cause() == Some(NotFoundRepository) {
            finding
        } else {
            Finding::open(known.chain(found))
        };
    }
    if !any(&|request| request.credentials) {
        let left: Vec<_> = finding
            .causes()
            .iter()
            .copied()
            .filter(|cause| !SOMETHING_SENT.contains(cause))
            .collect();
        return if left.is_empty() { finding } else { same_certainty(&finding, left) };
    }
    if finding.cause() == Some(TokenExpired) {
        return finding;
    }
    if case.token_is_invalid() {
        return finding;
    }
    let forbidden = any(&|request| {
        request.credentials && request.asked != Asked::Token && request.status == 403
    });
    if forbidden || (token && with(&[401])) {
        return match case.registry {
            Registry::DockerHub | Registry::Quay | Registry::Ghcr => {
                Finding::open([NotAuthorised, NotFoundRepository])
            }
            _ => Finding::certain(NotAuthorised),
        };
    }
    if with(&[401]) {
        return Finding::certain(CredentialsRefused);
    }
    finding
}

fn same_certainty(finding: &Finding, left: Vec<Cause>) -> Finding {
    match finding.cause() {
        Some(cause) => Finding::certain(cause),
        None => Finding::left(left),
    }
}
