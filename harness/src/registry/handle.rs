//! A registry of a case: a container of the pool behind a gateway of its own.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use hyper::StatusCode;
use secrecy::SecretString;

use super::accepted::Accepted;
use super::client::{Credentials, Direct};
use super::container::{AuthKind, ContainerError};
use super::gateway::{Gateway, GatewaySettings};
use super::hosts::HostEntry;
use super::listener::{ListenError, loopback};
use super::peers::Peers;
use super::pool::{Lease, Pool};
use super::push::{PushError, split_name};
use super::record::{Mark, Record};
use super::tls::{Certificate, ClientCertificate, Clients, TestCa, TlsError};
use super::tokens::TokenServer;
use crate::case::model::{self, Auth, Challenge, Fault, Tls};
use crate::image::Image;

/// Why a registry of a case is not there or not as it should be.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// Its container.
    #[error(transparent)]
    Container(#[from] ContainerError),
    /// Its gateway.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// Its certificate.
    #[error(transparent)]
    Tls(#[from] TlsError),
}

/// The name and address of a registry, with those beside it.
#[derive(Debug, Clone)]
pub struct RegistryAddress {
    /// Its name in the case: a literal host, or the name the harness gave it.
    pub name: String,
    /// The address of this machine that nodes reach.
    pub node: IpAddr,
    /// The port. Default: a free one.
    pub port: Option<u16>,
    /// The registries of the same case.
    pub peers: Peers,
}

/// A running registry of a case. [`RunningRegistry::close`] gives its container back; dropped, the
/// container is removed.
#[derive(Debug)]
pub struct RunningRegistry {
    name: String,
    tls: Tls,
    ca: Option<String>,
    client: Option<ClientCertificate>,
    // Before the lease: nothing may be asked any more when the container goes.
    gateway: Gateway,
    lease: Lease,
}

impl RunningRegistry {
    /// Starts a registry as a case describes it, without its images. Several may start at once.
    pub async fn start(
        pool: &Pool,
        spec: &model::Registry,
        address: RegistryAddress,
    ) -> Result<Self, RegistryError> {
        let host = loopback().await;
        let (tls, ca, client) = match certificate(spec.tls) {
            Some(certificate) => {
                let authority = TestCa::new()?;
                let names = names(&address, host);
                let (clients, client) = match spec.tls {
                    Tls::ClientCertificate => (Clients::Certified, Some(authority.client()?)),
                    _ => (Clients::Any, None),
                };
                let server = authority.server(&names, certificate, clients)?;
                (Some(server), Some(authority.pem().to_owned()), client)
            }
            None => (None, None, None),
        };
        let none = BTreeMap::new();
        let users = match &spec.auth {
            Auth::Basic(users) => users,
            Auth::None | Auth::Htpasswd(_) | Auth::Token(_) => &none,
        };
        let lease = pool.take(AuthKind::from(&spec.auth), users).await?;
        if let Auth::Htpasswd(lines) = &spec.auth {
            lease.container().set_lines(lines).await?;
        }
        let (tokens, challenge) = match (&spec.auth, lease.container().signing_key()) {
            (Auth::Token(rules), Some(key)) => {
                (Some(TokenServer::new(rules, key.clone())), rules.challenge.clone())
            }
            _ => (None, Challenge::default()),
        };
        let started = Gateway::start(GatewaySettings {
            name: address.name.clone(),
            node: address.node,
            host,
            port: address.port,
            upstream: lease.container().address(),
            tls,
            htpasswd: matches!(spec.auth, Auth::Basic(_)),
            tokens,
            challenge,
            peers: address.peers,
        })
        .await;
        let gateway = match started {
            Ok(gateway) => gateway,
            Err(error) => {
                // The container is as it was; only the failure to listen is of interest.
                lease.give_back(false).await.ok();
                return Err(error.into());
            }
        };
        gateway.set_faults(spec.faults.clone());
        let ca = ca.filter(|_| spec.tls != Tls::Untrusted && spec.tls != Tls::HttpsForHttp);
        Ok(Self { name: address.name, tls: spec.tls, ca, client, gateway, lease })
    }

    /// Its name in the case.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Address and port that nodes reach: what `$REGISTRY` stands for.
    pub fn node(&self) -> SocketAddr {
        self.gateway.node()
    }

    /// Address and port that the host reaches.
    pub fn host(&self) -> SocketAddr {
        self.gateway.host()
    }

    /// Address and port that a node is given for a control pull alone.
    pub fn control(&self) -> SocketAddr {
        self.gateway.control()
    }

    /// Returns the scheme of its URLs.
    pub fn scheme(&self) -> &'static str {
        self.gateway.scheme()
    }

    /// Returns the CA that a node's hosts.toml names, as PEM.
    pub fn ca(&self) -> Option<&str> {
        self.ca.as_deref()
    }

    /// The certificate by which a node is let in, if it needs one.
    pub fn client_certificate(&self) -> Option<&ClientCertificate> {
        self.client.as_ref()
    }

    /// What a hosts.toml says of it, true or not; the node finds the CA at `files` and `.crt`, a
    /// client's certificate at `.client.crt`, and its key at `.client.key`.
    pub fn host_entry(&self, files: &str) -> HostEntry {
        self.entry(self.node(), files)
    }

    /// The same for control pulls: with the control address.
    pub fn control_entry(&self, files: &str) -> HostEntry {
        self.entry(self.control(), files)
    }

    fn entry(&self, address: SocketAddr, files: &str) -> HostEntry {
        let scheme = match self.tls {
            Tls::HttpForHttps => "https",
            Tls::HttpsForHttp => "http",
            _ => self.scheme(),
        };
        HostEntry {
            url: format!("{scheme}://{address}"),
            ca: self.ca.is_some().then(|| format!("{files}.crt")),
            client: self
                .client
                .is_some()
                .then(|| (format!("{files}.client.crt"), format!("{files}.client.key"))),
        }
    }

    /// The requests it saw. Pushes of the harness are not among them.
    pub fn record(&self) -> &Record {
        self.gateway.record()
    }

    /// Pushes an image under `repository:tag`, past the gateway and as the harness's own user.
    pub async fn push(&self, name: &str, image: &Image) -> Result<(), PushError> {
        self.lease.push(name, image).await
    }

    /// Returns the status that somebody without credentials gets in the end for the manifest of
    /// `repository:tag`. A Bearer challenge is followed: the token server is asked for an anonymous
    /// token, and where it refuses one, its status is the answer.
    ///
    /// Container and token server are asked directly, so neither faults nor TLS have a say and
    /// nothing is recorded.
    ///
    /// # Errors
    /// A name without tag, or a container that does not answer.
    pub async fn anonymous_manifest(&self, name: &str) -> anyhow::Result<u16> {
        let (repository, tag) = split_name(name)?;
        let address = self.lease.container().address();
        let ask = async |who| Direct::new(address, who).manifest(repository, tag).await;
        let answer = ask(Credentials::None).await?;
        match self.gateway.tokens() {
            Some(tokens) if answer.status() == StatusCode::UNAUTHORIZED => {
                match tokens.anonymous(repository) {
                    Ok(token) => Ok(ask(Credentials::Bearer(token)).await?.status().as_u16()),
                    Err(status) => Ok(status.as_u16()),
                }
            }
            _ => Ok(answer.status().as_u16()),
        }
    }

    /// Whether the container still answers. Where it does not, what the gateway said in its place
    /// proves nothing about a registry.
    pub async fn answers(&self) -> bool {
        self.lease.container().answers().await
    }

    /// Replaces users and passwords. When it returns, the new ones count and the old ones do not.
    pub async fn set_users(
        &self,
        users: &BTreeMap<String, SecretString>,
    ) -> Result<(), ContainerError> {
        let paused = self.gateway.pause().await;
        if let Some(tokens) = self.gateway.tokens() {
            tokens.set_users(users);
        }
        self.lease.container().set_users(users).await?;
        drop(paused);
        Ok(())
    }

    /// Accepts logins in the place of the container, from now on and once only.
    pub fn set_accepted(&self, accepted: Accepted) {
        self.gateway.set_accepted(accepted);
    }

    /// Replaces the faults; an empty list ends them.
    pub fn set_faults(&self, faults: Vec<Fault>) {
        self.gateway.set_faults(faults);
    }

    /// Closes the port for node and host, with all connections, or opens the same port again.
    ///
    /// # Errors
    /// Another process took the port meanwhile.
    pub async fn set_listening(&self, listening: bool) -> Result<(), ListenError> {
        self.gateway.set_listening(listening).await
    }

    /// What the container wrote since this registry started.
    pub async fn logs(&self) -> String {
        self.lease.logs().await
    }

    /// Ends the gateway and gives the container back.
    pub async fn close(self) -> Result<(), ContainerError> {
        let record = self.gateway.record().clone();
        drop(self.gateway);
        let written = record.since(Mark::START).iter().any(|request| request.writes());
        self.lease.give_back(written).await
    }
}

fn certificate(tls: Tls) -> Option<Certificate> {
    match tls {
        Tls::None | Tls::HttpForHttps => None,
        Tls::Trusted | Tls::Untrusted | Tls::ClientCertificate | Tls::HttpsForHttp => {
            Some(Certificate::Right)
        }
        Tls::WrongName => Some(Certificate::WrongName),
        Tls::Expired => Some(Certificate::Expired),
    }
}

/// What a right certificate names: the addresses, and the host of an image reference.
fn names(address: &RegistryAddress, host: IpAddr) -> Vec<String> {
    let mut names = vec![address.node.to_string(), host.to_string()];
    let host = address.name.rsplit_once(':').map_or(address.name.as_str(), |(host, _)| host);
    if host.contains('.') {
        names.push(host.to_owned());
    }
    names
}
