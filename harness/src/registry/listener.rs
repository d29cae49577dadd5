//! The addresses of a gateway: one for nodes and one for the host, on the same port; and one for
//! control pulls, the node's address with a port of its own.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use tokio::net::TcpListener;

/// How many free ports of the node's address are tried before giving up.
const ATTEMPTS: usize = 32;

/// Why a gateway cannot listen.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// A port that was asked for is in use.
    #[error(
        "port {} of {} is taken by another process; stop it, or let the case use a port of its own",
        .0.port(), .0.ip()
    )]
    PortTaken(SocketAddr),
    /// The node's address is not one of this machine.
    #[error("{0} is no address of this machine; is the cluster's network there?")]
    NoSuchAddress(IpAddr),
    /// No port was free on both addresses.
    #[error("no port is free on both {node} and {host} ({ATTEMPTS} tried)")]
    NoFreePort {
        /// The address for nodes.
        node: IpAddr,
        /// The address for the host.
        host: IpAddr,
    },
    /// Binding failed for another reason.
    #[error("failed to listen on {address}")]
    Bind {
        /// The address.
        address: SocketAddr,
        /// Why.
        #[source]
        source: io::Error,
    },
}

/// The listeners of a gateway, `node` and `host` on one port.
#[derive(Debug)]
pub(super) struct Listeners {
    pub(super) node: TcpListener,
    pub(super) host: TcpListener,
    pub(super) port: u16,
    pub(super) control: TcpListener,
    pub(super) control_port: u16,
}

impl Listeners {
    /// Binds the node's and the host's address on the same port, the one given or a free one, and
    /// the node's address on another free port for control pulls.
    pub(super) async fn bind(
        node: IpAddr,
        host: IpAddr,
        port: Option<u16>,
    ) -> Result<Self, ListenError> {
        let (for_node, for_host, port) = match port {
            Some(port) => {
                let for_host = bind(host, port).await?;
                (bind(node, port).await?, for_host, port)
            }
            None => pair(node, host).await?,
        };
        let (control, control_port) = free(node).await?;
        Ok(Self { node: for_node, host: for_host, port, control, control_port })
    }
}

/// Binds two addresses on one free port.
async fn pair(node: IpAddr, host: IpAddr) -> Result<(TcpListener, TcpListener, u16), ListenError> {
    for _ in 0..ATTEMPTS {
        let (for_node, port) = free(node).await?;
        match bind(host, port).await {
            Ok(for_host) => return Ok((for_node, for_host, port)),
            Err(ListenError::PortTaken(_)) => continue,
            Err(error) => return Err(error),
        }
    }
    Err(ListenError::NoFreePort { node, host })
}

/// Binds an address on a free port.
async fn free(ip: IpAddr) -> Result<(TcpListener, u16), ListenError> {
    let listener = bind(ip, 0).await?;
    let address = SocketAddr::new(ip, 0);
    let bound = listener.local_addr().map_err(|source| ListenError::Bind { address, source })?;
    Ok((listener, bound.port()))
}

/// A loopback address that nobody else is likely to use: ports come again, and an image of another
/// case that was pulled from the same address and port would still be on the node. Where only
/// 127.0.0.1 is configured, as on macOS, that.
pub(super) async fn loopback() -> IpAddr {
    let [a, b, c] = rand::random::<[u8; 3]>();
    let address = IpAddr::from([127, a.max(1), b, c.clamp(1, 254)]);
    match bind(address, 0).await {
        Ok(_) => address,
        Err(_) => Ipv4Addr::LOCALHOST.into(),
    }
}

/// Binds one address and port.
pub(super) async fn bind(ip: IpAddr, port: u16) -> Result<TcpListener, ListenError> {
    let address = SocketAddr::new(ip, port);
    TcpListener::bind(address).await.map_err(|source| match source.kind() {
        io::ErrorKind::AddrInUse => ListenError::PortTaken(address),
        io::ErrorKind::AddrNotAvailable => ListenError::NoSuchAddress(ip),
        _ => ListenError::Bind { address, source },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const NODE: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2));
    const HOST: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

    #[tokio::test]
    async fn both_addresses_get_the_same_port() {
        let listeners = Listeners::bind(NODE, HOST, None).await.unwrap();
        assert_eq!(listeners.node.local_addr().unwrap(), SocketAddr::new(NODE, listeners.port));
        let host = listeners.host.local_addr().unwrap();
        assert_eq!(host.port(), listeners.port);
        let control = listeners.control.local_addr().unwrap();
        assert_eq!(control, SocketAddr::new(NODE, listeners.control_port));
        assert_ne!(control.port(), listeners.port);
    }

    #[tokio::test]
    #[cfg(target_os = "linux")]
    async fn each_loopback_address_is_another() {
        let (one, two) = (loopback().await, loopback().await);
        assert!(one.is_loopback() && two.is_loopback());
        assert_ne!(one, two);
    }

    #[tokio::test]
    async fn a_wanted_port_that_is_taken_is_named() {
        let taken = TcpListener::bind((NODE, 0)).await.unwrap().local_addr().unwrap();
        let holder = TcpListener::bind(taken).await.unwrap();
        let error = Listeners::bind(NODE, HOST, Some(taken.port())).await.unwrap_err();
        assert!(matches!(error, ListenError::PortTaken(address) if address == taken), "{error}");
        assert!(error.to_string().contains(&taken.port().to_string()));
        drop(holder);
    }

    #[tokio::test]
    async fn an_address_of_another_machine_is_refused() {
        let foreign: IpAddr = "192.0.2.1".parse().unwrap();
        let error = Listeners::bind(foreign, HOST, None).await.unwrap_err();
        assert!(matches!(error, ListenError::NoSuchAddress(_)), "{error}");
    }
}
