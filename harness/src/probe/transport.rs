//! One request and its answer, within a time and a size.

use std::{collections::HashMap, net::IpAddr, net::SocketAddr, time::Duration};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::{
    HeaderMap, Method, Request, StatusCode,
    client::conn::http1,
    header::{HOST, HeaderValue, USER_AGENT},
};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    time::timeout,
};
use tokio_util::task::AbortOnDropHandle;
use url::{Host, Url};

use super::{Failure, address::is_forbidden, trust::Connectors};

/// The longest body that is read, a token's.
const BODY: usize = 1 << 20;
/// The longest head of an answer.
const HEAD: usize = 64 << 10;
/// The most headers of an answer.
const HEADERS: usize = 100;
/// Who asks.
const AGENT: &str = concat!("pullproof/", env!("CARGO_PKG_VERSION"));

/// Sends requests, each over a connection of its own.
pub(super) struct Transport {
    pub(super) connectors: Connectors,
    /// Addresses of names that are not looked up.
    pub(super) addresses: HashMap<String, Vec<IpAddr>>,
    /// How long an answer may take, with name, connection and handshake.
    pub(super) limit: Duration,
}

/// What is sent.
#[derive(Debug)]
pub(super) struct Sent<'a> {
    pub(super) method: Method,
    pub(super) url: &'a Url,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    /// Whether the certificate is verified.
    pub(super) verify: bool,
}

/// An answer. The body is there only if it was a success.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Transport {
    /// Sends a request, unless it would go to a forbidden address.
    pub(super) async fn send(&self, sent: Sent<'_>) -> Result<Reply, Failure> {
        timeout(self.limit, self.exchange(sent)).await.unwrap_or(Err(Failure::Timeout))
    }

    async fn exchange(&self, sent: Sent<'_>) -> Result<Reply, Failure> {
        let stream = self.connect(sent.url).await?;
        if sent.url.scheme() == "http" {
            return talk(stream, sent).await;
        }
        let name = match sent.url.host().ok_or(Failure::BadHost)? {
            Host::Domain(name) => {
                ServerName::try_from(name.to_owned()).map_err(|_| Failure::BadHost)?
            }
            Host::Ipv4(address) => ServerName::from(IpAddr::from(address)),
            Host::Ipv6(address) => ServerName::from(IpAddr::from(address)),
        };
        let connector = match sent.verify {
            true => &self.connectors.verified,
            false => &self.connectors.unverified,
        };
        let stream = connector.connect(name, stream).await;
        talk(stream.map_err(|error| Failure::of_handshake(&error))?, sent).await
    }

    async fn connect(&self, url: &Url) -> Result<TcpStream, Failure> {
        let addresses = self.resolve(url).await?;
        // What is connected to is what was looked at: the name is not resolved again.
        if addresses.iter().any(|address| is_forbidden(address.ip())) {
            return Err(Failure::LinkLocal);
        }
        let share = self.limit / u32::try_from(addresses.len()).unwrap_or(1).max(1);
        let mut failure = Failure::NoSuchHost;
        for address in addresses {
            match timeout(share, TcpStream::connect(address)).await {
                Ok(Ok(stream)) => return Ok(stream),
                Ok(Err(error)) => failure = Failure::of_connection(&error),
                Err(_) => failure = Failure::Timeout,
            }
        }
        Err(failure)
    }

    async fn resolve(&self, url: &Url) -> Result<Vec<SocketAddr>, Failure> {
        let port = url.port_or_known_default().ok_or(Failure::BadHost)?;
        let at = |address: IpAddr| SocketAddr::new(address, port);
        match url.host().ok_or(Failure::BadHost)? {
            Host::Ipv4(address) => Ok(vec![at(address.into())]),
            Host::Ipv6(address) => Ok(vec![at(address.into())]),
            Host::Domain(name) => match self.addresses.get(name) {
                Some(known) => Ok(known.iter().copied().map(at).collect()),
                None => match tokio::net::lookup_host((name, port)).await {
                    Ok(found) => Ok(found.collect()),
                    Err(error) => Err(Failure::of_resolver(&error)),
                },
            },
        }
    }
}

async fn talk<S>(stream: S, sent: Sent<'_>) -> Result<Reply, Failure>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let failed = |error: hyper::Error| Failure::of_exchange(&error);
    let mut client = http1::Builder::new();
    client.max_buf_size(HEAD).max_headers(HEADERS);
    let (mut sender, connection) = client.handshake(TokioIo::new(stream)).await.map_err(failed)?;
    let _connection = AbortOnDropHandle::new(tokio::spawn(async move { connection.await.ok() }));
    let is_head = sent.method == Method::HEAD;
    let answer = sender.send_request(request(sent)?).await.map_err(failed)?;
    let (head, body) = answer.into_parts();
    let body = match head.status == StatusCode::OK && !is_head {
        true => Limited::new(body, BODY)
            .collect()
            .await
            .map_err(|error| match error.is::<LengthLimitError>() {
                true => Failure::TooLarge,
                false => Failure::ConnectionLost,
            })?
            .to_bytes(),
        false => Bytes::new(),
    };
    Ok(Reply { status: head.status, headers: head.headers, body })
}

fn request(sent: Sent<'_>) -> Result<Request<Full<Bytes>>, Failure> {
    let url = sent.url;
    let target = &url[url::Position::BeforePath..url::Position::AfterQuery];
    let host = &url[url::Position::BeforeHost..url::Position::AfterPort];
    let mut request = Request::builder()
        .method(sent.method)
        .uri(target)
        .body(Full::new(sent.body))
        .map_err(|_| Failure::BadHost)?;
    *request.headers_mut() = sent.headers;
    let host = HeaderValue::from_str(host).map_err(|_| Failure::BadHost)?;
    request.headers_mut().insert(HOST, host);
    request.headers_mut().insert(USER_AGENT, HeaderValue::from_static(AGENT));
    Ok(request)
}
