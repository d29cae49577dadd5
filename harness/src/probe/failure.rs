//! Why a request has no answer that can be used.

use std::{error::Error as StdError, io};

use schemars::JsonSchema;
use serde::Serialize;

/// Why a request has no answer that can be used. Nothing of what a server sent is in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, JsonSchema, thiserror::Error)]
#[serde(rename_all = "camelCase")]
pub enum Failure {
    /// The name server knows no such host.
    #[error("no such host")]
    NoSuchHost,
    /// No name server answered.
    #[error("the name could not be resolved")]
    ResolverFailed,
    /// Nothing listens there.
    #[error("connection refused")]
    ConnectionRefused,
    /// There is no way to the address.
    #[error("no route to the host")]
    NoRoute,
    /// It took too long.
    #[error("timeout")]
    Timeout,
    /// The connection ended before the answer did.
    #[error("the connection was closed without an answer")]
    ConnectionLost,
    /// The certificate's authority is not trusted here.
    #[error("the certificate is signed by an unknown authority")]
    UnknownAuthority,
    /// The certificate is for another name.
    #[error("the certificate is for another name")]
    CertificateName,
    /// The certificate has expired.
    #[error("the certificate has expired")]
    CertificateExpired,
    /// The certificate is not valid yet.
    #[error("the certificate is not valid yet")]
    CertificateNotYetValid,
    /// Plain HTTP was answered where HTTPS was asked for.
    #[error("the server answers plain HTTP where HTTPS was asked for")]
    PlainHttp,
    /// The handshake failed for another reason.
    #[error("the TLS handshake failed")]
    Handshake,
    /// The answer is not HTTP.
    #[error("the answer is not HTTP")]
    NotHttp,
    /// The answer is larger than any that is meant.
    #[error("the answer is too large")]
    TooLarge,
    /// The address is link-local, or a cloud's metadata service; it was not connected to.
    #[error("refused: a link-local or metadata address")]
    LinkLocal,
    /// A redirect leads to nothing that can be followed.
    #[error("the redirect has no usable address")]
    BadRedirect,
    /// A redirect followed upon another too often.
    #[error("too many redirects")]
    TooManyRedirects,
    /// The challenge has no usable realm.
    #[error("the challenge has no usable realm")]
    BadRealm,
    /// The realm is plain HTTP and the registry HTTPS: credentials were not sent.
    #[error("refused: credentials for a realm over plain HTTP")]
    PlainRealm,
    /// The token server's answer has no token.
    #[error("the token server's answer has no token")]
    NoToken,
    /// The image's host cannot be part of an address.
    #[error("the image's host cannot be asked")]
    BadHost,
}

impl Failure {
    /// Returns what a failed connection means.
    pub(super) fn of_connection(error: &io::Error) -> Self {
        use io::ErrorKind as K;
        match error.kind() {
            K::ConnectionRefused => Self::ConnectionRefused,
            K::TimedOut => Self::Timeout,
            K::ConnectionReset | K::ConnectionAborted | K::BrokenPipe | K::UnexpectedEof => {
                Self::ConnectionLost
            }
            _ => Self::NoRoute,
        }
    }

    /// Returns what a failed look-up means. The resolver's code is in its text alone.
    pub(super) fn of_resolver(error: &io::Error) -> Self {
        let text = error.to_string();
        let temporary = ["emporary failure", "ry again"].iter().any(|words| text.contains(words));
        if temporary { Self::ResolverFailed } else { Self::NoSuchHost }
    }

    /// Returns what a failed handshake means.
    pub(super) fn of_handshake(error: &io::Error) -> Self {
        use rustls::{CertificateError as C, Error as E, InvalidMessage};
        let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<E>());
        match inner {
            Some(E::InvalidCertificate(problem)) => match problem {
                C::UnknownIssuer => Self::UnknownAuthority,
                C::NotValidForName | C::NotValidForNameContext { .. } => Self::CertificateName,
                C::Expired | C::ExpiredContext { .. } => Self::CertificateExpired,
                C::NotValidYet | C::NotValidYetContext { .. } => Self::CertificateNotYetValid,
                _ => Self::Handshake,
            },
            // The `H` of `HTTP/1.1 400` is no type of a TLS record.
            Some(E::InvalidMessage(InvalidMessage::InvalidContentType)) => Self::PlainHttp,
            Some(_) => Self::Handshake,
            None => Self::of_connection(error),
        }
    }

    /// Returns what a failed exchange means.
    pub(super) fn of_exchange(error: &hyper::Error) -> Self {
        if error.is_parse_too_large() {
            return Self::TooLarge;
        }
        if error.is_parse() {
            return Self::NotHttp;
        }
        let mut causes = std::iter::successors(error.source(), |&cause| cause.source());
        match causes.find_map(|cause| cause.downcast_ref::<io::Error>()) {
            Some(error) if error.get_ref().is_some_and(|inner| inner.is::<rustls::Error>()) => {
                Self::of_handshake(error)
            }
            _ => Self::ConnectionLost,
        }
    }
}
