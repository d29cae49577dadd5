//! Joining the cluster of a version: the first process creates it, the rest share it.

use std::{fs, path::PathBuf, sync::Arc, time::Duration};

use anyhow::Context;
use bollard::Docker;
use k8s_openapi::api::core::v1::Node as NodeObject;
use kube::{
    Api, Client, Config,
    client::ClientBuilder,
    config::{KubeConfigOptions, Kubeconfig},
    runtime::wait::await_condition,
};
use semver::Version;
use serde::{Deserialize, Serialize};
use tower::timeout::TimeoutLayer;

use crate::{case::range::version_of, error::EnvironmentError, limit::within, settings::Settings};

use super::{
    Engine, KindConfig, Lock, Node, Run,
    access::let_nodes_read,
    condition::{Origin, Unusable, answers, is_ready, judge, node_state, owns},
    engine::{Container, container},
    kind::Kind,
    owner::{labels, owner_of},
    priority::serve_first,
    run::{end_kept, end_reapers, sweep_now},
    strays,
};

/// How long a node may take to become ready once its API server answers.
const READY: Duration = Duration::from_secs(120);
/// How long the API server may take to begin an answer. A watch begins at once.
const RESPONSE: Duration = Duration::from_secs(30);
/// How long a connection to it may be silent within an answer. A watch gets a bookmark a minute
/// (bookmarkFrequency in apiserver/pkg/storage/cacher/cacher.go).
const SILENCE: Duration = Duration::from_secs(150);
/// How long Docker may take to say how a node is.
const INSPECTION: Duration = Duration::from_secs(30);

/// Called with what takes long: creating, waiting for another process.
pub type Progress = Arc<dyn Fn(&str) + Send + Sync>;

/// A running cluster, kept from being replaced or removed while this value lives.
pub struct Cluster {
    /// Its name.
    pub name: String,
    /// A client for it.
    pub client: Client,
    /// Its kubeconfig.
    pub kubeconfig: PathBuf,
    /// Its only node.
    pub node: Node,
    /// What the node runs.
    pub versions: NodeVersions,
    /// For locks and files shared by all processes that use the cluster.
    pub folder: PathBuf,
    docker: Docker,
    /// When its node was started, as Docker says it.
    started: String,
    _in_use: Lock,
}

/// The versions a node says it runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeVersions {
    /// The kubelet's.
    pub kubernetes: Version,
    /// containerd's.
    pub containerd: Version,
}

impl Cluster {
    /// Joins the cluster the settings mean, and creates or replaces it first where need be.
    ///
    /// # Errors
    /// kind, its image or Docker is missing, or kind fails: its output is in the error.
    pub async fn join(
        settings: &Settings,
        engine: &Engine,
        run: &Run,
        progress: &Progress,
    ) -> Result<Self, EnvironmentError> {
        let place = Place::new(settings)?;
        let wanted = place.wanted(settings, engine).await?;
        let creation = place.lock_creation(progress).await?;
        if let Err(why) = place.examine(engine, &wanted.origin).await? {
            if why == Unusable::Different {
                // It works for those that use it: they finish first.
                let unused = Lock::exclusive(&place.usage(), place.waiting(progress, "uses")).await;
                drop(unused.map_err(|error| place.failed(error.into()))?);
            }
            progress(&format!("creating the cluster {} ({why})", place.name));
            place.create(engine, run, &wanted).await?;
        }
        let in_use = Lock::shared(&place.usage(), || {}).await;
        let in_use = in_use.map_err(|error| place.failed(error.into()))?;
        drop(creation);
        let cluster = place.open(engine, run, in_use).await.map_err(|error| place.failed(error))?;
        strays::remove_namespaces(&cluster.client, run).await;
        Ok(cluster)
    }

    /// Looks whether the node that was joined still runs and its API server answers. If not,
    /// nothing that a case sees says anything about what it expects.
    ///
    /// # Errors
    /// [`EnvironmentError::Lost`], with what was found instead.
    pub async fn check(&self) -> Result<(), EnvironmentError> {
        let lost = |why: String| EnvironmentError::Lost { cluster: self.name.clone(), why };
        let node = &self.node.container;
        let found = within(INSPECTION, "Docker's answer", container(&self.docker, node)).await;
        match found {
            Err(error) => return Err(lost(format!("Docker does not say how it is: {error:#}"))),
            Ok(None) => return Err(lost("it is gone".to_owned())),
            Ok(Some(found)) if !found.is_running() => {
                return Err(lost(format!("it is {}", found.state)));
            }
            Ok(Some(found)) if found.started != self.started => {
                return Err(lost(format!("it was restarted at {}", found.started)));
            }
            Ok(Some(_)) => {}
        }
        answers(&self.client)
            .await
            .map_err(|error| lost(format!("its API server does not answer: {error:#}")))
    }

    /// The labels of the registry containers that belong to the cluster.
    pub fn registry_labels(&self, run: &Run) -> Vec<(String, String)> {
        labels(&run.owner, &self.name)
    }

    /// A lock that all processes using the cluster know by this name, for example of an image host.
    pub fn lock_file(&self, name: &str) -> PathBuf {
        self.folder.join(format!("{}.lock", name.replace(['/', ':'], "_")))
    }
}

/// Removes the cluster the settings mean. One that is not there is no error.
///
/// # Errors
/// Another run uses it, unless forced, or Docker or kind fails.
pub async fn remove(
    settings: &Settings,
    engine: &Engine,
    force: bool,
    progress: &Progress,
) -> Result<bool, EnvironmentError> {
    end_kept(settings, Some(&settings.cluster_name())).await;
    let was = Place::new(settings)?.remove(settings, engine, force, progress).await?;
    sweep_now(settings).await;
    Ok(was)
}

/// Removes every cluster that was made here, also of versions that are not in the matrix any more.
/// Returns their names.
///
/// # Errors
/// As [`remove`].
pub async fn remove_all(
    settings: &Settings,
    engine: &Engine,
    force: bool,
    progress: &Progress,
) -> Result<Vec<String>, EnvironmentError> {
    let failed = |error: std::io::Error| {
        EnvironmentError::other("the clusters that were made here cannot be listed")(error.into())
    };
    end_kept(settings, None).await;
    let listed = match fs::read_dir(settings.state().join("clusters")) {
        Ok(listed) => listed,
        Err(error) => return ignore_absent(error).map(|()| Vec::new()).map_err(failed),
    };
    let names = listed.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()));
    let mut names = names.collect::<Result<Vec<_>, _>>().map_err(failed)?;
    names.sort();
    let mut removed = Vec::new();
    for name in names {
        let place = Place::named(settings, name)?;
        if place.remove(settings, engine, force, progress).await? {
            removed.push(place.name);
        }
    }
    sweep_now(settings).await;
    Ok(removed)
}

/// Where a cluster's state lies.
struct Place {
    name: String,
    /// The id of the state folder, by which its nodes are known.
    owner: String,
    folder: PathBuf,
    kind: PathBuf,
}

struct Wanted {
    image: String,
    config: KindConfig,
    origin: Origin,
}

impl Place {
    fn new(settings: &Settings) -> Result<Self, EnvironmentError> {
        Self::named(settings, settings.cluster_name())
    }

    fn named(settings: &Settings, name: String) -> Result<Self, EnvironmentError> {
        let state = settings.state();
        let failed = |error: std::io::Error| {
            let what = format!("{} cannot be used", state.display());
            EnvironmentError::other(what)(error.into())
        };
        let kind = settings.kind()?;
        let owner = owner_of(&state).map_err(failed)?;
        let folder = state.join("clusters").join(&name);
        fs::create_dir_all(&folder).map_err(failed)?;
        Ok(Self { name, owner, folder, kind })
    }

    /// Waits until nobody else creates or removes the cluster.
    async fn lock_creation(&self, progress: &Progress) -> Result<Lock, EnvironmentError> {
        loop {
            fs::create_dir_all(&self.folder).map_err(|error| self.failed(error.into()))?;
            let waiting = self.waiting(progress, "creates or removes");
            match Lock::exclusive(&self.creation(), waiting).await {
                // Who was waited for has removed the folder.
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                lock => return lock.map_err(|error| self.failed(error.into())),
            }
        }
    }

    async fn remove(
        &self,
        settings: &Settings,
        engine: &Engine,
        force: bool,
        progress: &Progress,
    ) -> Result<bool, EnvironmentError> {
        let failed = |error: std::io::Error| self.failed(error.into());
        let _creation = self.lock_creation(progress).await?;
        let usage = self.usage();
        let unused = Lock::exclusive(&usage, self.waiting(progress, "uses"));
        match tokio::time::timeout(Duration::from_secs(30), unused).await {
            Ok(lock) => {
                drop(lock.map_err(failed)?);
                // Runs that have just ended may still be cleaning up.
                end_reapers(settings, &self.name).await;
            }
            Err(_) if force => {}
            Err(_) => return Err(EnvironmentError::InUse { cluster: self.name.clone() }),
        }
        let was = self.delete(engine).await?;
        fs::remove_dir_all(&self.folder).map_err(failed)?;
        engine.remove_empty_network().await.map_err(|error| self.failed(error))?;
        Ok(was)
    }

    /// Deletes the cluster if it is this folder's. Returns whether it was there.
    async fn delete(&self, engine: &Engine) -> Result<bool, EnvironmentError> {
        let node = self.node_of(engine).await?;
        if node.as_ref().is_some_and(|node| !self.owns(node)) {
            return Err(self.foreign());
        }
        strays::remove_containers_of(engine, &self.owner, &self.name).await;
        self.kind().delete().await?;
        Ok(node.is_some())
    }

    async fn node_of(&self, engine: &Engine) -> Result<Option<Container>, EnvironmentError> {
        engine.container(&self.container()).await.map_err(|error| self.failed(error))
    }

    fn origin(&self) -> Option<Origin> {
        serde_json::from_slice(&fs::read(self.folder.join("origin.json")).ok()?).ok()
    }

    fn owns(&self, node: &Container) -> bool {
        owns(&self.owner, self.origin().as_ref(), node)
    }

    fn foreign(&self) -> EnvironmentError {
        EnvironmentError::Foreign { container: self.container() }
    }

    fn creation(&self) -> PathBuf {
        self.folder.join("creation.lock")
    }

    fn usage(&self) -> PathBuf {
        self.folder.join("usage.lock")
    }

    fn kubeconfig(&self) -> PathBuf {
        self.folder.join("kubeconfig")
    }

    fn container(&self) -> String {
        format!("{}-control-plane", self.name)
    }

    fn failed(&self, error: anyhow::Error) -> EnvironmentError {
        EnvironmentError::other(format!("the cluster {} could not be joined", self.name))(error)
    }

    fn kind(&self) -> Kind {
        Kind {
            program: self.kind.clone(),
            cluster: self.name.clone(),
            kubeconfig: self.kubeconfig(),
            log: self.folder.join("kind.log"),
        }
    }

    /// Reports that another run has to finish with the cluster first.
    fn waiting(&self, progress: &Progress, what: &'static str) -> impl FnOnce() + use<> {
        let (progress, name) = (progress.clone(), self.name.clone());
        move || progress(&format!("cluster {name}: waiting for another run that {what} it"))
    }

    async fn wanted(
        &self,
        settings: &Settings,
        engine: &Engine,
    ) -> Result<Wanted, EnvironmentError> {
        let name = settings.node_image();
        let image = engine.image(&name).await.map_err(|error| self.failed(error))?;
        let Some(image) = image else {
            return Err(EnvironmentError::Image { image: name, setup: settings.setup_arguments() });
        };
        let config = KindConfig::new(&self.owner, engine, &image);
        let origin = Origin { image: image.id.clone(), config: config.render() };
        Ok(Wanted { image: name, config, origin })
    }

    async fn examine(
        &self,
        engine: &Engine,
        wanted: &Origin,
    ) -> Result<Result<(), Unusable>, EnvironmentError> {
        let (origin, node) = (self.origin(), self.node_of(engine).await?);
        if node.as_ref().is_some_and(|node| !self.owns(node)) {
            return Err(self.foreign());
        }
        match judge(origin.as_ref(), node.as_ref(), wanted) {
            Ok(()) => Ok(self.answers().await.map_err(|_| Unusable::Silent)),
            unusable => Ok(unusable),
        }
    }

    async fn answers(&self) -> anyhow::Result<()> {
        answers(&self.client().await?).await
    }

    async fn create(
        &self,
        engine: &Engine,
        run: &Run,
        wanted: &Wanted,
    ) -> Result<(), EnvironmentError> {
        let kind = self.kind();
        let failed = |error: std::io::Error| self.failed(error.into());
        for left in ["origin.json", "kind.log"] {
            fs::remove_file(self.folder.join(left)).or_else(ignore_absent).map_err(failed)?;
        }
        run.wait_for_reapers_of(&self.name).await.map_err(failed)?;
        self.delete(engine).await?;
        // Known before kind starts: a kill in between leaves no unwatched cluster.
        run.creating(0, &self.name, &self.kubeconfig()).map_err(failed)?;
        let created = kind
            .create(&wanted.image, &wanted.config, |group| {
                run.creating(group, &self.name, &self.kubeconfig()).ok();
            })
            .await;
        // kind has ended, and its process group's number may become another's.
        run.creating(0, &self.name, &self.kubeconfig()).map_err(failed)?;
        if let Err(error) = created {
            // The reasons first, then the clean-up, then the original error.
            kind.export_logs(&self.folder.join("logs")).await.ok();
            if self.delete(engine).await.is_ok() {
                run.created().ok();
            }
            return Err(error);
        }
        let client = self.client().await.map_err(|error| self.failed(error))?;
        self.ready(engine, &client).await?;
        let_nodes_read(&client).await.map_err(|error| self.failed(error.into()))?;
        let node = self.node(engine).await.map_err(|error| self.failed(error))?;
        serve_first(engine.client(), &node).await;
        // The first case would make it, and it would stay.
        let certs = node.shell("mkdir -p /etc/containerd/certs.d").await;
        certs.map_err(|error| self.failed(error))?;
        let origin =
            serde_json::to_vec(&wanted.origin).map_err(|error| self.failed(error.into()))?;
        fs::write(self.folder.join("origin.json"), origin).map_err(failed)?;
        run.created().map_err(failed)
    }

    async fn ready(&self, engine: &Engine, client: &Client) -> Result<(), EnvironmentError> {
        let nodes: Api<NodeObject> = Api::all(client.clone());
        let container = self.container();
        let ready = await_condition(nodes.clone(), &container, is_ready);
        match tokio::time::timeout(READY, ready).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(self.failed(error.into())),
            Err(_) => {
                let state = match nodes.get_opt(&container).await {
                    Ok(node) => node.map_or("no such node".to_owned(), |node| node_state(&node)),
                    Err(error) => error.to_string(),
                };
                // Only for its side of the format_chain: does the container still run?
                let container = match engine.container(&container).await {
                    Ok(found) => found.map_or("gone".to_owned(), |found| found.state),
                    Err(error) => format!("unknown: {error:#}"),
                };
                let state = format!("{state}; its container is {container}");
                Err(EnvironmentError::NotReady {
                    cluster: self.name.clone(),
                    seconds: READY.as_secs(),
                    state,
                })
            }
        }
    }

    async fn node(&self, engine: &Engine) -> anyhow::Result<Node> {
        let address = engine.host_address().await?;
        Ok(Node::new(engine.client().clone(), self.container(), address))
    }

    async fn client(&self) -> anyhow::Result<Client> {
        let kubeconfig = Kubeconfig::read_from(self.kubeconfig())?;
        let options = KubeConfigOptions::default();
        let mut config = Config::from_custom_kubeconfig(kubeconfig, &options).await?;
        config.read_timeout = Some(SILENCE);
        config.reset_reader_on_write = true;
        Ok(ClientBuilder::try_from(config)?.with_layer(&TimeoutLayer::new(RESPONSE)).build())
    }

    async fn open(&self, engine: &Engine, run: &Run, in_use: Lock) -> anyhow::Result<Cluster> {
        let client = self.client().await?;
        let container = self.container();
        let node = Api::<NodeObject>::all(client.clone()).get(&container).await?;
        let info =
            node.status.and_then(|status| status.node_info).context("a node without info")?;
        let version = |text: &str| version_of(text).with_context(|| format!("a version `{text}`"));
        run.uses(&self.name, &container, &self.kubeconfig())?;
        let found = engine.container(&container).await?.context("its node is gone")?;
        Ok(Cluster {
            name: self.name.clone(),
            versions: NodeVersions {
                kubernetes: version(&info.kubelet_version)?,
                containerd: version(&info.container_runtime_version)?,
            },
            node: self.node(engine).await?,
            client,
            kubeconfig: self.kubeconfig(),
            folder: self.folder.clone(),
            docker: engine.client().clone(),
            started: found.started,
            _in_use: in_use,
        })
    }
}

fn ignore_absent(error: std::io::Error) -> std::io::Result<()> {
    if error.kind() == std::io::ErrorKind::NotFound { Ok(()) } else { Err(error) }
}
