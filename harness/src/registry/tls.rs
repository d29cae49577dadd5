//! Certificates of a registry: a CA made for it, and what that CA vouches for.

use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, SanType,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::{VerifierBuilderError, WebPkiClientVerifier};
use rustls::version::{TLS12, TLS13};
use rustls::{RootCertStore, ServerConfig};
use secrecy::SecretString;

/// The name of a certificate for another registry. RFC 2606 keeps it from ever being one.
const WRONG_NAME: &str = "another-registry.invalid";

/// Why no certificate could be made.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A certificate could not be made.
    #[error("failed to make a certificate for the registry")]
    Certificate(#[from] rcgen::Error),
    /// A certificate could not be served.
    #[error("failed to serve the registry's certificate")]
    Serve(#[from] rustls::Error),
    /// Certificates of clients could not be verified.
    #[error("failed to verify certificates of clients")]
    Clients(#[from] VerifierBuilderError),
}

/// What a certificate says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Certificate {
    /// The right names, valid now.
    Right,
    /// Another name.
    WrongName,
    /// The right names, expired.
    Expired,
}

/// Which clients a server lets in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Clients {
    /// All.
    Any,
    /// Those with a certificate of the same authority.
    Certified,
}

/// The certificate of a client.
#[derive(Debug)]
pub struct ClientCertificate {
    /// The certificate as PEM.
    pub certificate: String,
    /// Its key as PEM.
    pub key: SecretString,
}

/// A certificate authority of one registry.
pub struct TestCa {
    issuer: Issuer<'static, KeyPair>,
    certificate: String,
    der: CertificateDer<'static>,
}

impl std::fmt::Debug for TestCa {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TestCa").finish_non_exhaustive()
    }
}

impl TestCa {
    /// A new authority.
    pub fn new() -> Result<Self, TlsError> {
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
        let mut params = CertificateParams::default();
        // Authorities of one name are taken for each other: a client that knows another one would
        // complain of a bad signature and not of an unknown authority.
        let name = format!("pullproof registry CA {:08x}", rand::random::<u32>());
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let signed = params.self_signed(&key)?;
        let (certificate, der) = (signed.pem(), signed.der().clone());
        Ok(Self { issuer: Issuer::new(params, key), certificate, der })
    }

    /// The authority's certificate as PEM: what `ca` of a hosts.toml names.
    pub fn pem(&self) -> &str {
        &self.certificate
    }

    /// Returns a new certificate for a client: what `client` of a hosts.toml names.
    ///
    /// # Errors
    /// It cannot be made.
    pub fn client(&self) -> Result<ClientCertificate, TlsError> {
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, "pullproof node");
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        let certificate = params.signed_by(&key, &self.issuer)?.pem();
        Ok(ClientCertificate { certificate, key: key.serialize_pem().into() })
    }

    /// Returns a server with a certificate for these names and addresses.
    ///
    /// # Errors
    /// The certificate cannot be made or served.
    pub fn server(
        &self,
        names: &[String],
        certificate: Certificate,
        clients: Clients,
    ) -> Result<Arc<ServerConfig>, TlsError> {
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
        let mut params = match certificate {
            Certificate::WrongName => CertificateParams::new(vec![WRONG_NAME.to_owned()])?,
            Certificate::Right | Certificate::Expired => {
                let mut params = CertificateParams::default();
                params.subject_alt_names = alternative_names(names)?;
                params
            }
        };
        if certificate == Certificate::Expired {
            params.not_before = rcgen::date_time_ymd(2020, 1, 1);
            params.not_after = rcgen::date_time_ymd(2020, 2, 1);
        }
        params.distinguished_name.push(DnType::CommonName, "pullproof registry");
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let signed = params.signed_by(&key, &self.issuer)?;

        // The process's default provider is the caller's to choose, so it is never relied on.
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let builder = ServerConfig::builder_with_provider(provider.clone())
            .with_protocol_versions(&[&TLS13, &TLS12])?;
        let builder = match clients {
            Clients::Any => builder.with_no_client_auth(),
            Clients::Certified => {
                let mut roots = RootCertStore::empty();
                roots.add(self.der.clone())?;
                let verifier = WebPkiClientVerifier::builder_with_provider(roots.into(), provider);
                builder.with_client_cert_verifier(verifier.build()?)
            }
        };
        let mut config = builder.with_single_cert(vec![signed.der().clone()], key)?;
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Arc::new(config))
    }
}

fn alternative_names(names: &[String]) -> Result<Vec<SanType>, rcgen::Error> {
    names
        .iter()
        .map(|name| match name.parse() {
            Ok(address) => Ok(SanType::IpAddress(address)),
            Err(_) => Ok(SanType::DnsName(name.as_str().try_into()?)),
        })
        .collect()
}
