//! A server whose answers a test writes byte by byte.

#![allow(dead_code, reason = "each test file uses its own part")]

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use pullproof::registry::{Certificate, Clients, TestCa};
use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair};
use rustls::{
    ServerConfig,
    pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};
use tokio_rustls::TlsAcceptor;

/// What a server sends.
#[derive(Debug, Clone)]
pub enum Reply {
    /// These bytes, then the end.
    Bytes(Vec<u8>),
    /// These bytes, and then nothing.
    Stall(Vec<u8>),
    /// The first, and then the second again and again.
    Endless(Vec<u8>, Vec<u8>),
}

/// An answer with a status, headers and a body.
pub fn reply(status: u16, headers: &[&str], body: &str) -> Reply {
    let mut text = format!("HTTP/1.1 {status} X\r\nConnection: close\r\n");
    for header in headers {
        text.push_str(&format!("{header}\r\n"));
    }
    text.push_str(&format!("Content-Length: {}\r\n\r\n{body}", body.len()));
    Reply::Bytes(text.into_bytes())
}

/// Whether a request has an Authorization header with this in it.
pub fn has_credentials(request: &str, part: &str) -> bool {
    request
        .lines()
        .any(|line| line.to_lowercase().starts_with("authorization:") && line.contains(part))
}

type Script = Arc<dyn Fn(&str) -> Reply + Send + Sync>;

/// A server on 127.0.0.1, and what it was sent.
pub struct Server {
    address: SocketAddr,
    seen: Arc<Mutex<Vec<String>>>,
}

impl Server {
    /// Serves plain HTTP. To what is not HTTP it answers as Go's server does.
    pub async fn plain(script: impl Fn(&str) -> Reply + Send + Sync + 'static) -> Self {
        Self::start(None, Arc::new(script)).await
    }

    /// Serves HTTPS with a certificate of an authority.
    pub async fn tls(
        authority: &TestCa,
        certificate: Certificate,
        script: impl Fn(&str) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let names = ["127.0.0.1".to_owned()];
        let config = authority.server(&names, certificate, Clients::Any).unwrap();
        Self::start(Some(config), Arc::new(script)).await
    }

    /// Serves HTTPS with a certificate that signs itself and is marked as an authority's; returns it.
    pub async fn self_signed(
        script: impl Fn(&str) -> Reply + Send + Sync + 'static,
    ) -> (Self, String) {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(["127.0.0.1".to_owned()]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let certificate = params.self_signed(&key).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let der = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], der)
            .unwrap();
        (Self::start(Some(Arc::new(config)), Arc::new(script)).await, certificate.pem())
    }

    async fn start(tls: Option<Arc<ServerConfig>>, script: Script) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let all = seen.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (tls, script, seen) = (tls.clone(), script.clone(), all.clone());
                tokio::spawn(serve(stream, tls, script, seen));
            }
        });
        Self { address, seen }
    }

    /// Its address, as an image has it.
    pub fn host(&self) -> String {
        self.address.to_string()
    }

    /// The requests so far: head and body.
    pub fn seen(&self) -> Vec<String> {
        self.seen.lock().unwrap().clone()
    }
}

async fn serve(
    stream: TcpStream,
    tls: Option<Arc<ServerConfig>>,
    script: Script,
    seen: Arc<Mutex<Vec<String>>>,
) {
    // A client that does not trust the certificate ends the handshake, and one that has read enough the
    // answer.
    match tls {
        None => answer(stream, script, seen).await,
        Some(config) => match TlsAcceptor::from(config).accept(stream).await {
            Ok(stream) => answer(stream, script, seen).await,
            Err(_) => None,
        },
    };
}

async fn answer<S>(mut stream: S, script: Script, seen: Arc<Mutex<Vec<String>>>) -> Option<()>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let reply = match read(&mut stream).await? {
        Some(request) => {
            let reply = script(&request);
            seen.lock().unwrap().push(request);
            reply
        }
        None => Reply::Bytes(b"HTTP/1.0 400 Bad Request\r\n\r\n".to_vec()),
    };
    match reply {
        Reply::Bytes(bytes) => stream.write_all(&bytes).await.ok()?,
        Reply::Stall(bytes) => {
            stream.write_all(&bytes).await.ok()?;
            stream.flush().await.ok()?;
            drain(&mut stream).await;
        }
        Reply::Endless(bytes, again) => {
            stream.write_all(&bytes).await.ok()?;
            while stream.write_all(&again).await.is_ok() {}
        }
    }
    stream.shutdown().await.ok()?;
    // What is left unread would make the close a reset, which overtakes the answer.
    drain(&mut stream).await;
    Some(())
}

/// Reads until the client goes away.
async fn drain<S: AsyncRead + Unpin>(stream: &mut S) {
    while stream.read_u8().await.is_ok() {}
}

/// Reads a request; nothing inside if it is not HTTP.
async fn read<S: AsyncRead + Unpin>(stream: &mut S) -> Option<Option<String>> {
    let mut read = Vec::new();
    while !read.ends_with(b"\r\n\r\n") {
        read.push(stream.read_u8().await.ok()?);
        // A TLS handshake begins so.
        if read[0] == 0x16 {
            return Some(None);
        }
    }
    let mut text = String::from_utf8(read).unwrap();
    let length = text.lines().find_map(|line| {
        let (name, value) = line.split_once(": ")?;
        name.eq_ignore_ascii_case("content-length").then(|| value.parse().unwrap())
    });
    let mut body = vec![0; length.unwrap_or(0)];
    stream.read_exact(&mut body).await.ok()?;
    text.push_str(&String::from_utf8(body).unwrap());
    Some(Some(text))
}
