//! Certificates of a registry: a CA made for it, and what that CA vouches for.

use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, SanType,
};
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::version::{TLS12, TLS13};

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

/// A certificate authority of one registry.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    certificate: String,
}

impl std::fmt::Debug for Authority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Authority").finish_non_exhaustive()
    }
}

impl Authority {
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
        let certificate = params.self_signed(&key)?.pem();
        Ok(Self { issuer: Issuer::new(params, key), certificate })
    }

    /// The authority's certificate as PEM: what `ca` of a hosts.toml names.
    pub fn pem(&self) -> &str {
        &self.certificate
    }

    /// A server with a certificate for these names and addresses.
    pub fn server(
        &self,
        names: &[String],
        certificate: Certificate,
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
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&TLS13, &TLS12])?
            .with_no_client_auth()
            .with_single_cert(vec![signed.der().clone()], key)?;
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
