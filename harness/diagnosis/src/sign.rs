//! What a message says, typed: the words of one error of the kubelet, a runtime, a registry or Go.

use serde::Serialize;

/// One thing a message says about a failed pull.
///
/// A sign is an observation, not a cause: several causes share most signs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "sign")]
pub enum Sign {
    /// An HTTP status that ended the pull.
    Status {
        /// The status code.
        code: u16,
        /// The address that answered, if it is written out.
        url: Option<String>,
    },
    /// The registry asked for Basic credentials and the runtime had none.
    NoBasicAuth,
    /// No credentials matched, and the token server gave no anonymous token.
    AnonymousTokenRefused {
        /// The token server's status.
        code: u16,
    },
    /// Credentials were sent to the token server, which refused them.
    OauthTokenRefused {
        /// The token server's status.
        code: u16,
    },
    /// A token server refused, in words that leave open whether credentials were sent.
    TokenRefused {
        /// The token server's status.
        code: u16,
    },
    /// The token that was granted does not cover the repository.
    InsufficientScope,
    /// "Repository does not exist or may require …": the runtime's summary of a refusal.
    PullAccessDenied,
    /// The registry answered that authentication is required.
    AuthenticationRequired,
    /// The registry answered that the request carried no credentials at all.
    Unauthenticated,
    /// The registry answered that the resource is not authorised, or denied it, without a reason.
    Denied,
    /// A refusal in a registry's own words, which the table does not know.
    Refused,
    /// The registry named the permission or action that is missing.
    PermissionMissing {
        /// Whether an identity's own policy lacks it, as far as the answer says so.
        identity: Option<bool>,
    },
    /// The registry answered that user name or password are wrong.
    BadCredentials,
    /// CRI-O's wording for every 401, whether or not credentials were sent.
    CrioUnauthorized,
    /// The registry or the issuer answered that a token or client secret has expired.
    TokenExpired,
    /// Kubelets up to 1.4: no credentials were on the request.
    NoCredentialsOnRequest,
    /// The kubelet could not read some of the secrets the pod names.
    SecretsUnretrievable {
        /// The names in the warning.
        names: Vec<String>,
    },
    /// A pull secret's content could not be decoded.
    SecretUndecodable,
    /// A credential provider of the kubelet failed.
    ProviderFailed,
    /// The runtime found no such image at the registry.
    NotFound,
    /// The registry knows no such manifest.
    ManifestUnknown,
    /// The registry knows no such repository.
    NameUnknown,
    /// A layer or configuration is not at the registry.
    BlobUnknown,
    /// The image reference cannot be parsed.
    InvalidReference,
    /// A short name could not be resolved to one registry (CRI-O).
    ShortName,
    /// The image has no variant for the node's platform.
    NoPlatform {
        /// The platform asked for, if named.
        platform: Option<String>,
    },
    /// The manifest or a media type in it is of a format the runtime does not take.
    UnsupportedManifest,
    /// The registry refused for too many requests.
    RateLimited,
    /// A quota or plan of the registry is used up, or a setting of it refuses the pull.
    RegistrySetting,
    /// The registry's network rule does not admit the client's address.
    AddressNotAllowed {
        /// The address in the answer.
        address: Option<String>,
    },
    /// The registry refuses the client's region or address range.
    AddressBlocked,
    /// The node's own configuration blocks the registry (`registries.conf`).
    RegistryBlocked,
    /// The registry asked another one on the node's behalf, which refused.
    PassedThrough,
    /// Reading signatures failed, which has its own permission at some registries.
    SignatureRead,
    /// The name server answered that there is no such host.
    NoSuchHost {
        /// The name looked up.
        host: String,
        /// The name server asked, if named.
        resolver: Option<String>,
    },
    /// The name server did not answer, or answered with a failure.
    ResolverFailed {
        /// The name looked up.
        host: String,
    },
    /// The connection was refused.
    ConnectionRefused {
        /// The address dialled, if named.
        address: Option<String>,
    },
    /// The connection was reset, or ended without an answer.
    ConnectionLost,
    /// There is no route to the host or network.
    NoRoute,
    /// A connection, handshake or answer took too long.
    Timeout,
    /// A proxy could not be reached or refused to connect.
    Proxy,
    /// The answer was a page rather than what the protocol says.
    NotTheProtocol,
    /// The certificate's authority is not trusted by the node.
    UnknownAuthority,
    /// The certificate is not for the host's name.
    CertificateName,
    /// The certificate has expired, or is not yet valid.
    CertificateTime {
        /// The node's time and the certificate's limit, where the message has both.
        times: Option<Times>,
    },
    /// The certificate or the handshake was refused for another reason.
    TlsRefused,
    /// The registry answers plain HTTP where HTTPS was tried.
    HttpOnHttps,
    /// The registry expects HTTPS where plain HTTP was tried.
    HttpsOnHttp,
    /// The node's disk, quota or inodes are used up.
    NoSpace,
    /// The kubelet's own limit of pulls a second.
    QpsExceeded,
    /// A deadline of the kubelet, an adapter or the runtime ran out.
    DeadlineExceeded,
    /// The pull was cancelled for lack of progress.
    NoProgress,
    /// The image is not on the node and the policy is Never.
    NotPresentNever,
    /// The image's signature was missing or not accepted.
    SignatureRejected,
    /// The node's configuration of the runtime cannot be used as it is.
    NodeConfig,
    /// Content arrived with another digest or size than expected.
    DigestMismatch {
        /// Whether what arrived was empty.
        empty: bool,
    },
    /// A layer could not be read as the archive it should be.
    BadArchive,
    /// Content that the runtime's store should hold is missing.
    StoreIncomplete,
    /// Unpacking failed, without a known reason.
    UnpackFailed,
    /// The kernel or the file system refused to store content, for want of a right or by a fault.
    StorageRefused,
    /// The runtime or its store failed.
    RuntimeFault,
    /// The runtime could not say whether the image is there.
    InspectFailed,
    /// The kubelet counts the registry as unavailable.
    RegistryUnavailable,
}

/// The two times of Go's error for an expired certificate (`crypto/x509/verify.go`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Times {
    /// The node's clock.
    pub now: jiff::Timestamp,
    /// The end or the beginning of the certificate's validity.
    pub limit: jiff::Timestamp,
    /// Whether the node's time is after the end, rather than before the beginning.
    pub after: bool,
}
