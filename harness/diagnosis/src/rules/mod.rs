//! From evidence to a diagnosis: signs leave causes, other evidence decides among them.

mod access;
mod case;
mod finding;
mod hint;
mod lead;
mod local;
mod missing;
mod narrow;
mod network;
mod probed;
mod sandbox;
mod status;

use crate::cause::Cause;
use crate::diagnosis::Diagnosis;
use crate::evidence::{Evidence, Place, Said};
use crate::message::Message;
use crate::reference::Reference;
use crate::sign::Sign;
use crate::words;

pub(crate) use case::Case;
pub(crate) use finding::Finding;

/// Returns why the pull failed, as far as the evidence decides it.
///
/// A message whose wording is not known gives the candidates of its generic parts, or none, and its
/// innermost error.
///
/// ```
/// use pullproof_diagnosis::{Cause, Evidence, diagnose};
///
/// let evidence = Evidence::of_message(
///     "Failed to pull image \"reg.example.net/a:1\": rpc error: code = Unknown desc = \
///      Error response from daemon: Get https://reg.example.net/v2/: \
///      x509: certificate signed by unknown authority",
/// );
/// assert_eq!(diagnose(&evidence).cause(), Some(Cause::TlsUnknownCa));
/// ```
#[must_use]
pub fn diagnose(evidence: &Evidence) -> Diagnosis {
    let messages: Vec<_> = evidence.messages.iter().map(read).collect();
    let named = evidence.image.as_deref().map(Reference::read);
    let led = messages
        .iter()
        .filter_map(|message| Some((message, lead::of(message)?)))
        .min_by_key(|(_, sign)| lead::kind(sign));
    let Some((message, sign)) = led else {
        return without_sign(evidence, &messages, named.as_ref());
    };
    let case = Case::new(evidence, message, sign, named.as_ref());
    let finding = narrow::by_evidence(&case, with_mirrors(&case, of_sign(&case)));
    words::diagnosis(&case, &finding)
}

fn read(said: &Said) -> Message {
    match &said.place {
        Place::Event(reason) | Place::Waiting(reason) => {
            Message::read_with_reason(&said.text, reason)
        }
        Place::Log | Place::Unknown => Message::read(&said.text),
    }
}

/// A sandbox that fails without a known wording is still a fact, a generic part of a message leads
/// to candidates; other messages are unknown.
fn without_sign(evidence: &Evidence, messages: &[Message], named: Option<&Reference>) -> Diagnosis {
    let hinted = messages.iter().find_map(|message| Some((message, hint::of(message)?)));
    let image = messages
        .iter()
        .find(|message| message.is_sandbox() && message.text().contains("sandbox image"));
    match image {
        Some(message) => words::plain(
            message,
            &Finding::open([Cause::SandboxImage, Cause::RuntimeFault, Cause::NodeConfig]),
        ),
        None if let Some((message, sign)) = &hinted => {
            let case = Case::new(evidence, message, sign, named);
            let finding = hint::finding(of_sign(&case), sign);
            words::diagnosis(&case, &narrow::by_evidence(&case, finding))
        }
        None if messages.iter().any(Message::is_back_off) => Diagnosis::of_back_off(),
        None => Diagnosis::unknown(messages.first().map(Message::innermost).unwrap_or_default()),
    }
}

/// On a closed network the registry is not meant to be reached: what failed is a mirror before it.
fn with_mirrors(case: &Case<'_>, finding: Finding) -> Finding {
    if !case.message.is_after_mirrors() {
        return finding;
    }
    Finding::open([Cause::Mirror].into_iter().chain(finding.causes().iter().copied()))
}

/// The causes that the leading sign leaves.
fn of_sign(case: &Case<'_>) -> Finding {
    if case.message.is_sandbox()
        && let Some(finding) = sandbox::finding(case)
    {
        return finding;
    }
    let image = case.message.completed().or(case.image);
    let refused = matches!(
        lead::kind(case.lead),
        lead::Kind::Missing | lead::Kind::Access | lead::Kind::Status
    );
    if refused && image.is_some_and(Reference::names_two_registries) {
        return Finding::certain(Cause::WrongReference);
    }
    use Sign as S;
    match case.lead {
        S::Status { code, url } => status::finding(case, *code, url.as_deref()),
        S::NotTheProtocol => Finding::open([
            Cause::Proxy,
            Cause::RegistryError,
            Cause::Mirror,
            Cause::RegistrySetting,
        ]),
        S::NotFound | S::ManifestUnknown | S::NameUnknown | S::BlobUnknown => {
            missing::finding(case)
        }
        S::NoSuchHost { .. }
        | S::ResolverFailed { .. }
        | S::ConnectionRefused { .. }
        | S::NoRoute
        | S::Timeout
        | S::ConnectionLost
        | S::Proxy
        | S::UnknownAuthority
        | S::CertificateName
        | S::CertificateTime { .. }
        | S::TlsRefused
        | S::HttpOnHttps
        | S::HttpsOnHttp => network::finding(case),
        S::NoBasicAuth
        | S::AnonymousTokenRefused { .. }
        | S::OauthTokenRefused { .. }
        | S::TokenRefused { .. }
        | S::InsufficientScope
        | S::CrioUnauthorized
        | S::NoCredentialsOnRequest
        | S::Refused
        | S::Denied
        | S::AuthenticationRequired
        | S::PullAccessDenied
        | S::TokenExpired
        | S::BadCredentials
        | S::ProviderFailed
        | S::PermissionMissing { .. }
        | S::Unauthenticated => access::finding(case),
        _ => local::finding(case),
    }
}
