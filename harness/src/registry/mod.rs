//! The registry of a case: a real registry container, and the gateway before it.
//!
//! The container does the authentication itself ([`Container`], [`Pool`]). The [`Gateway`] stands
//! between node and container: it records each request ([`Record`]), injects faults, serves TLS and
//! is the token server ([`TokenServer`]). [`RunningRegistry`] ties them together.

mod accepted;
mod authorization;
mod body;
mod challenge;
mod client;
mod connection;
mod container;
mod exchange;
mod fault;
mod gateway;
mod handle;
mod hosts;
mod htpasswd;
mod jwt;
mod listener;
mod password;
mod peers;
mod pool;
mod push;
mod record;
#[cfg(test)]
pub(crate) mod sample;
mod summary;
mod tls;
mod tokens;
mod warm;

pub use accepted::Accepted;
pub use authorization::Authorization;
pub(crate) use challenge::parameters;
pub use client::{ClientError, Credentials, Direct};
pub use container::{AuthKind, Container, ContainerError, IMAGE, TAG};
pub use gateway::{Gateway, GatewaySettings};
pub use handle::{RegistryAddress, RegistryError, RunningRegistry};
pub use hosts::{HostEntry, hosts_file, hosts_toml};
pub use htpasswd::HtpasswdError;
pub use jwt::{SigningError, SigningKey};
pub use listener::ListenError;
pub use password::PasswordMark;
pub use peers::Peers;
pub use pool::{Lease, Pool};
pub use push::{PushError, split_name};
pub use record::{Mark, Origin, Record, Request, Responder};
pub use summary::RequestSummary;
pub use tls::{Certificate, ClientCertificate, Clients, TestCa, TlsError};
pub use tokens::TokenServer;
pub use warm::{Clean, Holder, Warm};

pub use crate::case::model::RequestKind;
