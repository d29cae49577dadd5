//! How fast a large blob comes through the gateway, against the same blob from the source itself.
//!
//! `cargo run --release --example gateway_throughput [MIB] [ROUNDS]`: the ways are taken in turns,
//! and the medians compared. The source is the registry container; the client checks the digest and
//! writes a file, as a node does. `BARE=1` takes a source and a client that do nothing but copy: on
//! a machine without idle cores the gateway then costs as much as the two together.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use pullproof::case::model;
use pullproof::image::{Arch, Image};
use pullproof::registry::{AuthKind, Certificate, Clients, Gateway, GatewaySettings, Pool, TestCa};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use sha2::{Digest as _, Sha256};
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

/// Where a blob comes from, and what its client does with it.
struct Source {
    address: SocketAddr,
    path: String,
    size: usize,
    work: bool,
}

async fn measure(mib: usize, rounds: usize) -> anyhow::Result<()> {
    if std::env::var_os("BARE").is_some() {
        let size = mib << 20;
        let address = serve(size).await?;
        let path = "/v2/a/blobs/sha256:0".to_owned();
        return compare(&Source { address, path, size, work: false }, rounds).await;
    }
    let pool = Pool::new(vec![("dev.pullproof.test".to_owned(), "throughput".to_owned())], 0);
    let lease = pool.take(AuthKind::None, &BTreeMap::new()).await?;
    let spec =
        model::Image { padding: (mib as u64) << 20, ..model::Image::new("large:v1".to_owned()) };
    let image = Image::build(&spec, Arch::Amd64)?;
    lease.push(&spec.name, &image).await?;
    let blob = image.blobs().iter().max_by_key(|blob| blob.data.len()).context("no blob")?;
    let source = Source {
        address: lease.container().address(),
        path: format!("/v2/large/blobs/{}", blob.digest),
        size: blob.data.len(),
        work: true,
    };
    compare(&source, rounds).await?;
    Ok(lease.give_back(false).await?)
}

async fn compare(source: &Source, rounds: usize) -> anyhow::Result<()> {
    let Source { address, size, .. } = *source;
    let authority = TestCa::new()?;
    let plain = Gateway::start(GatewaySettings::new("plain", NODE, address)).await?;
    let tls = Gateway::start(GatewaySettings {
        tls: Some(authority.server(&[NODE.to_string()], Certificate::Right, Clients::Any)?),
        ..GatewaySettings::new("tls", NODE, address)
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
        direct.push(pull(TcpStream::connect(address).await?, source).await?);
        through.push(pull(TcpStream::connect(plain.node()).await?, source).await?);
        let stream = TcpStream::connect(tls.node()).await?;
        let stream = connector.connect(ServerName::IpAddress(NODE.into()), stream).await?;
        secure.push(pull(stream, source).await?);
    }
    let [direct, through, secure] = [direct, through, secure].map(median);
    let speed = |time: Duration| size as f64 / time.as_secs_f64() / 1e6;
    let ratio = |time: Duration| direct.as_secs_f64() / time.as_secs_f64();
    println!("{} MiB, median of {rounds}", size >> 20);
    println!("from the source {:6.0} MB/s", speed(direct));
    println!("gateway         {:6.0} MB/s  {:.2} of direct", speed(through), ratio(through));
    println!("gateway, TLS    {:6.0} MB/s  {:.2} of direct", speed(secure), ratio(secure));
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

async fn pull<S>(mut stream: S, source: &Source) -> anyhow::Result<Duration>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let began = Instant::now();
    let request = format!("GET {} HTTP/1.1\r\nHost: r\r\n\r\n", source.path);
    stream.write_all(request.as_bytes()).await?;
    let mut file = tokio::fs::File::from_std(tempfile::tempfile()?);
    let mut digest = Sha256::new();
    let mut buffer = vec![0; 1 << 18];
    let mut head = 0;
    let mut total = 0;
    while head == 0 || total < head + source.size {
        let read = stream.read(&mut buffer).await?;
        if read == 0 {
            bail!("the answer ended after {total} bytes");
        }
        let mut body = &buffer[..read];
        if head == 0 {
            let end = body.windows(4).position(|window| window == b"\r\n\r\n");
            head = end.context("the head did not come in one piece")? + 4;
            body = &body[head..];
        }
        total += read;
        if source.work {
            digest.update(body);
            file.write_all(body).await?;
        }
    }
    file.flush().await?;
    ensure!(total == head + source.size, "the answer is too long: {total} bytes");
    if source.work {
        let digest: String = digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        ensure!(source.path.ends_with(&digest), "the blob has the digest {digest}");
    }
    Ok(began.elapsed())
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}
