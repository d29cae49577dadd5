//! What all cases of a process share: the cluster, the registry containers, the reaper.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, OnceLock},
    time::{Duration, Instant},
};

use futures::{StreamExt, future::join_all, stream};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::{Api, Client, runtime::wait::await_condition};
use tokio::{
    sync::{RwLock, mpsc::UnboundedSender, oneshot},
    task::JoinSet,
};
use tracing::debug;

use crate::{
    case::{self, CaseFile},
    cluster::{Cluster, Engine, Lock, Progress, Run, strays},
    error::{EnvironmentError, format_chain},
    expectation::applies,
    image::Arch,
    mutex::locked,
    outcome::{Evidence, Outcome, Result as CaseResult},
    redaction::{KnownSecrets, Redaction},
    registry::{Pool, RequestSummary, RunningRegistry, Warm},
    settings::Settings,
};

use super::{
    bundle,
    context::{CaseContext, Kept},
    judging::specimen::Specimen,
    limit::{too_long, within},
    objects::Objects,
    schedule::Runner,
    staging::{ROOT_CA, delete_namespace},
    steps::{self, Failure},
    watch::Watches,
};

/// Containers kept for the next case.
const IDLE_CONTAINERS: usize = 24;
/// Namespaces whose deletion is asked for at the same time.
const AT_ONCE: usize = 16;
/// How long a step may take besides what an expectation waits, and a case's clean-up.
const STEP: Duration = Duration::from_secs(120);
/// How long the evidence of a failure may take.
const EVIDENCE: Duration = Duration::from_secs(180);
/// How long it may take to have the namespaces of cases deleted.
const TIDY: Duration = Duration::from_secs(60);
/// How long a new cluster may take to publish its root CA.
const PUBLISHED: Duration = Duration::from_secs(60);

/// A process's share of a cluster, in which cases run, any number of them at the same time.
pub struct Session {
    /// What was asked for.
    pub settings: Settings,
    /// Locks that are held until the session is closed. Before the run, which waits for its reaper when it is
    /// dropped: that removes what lies behind a lock only if nobody has it.
    held: Mutex<Vec<Lock>>,
    /// What this process makes.
    pub run: Run,
    /// The cluster.
    pub cluster: Cluster,
    /// The architecture of the node.
    pub arch: Arch,
    pub(crate) pool: Pool,
    pub(crate) objects: Objects,
    pub(super) root_ca: Option<BTreeMap<String, String>>,
    pub(crate) watches: Watches,
    /// The secrets of all cases that have begun: the node's journal has those of all.
    pub secrets: KnownSecrets,
    /// Whether what cases make stays until the session is closed.
    pub keeps: bool,
    /// Who collects pods that fail as their cases expect.
    pub(crate) specimens: Option<UnboundedSender<Specimen>>,
    kept: Mutex<Vec<Kept>>,
    /// Registries that are being closed.
    closing: Mutex<JoinSet<()>>,
    left: Mutex<Vec<String>>,
    progress: Progress,
    /// What another run is waited for, so that it is said once.
    awaited: Mutex<BTreeSet<String>>,
    /// Why no case can be run any more.
    lost: OnceLock<String>,
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
        debug!("Docker {} answers", engine.version);
        let run = Run::start(&settings, progress).await?;
        strays::remove_containers(&engine, &run, &settings).await;
        let cluster = Cluster::join(&settings, &engine, &run, progress).await?;
        debug!("joined the cluster {} as run {}", cluster.name, run.id);
        let labels = cluster.registry_labels(&run);
        let lock = strays::lock_file(&settings);
        let warm = Warm::new(engine.client().clone(), labels, run.id.clone(), lock);
        Ok(Self {
            arch: if engine.architecture == "arm64" { Arch::Arm64 } else { Arch::Amd64 },
            pool: Pool::warm(warm, IDLE_CONTAINERS, run.folder.clone()),
            objects: Objects::new(cluster.client.clone()),
            watches: Watches::start(&cluster.client)
                .await
                .map_err(EnvironmentError::other("the cluster could not be watched"))?,
            secrets: KnownSecrets::default(),
            keeps: false,
            specimens: None,
            kept: Mutex::default(),
            held: Mutex::default(),
            closing: Mutex::default(),
            left: Mutex::default(),
            progress: progress.clone(),
            awaited: Mutex::default(),
            lost: OnceLock::new(),
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
        let (outcome, context) = self.judged(file).await;
        self.tear_down(context).await;
        outcome
    }

    /// Runs a case up to its outcome. What is left to clean up comes with it.
    async fn judged<'a>(&'a self, file: &'a CaseFile) -> (Outcome, Option<CaseContext<'a>>) {
        let secrets = case::secrets(file);
        self.secrets.add(&secrets);
        // Its own alone: what it shows must not depend on the cases beside it.
        let redaction = Redaction::new(secrets);
        let mut left = None;
        let outcome = self.outcome(file, &redaction, &mut left).await;
        (redaction.hide_outcome(outcome), left)
    }

    async fn tear_down(&self, context: Option<CaseContext<'_>>) {
        match context {
            Some(context) if self.keeps => locked(&self.kept).push(context.keep()),
            // The reaper removes what this could not.
            Some(context) => drop(tokio::time::timeout(STEP, context.tear_down()).await),
            None => {}
        }
    }

    async fn outcome<'a>(
        &'a self,
        file: &'a CaseFile,
        redaction: &Redaction,
        left: &mut Option<CaseContext<'a>>,
    ) -> Outcome {
        let began = Instant::now();
        let mut outcome = Outcome::begin(file, &self.cluster.versions);
        if !applies(&file.case.when, &self.cluster.versions) {
            outcome.result = CaseResult::NotApplicable { applies_to: file.case.when.clone() };
            return outcome;
        }
        if let Some(why) = self.lost() {
            outcome.result = CaseResult::Broken { error: why.to_owned() };
            return outcome;
        }
        let since = Timestamp::now();
        match CaseContext::set_up(self, file, redaction.clone()).await {
            Ok(mut context) => {
                debug!(
                    "{}: set up in {:?}, waited {:?} of it",
                    file.name,
                    began.elapsed(),
                    context.waited
                );
                outcome.result = self.steps(&mut context).await;
                let seen = context.registries.values().map(|live| {
                    let requests = RequestSummary::of(&live.registry.record().all());
                    (live.registry.name().to_owned(), requests)
                });
                outcome.registries = seen.collect();
                outcome.observed = std::mem::take(&mut context.observer.observed);
                outcome.decisions = std::mem::take(&mut context.observer.decisions);
                outcome.took = began.elapsed().saturating_sub(context.waited);
                if !outcome.is_good() {
                    if let Some(error) = context.lost_registry().await {
                        outcome.result = CaseResult::Broken { error };
                    }
                    if let Err(lost) = self.check().await {
                        // The reaper removes what is left, when the node is back.
                        outcome.result = CaseResult::Broken { error: lost };
                        return outcome;
                    }
                    // Evidence before the clean-up: it goes with the namespace.
                    let collected = bundle::collect(&context, &outcome);
                    outcome.evidence = self.evidence(collected).await;
                }
                *left = Some(context);
            }
            Err(error) => {
                outcome.took = began.elapsed();
                if let Err(lost) = self.check().await {
                    outcome.result = CaseResult::Broken { error: lost };
                    return outcome;
                }
                outcome.result = CaseResult::Broken { error: format_chain(&error) };
                let collected = bundle::collect_node(self, file, since);
                outcome.evidence = self.evidence(collected).await;
            }
        }
        outcome
    }

    /// The cases of which everything was kept, each with its namespace.
    pub fn kept(&self) -> Vec<(String, String)> {
        locked(&self.kept).iter().map(|one| (one.case.clone(), one.namespace.clone())).collect()
    }

    /// Why the cluster or the node is not what it was, so that no case can be run any more.
    pub fn lost(&self) -> Option<&str> {
        self.lost.get().map(String::as_str)
    }

    /// Looks, after a case has failed, whether it could have been otherwise.
    async fn check(&self) -> Result<(), String> {
        let found = match self.cluster.check().await {
            Err(error) => Err(format_chain(&error.into())),
            Ok(()) => self.watches.trouble().map_or(Ok(()), Err),
        };
        found.map_err(|why| self.lost.get_or_init(|| why).clone())
    }

    /// Waits for evidence as long as it may take. What is there by then stays.
    async fn evidence(&self, collected: impl Future<Output = Evidence>) -> Option<Evidence> {
        let late = |_| Evidence::Lost(too_long("collecting the evidence", EVIDENCE).to_string());
        Some(tokio::time::timeout(EVIDENCE, collected).await.unwrap_or_else(late))
    }

    async fn steps(&self, context: &mut CaseContext<'_>) -> CaseResult {
        let mut proved = false;
        for (index, step) in context.file.steps() {
            if !applies(&step.when, &self.cluster.versions) {
                continue;
            }
            proved |= step.proves();
            let line = context.file.place(index).map_or(0, |(line, _)| line);
            debug!("{}:{line}: {} begins", context.file.path.display(), step.verb.word());
            let limit = steps::patience(step).saturating_add(STEP);
            let taken = tokio::time::timeout(limit, steps::take(context, index, step)).await;
            match taken.unwrap_or_else(|_| Err(Failure::Broken(too_long("the step", limit)))) {
                Ok(()) => {}
                Err(Failure::Mismatch(failure)) => return CaseResult::Failed(*failure),
                Err(Failure::Broken(error)) => {
                    let place = format!("{}:{line}", context.file.path.display());
                    let error = context.redaction.hide(&format_chain(&error));
                    return CaseResult::Broken { error: format!("{place}: {error}") };
                }
            }
        }
        match proved {
            true => CaseResult::Passed,
            // Of the versions of the matrix this is known when a case is read.
            false => CaseResult::Broken {
                error: format!(
                    "{}: no step that proves something applies",
                    context.file.path.display()
                ),
            },
        }
    }

    /// Notes namespaces whose cases are over. A namespace without pods costs nothing, but its deletion
    /// costs the API server some seventy requests, one or two for each kind of object it knows: they
    /// are better made when no case is waiting for it.
    pub(super) fn leave_namespaces(&self, namespaces: &[String]) {
        locked(&self.left).extend_from_slice(namespaces);
    }

    /// Has the namespaces of the cases that are over deleted.
    pub async fn tidy(&self) {
        let left = std::mem::take(&mut *locked(&self.left));
        let deleted = stream::iter(left)
            .for_each_concurrent(AT_ONCE, async |name| delete_namespace(self, &name).await);
        // The reaper removes what this could not.
        tokio::time::timeout(TIDY, deleted).await.ok();
    }

    /// Closes registries, whose containers go back to the pool, also if nobody waits for it.
    pub(crate) fn close_registries(
        &self,
        registries: Vec<RunningRegistry>,
    ) -> impl Future<Output = ()> + use<> {
        let (done, all) = oneshot::channel::<()>();
        locked(&self.closing).spawn(async move {
            join_all(registries.into_iter().map(RunningRegistry::close)).await;
            drop(done);
        });
        async { drop(all.await) }
    }

    /// Gives up what the cases shared: the registry containers, some of which stay for the next run.
    pub async fn clear(&self) {
        debug!("cleaning up");
        // Locks first: the reaper removes what lies behind them only if nobody has them.
        locked(&self.kept).clear();
        locked(&self.held).clear();
        let closing = std::mem::take(&mut *locked(&self.closing));
        let closed = async {
            closing.join_all().await;
            self.pool.close().await
        };
        tokio::time::timeout(TIDY, closed).await.ok();
        debug!("cleaned up, but for the reaper");
    }

    /// Ends the run: what it still holds is removed before this returns.
    pub async fn close(self) {
        self.clear().await;
        self.run.end().await;
    }

    /// Ends the run without waiting for its reaper, after [`Session::clear`]. Whoever needs what it
    /// removes waits for it: [`Run::leave`].
    pub fn leave(self) {
        self.run.leave();
    }

    /// Ends the run as [`Session::close`] does, and leaves all of it to the reaper.
    pub async fn abandon(self) {
        locked(&self.kept).clear();
        locked(&self.held).clear();
        self.run.end().await;
    }

    pub(crate) fn client(&self) -> &Client {
        &self.cluster.client
    }

    /// Holds locks until the session is closed, when the reaper removes what lies behind them.
    pub(crate) fn hold(&self, locks: Vec<Lock>) {
        locked(&self.held).extend(locks);
    }

    /// Takes what only one case on the cluster may have, in this process or another.
    pub(crate) async fn take(&self, name: &str) -> std::io::Result<Lock> {
        let (path, waiting) = (self.cluster.lock_file(name), || self.awaits(name, name));
        let lock = Lock::exclusive(&path, waiting).await;
        locked(&self.awaited).remove(name);
        let lock = lock?;
        // The case before may have been left to its reaper.
        self.run.settle_lock(&self.cluster.name, &path, waiting).await?;
        locked(&self.awaited).remove(name);
        Ok(lock)
    }

    /// Takes the node, alone or with others that leave it as it is, and waits until it is as it was
    /// before any case.
    pub(crate) async fn take_node(&self, alone: bool) -> anyhow::Result<Lock> {
        let (name, path) = ("node", self.cluster.lock_file("node"));
        let lock = if alone {
            Lock::exclusive(&path, || self.awaits(name, "the node")).await
        } else {
            // After those of this process that need it alone: it would hardly ever be free again.
            drop(self.first.read().await);
            Lock::shared(&path, || self.awaits(name, "the node alone")).await
        };
        locked(&self.awaited).remove(name);
        let lock = lock?;
        let (cluster, node) = (&self.cluster.name, &self.cluster.node);
        let waiting = || self.awaits("node-files", "the node's files");
        self.run.settle_node(cluster, node, waiting).await?;
        locked(&self.awaited).remove("node-files");
        Ok(lock)
    }

    /// Says once, however many cases do, that another run is waited for.
    fn awaits(&self, name: &str, what: &str) {
        if locked(&self.awaited).insert(name.to_owned()) {
            let cluster = &self.cluster.name;
            (self.progress)(&format!("cluster {cluster}: waiting for another run that has {what}"));
        }
    }
}

impl Runner for Session {
    async fn case(&self, file: &CaseFile, tell: impl FnOnce(Outcome) + Send) {
        let (outcome, context) = self.judged(file).await;
        // What one pulled that had the node alone nobody else knows of: its clean-up cannot be dropped.
        if self.keeps || file.needs_node_alone() {
            self.tear_down(context).await;
            tell(outcome);
        } else {
            tell(outcome);
            self.tear_down(context).await;
        }
    }

    fn first(&self) -> Arc<RwLock<()>> {
        self.first.clone()
    }
}

/// The CA that every namespace gets. A cluster that has just started may not have published it yet.
async fn root_ca(client: &Client) -> anyhow::Result<Option<BTreeMap<String, String>>> {
    let maps = Api::<ConfigMap>::namespaced(client.clone(), "default");
    let there = |map: Option<&ConfigMap>| map.is_some();
    let published = await_condition(maps, ROOT_CA, there);
    let published = within(PUBLISHED, format!("waiting for {ROOT_CA}"), published).await?;
    Ok(published.and_then(|map| map.data))
}
