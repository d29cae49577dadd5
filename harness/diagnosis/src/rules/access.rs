//! Refusals: who could not prove what, by registry and by whether credentials were sent.

use super::{Case, Finding, status};
use crate::cause::Cause::{self, *};
use crate::reference::Registry;
use crate::sign::Sign;

/// Whether the refused request carried credentials.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sent {
    /// It did not.
    No,
    /// The wording leaves it open.
    Maybe,
    /// It did.
    Yes,
}

/// Returns what a sign says about whether credentials were sent, if it is about a refusal.
pub(crate) fn sent(sign: &Sign) -> Option<Sent> {
    use Sign as S;
    Some(match sign {
        S::NoBasicAuth
        | S::AnonymousTokenRefused { .. }
        | S::Unauthenticated
        | S::NoCredentialsOnRequest => Sent::No,
        S::OauthTokenRefused { .. } | S::BadCredentials | S::TokenExpired => Sent::Yes,
        S::InsufficientScope
        | S::CrioUnauthorized
        | S::Denied
        | S::Refused
        | S::AuthenticationRequired
        | S::PullAccessDenied
        | S::PermissionMissing { .. }
        | S::TokenRefused { .. }
        | S::ProviderFailed
        | S::SecretsUnretrievable { .. }
        | S::Status { code: 401 | 403, .. } => Sent::Maybe,
        _ => return None,
    })
}

pub(super) fn finding(case: &Case<'_>) -> Finding {
    use Sign as S;
    match case.lead {
        S::AuthenticationRequired | S::Denied | S::Refused | S::NoBasicAuth
            if case.has(&S::NoCredentialsOnRequest) =>
        {
            Finding::open([NoCredentials, SecretWrongType, KeyMismatch, SecretWrongKey])
        }
        S::AuthenticationRequired | S::Denied | S::Refused if case.got_manifest() => {
            Finding::open([RegistryError, TokenExpired, Mirror, CredentialsRefused])
        }
        S::TokenExpired => Finding::certain(TokenExpired),
        S::BadCredentials => Finding::certain(CredentialsRefused),
        S::ProviderFailed => provider(case),
        S::PermissionMissing { identity } => permission(case, *identity),
        S::Unauthenticated if !case.registry.knows_nodes() => Finding::certain(NoCredentials),
        S::Unauthenticated => {
            Finding::open([NoCredentials, NodeIdentity, ProviderFailed, KeyMismatch])
        }
        // Kubelets up to 1.4 put this before every error; with a refusal behind it, it is meant.
        S::NoCredentialsOnRequest => {
            Finding::open([NoCredentials, SecretWrongType, KeyMismatch, SecretWrongKey])
        }
        S::AnonymousTokenRefused { code }
        | S::TokenRefused { code }
        | S::OauthTokenRefused { code }
            if !matches!(code, 400 | 401 | 403) =>
        {
            status::finding(case, *code, case.message.url())
        }
        S::AnonymousTokenRefused { code: 403 }
        | S::OauthTokenRefused { code: 403 }
        | S::TokenRefused { code: 403 }
            if case.registry == Registry::Acr =>
        {
            Finding::open([NetworkRule, NodeIdentity, NotAuthorised, NoCredentials])
        }
        S::OauthTokenRefused { code: 403 } if case.registry == Registry::DockerHub => {
            Finding::open([AddressBlocked, CredentialsRefused, Proxy, TokenExpired])
        }
        // Credentials that Google does not know are a 401; a 403 is about rights and the project.
        S::OauthTokenRefused { code: 403 } if case.registry == Registry::Google => {
            Finding::open([NodeIdentity, NotAuthorised, CredentialsRefused, RegistrySetting])
        }
        S::OauthTokenRefused { code: 401 } if case.registry == Registry::DockerHub => {
            Finding::certain(CredentialsRefused)
        }
        lead => Finding::open(candidates(case, sent(lead).unwrap_or(Sent::Maybe))),
    }
}

/// Candidates of a refusal that names no reason.
pub(super) fn candidates(case: &Case<'_>, sent: Sent) -> [Cause; 4] {
    use Registry as R;
    if case.has(&Sign::PassedThrough) {
        return [Mirror, NotAuthorised, NoCredentials, NotFoundRepository];
    }
    match (case.registry, sent) {
        (R::Ecr, Sent::No) => [ProviderFailed, NodeIdentity, NoCredentials, TokenExpired],
        (R::Ecr, Sent::Maybe) => [TokenExpired, ProviderFailed, NodeIdentity, NoCredentials],
        (R::Ecr, Sent::Yes) => [TokenExpired, CredentialsRefused, NotAuthorised, NodeIdentity],
        (R::Acr, Sent::No) => [NodeIdentity, NoCredentials, KeyMismatch, ProviderFailed],
        (R::Acr, Sent::Maybe) => [NodeIdentity, NoCredentials, TokenExpired, ProviderFailed],
        (R::Acr, Sent::Yes) => [NodeIdentity, CredentialsRefused, TokenExpired, NotAuthorised],
        (R::Google, Sent::No) => [NodeIdentity, NoCredentials, ProviderFailed, NotFoundRepository],
        (R::Google, Sent::Maybe) => {
            [NoCredentials, NodeIdentity, NotAuthorised, CredentialsRefused]
        }
        (R::Google, Sent::Yes) => [NodeIdentity, NotAuthorised, CredentialsRefused, TokenExpired],
        (R::OpenShift, _) => [NotAuthorised, NoCredentials, CredentialsRefused, NotFoundRepository],
        (R::Kubernetes, _) => [Mirror, AddressBlocked, WrongReference, NotFoundRepository],
        // Everybody gets a token; who gets none did not reach Docker Hub, or from a blocked address.
        (R::DockerHub, Sent::No) => [AddressBlocked, Proxy, Mirror, RegistryError],
        (R::DockerHub, Sent::Yes) => {
            [CredentialsRefused, TokenExpired, NotAuthorised, NotFoundRepository]
        }
        (R::DockerHub, _) => on_docker_hub(case),
        (R::Quay | R::Ghcr, Sent::No) => {
            [NoCredentials, NotFoundRepository, WrongReference, KeyMismatch]
        }
        (R::Quay | R::Ghcr, Sent::Maybe) => public_or_private(case),
        (R::Ghcr, Sent::Yes) => {
            [NotAuthorised, CredentialsRefused, NotFoundRepository, TokenExpired]
        }
        (R::Quay, Sent::Yes) => {
            [CredentialsRefused, NotAuthorised, NotFoundRepository, TokenExpired]
        }
        (R::GitLab, Sent::No) => {
            [NoCredentials, KeyMismatch, unmatched(case)[0], NotFoundRepository]
        }
        (R::GitLab, Sent::Maybe) => {
            [NoCredentials, CredentialsRefused, NotAuthorised, NotFoundRepository]
        }
        (R::GitLab | R::Other, Sent::Yes) => {
            [CredentialsRefused, TokenExpired, NotAuthorised, RegistrySetting]
        }
        (R::Other, Sent::No) if case.message.host().is_none() => {
            [NoCredentials, NodeIdentity, KeyMismatch, NotFoundRepository]
        }
        (R::Other, Sent::No) => {
            let [likelier, other] = unmatched(case);
            [NoCredentials, KeyMismatch, likelier, other]
        }
        (R::Other, Sent::Maybe) => elsewhere(case),
    }
}

/// Docker Hub grants a token to everybody; it says the same of private, missing and mistaken names.
fn on_docker_hub(case: &Case<'_>) -> [Cause; 4] {
    let completed = case.message.completed();
    if case.image.or(completed).is_some_and(crate::reference::Reference::is_single_word) {
        return [WrongReference, NotFoundRepository, NoCredentials, SecretEmpty];
    }
    if case.host_is_implied() {
        return [NoCredentials, NotFoundRepository, WrongReference, SecretEmpty];
    }
    [NotFoundRepository, NoCredentials, SecretEmpty, NotAuthorised]
}

/// These say the same of private and missing repositories; a refused password has words of its own,
/// but for CRI-O, and for GHCR's "denied".
fn public_or_private(case: &Case<'_>) -> [Cause; 4] {
    match case.lead {
        Sign::CrioUnauthorized => {
            [NoCredentials, NotFoundRepository, CredentialsRefused, NotAuthorised]
        }
        Sign::Denied if case.registry == Registry::Ghcr => {
            [NoCredentials, CredentialsRefused, TokenExpired, NotFoundRepository]
        }
        _ => [NoCredentials, NotFoundRepository, NotAuthorised, WrongReference],
    }
}

/// Why a secret the pod names does not serve, likeliest first. Of a secret that is not there a
/// kubelet from 1.28 on warns in an event of its own.
fn unmatched(case: &Case<'_>) -> [Cause; 2] {
    if case.kubelet_warns() {
        [SecretEmpty, SecretWrongType]
    } else {
        [SecretOtherNamespace, SecretWrongType]
    }
}

/// A registry without known habits.
fn elsewhere(case: &Case<'_>) -> [Cause; 4] {
    match case.lead {
        _ if case.has(&Sign::PullAccessDenied)
            && !case.message.text().contains("invalid_token") =>
        {
            [NoCredentials, SecretEmpty, NotFoundRepository, CredentialsRefused]
        }
        Sign::InsufficientScope => {
            [NoCredentials, NotFoundRepository, CredentialsRefused, NotAuthorised]
        }
        Sign::Denied if case.message.host().is_none() => public_or_private(case),
        Sign::Denied => [NotAuthorised, NoCredentials, NotFoundRepository, CredentialsRefused],
        Sign::Status { .. } => [CredentialsRefused, NoCredentials, KeyMismatch, RegistrySetting],
        _ => [NoCredentials, CredentialsRefused, KeyMismatch, NotAuthorised],
    }
}

fn provider(case: &Case<'_>) -> Finding {
    let text = case.message.text();
    if ["AccessDenied", "not authorized", "403"].iter().any(|words| text.contains(words)) {
        return Finding::open([ProviderFailed, NodeIdentity]);
    }
    Finding::certain(ProviderFailed)
}

fn permission(case: &Case<'_>, identity: Option<bool>) -> Finding {
    match (case.registry, identity) {
        (_, Some(true)) => Finding::open([NodeIdentity, NotAuthorised]),
        (_, Some(false)) => Finding::open([NotAuthorised, NodeIdentity]),
        (Registry::Google, _) => {
            Finding::open([NodeIdentity, NotAuthorised, NotFoundRepository, NoCredentials])
        }
        (Registry::Ecr, _) => Finding::open([NodeIdentity, NotAuthorised]),
        (Registry::Ghcr, _) => {
            Finding::open([NotAuthorised, CredentialsRefused, NoCredentials, NotFoundRepository])
        }
        _ => Finding::open([NotAuthorised, NoCredentials, NotFoundRepository, RegistrySetting]),
    }
}
