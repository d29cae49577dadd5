//! The surroundings of a case: namespaces, registries, what the node knows of them.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
};

use anyhow::Context;
use futures::future::try_join_all;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::{ConfigMap, Namespace, Pod, ServiceAccount};
use kube::ResourceExt;
use kube::{
    Api,
    api::{DeleteParams, ListParams, ObjectMeta, PostParams},
    runtime::wait::{await_condition, conditions::is_deleted},
};

use crate::{
    case::{
        CaseFile, Variables,
        model::{self, Auth, Image, NodeSetting},
        variable_name,
    },
    cluster::{Lock, RUN_LABEL},
    evidence::{Redaction, Timeline},
    image,
    registry::{HostEntry, Mark, Peers, Place, Registry, hosts_toml},
};

use super::{command::Workplace, session::Session, watch::Watches};

/// The ConfigMap with the API server's CA, which every pod mounts.
pub const ROOT_CA: &str = "kube-root-ca.crt";

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
    /// Where its commands run.
    pub workplace: Workplace,
    /// What must not be shown.
    pub redaction: Redaction,
    /// When it began.
    pub began: Timestamp,
    /// Files of the node that a step wrote.
    pub node_files: Vec<String>,
    /// What was pushed, by `registry/repository:tag`.
    images: BTreeMap<String, image::Image>,
    folder: PathBuf,
    _watches: Watches,
    _locks: Vec<Lock>,
}

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
    pub async fn set(session: &'a Session, file: &'a CaseFile) -> anyhow::Result<Self> {
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
        for name in &case.namespaces {
            let namespace = format!("{}-{name}-{id}", label(&file.name));
            variables.set(variable_name(name), &namespace);
            namespaces.push(namespace);
        }
        // Node-wide changes and every other case exclude each other.
        let node_lock = session.cluster.lock_file("node");
        locks.push(if changes_node(file) {
            Lock::exclusive(&node_lock, || {}).await?
        } else {
            Lock::shared(&node_lock, || {}).await?
        });
        if case.namespace.is_some() {
            locks.push(session.take(&format!("namespace-{own}")).await?);
        }

        let mut watches = Watches::default();
        let namespaces_ready = async {
            for namespace in &namespaces {
                create_namespace(session, namespace).await?;
                watches.add(session.client(), namespace, &timeline).await;
            }
            anyhow::Ok(())
        };
        let registries_ready = async {
            // Who waits for a host needs no container yet: it gets the one of the case before.
            let mut taken = Vec::new();
            for host in literal_hosts(file) {
                taken.push(session.take(&format!("host-{host}")).await?);
            }
            let peers = Peers::default();
            let starts =
                case.registries.iter().map(|(name, spec)| start(session, name, spec, &peers));
            anyhow::Ok((taken, try_join_all(starts).await?))
        };
        let ((), (taken, registries)) = tokio::try_join!(namespaces_ready, registries_ready)?;
        locks.extend(taken);
        let registries: BTreeMap<String, Live> = registries.into_iter().collect();
        for (name, live) in &registries {
            variables.set(variable_name(name), &live.host);
        }

        let workplace = Workplace::new(
            folder.clone(),
            &session.settings,
            &session.cluster,
            &own,
            file,
            &variables,
        )?;
        let mut scene = Self {
            session,
            file,
            namespace: own,
            namespaces,
            variables,
            timeline,
            registries,
            workplace,
            redaction: Redaction::new(secrets(file)),
            began,
            node_files: Vec::new(),
            images: BTreeMap::new(),
            folder,
            _watches: watches,
            _locks: locks,
        };
        scene.forget_images().await?;
        scene.push_all().await?;
        scene.write_hosts().await?;
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

    async fn push_all(&mut self) -> anyhow::Result<()> {
        let registries: Vec<_> = self.file.case.registries.iter().collect();
        // Those that share another's digest come when that one is built.
        for copies in [false, true] {
            for (name, spec) in &registries {
                let images: Vec<_> = spec
                    .images
                    .iter()
                    .filter(|image| image.same_as.is_some() == copies)
                    .cloned()
                    .collect();
                self.push(name, &images).await?;
            }
        }
        Ok(())
    }

    /// Builds images and pushes them to a registry of the case.
    pub async fn push(&mut self, registry: &str, images: &[Image]) -> anyhow::Result<()> {
        for spec in images {
            let image = match &spec.same_as {
                Some(other) => self
                    .images
                    .get(other)
                    .or_else(|| self.images.get(&format!("{registry}/{other}")))
                    .with_context(|| {
                        format!(
                            "{} is to be the same as {other}, which is not among the images",
                            spec.name
                        )
                    })?
                    .clone(),
                None => image::Image::build(spec, self.session.arch)?,
            };
            if let Some(name) = &spec.digest {
                self.variables.set(name, image.digest());
            }
            self.images.insert(format!("{registry}/{}", spec.name), image);
        }
        let live = self.registries.get(registry).context("the case has no such registry")?;
        try_join_all(images.iter().map(|spec| {
            let image = &self.images[&format!("{registry}/{}", spec.name)];
            async move { live.registry.push(&spec.name, image).await }
        }))
        .await
        .with_context(|| format!("pushing to {registry}"))?;
        Ok(())
    }

    /// Whether an image, as a pod names it, is in a registry of the case that asks who comes.
    pub fn is_private(&self, image: &str) -> bool {
        self.image_hosts().iter().any(|(host, registry)| {
            let public: &[String] = match &self.file.case.registries[*registry].auth {
                Auth::None => return false,
                Auth::Basic(_) => &[],
                Auth::Token(token) => &token.public,
            };
            let rest =
                match image.strip_prefix(host.as_str()).and_then(|rest| rest.strip_prefix('/')) {
                    Some(rest) => rest,
                    // Docker Hub's host may be left out.
                    None if host == "docker.io"
                        && !is_literal(image.split('/').next().unwrap_or_default()) =>
                    {
                        image
                    }
                    None => return false,
                };
            let repository = rest.split(['@', ':']).next().unwrap_or(rest);
            !public.iter().any(|public| public == repository)
        })
    }

    /// Every host that leads to a registry of the case: the registry's own and those of `hosts`.
    fn image_hosts(&self) -> Vec<(String, &str)> {
        let case = &self.file.case;
        let own = self.registries.iter().map(|(name, live)| (live.host.clone(), name.as_str()));
        let others = case.hosts.iter().flat_map(|(host, hosts)| {
            let registries = hosts.server.iter().chain(&hosts.mirrors);
            registries.map(|registry| (self.variables.fill(host), registry.as_str()))
        });
        own.chain(others).collect()
    }

    /// Brings an image onto the node without the kubelet, as a preload does: it belongs to nobody.
    pub async fn preload(&self, name: &str) -> anyhow::Result<()> {
        let built = self.images.iter().find(|(key, _)| {
            key.split_once('/').is_some_and(|(registry, image)| {
                self.registries
                    .get(registry)
                    .is_some_and(|live| name == format!("{}/{image}", live.host))
            })
        });
        let (_, image) =
            built.with_context(|| format!("{name} is not among the images of the case"))?;
        // A copy into a container does not reach a tmpfs, which the node's /tmp is.
        let archive = format!("/var/tmp/pullproof-{:08x}.tar", rand::random::<u32>());
        let node = &self.session.cluster.node;
        node.write(&[(archive.clone(), image.archive(name)?)]).await?;
        let import = format!(
            "ctr -n k8s.io images import {archive} >/dev/null; status=$?; rm -f {archive}; exit $status"
        );
        node.shell(&import).await.map(drop)
    }

    /// Literal names may be on the node from a case before, with another digest.
    async fn forget_images(&self) -> anyhow::Result<()> {
        let names = self.literal_images();
        if names.is_empty() {
            return Ok(());
        }
        self.session.cluster.node.shell(&format!("{}; true", remove_images(&names))).await.map(drop)
    }

    fn literal_images(&self) -> Vec<String> {
        let literal = literal_hosts(self.file);
        let hosts = self.image_hosts().into_iter();
        hosts
            .filter(|(host, _)| literal.contains(host))
            .flat_map(|(host, registry)| {
                let images = &self.file.case.registries[registry].images;
                images.iter().map(move |image| format!("{host}/{}", image.name))
            })
            .collect()
    }

    /// One hosts.toml a registry, and those the case writes itself.
    async fn write_hosts(&self) -> anyhow::Result<()> {
        let case = &self.file.case;
        let mut files = Vec::new();
        for (name, spec) in &case.registries {
            let live = &self.registries[name];
            if spec.node == NodeSetting::Hosts && !case.hosts.contains_key(name) {
                files.extend(self.hosts_files(&live.host, Some(name), &[])?);
            }
        }
        for (host, hosts) in &case.hosts {
            let host = self.registries.get(host).map_or(host.clone(), |live| live.host.clone());
            let host = self.variables.fill(&host);
            files.extend(self.hosts_files(&host, hosts.server.as_deref(), &hosts.mirrors)?);
        }
        if files.is_empty() { Ok(()) } else { self.session.cluster.node.write(&files).await }
    }

    fn hosts_files(
        &self,
        host: &str,
        server: Option<&str>,
        mirrors: &[String],
    ) -> anyhow::Result<Vec<(String, String)>> {
        let folder = format!("/etc/containerd/certs.d/{host}");
        let mut files = Vec::new();
        let mut entry = |name: &str| -> anyhow::Result<HostEntry> {
            let live = self.registry(Some(name))?;
            let ca = format!("{folder}/{}.crt", label(name));
            if let Some(pem) = live.registry.ca() {
                files.push((ca.clone(), pem.to_owned()));
            }
            Ok(live.registry.host_entry(&ca))
        };
        let server = server.map(&mut entry).transpose()?;
        let mirrors = mirrors.iter().map(|name| entry(name)).collect::<anyhow::Result<Vec<_>>>()?;
        // By this line the reaper knows what is whose.
        let mark = format!("# pullproof run {}\n", self.session.run.id);
        let text = format!("{mark}{}", hosts_toml(server.as_ref(), &mirrors));
        files.push((format!("{folder}/hosts.toml"), text));
        Ok(files)
    }

    /// Removes what the case made. Best effort: what is left, the reaper removes at the run's end.
    pub async fn strike(mut self) {
        let client = self.session.client();
        let now = DeleteParams::default().grace_period(0);
        for namespace in &self.namespaces {
            // Pods first and at once: a failed one would pull again, in the middle of the next case.
            let pods = Api::<Pod>::namespaced(client.clone(), namespace);
            pods.delete_collection(&now, &ListParams::default()).await.ok();
            let all = Api::<Namespace>::all(client.clone());
            all.delete(namespace, &DeleteParams::default()).await.ok();
        }
        let literal = literal_hosts(self.file);
        let mut script = String::new();
        if !literal.is_empty() {
            let folders = literal.iter().map(|host| format!("/etc/containerd/certs.d/{host}"));
            script.push_str(&format!("rm -rf {}; ", quoted(folders)));
            script.push_str(&remove_images(&self.literal_images()));
            script.push_str("; ");
        }
        if !self.node_files.is_empty() {
            script.push_str(&restore_files(&self.node_files));
            if restarts_kubelet(self.file) {
                // It runs with what the files said.
                script.push_str("; systemctl restart kubelet");
            }
        }
        if !script.is_empty() {
            self.session.cluster.node.shell(&format!("{script}; true")).await.ok();
        }
        for live in std::mem::take(&mut self.registries).into_values() {
            live.registry.close().await.ok();
        }
        std::fs::remove_dir_all(&self.folder).ok();
    }
}

async fn start(
    session: &Session,
    name: &str,
    spec: &model::Registry,
    peers: &Peers,
) -> anyhow::Result<(String, Live)> {
    let node = session.cluster.node.host_address;
    let place = Place { name: name.to_owned(), node, port: None, peers: peers.clone() };
    let registry = Registry::start(&session.pool, spec, place)
        .await
        .with_context(|| format!("starting the registry `{name}`"))?;
    let host = match (is_literal(name), spec.node) {
        (true, _) => name.to_owned(),
        // The host reaches this one too, for docker login.
        (false, NodeSetting::Hosts) => registry.host().to_string(),
        (false, NodeSetting::Nothing) => registry.node().to_string(),
    };
    let looked = registry.record().mark();
    Ok((name.to_owned(), Live { registry, host, looked }))
}

/// The hosts that only one case at a time can have, in the order in which they are taken.
fn literal_hosts(file: &CaseFile) -> Vec<String> {
    let case = &file.case;
    let names = case.registries.keys().chain(case.hosts.keys());
    let hosts: BTreeSet<String> = names.filter(|name| is_literal(name)).cloned().collect();
    hosts.into_iter().collect()
}

/// A namespace with the run's label, and the service account that pods need.
async fn create_namespace(session: &Session, name: &str) -> anyhow::Result<()> {
    let what = || format!("creating the namespace {name}");
    let all = Api::<Namespace>::all(session.client().clone());
    // A literal one may still be going away from the case before.
    if let Some(old) = all.get_opt(name).await.with_context(what)? {
        let uid = old.uid().unwrap_or_default();
        all.delete(name, &DeleteParams::default()).await.ok();
        await_condition(all.clone(), name, is_deleted(&uid)).await.with_context(what)?;
    }
    let namespace = Namespace {
        metadata: ObjectMeta {
            name: Some(name.to_owned()),
            labels: Some([(RUN_LABEL.to_owned(), session.run.id.clone())].into()),
            ..ObjectMeta::default()
        },
        ..Namespace::default()
    };
    all.create(&PostParams::default(), &namespace).await.with_context(what)?;
    // What its controllers bring to every namespace, brought here: when many namespaces are made at
    // once they take seconds, and a pod starts only when its service account and the CA are there.
    let account = ServiceAccount { metadata: named("default"), ..ServiceAccount::default() };
    let certificate = ConfigMap {
        metadata: named(ROOT_CA),
        data: session.root_ca.clone(),
        ..ConfigMap::default()
    };
    let client = session.client();
    tokio::try_join!(
        create(Api::namespaced(client.clone(), name), &account),
        create(Api::namespaced(client.clone(), name), &certificate),
    )
    .with_context(what)?;
    Ok(())
}

fn named(name: &str) -> ObjectMeta {
    ObjectMeta { name: Some(name.to_owned()), ..ObjectMeta::default() }
}

/// Creates an object that somebody else may create as well.
async fn create<K>(api: Api<K>, object: &K) -> kube::Result<()>
where
    K: Clone + std::fmt::Debug + serde::Serialize + serde::de::DeserializeOwned,
{
    match api.create(&PostParams::default(), object).await {
        Err(kube::Error::Api(status)) if status.reason == "AlreadyExists" => Ok(()),
        other => other.map(drop),
    }
}

/// Whether a registry's name is a host to be taken literally.
fn is_literal(name: &str) -> bool {
    name.contains(['.', ':']) || name == "localhost"
}

fn changes_node(file: &CaseFile) -> bool {
    file.steps().any(|(_, step)| step.node.as_ref().is_some_and(|node| node.concerns_others()))
}

fn restarts_kubelet(file: &CaseFile) -> bool {
    file.steps().any(|(_, step)| step.node.as_ref().is_some_and(|node| node.restart_kubelet))
}

/// A case's name as a part of a namespace's.
fn label(name: &str) -> String {
    let plain: String = name
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' })
        .take(40)
        .collect();
    plain.trim_matches('-').to_owned()
}

/// Every password of a case, also those that a step brings.
fn secrets(file: &CaseFile) -> Vec<secrecy::SecretString> {
    let mut all = Vec::new();
    for registry in file.case.registries.values() {
        match &registry.auth {
            Auth::None => {}
            Auth::Basic(users) => all.extend(users.values().cloned()),
            Auth::Token(token) => {
                all.extend(token.users.values().map(|user| user.password.clone()))
            }
        }
    }
    for (_, step) in file.steps() {
        if let Some(users) = step.registry.as_ref().and_then(|change| change.users.as_ref()) {
            all.extend(users.values().cloned());
        }
    }
    all
}

/// Removes images and, from 1.35 on, what the kubelet remembers of who may use them
/// (KEP-2535: /var/lib/kubelet/image_manager).
pub fn remove_images(names: &[String]) -> String {
    let records = names
        .iter()
        .map(|name| {
            format!("grep -lsr -F {} /var/lib/kubelet/image_manager | xargs -r rm -f", quote(name))
        })
        .collect::<Vec<_>>()
        .join("; ");
    format!(
        "ctr -n k8s.io images rm --sync {} >/dev/null 2>&1; {records}",
        quoted(names.iter().cloned())
    )
}

/// Puts back what was there before a step wrote files.
fn restore_files(paths: &[String]) -> String {
    let each = paths.iter().map(|path| {
        let (path, kept) = (quote(path), quote(&format!("{path}.before-pullproof")));
        format!("if [ -e {kept} ]; then mv {kept} {path}; else rm -rf {path}; fi")
    });
    each.collect::<Vec<_>>().join("; ")
}

fn quoted(words: impl Iterator<Item = String>) -> String {
    words.map(|word| quote(&word)).collect::<Vec<_>>().join(" ")
}

/// A word as a shell reads it whole.
pub fn quote(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}
