//! Registry containers that outlive a run: they stay beside the cluster, for the next one.
//!
//! A container's name says whose it is. The reaper of a run removes those of the run, however it ends. Only
//! a run that ends well leaves one, after what was pushed is deleted: so one whose state is not known is
//! never used again. The next run may claim it at once, with users of its own; otherwise the reaper of the
//! run before takes the users away, and it is idle.
//!
//! Docker looks a name up before it locks the container (daemon/rename.go), so of two processes that rename
//! one, both may succeed, and the second takes it from the first. So names of containers that may be claimed
//! change, and what nobody owns is removed, only under a lock of the state folder.

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use bollard::Docker;
use bollard::models::ContainerSummary;
use bollard::query_parameters::{ListContainersOptionsBuilder, RenameContainerOptionsBuilder};

use super::container::{AuthKind, PORT};
use crate::lock::Lock;

/// What every name of a registry container begins with.
const PREFIX: &str = "pullproof-registry-";
const IDLE: &str = "idle";
const LEFT: &str = "left";

/// How many stay idle beside a cluster: some 20 MB each.
const MOST: usize = 8;
/// How long a claim waits for others; a new container takes half a second.
const PATIENCE: Duration = Duration::from_secs(2);

/// The containers of a cluster, as one run sees them.
#[derive(Debug, Clone)]
pub struct Warm {
    docker: Docker,
    /// The labels of the cluster's containers.
    labels: Vec<(String, String)>,
    run: String,
    /// Of the state folder: under it alone a container changes hands.
    lock: PathBuf,
}

/// Whose a registry container is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Holder {
    /// That of a run.
    Run(String),
    /// Whoever claims it first: nothing can be pulled from it.
    Next(Clean),
}

/// A container that nothing can be pulled from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clean {
    /// The run whose users it still has.
    pub users_of: Option<String>,
    /// How it authenticates.
    pub kind: AuthKind,
    /// How many bytes it holds in memory.
    pub held: u64,
}

/// An idle container that a run has made its own.
pub(super) struct Claimed {
    pub id: String,
    /// Where it is reached: on its bridge, and on the port that is published.
    pub addresses: (Option<SocketAddr>, SocketAddr),
    pub held: u64,
}

impl Warm {
    /// The containers with these labels, for a run. All that may claim one have to use the same lock.
    pub fn new(docker: Docker, labels: Vec<(String, String)>, run: String, lock: PathBuf) -> Self {
        Self { docker, labels, run, lock }
    }

    pub(super) fn docker(&self) -> &Docker {
        &self.docker
    }

    /// The labels of the cluster's containers.
    pub(super) fn labels(&self) -> &[(String, String)] {
        &self.labels
    }

    /// A name for a new container of the run.
    pub(super) fn name(&self) -> String {
        Holder::Run(self.run.clone()).name()
    }

    /// Makes an idle container the run's own, if there is one.
    pub(super) async fn claim(&self, kind: AuthKind) -> Option<Claimed> {
        let lock = Lock::exclusive(&self.lock, || {});
        let _lock = tokio::time::timeout(PATIENCE, lock).await.ok()?.ok()?;
        for one in self.all_clean().await {
            let (Some(id), Some(name), Some(addresses)) = (&one.id, name(&one), addresses(&one))
            else {
                continue;
            };
            if let Some(Holder::Next(clean)) = Holder::of(name)
                && clean.kind == kind
                && self.rename(name, &self.name()).await
            {
                return Some(Claimed { id: id.clone(), addresses, held: clean.held });
            }
        }
        None
    }

    /// How many more containers may stay.
    pub(super) async fn room(&self) -> usize {
        MOST.saturating_sub(self.all_clean().await.len())
    }

    /// Leaves a container from which nothing can be pulled to the next run. Tells whether that went well.
    pub(super) async fn leave(&self, id: &str, kind: AuthKind, held: u64) -> bool {
        let left = Clean { users_of: Some(self.run.clone()), kind, held };
        self.rename(id, &Holder::Next(left).name()).await
    }

    async fn rename(&self, from: &str, to: &str) -> bool {
        let to = RenameContainerOptionsBuilder::new().name(to).build();
        self.docker.rename_container(from, to).await.is_ok()
    }

    /// Those that may be claimed, idle ones first. Where Docker does not answer there are none.
    async fn all_clean(&self) -> Vec<ContainerSummary> {
        let labels = self.labels.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let filters = HashMap::from([
            ("label", labels),
            ("name", vec![format!("^/?{PREFIX}{IDLE}-"), format!("^/?{PREFIX}{LEFT}-")]),
            ("status", vec!["running".to_owned()]),
        ]);
        let clean = ListContainersOptionsBuilder::new().filters(&filters).build();
        let mut clean = self.docker.list_containers(Some(clean)).await.unwrap_or_default();
        clean.sort_by(|one, other| name(one).cmp(&name(other)));
        clean
    }
}

impl Holder {
    /// Whose the container of this name is, if it is a registry's.
    pub fn of(name: &str) -> Option<Self> {
        let mut words = name.trim_start_matches('/').strip_prefix(PREFIX)?.split('-');
        let first = words.next()?;
        let users_of = match first {
            IDLE => None,
            LEFT => Some(words.next()?.to_owned()),
            run => return Some(Self::Run(run.to_owned())),
        };
        let kind = match words.next()? {
            "none" => AuthKind::None,
            "basic" => AuthKind::Basic,
            _ => return None,
        };
        Some(Self::Next(Clean { users_of, kind, held: words.next()?.parse().ok()? }))
    }

    /// A name that says it, and that no other container has.
    fn name(&self) -> String {
        let random = rand::random::<u32>();
        match self {
            Self::Run(run) => format!("{PREFIX}{run}-{random:08x}"),
            Self::Next(Clean { users_of, kind, held }) => {
                let whose = match users_of {
                    Some(run) => format!("{LEFT}-{run}"),
                    None => IDLE.to_owned(),
                };
                let kind = match kind {
                    AuthKind::None => "none",
                    AuthKind::Basic => "basic",
                    AuthKind::Token => "token",
                };
                format!("{PREFIX}{whose}-{kind}-{held}-{random:08x}")
            }
        }
    }
}

fn name(one: &ContainerSummary) -> Option<&str> {
    one.names.as_ref()?.first().map(|name| name.trim_start_matches('/'))
}

fn addresses(one: &ContainerSummary) -> Option<(Option<SocketAddr>, SocketAddr)> {
    let ports = one.ports.as_ref()?.iter();
    let port = ports.filter(|port| port.private_port == PORT).find_map(|port| port.public_port)?;
    let networks = one.network_settings.as_ref().and_then(|all| all.networks.as_ref());
    let bridge = networks
        .into_iter()
        .flat_map(|networks| networks.values())
        .find_map(|endpoint| endpoint.ip_address.as_deref()?.parse().ok())
        .map(|ip| SocketAddr::new(ip, PORT));
    Some((bridge, SocketAddr::new(Ipv4Addr::LOCALHOST.into(), port)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_says_whose_a_container_is() {
        let clean = |users_of: Option<&str>, kind, held| {
            Holder::Next(Clean { users_of: users_of.map(str::to_owned), kind, held })
        };
        for holder in [
            Holder::Run("0a1b2c3d".to_owned()),
            clean(None, AuthKind::Basic, 0),
            clean(Some("0a1b2c3d"), AuthKind::None, 4_000_000),
        ] {
            let name = holder.name();
            assert_eq!(Holder::of(&name), Some(holder.clone()), "{name}");
            assert_eq!(Holder::of(&format!("/{name}")), Some(holder), "as Docker lists it");
        }
        // The key of such a container ends with its run.
        assert_eq!(Holder::of(&clean(None, AuthKind::Token, 0).name()), None);
        assert_eq!(Holder::of("pullproof-1-37-control-plane"), None);
    }
}
