//! Which of several signs a diagnosis follows.

use crate::message::Message;
use crate::sign::Sign;

/// What kind of trouble a sign is about; an earlier kind explains the later ones beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// The kubelet or the node stopped the pull before a registry was asked.
    Local,
    /// Certificates and protocol.
    Tls,
    /// The way to the registry.
    Network,
    /// The registry's limits and rules.
    Rule,
    /// The image's format.
    Format,
    /// Stored or unpacked content.
    Content,
    /// A refusal that names its reason.
    Reason,
    /// An image that is not there, found with credentials or where none are needed.
    Missing,
    /// A refusal.
    Access,
    /// A status alone.
    Status,
    /// A summary or a deadline.
    Summary,
    /// A warning beside the error.
    Warning,
}

pub(crate) fn kind(sign: &Sign) -> Kind {
    use Sign as S;
    match sign {
        S::QpsExceeded
        | S::NotPresentNever
        | S::InvalidReference
        | S::SecretUndecodable
        | S::NoSpace
        | S::SignatureRejected
        | S::RegistryBlocked
        | S::ShortName
        | S::Proxy => Kind::Local,
        S::UnknownAuthority
        | S::CertificateName
        | S::CertificateTime { .. }
        | S::TlsRefused
        | S::HttpOnHttps
        | S::HttpsOnHttp => Kind::Tls,
        S::NoSuchHost { .. }
        | S::ResolverFailed { .. }
        | S::ConnectionRefused { .. }
        | S::NoRoute
        | S::Timeout
        | S::ConnectionLost => Kind::Network,
        S::RateLimited | S::AddressNotAllowed { .. } | S::AddressBlocked | S::RegistrySetting => {
            Kind::Rule
        }
        S::NoPlatform { .. } | S::UnsupportedManifest => Kind::Format,
        S::DigestMismatch { .. }
        | S::BadArchive
        | S::StoreIncomplete
        | S::StorageRefused
        | S::NodeConfig
        | S::RuntimeFault => Kind::Content,
        S::TokenExpired
        | S::BadCredentials
        | S::ProviderFailed
        | S::PermissionMissing { .. }
        | S::Unauthenticated
        | S::NotTheProtocol => Kind::Reason,
        S::NotFound | S::ManifestUnknown | S::NameUnknown | S::BlobUnknown => Kind::Missing,
        S::NoBasicAuth
        | S::OauthTokenRefused { .. }
        | S::AnonymousTokenRefused { .. }
        | S::TokenRefused { .. }
        | S::InsufficientScope
        | S::CrioUnauthorized
        | S::Denied
        | S::Refused
        | S::AuthenticationRequired
        | S::PullAccessDenied => Kind::Access,
        S::Status { code: 407 | 429 | 451 | 402, .. } => Kind::Rule,
        S::Status { .. } => Kind::Status,
        S::DeadlineExceeded
        | S::NoProgress
        | S::UnpackFailed
        | S::InspectFailed
        | S::RegistryUnavailable => Kind::Summary,
        S::SecretsUnretrievable { .. }
        | S::PassedThrough
        | S::SignatureRead
        | S::NoCredentialsOnRequest => Kind::Warning,
    }
}

/// Within a kind, the more telling sign first.
fn rank(sign: &Sign) -> u8 {
    use Sign as S;
    match sign {
        S::NoBasicAuth | S::NameUnknown | S::TokenExpired | S::CertificateTime { .. } => 0,
        S::OauthTokenRefused { .. }
        | S::BadCredentials
        | S::ManifestUnknown
        | S::NoSuchHost { .. } => 1,
        S::AnonymousTokenRefused { .. }
        | S::TokenRefused { .. }
        | S::BlobUnknown
        | S::ResolverFailed { .. } => 2,
        S::InsufficientScope | S::NoProgress => 3,
        S::CrioUnauthorized | S::PullAccessDenied | S::InspectFailed => 5,
        S::Refused | S::NoCredentialsOnRequest => 6,
        _ => 4,
    }
}

/// Returns the sign to follow, if the message has one.
pub(crate) fn of(message: &Message) -> Option<&Sign> {
    message.signs().min_by_key(|sign| (kind(sign), rank(sign)))
}
