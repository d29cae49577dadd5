//! What runs or clusters that are no more have left: their folders are gone, so no reaper knows of it.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    time::Duration,
};

use bollard::{
    models::ContainerSummary,
    query_parameters::{ListContainersOptionsBuilder, RemoveContainerOptionsBuilder},
};
use futures::future::join_all;
use k8s_openapi::api::core::v1::Namespace;
use kube::{
    Api, Client, ResourceExt,
    api::{DeleteParams, ListParams},
};

use crate::{registry::Holder, settings::Settings};

use super::{
    Engine, Lock, RUN_LABEL, Run,
    owner::{CLUSTER_LABEL, OWNER_LABEL, labels},
    run::is_known,
};

/// How long the search may hold up a run.
const LIMIT: Duration = Duration::from_secs(20);

/// The lock without which no container that a run has left is claimed or removed. The reaper takes it too.
pub(crate) fn lock_file(settings: &Settings) -> PathBuf {
    settings.state().join("registries.lock")
}

/// Removes registry containers that runs and clusters of the same state folder have left. Best effort:
/// the next run looks again.
pub async fn remove_containers(engine: &Engine, run: &Run, settings: &Settings) {
    let owned = vec![format!("{OWNER_LABEL}={}", run.owner)];
    let clusters = settings.state().join("clusters");
    let stray = |one: &ContainerSummary| is_stray_container(run.runs(), &clusters, one);
    let removed = async {
        let _lock = Lock::exclusive(&lock_file(settings), || {}).await;
        remove(engine, owned, stray).await;
    };
    tokio::time::timeout(LIMIT, removed).await.ok();
}

/// Removes all registry containers of a cluster. Best effort: the next run looks again.
pub(super) async fn remove_containers_of(engine: &Engine, owner: &str, cluster: &str) {
    let labels = labels(owner, cluster).into_iter().map(|(name, value)| format!("{name}={value}"));
    tokio::time::timeout(LIMIT, remove(engine, labels.collect(), |_| true)).await.ok();
}

async fn remove(engine: &Engine, labels: Vec<String>, wanted: impl Fn(&ContainerSummary) -> bool) {
    let filters = HashMap::from([("label", labels)]);
    let all = ListContainersOptionsBuilder::default().all(true).filters(&filters).build();
    let found = engine.client().list_containers(Some(all)).await.unwrap_or_default();
    let removals =
        found.iter().filter(|one| wanted(one)).filter_map(|one| one.id.as_deref()).map(|id| {
            let now = RemoveContainerOptionsBuilder::default().force(true).v(true).build();
            engine.client().remove_container(id, Some(now))
        });
    join_all(removals).await;
}

/// Has the namespaces deleted that runs have left in a cluster. Best effort as well.
pub(super) async fn remove_namespaces(client: &Client, run: &Run) {
    let namespaces = Api::<Namespace>::all(client.clone());
    let work = async {
        let labelled = namespaces.list(&ListParams::default().labels(RUN_LABEL)).await;
        for namespace in labelled.into_iter().flatten() {
            let id = namespace.labels().get(RUN_LABEL);
            if id.is_some_and(|id| !is_known(run.runs(), id)) {
                namespaces.delete(&namespace.name_any(), &DeleteParams::default()).await.ok();
            }
        }
    };
    tokio::time::timeout(LIMIT, work).await.ok();
}

fn name(one: &ContainerSummary) -> Option<&str> {
    one.names.as_ref()?.first().map(|name| name.trim_start_matches('/'))
}

/// Whether a container's run is gone, or, if it waits for the next one, its cluster or itself.
fn is_stray_container(runs: &Path, clusters: &Path, one: &ContainerSummary) -> bool {
    match name(one).and_then(Holder::of) {
        Some(Holder::Run(id)) => !is_known(runs, &id),
        Some(Holder::Next(clean)) => {
            let cluster = one.labels.as_ref().and_then(|labels| labels.get(CLUSTER_LABEL));
            let ended = one.state.is_none_or(|state| state.to_string() != "running");
            ended
                || cluster.is_none_or(|name| !clusters.join(name).is_dir())
                || clean.users_of.is_some_and(|id| !is_known(runs, &id))
        }
        None => true,
    }
}

#[cfg(test)]
mod tests {
    use bollard::models::ContainerSummaryStateEnum as State;

    use super::*;

    #[test]
    fn a_container_is_stray_without_its_run_or_its_cluster() {
        let folder = tempfile::tempdir().unwrap();
        let (runs, clusters) = (folder.path().join("runs"), folder.path().join("clusters"));
        for known in ["runs/one", "runs/.two", "clusters/here"] {
            std::fs::create_dir_all(folder.path().join(known)).unwrap();
        }
        let stray = |name: &str, cluster: &str, state: State| {
            let one = ContainerSummary {
                names: Some(vec![format!("/pullproof-registry-{name}")]),
                labels: Some([(CLUSTER_LABEL.to_owned(), cluster.to_owned())].into()),
                state: Some(state),
                ..ContainerSummary::default()
            };
            is_stray_container(&runs, &clusters, &one)
        };
        assert!(!stray("one-00000000", "here", State::RUNNING));
        assert!(!stray("two-00000000", "here", State::RUNNING), "a run that is just starting");
        assert!(stray("three-00000000", "here", State::RUNNING));
        assert!(!stray("idle-basic-0-00000000", "here", State::RUNNING));
        assert!(stray("idle-basic-0-00000000", "gone", State::RUNNING));
        assert!(!stray("left-one-basic-0-00000000", "here", State::RUNNING));
        assert!(
            stray("left-three-basic-0-00000000", "here", State::RUNNING),
            "no reaper knows of it"
        );
        assert!(stray("idle-basic-0-00000000", "here", State::EXITED), "Docker was restarted");
        assert!(stray("idle-unknown", "here", State::RUNNING), "of another version");
    }
}
