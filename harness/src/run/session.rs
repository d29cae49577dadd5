//! What all cases of a process share: the cluster, the registry containers, the reaper.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use futures::{StreamExt, stream};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::{Api, Client, runtime::wait::await_condition};
use tokio::sync::RwLock;

use crate::{
    case::{CaseFile, model::When},
    cluster::{Cluster, Engine, Lock, Progress, Run},
    error::{EnvironmentError, story},
    evidence::{KnownSecrets, bundle},
    image::Arch,
    mutex::locked,
    registry::Pool,
    settings::Settings,
};

use super::{
    expectation::applies,
    limit::too_long,
    namespace::{ROOT_CA, delete_namespace},
    objects::Objects,
    outcome::{Outcome, Result as CaseResult},
    requests,
    scene::{self, Scene},
    steps::{self, Failure},
    watch::Watches,
};

/// Containers kept for the next case.
const IDLE_CONTAINERS: usize = 24;
/// Namespaces whose deletion is asked for at the same time.
const AT_ONCE: usize = 16;
/// How long a step may take besides what an expectation waits, and a case's clean-up.
const STEP: Duration = Duration::from_secs(120);
/// How long a new cluster may take to publish its root CA.
const PUBLISHED: Duration = Duration::from_secs(60);

/// A process's share of a cluster, in which cases run, any number of them at the same time.
pub struct Session {
    /// What was asked for.
    pub settings: Settings,
    /// What this process makes.
    pub run: Run,
    /// The cluster.
    pub cluster: Cluster,
    /// The architecture of the node.
    pub arch: Arch,
    /// Whether the anonymous pair of a pod comes after it and not beside it: slower, but then the
    /// registry's record before it tells of the pod alone.
    pub pairs_apart: bool,
    pub(super) pool: Pool,
    pub(super) objects: Objects,
    pub(super) root_ca: Option<BTreeMap<String, String>>,
    pub(super) watches: Watches,
    /// The secrets of all cases that have begun: the node's journal has those of all.
    pub secrets: KnownSecrets,
    left: Mutex<Vec<String>>,
    /// Held for writing while the cases of a schedule that need the node alone go first.
    pub(super) first: Arc<RwLock<()>>,
}

impl Session {
    /// Joins the cluster the settings mean.
    ///
    /// # Errors
    /// Something of the environment is missing or fails; the error says what to do.
    pub async fn open(settings: Settings, progress: &Progress) -> Result<Self, EnvironmentError> {
        let engine = Engine::connect().await?;
        let run = Run::start(&settings)?;
        let cluster = Cluster::join(&settings, &engine, &run, progress).await?;
        Ok(Self {
            arch: if engine.architecture == "arm64" { Arch::Arm64 } else { Arch::Amd64 },
            pairs_apart: false,
            pool: Pool::new(run.labels(), IDLE_CONTAINERS),
            objects: Objects::new(cluster.client.clone()),
            watches: Watches::start(&cluster.client).await,
            secrets: KnownSecrets::default(),
            left: Mutex::default(),
            first: Arc::default(),
            root_ca: root_ca(&cluster.client)
                .await
                .map_err(EnvironmentError::other("the cluster's root CA could not be read"))?,
            settings,
            run,
            cluster,
        })
    }

    /// Runs a case from its first step to its clean-up.
    pub async fn case(&self, file: &CaseFile) -> Outcome {
        self.secrets.add(scene::secrets(file));
        let outcome = self.outcome(file).await;
        self.secrets.redaction().hide_outcome(outcome)
    }

    async fn outcome(&self, file: &CaseFile) -> Outcome {
        let began = Instant::now();
        let mut outcome = Outcome::begin(file, &self.cluster.versions);
        if !applies(&file.case.when, &self.cluster.versions) {
            outcome.result = CaseResult::NotApplicable { speaks_of: in_words(&file.case.when) };
            return outcome;
        }
        let since = Timestamp::now();
        match Scene::set(self, file).await {
            Ok(mut scene) => {
                outcome.result = self.steps(&mut scene).await;
                let seen = scene.registries.values().map(|live| {
                    let words = requests::in_words(&live.registry.record().all());
                    if scene.registries.len() > 1 {
                        format!("{}: {words}", live.registry.name())
                    } else {
                        words
                    }
                });
                outcome.registry = seen.collect::<Vec<_>>().join("; ");
                outcome.observed = std::mem::take(&mut scene.observer.observed);
                outcome.decisions = std::mem::take(&mut scene.observer.decisions);
                outcome.took = began.elapsed();
                if !outcome.is_good() {
                    // Evidence before the clean-up: it goes with the namespace.
                    outcome.evidence = Some(bundle::collect(&scene, &outcome).await);
                }
                // The reaper removes what this could not.
                tokio::time::timeout(STEP, scene.strike()).await.ok();
            }
            Err(error) => {
                outcome.took = began.elapsed();
                outcome.result = CaseResult::Broken { error: story(&error) };
                outcome.evidence = Some(bundle::collect_node(self, file, since).await);
            }
        }
        outcome
    }

    async fn steps(&self, scene: &mut Scene<'_>) -> CaseResult {
        for (index, step) in scene.file.steps() {
            if !applies(&step.when, &self.cluster.versions) {
                continue;
            }
            let limit = steps::patience(step) + STEP;
            let taken = tokio::time::timeout(limit, steps::take(scene, index, step)).await;
            match taken.unwrap_or_else(|_| Err(Failure::Broken(too_long("the step", limit)))) {
                Ok(()) => {}
                Err(Failure::Mismatch(failure)) => return CaseResult::Failed(*failure),
                Err(Failure::Broken(error)) => {
                    let line = scene.file.place(index).map_or(0, |(line, _)| line);
                    let place = format!("{}:{line}", scene.file.path.display());
                    let error = scene.redaction.hide(&story(&error));
                    return CaseResult::Broken { error: format!("{place}: {error}") };
                }
            }
        }
        CaseResult::Passed
    }

    /// Notes namespaces whose cases are over. A namespace without pods costs nothing, but its deletion
    /// costs the API server some seventy requests, one or two for each kind of object it knows: they
    /// are better made when no case is waiting for it.
    pub(super) fn leave(&self, namespaces: &[String]) {
        locked(&self.left).extend_from_slice(namespaces);
    }

    /// Has the namespaces of the cases that are over deleted.
    pub async fn tidy(&self) {
        let left = std::mem::take(&mut *locked(&self.left));
        stream::iter(left)
            .for_each_concurrent(AT_ONCE, async |name| delete_namespace(self, &name).await)
            .await;
    }

    /// Ends the run: what it still holds is removed before this returns.
    pub async fn close(self) {
        self.tidy().await;
        // The reaper removes what this could not.
        self.pool.close().await.ok();
        self.run.end().await;
    }

    pub(super) fn client(&self) -> &Client {
        &self.cluster.client
    }

    /// Takes what only one case on the cluster may have, in this process or another.
    pub(super) async fn take(&self, name: &str) -> std::io::Result<Lock> {
        Lock::exclusive(&self.cluster.lock_file(name), || {}).await
    }
}

/// The CA that every namespace gets. A cluster that has just started may not have published it yet.
async fn root_ca(client: &Client) -> anyhow::Result<Option<BTreeMap<String, String>>> {
    let maps = Api::<ConfigMap>::namespaced(client.clone(), "default");
    let there = |map: Option<&ConfigMap>| map.is_some();
    let published = await_condition(maps, ROOT_CA, there);
    let published = tokio::time::timeout(PUBLISHED, published).await??;
    Ok(published.and_then(|map| map.data))
}

fn in_words(when: &When) -> String {
    let kubernetes = when.kubernetes.iter().map(|range| format!("Kubernetes {range}"));
    let containerd = when.containerd.iter().map(|range| format!("containerd {range}"));
    kubernetes.chain(containerd).collect::<Vec<_>>().join(", ")
}
