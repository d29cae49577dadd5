//! What all pods of a check share: the registry behind every host, and the node's hosts.toml files.

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use secrecy::SecretString;

use crate::{
    case::model::{self, Auth, NodeSetting, Tls},
    cluster::Lock,
    evidence::Timeline,
    limit::within,
    registry::{Accepted, Peers, RegistryAddress, RunningRegistry, hosts_toml},
    run::{Session, forget_images_but},
};

use super::{Input, plan};

/// How long a part may take.
const SET: Duration = Duration::from_secs(180);
/// The only user of the registry container, behind the gateway's.
const USER: &str = "pullproof-check";

/// The registry, and what leads the node to it.
pub(super) struct Stage<'a> {
    pub(super) session: &'a Session,
    /// What the pods of all namespaces do.
    pub(super) timeline: Timeline,
    /// What tells names of this check from those of others.
    pub(super) id: String,
    /// None only once it is dropped.
    registry: Option<RunningRegistry>,
    locks: Vec<Lock>,
    count: AtomicUsize,
}

impl<'a> Stage<'a> {
    /// Starts the registry, and has the node find it for each host of the inputs.
    ///
    /// # Errors
    /// The registry or the node fails.
    pub(super) async fn set_up(session: &'a Session, inputs: &[Input]) -> anyhow::Result<Self> {
        let password = SecretString::from(format!("{:032x}", rand::random::<u128>()));
        let mut accepted = Accepted::new(USER, &password);
        plan::accept(inputs, &mut accepted);
        let spec = model::Registry {
            auth: Auth::Basic(BTreeMap::from([(USER.to_owned(), password)])),
            tls: Tls::None,
            images: Vec::new(),
            faults: Vec::new(),
            node: NodeSetting::Hosts,
        };
        let node = session.cluster.node.host_address;
        let place =
            RegistryAddress { name: "check".to_owned(), node, port: None, peers: Peers::default() };
        let start = RunningRegistry::start(&session.pool, &spec, place);
        let registry = within(SET, "starting the registry", start).await?;
        registry.set_accepted(accepted);
        let mut stage = Self {
            session,
            timeline: Timeline::default(),
            id: format!("{:06x}", rand::random::<u32>() & 0xff_ffff),
            registry: Some(registry),
            locks: Vec::new(),
            count: AtomicUsize::new(0),
        };
        stage.take_hosts(inputs).await?;
        Ok(stage)
    }

    /// Takes the hosts, in the order of the alphabet as cases do, and writes their files. The images of a
    /// host that the node has already stay: those of Kubernetes itself may be among them.
    async fn take_hosts(&mut self, inputs: &[Input]) -> anyhow::Result<()> {
        let (session, hosts) = (self.session, plan::hosts(inputs));
        let there = session.cluster.node.shell("ctr -n k8s.io images ls -q 2>/dev/null").await?;
        for host in &hosts {
            let of_host =
                |name: &&str| name.strip_prefix(host).is_some_and(|it| it.starts_with('/'));
            let there: Vec<String> = there.lines().filter(of_host).map(str::to_owned).collect();
            let lock = session.hold_host(host, &forget_images_but(host, &there)).await?;
            self.locks.push(lock);
        }
        self.locks.push(session.take_node(false).await?);
        // Without the line by which the reaper knows a file as the run's: it would remove it while pods
        // still pull, and the node would then turn to the host itself. The script of the lock comes later.
        let text = hosts_toml(Some(&self.registry().host_entry("")), &[]);
        let file =
            |host: &String| (format!("/etc/containerd/certs.d/{host}/hosts.toml"), text.clone());
        let files: Vec<_> = hosts.iter().map(file).collect();
        within(SET, "writing the hosts.toml files", session.cluster.node.write(&files)).await
    }

    /// The registry.
    pub(super) fn registry(&self) -> &RunningRegistry {
        let Some(registry) = &self.registry else {
            unreachable!("it goes when the stage is dropped");
        };
        registry
    }

    /// Returns a word that no other container of any check has.
    pub(super) fn suffix(&self) -> String {
        format!("{}-{}", self.id, self.count.fetch_add(1, Ordering::Relaxed))
    }
}

/// The hosts stay taken as long as the session lasts: what lies behind them the reaper removes.
impl Drop for Stage<'_> {
    fn drop(&mut self) {
        self.session.hold(std::mem::take(&mut self.locks));
        drop(self.session.close_registries(self.registry.take().into_iter().collect()));
    }
}
