//! The gateway: what a node and the host reach in place of the registry container.

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use futures::future::join_all;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::{Mutex, RwLock, RwLockWriteGuard};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::accepted::Accepted;
use super::connection::{ConnectionAbort, GatewayStream};
use super::exchange::{self, Exchange, Upstream};
use super::fault::Faults;
use super::listener::{self, ListenError, Listeners};
use super::peers::Peers;
use super::record::{Origin, Record};
use super::tokens::TokenServer;
use crate::case::model::{Challenge, Fault};

/// How long a gateway waits when the system has no file descriptor left for a connection.
const OUT_OF_FILES: Duration = Duration::from_millis(20);

/// What a gateway stands for.
#[derive(Debug)]
pub struct GatewaySettings {
    /// The name of the registry.
    pub name: String,
    /// The address that nodes reach.
    pub node: IpAddr,
    /// The loopback address that the host reaches.
    pub host: IpAddr,
    /// The port. Default: a free one.
    pub port: Option<u16>,
    /// The registry container.
    pub upstream: SocketAddr,
    /// Certificate and key, if it serves HTTPS.
    pub tls: Option<Arc<ServerConfig>>,
    /// Whether the container checks passwords by htpasswd, that is by bcrypt. Those that bcrypt
    /// confuses are then passed on by their stand-ins, under which the container knows them.
    pub htpasswd: bool,
    /// The token server, where it has one.
    pub tokens: Option<TokenServer>,
    /// Changes to the container's challenge.
    pub challenge: Challenge,
    /// The other registries of the case.
    pub peers: Peers,
}

impl GatewaySettings {
    /// A transparent gateway on a free port, for the host at 127.0.0.1.
    pub fn new(name: impl Into<String>, node: IpAddr, upstream: SocketAddr) -> Self {
        Self {
            name: name.into(),
            node,
            host: std::net::Ipv4Addr::LOCALHOST.into(),
            port: None,
            upstream,
            tls: None,
            htpasswd: false,
            tokens: None,
            challenge: Challenge::default(),
            peers: Peers::default(),
        }
    }
}

/// Everything the connections of a gateway share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) record: Record,
    pub(super) faults: Faults,
    pub(super) upstream: Upstream,
    pub(super) secure: bool,
    pub(super) htpasswd: bool,
    /// If there is one, it decides whose requests the container may answer.
    pub(super) accepted: OnceLock<Accepted>,
    pub(super) tokens: Option<TokenServer>,
    pub(super) challenge: Challenge,
    pub(super) peers: Peers,
    /// Held for reading by each request until its answer begins.
    pub(super) open: RwLock<()>,
}

/// A running gateway. Dropping it ends its listeners and connections at once.
#[derive(Debug)]
pub struct Gateway {
    shared: Arc<Shared>,
    node: SocketAddr,
    host: SocketAddr,
    control: SocketAddr,
    tls: Option<Arc<ServerConfig>>,
    /// What listens for node and host; nothing while the port is closed.
    listening: Mutex<Option<Listening>>,
    running: CancellationToken,
    _end: DropGuard,
}

/// Listeners that end together, with their connections.
#[derive(Debug)]
struct Listening {
    end: CancellationToken,
    tasks: Vec<JoinHandle<()>>,
}

impl Gateway {
    /// Starts to listen, for nodes, for the host and for control pulls. Needs a Tokio runtime and lives as long as that.
    pub async fn start(settings: GatewaySettings) -> Result<Self, ListenError> {
        let Listeners { node, host, port, control, control_port } =
            Listeners::bind(settings.node, settings.host, settings.port).await?;
        let secure = settings.tls.is_some();
        let running = CancellationToken::new();
        let gateway = Self {
            node: SocketAddr::new(settings.node, port),
            host: SocketAddr::new(settings.host, port),
            control: SocketAddr::new(settings.node, control_port),
            shared: Arc::new(Shared {
                record: Record::new(),
                faults: Faults::default(),
                upstream: Upstream::new(settings.upstream),
                secure,
                htpasswd: settings.htpasswd,
                accepted: OnceLock::new(),
                tokens: settings.tokens,
                challenge: settings.challenge,
                peers: settings.peers,
                open: RwLock::new(()),
            }),
            tls: settings.tls,
            listening: Mutex::new(None),
            _end: running.clone().drop_guard(),
            running,
        };
        let scheme = gateway.scheme();
        gateway.shared.peers.add(
            &settings.name,
            format!("{scheme}://{}", gateway.node),
            format!("{scheme}://{}", gateway.host),
            format!("{scheme}://{}", gateway.control),
        );
        drop(gateway.accept([(control, Origin::Control)]));
        let listening = gateway.accept([(node, Origin::Node), (host, Origin::Host)]);
        *gateway.listening.lock().await = Some(listening);
        Ok(gateway)
    }

    /// Serves what comes to listeners, until it is ended or the gateway is dropped.
    fn accept<const N: usize>(&self, listeners: [(TcpListener, Origin); N]) -> Listening {
        let end = self.running.child_token();
        let tls = self.tls.clone().map(TlsAcceptor::from);
        let task = |(listener, from)| {
            tokio::spawn(accept(listener, from, self.shared.clone(), tls.clone(), end.clone()))
        };
        let tasks = listeners.map(task).into();
        Listening { end, tasks }
    }

    /// Closes the port for node and host, with all connections, or opens the same port again.
    pub async fn set_listening(&self, listening: bool) -> Result<(), ListenError> {
        let mut now = self.listening.lock().await;
        if !listening {
            if let Some(Listening { end, tasks }) = now.take() {
                end.cancel();
                // A port is closed when its listener is gone.
                join_all(tasks).await;
            }
        } else if now.is_none() {
            let node = listener::bind(self.node.ip(), self.node.port()).await?;
            let host = listener::bind(self.host.ip(), self.host.port()).await?;
            *now = Some(self.accept([(node, Origin::Node), (host, Origin::Host)]));
        }
        Ok(())
    }

    /// Address and port for nodes.
    pub fn node(&self) -> SocketAddr {
        self.node
    }

    /// Address and port for the host.
    pub fn host(&self) -> SocketAddr {
        self.host
    }

    /// Address and port for control pulls: no fault meets what comes by it, and its requests are
    /// recorded as [`Origin::Control`].
    pub fn control(&self) -> SocketAddr {
        self.control
    }

    /// `http` or `https`.
    pub fn scheme(&self) -> &'static str {
        if self.shared.secure { "https" } else { "http" }
    }

    /// Accepts logins in the place of the container, from now on and once only.
    pub fn set_accepted(&self, accepted: Accepted) {
        self.shared.accepted.set(accepted).ok();
    }

    /// The requests so far.
    pub fn record(&self) -> &Record {
        &self.shared.record
    }

    /// The token server, where there is one.
    pub(super) fn tokens(&self) -> Option<&TokenServer> {
        self.shared.tokens.as_ref()
    }

    /// Replaces the faults; an empty list ends them.
    pub fn set_faults(&self, faults: Vec<Fault>) {
        self.shared.faults.set(faults);
    }

    /// Holds requests back while the guard lives, after those under way got their answer.
    pub async fn pause(&self) -> RwLockWriteGuard<'_, ()> {
        self.shared.open.write().await
    }
}

async fn accept(
    listener: TcpListener,
    from: Origin,
    shared: Arc<Shared>,
    tls: Option<TlsAcceptor>,
    running: CancellationToken,
) {
    loop {
        let accepted = tokio::select! {
            () = running.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        let Ok((stream, _)) = accepted else {
            tokio::time::sleep(OUT_OF_FILES).await;
            continue;
        };
        let abort = ConnectionAbort::new(&running);
        let stream = GatewayStream::new(stream, abort.clone());
        let exchange = Exchange { shared: shared.clone(), from, abort: abort.clone() };
        let tls = tls.clone();
        tokio::spawn(async move {
            tokio::select! {
                () = abort.ended() => {}
                () = connection(stream, exchange, tls) => {}
            }
        });
    }
}

/// Serves one connection to its end. How it ended is in the record, request by request.
async fn connection(stream: GatewayStream, exchange: Exchange, tls: Option<TlsAcceptor>) {
    let Some(acceptor) = tls else { return serve(stream, exchange, false).await };
    match stream.speaks_tls().await {
        Ok(true) => {
            // A client that refuses the certificate ends the handshake and never sends a request.
            if let Ok(stream) = acceptor.accept(stream).await {
                serve(stream, exchange, false).await;
            }
        }
        Ok(false) => serve(stream, exchange, true).await,
        Err(_) => {}
    }
}

/// Serves HTTP; `misdirected` is plain HTTP on an HTTPS port.
async fn serve<S>(stream: S, exchange: Exchange, misdirected: bool)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let mut builder = auto::Builder::new(TokioExecutor::new()).preserve_header_case(true);
    // The container's answer has a date of its own, and the container keeps idle connections.
    builder.http1().auto_date_header(false).header_read_timeout(None).timer(TokioTimer::new());
    builder.http2().auto_date_header(false).timer(TokioTimer::new());
    let exchange = Arc::new(exchange);
    let service = service_fn(move |request| {
        let exchange = exchange.clone();
        async move {
            if misdirected {
                Ok(exchange::refuse_plain_http(&exchange, &request))
            } else {
                exchange::answer(&exchange, request).await
            }
        }
    });
    // An error here is the client's or an injected one: the request's entry has it.
    builder.serve_connection(TokioIo::new(stream), service).await.ok();
}
