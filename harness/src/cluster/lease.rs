//! Joining the cluster of a version: the first process creates it, the rest share it.

use std::{fs, future::Future, path::PathBuf, sync::Arc, time::Duration};

use anyhow::Context;
use k8s_openapi::api::core::v1::Node as NodeObject;
use kube::{
    Api, Client, Config,
    config::{KubeConfigOptions, Kubeconfig},
    runtime::wait::await_condition,
};
use semver::Version;
use serde::{Deserialize, Serialize};

use crate::{case::range::version_of, error::EnvironmentError, settings::Settings};

use super::{
    Engine, KindConfig, Lock, Node, Run, access::let_nodes_read, kind::Kind, priority::serve_first,
};

/// How long a node may take to become ready once its API server answers.
const READY: Duration = Duration::from_secs(120);
/// How long the API server of a running node may take to answer, as after a restart of the engine.
const ANSWER: Duration = Duration::from_secs(30);

/// Told what takes long: creating, waiting for another process.
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
    _in_use: Lock,
}

/// The versions a node says it runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NodeVersions {
    /// The kubelet's.
    pub kubernetes: Version,
    /// containerd's.
    pub containerd: Version,
}

/// What a cluster was created from. Written last: a cluster without it is half-created.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Origin {
    image: String,
    config: String,
}

/// Why a cluster cannot be used as it is.
#[derive(Debug, PartialEq, Eq)]
enum Unusable {
    Absent,
    HalfCreated,
    Gone,
    Stopped,
    Silent,
    Different,
}

impl Unusable {
    fn in_words(&self) -> &'static str {
        match self {
            Self::Absent => "there is none yet",
            Self::HalfCreated => "its creation was interrupted",
            Self::Gone => "its node is gone",
            Self::Stopped => "its node is stopped",
            Self::Silent => "its API server does not answer",
            Self::Different => "it was made from another image or configuration",
        }
    }
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
        let creation =
            Lock::exclusive(&place.creation(), place.waiting(progress, "creates or removes"))
                .await
                .map_err(|error| place.failed(error.into()))?;
        if let Err(why) = place.examine(engine, &wanted.origin).await {
            if why == Unusable::Different {
                // It works for those that use it: they finish first.
                let unused = Lock::exclusive(&place.usage(), place.waiting(progress, "uses")).await;
                drop(unused.map_err(|error| place.failed(error.into()))?);
            }
            progress(&format!("creating the cluster {} ({})", place.name, why.in_words()));
            place.create(engine, run, &wanted).await?;
        }
        let in_use = Lock::shared(&place.usage(), || {}).await;
        let in_use = in_use.map_err(|error| place.failed(error.into()))?;
        drop(creation);
        place.open(engine, run, in_use).await.map_err(|error| place.failed(error))
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
    let place = Place::new(settings)?;
    let failed = |error: std::io::Error| place.failed(error.into());
    let waiting = place.waiting(progress, "creates or removes");
    let _creation = Lock::exclusive(&place.creation(), waiting).await.map_err(failed)?;
    // Runs that have just ended may still be cleaning up.
    let usage = place.usage();
    let unused = Lock::exclusive(&usage, place.waiting(progress, "uses"));
    match tokio::time::timeout(Duration::from_secs(30), unused).await {
        Ok(lock) => drop(lock.map_err(failed)?),
        Err(_) if force => {}
        Err(_) => return Err(EnvironmentError::InUse { cluster: place.name.clone() }),
    }
    let was = engine.is_running(&place.container()).await.map_err(|error| place.failed(error))?;
    place.kind().delete().await?;
    fs::remove_dir_all(&place.folder).map_err(failed)?;
    engine.remove_empty_network().await.map_err(|error| place.failed(error))?;
    Ok(was.is_some())
}

/// Removes every cluster that was made here, of any version. Returns their names.
///
/// # Errors
/// As [`remove`].
pub async fn remove_all(
    settings: &Settings,
    engine: &Engine,
    force: bool,
    progress: &Progress,
) -> anyhow::Result<Vec<String>> {
    let mut removed = Vec::new();
    let mut wanted = vec![None];
    wanted.extend(settings.versions.containerd_minors().into_iter().map(Some));
    for kubernetes in settings.versions.kubernetes_minors() {
        for containerd in &wanted {
            let mut one = settings.for_kubernetes(&kubernetes)?;
            one.containerd = containerd.clone();
            let folder = one.state().join("clusters").join(one.cluster_name());
            if folder.is_dir() && remove(&one, engine, force, progress).await? {
                removed.push(one.cluster_name());
            }
        }
    }
    Ok(removed)
}

/// Where a cluster's state lies.
struct Place {
    name: String,
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
        let name = settings.cluster_name();
        let folder = settings.state().join("clusters").join(&name);
        let place = Self { name, folder, kind: settings.kind()? };
        fs::create_dir_all(&place.folder).map_err(|error| place.failed(error.into()))?;
        Ok(place)
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

    /// Tells that another run has to end first what it does with the cluster.
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
        let config = KindConfig::new(engine, &image);
        let origin = Origin { image: image.id.clone(), config: config.render() };
        Ok(Wanted { image: name, config, origin })
    }

    async fn examine(&self, engine: &Engine, wanted: &Origin) -> Result<(), Unusable> {
        let origin = fs::read(self.folder.join("origin.json"))
            .ok()
            .and_then(|text| serde_json::from_slice::<Origin>(&text).ok());
        let running = engine.is_running(&self.container()).await.unwrap_or_default();
        match (origin, running) {
            (None, None) => Err(Unusable::Absent),
            (None, Some(_)) => Err(Unusable::HalfCreated),
            (Some(_), None) => Err(Unusable::Gone),
            (Some(_), Some(false)) => Err(Unusable::Stopped),
            (Some(origin), Some(true)) if origin != *wanted => Err(Unusable::Different),
            (Some(_), Some(true)) => self.answers().await.map_err(|_| Unusable::Silent),
        }
    }

    async fn answers(&self) -> anyhow::Result<()> {
        let client = self.client().await?;
        within(ANSWER, || async { client.apiserver_version().await.map(drop).context("no answer") })
            .await
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
        kind.delete().await?;
        // Known before kind starts: a kill in between leaves no unwatched cluster.
        run.creating(0, &self.name, &self.kubeconfig()).map_err(failed)?;
        let created = kind
            .create(&wanted.image, &wanted.config, |group| {
                run.creating(group, &self.name, &self.kubeconfig()).ok();
            })
            .await;
        if let Err(error) = created {
            // The reasons first, then the clean-up, then the original error.
            kind.export_logs(&self.folder.join("logs")).await.ok();
            kind.delete().await.ok();
            run.created().ok();
            return Err(error);
        }
        let client = self.client().await.map_err(|error| self.failed(error))?;
        self.ready(engine, &client).await?;
        let_nodes_read(&client).await.map_err(|error| self.failed(error.into()))?;
        serve_first(engine.client(), &self.node(engine).await.map_err(|error| self.failed(error))?)
            .await;
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
                // Only for its side of the story: does the container still run?
                let running = engine.is_running(&container).await.unwrap_or_default();
                let state = format!("{state}; its container runs: {}", running == Some(true));
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
        Ok(Client::try_from(Config::from_custom_kubeconfig(kubeconfig, &options).await?)?)
    }

    async fn open(&self, engine: &Engine, run: &Run, in_use: Lock) -> anyhow::Result<Cluster> {
        let client = self.client().await?;
        let container = self.container();
        let node = Api::<NodeObject>::all(client.clone()).get(&container).await?;
        let info =
            node.status.and_then(|status| status.node_info).context("a node without info")?;
        let version = |text: &str| version_of(text).with_context(|| format!("a version `{text}`"));
        run.uses(&self.name, &container, &self.kubeconfig())?;
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
            _in_use: in_use,
        })
    }
}

fn is_ready(node: Option<&NodeObject>) -> bool {
    let conditions = node.and_then(|node| node.status.as_ref()?.conditions.as_ref());
    conditions.is_some_and(|all| all.iter().any(|one| one.type_ == "Ready" && one.status == "True"))
}

fn node_state(node: &NodeObject) -> String {
    let conditions = node.status.as_ref().and_then(|status| status.conditions.as_ref());
    match conditions.and_then(|all| all.iter().find(|one| one.type_ == "Ready")) {
        Some(ready) => {
            format!(
                "Ready is {}: {}",
                ready.status,
                ready.message.as_deref().unwrap_or("no reason")
            )
        }
        None => "it says nothing of itself".to_owned(),
    }
}

fn ignore_absent(error: std::io::Error) -> std::io::Result<()> {
    if error.kind() == std::io::ErrorKind::NotFound { Ok(()) } else { Err(error) }
}

/// Tries until it succeeds; a server that is starting cannot be watched.
async fn within<F>(limit: Duration, attempt: impl Fn() -> F) -> anyhow::Result<()>
where
    F: Future<Output = anyhow::Result<()>>,
{
    let end = tokio::time::Instant::now() + limit;
    loop {
        match tokio::time::timeout_at(end, attempt()).await {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(error)) if tokio::time::Instant::now() >= end => return Err(error),
            Err(elapsed) => return Err(elapsed.into()),
            Ok(Err(_)) => tokio::time::sleep(Duration::from_millis(100)).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(yaml: &str) -> NodeObject {
        serde_saphyr::from_str(yaml).unwrap()
    }

    #[test]
    fn a_node_is_ready_when_it_says_so() {
        assert!(is_ready(Some(&node("{status: {conditions: [{type: Ready, status: 'True'}]}}"))));
        assert!(!is_ready(Some(&node("{status: {conditions: [{type: Ready, status: 'False'}]}}"))));
        assert!(!is_ready(Some(&node("{status: {conditions: []}}"))));
        assert!(!is_ready(Some(&node("{}"))));
        assert!(!is_ready(None));
    }

    #[test]
    fn what_a_node_lacks_is_told() {
        let waiting = "{status: {conditions: [{type: Ready, status: 'False', message: no CNI}]}}";
        assert_eq!(node_state(&node(waiting)), "Ready is False: no CNI");
    }
}
