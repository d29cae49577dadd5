//! The surroundings of a case: namespaces, registries, what the node knows of them.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
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
        variable_name,
    },
    cluster::Lock,
    evidence::Timeline,
    image,
    redaction::Redaction,
    registry::{Mark, Peers, Place, Registry, Request, Responder},
};

use super::{
    awaiting::Looked,
    command::Workplace,
    limit::within,
    namespace::{create_namespace, delete_namespace},
    node::{forget_images_of, literal_hosts},
    observation::Observer,
    session::Session,
    watch::Following,
};

/// How long a part of the surroundings may take; a loaded machine needs seconds.
const SET: Duration = Duration::from_secs(180);

/// How long the kubelet may take to end the pods of a case with a literal host.
const PODS_GONE: Duration = Duration::from_secs(30);

/// All that a case has while it runs.
pub struct Scene<'a> {
    /// What all cases share.
    pub session: &'a Session,
    /// The case.
    pub file: &'a CaseFile,
    /// Its own namespace.
    pub namespace: String,
    /// All of its namespaces.
    pub namespaces: Vec<String>,
    /// What `$NAME` stands for.
    pub variables: Variables,
    /// What was seen.
    pub timeline: Timeline,
    /// Its registries, by their name in the case.
    pub registries: BTreeMap<String, Live>,
    /// Where its commands run, once it has run one.
    pub(super) workplace: Option<Workplace>,
    /// What must not be shown.
    pub redaction: Redaction,
    /// When it began.
    pub began: Timestamp,
    /// What its expectations have shown.
    pub observer: Observer,
    /// The images that were proved to be private, or public where the case says so.
    pub(super) proven: BTreeSet<Proven>,
    /// Up to where its pods were looked at.
    pub(super) looked: Looked,
    /// Whether a step may have changed pods in a way that only the watch reports.
    pub(super) stale: bool,
    /// What tells its files and aliases from those of others.
    pub(super) id: String,
    /// What was pushed, by `registry/repository:tag`.
    pub(super) images: BTreeMap<String, image::Image>,
    /// How long it waited for what others had: not its own time.
    pub(super) waited: Duration,
    /// The images of the node before it, if it has the node alone.
    pub(super) images_before: Option<BTreeSet<String>>,
    folder: PathBuf,
    _following: Vec<Following>,
    locks: Vec<Lock>,
}

/// What holds the surroundings of a case that is over.
pub struct Kept {
    /// The case's name.
    pub case: String,
    /// Its namespace.
    pub namespace: String,
    _registries: BTreeMap<String, Live>,
    _locks: Vec<Lock>,
}

/// A pod's UID and one of its images.
pub(super) type Proven = (String, String);

/// A registry of a running case.
pub struct Live {
    /// The registry and its gateway.
    pub registry: Registry,
    /// The host in image names.
    pub host: String,
    /// Up to where its record has been looked at.
    pub looked: Mark,
}

impl<'a> Scene<'a> {
    /// Sets everything up, the slow parts at the same time.
    pub async fn set(
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
        let own = case.namespace.clone().unwrap_or_else(|| format!("{}-{id}", label(&file.name)));
        let mut namespaces = vec![own.clone()];
        variables.set("NAMESPACE", &own);
        variables.set("NODE", &session.cluster.node.container);
        for name in &case.namespaces {
            let namespace = format!("{}-{name}-{id}", label(&file.name));
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
            for host in literal_hosts(file) {
                taken.push(session.take(&host_lock(&host)).await?);
                let lock = session.cluster.lock_file(&host_lock(&host));
                session.run.cleans_up_for(
                    &session.cluster.name,
                    &lock,
                    &forget_images_of(&host),
                )?;
            }
            let peers = Peers::default();
            let starts =
                case.registries.iter().map(|(name, spec)| start(session, name, spec, &peers));
            anyhow::Ok((taken, try_join_all(starts).await?))
        };
        let (following, (taken, registries)) =
            tokio::try_join!(namespaces_ready, registries_ready)?;
        locks.extend(taken);
        let registries: BTreeMap<String, Live> = registries.into_iter().collect();
        for (name, live) in &registries {
            variables.set(variable_name(name), &live.host);
            variables.set(model::node_variable(name), live.registry.node().to_string());
        }
        let mut scene = Self {
            session,
            file,
            namespace: own,
            namespaces,
            variables,
            timeline,
            registries,
            workplace: None,
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
        scene.announce_hosts()?;
        within(SET, "pushing the images", scene.push_all()).await?;
        // Node-wide changes and every other case exclude each other; who has the node alone has all
        // else ready by then.
        let alone = file.needs_node_alone();
        let waits = Instant::now();
        scene.locks.push(session.take_node(alone).await?);
        scene.waited += waits.elapsed();
        within(SET, "preparing the node", async {
            if alone {
                scene.images_before = Some(scene.images_on_node().await?);
            }
            scene.forget_images().await?;
            scene.write_hosts().await
        })
        .await?;
        Ok(scene)
    }

    /// The registry of a name, or the only one.
    pub fn registry(&self, name: Option<&str>) -> anyhow::Result<&Live> {
        match name {
            Some(name) => self.registries.get(name),
            None => self.registries.values().next(),
        }
        .context("the case has no such registry")
    }

    /// Tells the reaper of the hosts that only this case has, whose images go with the run.
    fn announce_hosts(&self) -> anyhow::Result<()> {
        let unique = self.registries.iter().filter(|(name, _)| !is_literal(name));
        let mut hosts: Vec<String> = unique.map(|(_, live)| live.host.clone()).collect();
        for (host, _) in self.image_hosts() {
            hosts.push(self.alias_of(&host)?);
        }
        Ok(self.session.run.pulls_from(hosts.iter().map(String::as_str))?)
    }

    /// Where its commands run. Most cases have none, and a home folder is many files.
    pub(super) fn workplace(&mut self) -> anyhow::Result<&Workplace> {
        match &mut self.workplace {
            Some(workplace) => Ok(workplace),
            none => Ok(none.insert(Workplace::new(
                self.folder.clone(),
                &self.session.settings,
                &self.session.cluster,
                &self.namespace,
                self.file,
                &self.variables,
            )?)),
        }
    }

    /// Why what a registry of the case showed is not to be judged: its container is gone.
    pub(super) async fn lost_registry(&self) -> Option<String> {
        for (name, live) in &self.registries {
            let unreachable = |one: &Request| one.answered_by == Responder::Unreachable;
            let asked_in_vain = live.registry.record().all().iter().any(unreachable);
            if asked_in_vain || !live.registry.answers().await {
                return Some(format!(
                    "the container of the registry `{name}` does not answer any more; was it removed, \
                     or Docker restarted?"
                ));
            }
        }
        None
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
    pub async fn strike(mut self) {
        let literal = !literal_hosts(self.file).is_empty();
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
        let again = makes_pods_again(self.file) || self.timeline.has_controlled_pods();
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
        for host in literal_hosts(self.file) {
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
impl Drop for Scene<'_> {
    fn drop(&mut self) {
        drop(self.close_registries());
    }
}

/// The lock of a host that only one case at a time can have.
fn host_lock(host: &str) -> String {
    format!("host-{host}")
}

/// Whether a case applies what makes a pod again after it was deleted.
fn makes_pods_again(file: &CaseFile) -> bool {
    let template = |object: &serde_json::Value| !object["spec"]["template"].is_null();
    let workload =
        |object: &serde_json::Value| template(object) || !object["spec"]["jobTemplate"].is_null();
    file.objects.values().flatten().any(workload)
}

async fn start(
    session: &Session,
    name: &str,
    spec: &model::Registry,
    peers: &Peers,
) -> anyhow::Result<(String, Live)> {
    let node = session.cluster.node.host_address;
    let place = Place { name: name.to_owned(), node, port: None, peers: peers.clone() };
    let what = format!("starting the registry `{name}`");
    let start = Registry::start(&session.pool, spec, place);
    let registry = within(SET, &what, start).await.with_context(|| what)?;
    let host = match (is_literal(name), spec.node) {
        (true, _) => name.to_owned(),
        // The host reaches this one too, for docker login.
        (false, NodeSetting::Hosts) => registry.host().to_string(),
        (false, NodeSetting::Nothing) => registry.node().to_string(),
    };
    let looked = registry.record().mark();
    Ok((name.to_owned(), Live { registry, host, looked }))
}
/// A case's name as a part of a namespace's.
pub(super) fn label(name: &str) -> String {
    let plain: String = name
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' })
        .take(40)
        .collect();
    plain.trim_matches('-').to_owned()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn what_a_controller_makes_goes_with_the_namespace() {
        let workload = |kind: &str, spec: &str| {
            format!(
                "- apply: {{apiVersion: apps/v1, kind: {kind}, metadata: {{name: web}}, spec: {spec}}}\n\
                 - expect: {{pod: app=web, phase: Running}}"
            )
        };
        let pod =
            "{spec: {containers: [{name: web, image: web:v1}]}, metadata: {labels: {app: web}}}";
        for makes in [
            workload("Deployment", &format!("{{template: {pod}}}")),
            workload("CronJob", &format!("{{jobTemplate: {{spec: {{template: {pod}}}}}}}")),
        ] {
            let text = format!("title: t\nsource: s\nsteps:\n{makes}\n");
            let file = CaseFile::parse(Path::new("theme/case.yaml"), &text);
            let file = file.unwrap_or_else(|error| panic!("{error}"));
            assert!(makes_pods_again(&file), "{makes}");
        }
        let plain = "- apply: {apiVersion: v1, kind: Pod, metadata: {name: a}, spec: {containers: \
                     [{name: a, image: a:v1}]}}\n- expect: {pod: a, phase: Running}";
        let text = format!("title: t\nsource: s\nsteps:\n{plain}\n");
        assert!(!makes_pods_again(&CaseFile::parse(Path::new("a.yaml"), &text).unwrap()));
    }

    #[test]
    fn a_cases_name_becomes_a_part_of_a_namespaces() {
        assert_eq!(label("documentation/Docker Hub.yaml"), "documentation-docker-hub-yaml");
        let long = label(&"x/".repeat(60));
        assert!(long.len() <= 40 && long.ends_with('x'), "{long}");
    }
}
