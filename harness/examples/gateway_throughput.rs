//! How fast a large blob comes through the gateway, against the same blob from the source itself.
//!
//! `cargo run --release --example gateway_throughput [MIB] [ROUNDS]`: the two are taken in turns,
//! and the medians compared.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use pullproof::registry::{Authority, Certificate, Gateway, GatewaySettings};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

const NODE: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2));

fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let mib = arguments.next().map_or(Ok(256), |mib| mib.parse::<usize>())?;
    let rounds = arguments.next().map_or(Ok(7), |rounds| rounds.parse::<usize>())?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(measure(mib, rounds))
}

async fn measure(mib: usize, rounds: usize) -> anyhow::Result<()> {
    let size = mib << 20;
    let source = serve(size).await?;
    let authority = Authority::new()?;
    let plain = Gateway::start(GatewaySettings::new("plain", NODE, source)).await?;
    let tls = Gateway::start(GatewaySettings {
        tls: Some(authority.server(&[NODE.to_string()], Certificate::Right)?),
        ..GatewaySettings::new("tls", NODE, source)
    })
    .await?;
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(authority.pem().as_bytes())?)?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let connector = tokio_rustls::TlsConnector::from(Arc::new(config));

    let (mut direct, mut through, mut secure) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..rounds {
        direct.push(pull(TcpStream::connect(source).await?, size).await?);
        through.push(pull(TcpStream::connect(plain.node()).await?, size).await?);
        let stream = TcpStream::connect(tls.node()).await?;
        let stream = connector.connect(ServerName::IpAddress(NODE.into()), stream).await?;
        secure.push(pull(stream, size).await?);
    }
    let [direct, through, secure] = [direct, through, secure].map(median);
    let speed = |time: Duration| size as f64 / time.as_secs_f64() / 1e6;
    let ratio = |time: Duration| direct.as_secs_f64() / time.as_secs_f64();
    println!("{mib} MiB, median of {rounds}");
    println!("direct       {:6.0} MB/s", speed(direct));
    println!("gateway      {:6.0} MB/s  {:.2} of direct", speed(through), ratio(through));
    println!("gateway, TLS {:6.0} MB/s  {:.2} of direct", speed(secure), ratio(secure));
    Ok(())
}

/// A source that sends so many bytes to everybody, as fast as it can.
async fn serve(size: usize) -> anyhow::Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(answer(stream, size));
        }
    });
    Ok(address)
}

async fn answer(mut stream: TcpStream, size: usize) -> std::io::Result<()> {
    let block = vec![0x5a; 1 << 20];
    let mut read = [0; 4096];
    while stream.read(&mut read).await? > 0 {
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {size}\r\n\r\n");
        stream.write_all(head.as_bytes()).await?;
        let mut left = size;
        while left > 0 {
            let next = left.min(block.len());
            stream.write_all(&block[..next]).await?;
            left -= next;
        }
    }
    Ok(())
}

async fn pull<S>(mut stream: S, size: usize) -> anyhow::Result<Duration>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let began = Instant::now();
    stream.write_all(b"GET /v2/a/blobs/sha256:0 HTTP/1.1\r\nHost: r\r\n\r\n").await?;
    let mut buffer = vec![0; 1 << 18];
    let mut head = 0;
    let mut total = 0;
    while head == 0 || total < head + size {
        let read = stream.read(&mut buffer).await?;
        if read == 0 {
            bail!("the answer ended after {total} bytes");
        }
        if head == 0 {
            let end = buffer[..read].windows(4).position(|window| window == b"\r\n\r\n");
            head = end.context("the head did not come in one piece")? + 4;
        }
        total += read;
    }
    ensure!(total == head + size, "the answer is {} bytes too long", total - head - size);
    Ok(began.elapsed())
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}
