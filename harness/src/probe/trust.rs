//! Which certificates are trusted.

use std::sync::Arc;

use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
    client::{
        WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
        verify_server_name,
    },
    crypto::CryptoProvider,
    pki_types::{CertificateDer, ServerName, UnixTime, pem::PemObject as _},
    server::ParsedCertificate,
};
use tokio_rustls::TlsConnector;

/// Why nothing can be asked.
#[derive(Debug, thiserror::Error)]
pub enum ProberError {
    /// A text that should hold certificates holds none, or one that cannot be read.
    #[error("no certificate in PEM form")]
    NoCertificate,
    /// It is not a host.
    #[error("`{0}` is not a host; expected HOST or HOST:PORT, as the image has it")]
    Host(String),
    /// TLS cannot be set up.
    #[error("TLS cannot be set up: {0}")]
    Setup(String),
}

/// TLS that verifies certificates, and TLS that does not.
pub(super) struct Connectors {
    pub(super) verified: TlsConnector,
    pub(super) unverified: TlsConnector,
}

impl Connectors {
    /// Trusts the authorities of this machine, and those of a PEM text as well.
    pub(super) fn new(ca: Option<&str>) -> Result<Self, ProberError> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut trusted = match ca {
            Some(pem) => certificates(pem)?,
            None => Vec::new(),
        };
        // What cannot be read of the machine's is missing, which shows as an unknown authority.
        trusted.extend(rustls_native_certs::load_native_certs().certs);
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(trusted.iter().cloned());
        let verified: Arc<dyn ServerCertVerifier> = match roots.is_empty() {
            true => Arc::new(Unchained { provider: provider.clone(), accepts: false }),
            false => {
                let chain =
                    WebPkiServerVerifier::builder_with_provider(roots.into(), provider.clone());
                let chain = chain.build().map_err(|error| ProberError::Setup(error.to_string()))?;
                Arc::new(LikeGo { chain, trusted })
            }
        };
        let anybody = Arc::new(Unchained { provider: provider.clone(), accepts: true });
        Ok(Self {
            verified: connector(&provider, verified)?,
            unverified: connector(&provider, anybody)?,
        })
    }
}

fn certificates(pem: &str) -> Result<Vec<CertificateDer<'static>>, ProberError> {
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem.as_bytes()).collect();
    read.ok().filter(|read| !read.is_empty()).ok_or(ProberError::NoCertificate)
}

fn connector(
    provider: &Arc<CryptoProvider>,
    verifier: Arc<dyn ServerCertVerifier>,
) -> Result<TlsConnector, ProberError> {
    let config = ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(|error| ProberError::Setup(error.to_string()))?;
    let mut config =
        config.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsConnector::from(Arc::new(config)))
}

/// Verifies as usual; but a self-signed certificate that is marked as an authority's, as `openssl req -x509`
/// makes it, counts as Go has it: good if it is trusted itself, otherwise of an unknown authority.
#[derive(Debug)]
struct LikeGo {
    chain: Arc<WebPkiServerVerifier>,
    trusted: Vec<CertificateDer<'static>>,
}

impl ServerCertVerifier for LikeGo {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let verified =
            self.chain.verify_server_cert(end_entity, intermediates, server_name, ocsp, now);
        match verified {
            // By then its time has been verified.
            Err(Error::InvalidCertificate(CertificateError::Other(other)))
                if format!("{other:?}").contains("CaUsedAsEndEntity") =>
            {
                if !self.trusted.iter().any(|known| known.as_ref() == end_entity.as_ref()) {
                    return Err(CertificateError::UnknownIssuer.into());
                }
                verify_server_name(&ParsedCertificate::try_from(end_entity)?, server_name)?;
                Ok(ServerCertVerified::assertion())
            }
            other => other,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.chain.verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.chain.verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.chain.supported_verify_schemes()
    }
}

/// Verifies no chain: accepts every certificate, as `skip_verify` of a hosts.toml does, or none, if
/// this machine trusts no authority.
#[derive(Debug)]
struct Unchained {
    provider: Arc<CryptoProvider>,
    accepts: bool,
}

impl ServerCertVerifier for Unchained {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        match self.accepts {
            true => Ok(ServerCertVerified::assertion()),
            false => Err(CertificateError::UnknownIssuer.into()),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
