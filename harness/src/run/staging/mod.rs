//! What stands around a case: namespaces, registries with their images, what the node knows of them.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use anyhow::Context;
use futures::future::try_join_all;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Pod;
use kube::{
    Api,
    api::{DeleteParams, ListParams},
};

use crate::{
    case::{
        CaseFile, Variables, is_literal,
        model::{self, NodeSetting},
        namespace_part, variable_name,
    },
    cluster::Lock,
    evidence::Timeline,
    limit::within,
    redaction::Redaction,
    registry::{Peers, RegistryAddress, RunningRegistry},
};

use super::{
    context::{CaseContext, CaseRegistry, Kept},
    judging::{awaiting::Looked, observation::Observer},
    session::Session,
};

mod images;
mod namespace;
mod node;

pub(crate) use namespace::create_namespace;
pub(super) use namespace::{ROOT_CA, delete_namespace};
pub(crate) use node::forget_images_but;
use node::forget_images_of;

/// How long a part of the surroundings may take; a loaded machine needs seconds.
const SET: Duration = Duration::from_secs(180);

/// How long the kubelet may take to end the pods of a case with a literal host.
const PODS_GONE: Duration = Duration::from_secs(30);

impl<'a> CaseContext<'a> {
    /// Sets everything up, the slow parts at the same time.
    pub async fn set_up(
        session: &'a Session,
        file: &'a CaseFile,
        redaction: Redaction,
    ) -> anyhow::Result<Self> {
        let began = Timestamp::now();
        let case = &file.case;
        let id = format!("{:06x}", rand::random::<u32>() & 0xff_ffff);
        let folder = session.run.folder.join(&id);
        let timeline = Timeline::default();
        let mut locks = Vec::new();

        let mut variables = Variables::default();
        let own = case
            .namespace
            .clone()
            .unwrap_or_else(|| format!("{}-{id}", namespace_part(&file.name)));
        let mut namespaces = vec![own.clone()];
        variables.set("NAMESPACE", &own);
        variables.set("NODE", &session.cluster.node.container);
        for name in &case.namespaces {
            let namespace = format!("{}-{name}-{id}", namespace_part(&file.name));
            variables.set(variable_name(name), &namespace);
            namespaces.push(namespace);
        }
        if case.namespace.is_some() {
            locks.push(session.take(&format!("namespace-{own}")).await?);
        }

        let namespaces_ready = async {
            let mut following = Vec::new();
            for namespace in &namespaces {
                let what = format!("creating the namespace {namespace}");
                within(SET, what, create_namespace(session, namespace)).await?;
                // Not before: a literal one may have held pods of the case before.
                following.push(session.watches.follow(namespace, &timeline));
            }
            anyhow::Ok(following)
        };
        let registries_ready = async {
            // Who waits for a host needs no container yet: it gets the one of the case before.
            let mut taken = Vec::new();
            for host in file.literal_hosts() {
                taken.push(session.hold_host(&host, &forget_images_of(&host)).await?);
            }
            let peers = Peers::default();
            let starts =
                case.registries.iter().map(|(name, spec)| start(session, name, spec, &peers));
            anyhow::Ok((taken, try_join_all(starts).await?))
        };
        let (following, (taken, registries)) =
            tokio::try_join!(namespaces_ready, registries_ready)?;
        locks.extend(taken);
        let registries: BTreeMap<String, CaseRegistry> = registries.into_iter().collect();
        for (name, live) in &registries {
            variables.set(variable_name(name), &live.host);
            variables.set(model::node_variable(name), live.registry.node().to_string());
        }
        let mut context = Self {
            session,
            file,
            namespace: own,
            namespaces,
            variables,
            timeline,
            registries,
            sandbox: None,
            redaction,
            began,
            observer: Observer::default(),
            proven: BTreeSet::new(),
            looked: Looked::default(),
            stale: false,
            id,
            images: BTreeMap::new(),
            waited: locks.iter().map(Lock::waited).sum(),
            images_before: None,
            folder,
            _following: following,
            locks,
        };
        context.announce_hosts()?;
        within(SET, "pushing the images", context.push_all()).await?;
        // Node-wide changes and every other case exclude each other; who has the node alone has all
        // else ready by then.
        let alone = file.needs_node_alone();
        let waits = Instant::now();
        context.locks.push(session.take_node(alone).await?);
        context.waited += waits.elapsed();
        within(SET, "preparing the node", async {
            if alone {
                context.images_before = Some(context.images_on_node().await?);
            }
            context.forget_images().await?;
            context.write_hosts().await
        })
        .await?;
        Ok(context)
    }

    /// Notes for the reaper the hosts that only this case has, whose images go with the run.
    fn announce_hosts(&self) -> anyhow::Result<()> {
        let unique = self.registries.iter().filter(|(name, _)| !is_literal(name));
        let mut hosts: Vec<String> = unique.map(|(_, live)| live.host.clone()).collect();
        for (host, _) in self.image_hosts() {
            hosts.push(self.alias_of(&host)?);
        }
        Ok(self.session.run.pulls_from(hosts.iter().map(String::as_str))?)
    }

    /// Leaves everything as it is, for as long as what is returned lives; then the reaper removes it.
    pub fn keep(mut self) -> Kept {
        // The node's, taken last: others may have it alone, unless this case changed it.
        if !self.file.needs_node_alone() {
            self.locks.pop();
        }
        Kept {
            case: self.file.name.clone(),
            namespace: self.namespace.clone(),
            _registries: std::mem::take(&mut self.registries),
            _locks: std::mem::take(&mut self.locks),
        }
    }

    /// Removes what the case made. Best effort: what is left, the reaper removes at the run's end.
    pub async fn tear_down(mut self) {
        let literal = !self.file.literal_hosts().is_empty();
        let client = self.session.client();
        // At once; but the kubelet stops pulling for a pod before a graceful deletion ends, and only
        // then may the next case have the host (pkg/kubelet/pod_workers.go, SyncTerminatingPod).
        let grace = DeleteParams::default().grace_period(u32::from(literal));
        for namespace in &self.namespaces {
            // Pods first: a failed one would pull again, in the middle of the next case.
            let pods = Api::<Pod>::namespaced(client.clone(), namespace);
            pods.delete_collection(&grace, &ListParams::default()).await.ok();
        }
        // What a controller would make again goes with the namespace, and so does a literal name: who
        // waits for it finds it gone, and nobody deletes theirs later.
        let named = self.file.case.namespace.iter().len();
        let again = self.file.makes_pods_again() || self.timeline.has_controlled_pods();
        let now = if again { self.namespaces.len() } else { named };
        let (at_once, later) = self.namespaces.split_at(now);
        self.session.leave_namespaces(later);
        for namespace in at_once {
            delete_namespace(self.session, namespace).await;
        }
        if literal {
            tokio::time::timeout(PODS_GONE, self.pods_gone()).await.ok();
        }
        self.restore_node().await;
        for host in self.file.literal_hosts() {
            let lock = self.session.cluster.lock_file(&host_lock(&host));
            self.session.run.cleaned_up_for(&self.session.cluster.name, &lock).ok();
        }
        self.close_registries().await;
        std::fs::remove_dir_all(&self.folder).ok();
    }

    fn close_registries(&mut self) -> impl Future<Output = ()> + use<> {
        let registries = std::mem::take(&mut self.registries).into_values();
        self.session.close_registries(registries.map(|live| live.registry).collect())
    }

    async fn pods_gone(&self) {
        let mut changes = self.timeline.changes();
        loop {
            changes.borrow_and_update();
            if self.timeline.present().is_empty() || changes.changed().await.is_err() {
                return;
            }
        }
    }
}

/// What a clean-up that is dropped has not done the reaper does, but for the registries.
impl Drop for CaseContext<'_> {
    fn drop(&mut self) {
        drop(self.close_registries());
    }
}

impl Session {
    /// Takes a host that only one case at a time can have, and has the reaper run a script on the node if
    /// the run ends while it has it.
    pub(crate) async fn hold_host(&self, host: &str, script: &str) -> anyhow::Result<Lock> {
        let held = self.take(&host_lock(host)).await?;
        let lock = self.cluster.lock_file(&host_lock(host));
        self.run.cleans_up_for(&self.cluster.name, &lock, script)?;
        Ok(held)
    }
}

/// The lock of a host that only one case at a time can have.
fn host_lock(host: &str) -> String {
    format!("host-{host}")
}

async fn start(
    session: &Session,
    name: &str,
    spec: &model::Registry,
    peers: &Peers,
) -> anyhow::Result<(String, CaseRegistry)> {
    let node = session.cluster.node.host_address;
    let address = RegistryAddress { name: name.to_owned(), node, port: None, peers: peers.clone() };
    let what = format!("starting the registry `{name}`");
    let start = RunningRegistry::start(&session.pool, spec, address);
    let registry = within(SET, &what, start).await.with_context(|| what)?;
    let host = match (is_literal(name), spec.node) {
        (true, _) => name.to_owned(),
        // The host reaches this one too, for docker login.
        (false, NodeSetting::Hosts) => registry.host().to_string(),
        (false, NodeSetting::Nothing) => registry.node().to_string(),
    };
    let looked = registry.record().mark();
    Ok((name.to_owned(), CaseRegistry { registry, host, looked }))
}
