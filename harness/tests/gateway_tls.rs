//! A gateway that speaks TLS. Needs no Docker.

#![expect(clippy::unwrap_used, reason = "a test says by panicking what went wrong")]

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use pullproof::case::model::{Fault, FaultAction};
use pullproof::registry::{
    Certificate, ClientCertificate, Clients, Gateway, GatewaySettings, Origin, TestCa,
};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use secrecy::ExposeSecret as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

const NODE: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2));
const SIZE: usize = 5_000_000;

/// An upstream that tells host and scheme of the request, or sends a large body.
async fn upstream() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let service = service_fn(async |request: Request<hyper::body::Incoming>| {
                let header = |name: &str| {
                    let value = request.headers().get(name).map(|value| value.to_str().unwrap());
                    value.unwrap_or("absent").to_owned()
                };
                let body = match request.uri().path() {
                    "/large" => Bytes::from(vec![7; SIZE]),
                    _ => format!("{} {}", header("host"), header("x-forwarded-proto")).into(),
                };
                let answer = Response::builder().header("Connection", "keep-alive");
                answer.body(http_body_util::Full::new(body))
            });
            let server = hyper::server::conn::http1::Builder::new();
            tokio::spawn(server.serve_connection(TokioIo::new(stream), service));
        }
    });
    address
}

async fn gateway(certificate: Certificate) -> (Gateway, TestCa) {
    gateway_for(certificate, Clients::Any).await
}

async fn gateway_for(certificate: Certificate, clients: Clients) -> (Gateway, TestCa) {
    let authority = TestCa::new().unwrap();
    let names = [NODE.to_string(), "registry.example.com".to_owned()];
    let settings = GatewaySettings {
        tls: Some(authority.server(&names, certificate, clients).unwrap()),
        ..GatewaySettings::new("registry", NODE, upstream().await)
    };
    (Gateway::start(settings).await.unwrap(), authority)
}

async fn connect(
    to: SocketAddr,
    name: &str,
    pem: &str,
    protocol: &[u8],
) -> std::io::Result<TlsStream<TcpStream>> {
    connect_as(to, name, pem, protocol, None).await
}

async fn connect_as(
    to: SocketAddr,
    name: &str,
    pem: &str,
    protocol: &[u8],
    client: Option<&ClientCertificate>,
) -> std::io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(pem.as_bytes()).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots);
    let mut config = match client {
        Some(client) => {
            let certificate = client.certificate.as_bytes();
            let certificate = CertificateDer::from_pem_slice(certificate).unwrap();
            let key = client.key.expose_secret().as_bytes();
            let key = PrivateKeyDer::from_pem_slice(key).unwrap();
            config.with_client_auth_cert(vec![certificate], key).unwrap()
        }
        None => config.with_no_client_auth(),
    };
    config.alpn_protocols = vec![protocol.to_vec()];
    let name = ServerName::try_from(name.to_owned()).unwrap();
    TlsConnector::from(Arc::new(config)).connect(name, TcpStream::connect(to).await?).await
}

async fn get_h1(to: SocketAddr, name: &str, pem: &str) -> std::io::Result<String> {
    ask_h1(connect(to, name, pem, b"http/1.1").await?, name).await
}

async fn ask_h1(mut stream: TlsStream<TcpStream>, name: &str) -> std::io::Result<String> {
    let request = format!("GET /v2/ HTTP/1.1\r\nHost: {name}:5000\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    // The gateway closes TCP without TLS's own farewell, as an HTTP server may.
    stream.read_to_string(&mut answer).await.ok();
    Ok(answer)
}

async fn h2(
    to: SocketAddr,
    name: &str,
    pem: &str,
) -> hyper::client::conn::http2::SendRequest<Empty<Bytes>> {
    let stream = connect(to, name, pem, b"h2").await.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    let (sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
            .await
            .unwrap();
    tokio::spawn(connection);
    sender
}

fn request(uri: &str) -> Request<Empty<Bytes>> {
    Request::get(uri).body(Empty::new()).unwrap()
}

#[tokio::test]
async fn a_client_that_knows_the_ca_gets_through_by_address_and_by_name() {
    let (gateway, authority) = gateway(Certificate::Right).await;
    assert_eq!(gateway.scheme(), "https");
    for name in ["127.0.0.2", "registry.example.com"] {
        let answer = get_h1(gateway.node(), name, authority.pem()).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
        assert!(answer.ends_with(&format!("{name}:5000 https")), "{answer}");
    }
}

#[tokio::test]
async fn only_a_client_with_a_certificate_is_let_in_if_one_is_asked_for() {
    let (gateway, authority) = gateway_for(Certificate::Right, Clients::Certified).await;
    let get = async |client: Option<&ClientCertificate>| {
        let name = "registry.example.com";
        match connect_as(gateway.node(), name, authority.pem(), b"http/1.1", client).await {
            Ok(stream) => ask_h1(stream, name).await.unwrap(),
            Err(_) => String::new(),
        }
    };
    assert_eq!(get(None).await, "");
    let stranger = TestCa::new().unwrap().client().unwrap();
    assert_eq!(get(Some(&stranger)).await, "");
    assert!(gateway.record().all().is_empty());
    let answer = get(Some(&authority.client().unwrap())).await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
}

#[tokio::test]
async fn http2_passes_host_and_bodies() {
    let (gateway, authority) = gateway(Certificate::Right).await;
    let mut sender = h2(gateway.node(), "registry.example.com", authority.pem()).await;
    let answer =
        sender.send_request(request("https://registry.example.com:5000/v2/")).await.unwrap();
    assert!(!answer.headers().contains_key("connection"));
    let body = answer.into_body().collect().await.unwrap().to_bytes();
    assert_eq!(body, "registry.example.com:5000 https");
    let large = sender.send_request(request("https://r/large")).await.unwrap();
    assert_eq!(large.into_body().collect().await.unwrap().to_bytes(), vec![7; SIZE]);
    let seen = gateway.record().all();
    assert_eq!((seen[0].from, seen[0].path.as_str()), (Origin::Node, "/v2/"));
    assert_eq!(seen[1].bytes, SIZE as u64);
}

#[tokio::test]
async fn faults_meet_http2_as_well() {
    let (gateway, authority) = gateway(Certificate::Right).await;
    let set = |action| {
        gateway.set_faults(vec![Fault::new(action)]);
    };
    set(FaultAction::Cut(1000));
    let mut sender = h2(gateway.node(), "127.0.0.2", authority.pem()).await;
    let mut body = sender.send_request(request("https://r/large")).await.unwrap().into_body();
    let mut arrived = 0;
    let error = loop {
        match body.frame().await.unwrap() {
            Ok(frame) => arrived += frame.into_data().unwrap().len(),
            Err(error) => break error,
        }
    };
    assert_eq!(arrived, 1000, "{error}");
    set(FaultAction::Reset);
    sender.send_request(request("https://r/v2/")).await.unwrap_err();
    // The connection is gone, not only the stream.
    tokio::time::sleep(Duration::from_millis(20)).await;
    set(FaultAction::Flip);
    assert!(sender.is_closed() || sender.send_request(request("https://r/v2/")).await.is_err());
}

#[tokio::test]
async fn certificates_fail_for_the_reason_they_are_made_for() {
    let stranger = TestCa::new().unwrap();
    for (certificate, knows, reason) in [
        (Certificate::Right, false, "UnknownIssuer"),
        (Certificate::WrongName, true, "not valid for name"),
        (Certificate::Expired, true, "expired"),
    ] {
        let (gateway, authority) = gateway(certificate).await;
        let pem = if knows { authority.pem() } else { stranger.pem() };
        let error = get_h1(gateway.node(), "127.0.0.2", pem).await.unwrap_err();
        assert!(error.to_string().contains(reason), "{certificate:?}: {error}");
        assert!(gateway.record().all().is_empty());
    }
}

#[tokio::test]
async fn plain_http_on_a_tls_port_is_told_so() {
    let (gateway, _) = gateway(Certificate::Right).await;
    let mut stream = TcpStream::connect(gateway.node()).await.unwrap();
    stream.write_all(b"GET /v2/ HTTP/1.1\r\nHost: r\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    assert!(answer.ends_with("Client sent an HTTP request to an HTTPS server.\n"), "{answer}");
    let seen = &gateway.record().all()[0];
    assert_eq!(seen.status, Some(400));
    assert_eq!(seen.fault.as_deref(), Some("plain HTTP on an HTTPS port"));
}
