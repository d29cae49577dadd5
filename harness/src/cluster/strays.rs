//! What carries the label of a run that is no more: its folder is gone, so no reaper knows of it.

use std::{collections::HashMap, path::Path, time::Duration};

use bollard::query_parameters::{ListContainersOptionsBuilder, RemoveContainerOptionsBuilder};
use k8s_openapi::api::core::v1::Namespace;
use kube::{
    Api, Client, ResourceExt,
    api::{DeleteParams, ListParams},
};

use super::{
    Engine, RUN_LABEL, Run,
    owner::OWNER_LABEL,
    run::{DOCKER_RUN_LABEL, is_known},
};

/// How long the search may hold up a run.
const LIMIT: Duration = Duration::from_secs(20);

/// Removes containers that runs of the same state folder have left. Best effort: the next run looks
/// again.
pub async fn remove_containers(engine: &Engine, run: &Run) {
    let filters = HashMap::from([("label", vec![format!("{OWNER_LABEL}={}", run.owner)])]);
    let all = ListContainersOptionsBuilder::default().all(true).filters(&filters).build();
    let work = async {
        for container in engine.client().list_containers(Some(all)).await.unwrap_or_default() {
            let label = container.labels.as_ref().and_then(|all| all.get(DOCKER_RUN_LABEL));
            if let (Some(id), true) = (&container.id, is_stray(run.runs(), label)) {
                let now = RemoveContainerOptionsBuilder::default().force(true).v(true).build();
                engine.client().remove_container(id, Some(now)).await.ok();
            }
        }
    };
    tokio::time::timeout(LIMIT, work).await.ok();
}

/// Has the namespaces deleted that runs have left in a cluster. Best effort as well.
pub(super) async fn remove_namespaces(client: &Client, run: &Run) {
    let namespaces = Api::<Namespace>::all(client.clone());
    let work = async {
        let labelled = namespaces.list(&ListParams::default().labels(RUN_LABEL)).await;
        for namespace in labelled.into_iter().flatten() {
            if is_stray(run.runs(), namespace.labels().get(RUN_LABEL)) {
                namespaces.delete(&namespace.name_any(), &DeleteParams::default()).await.ok();
            }
        }
    };
    tokio::time::timeout(LIMIT, work).await.ok();
}

fn is_stray(runs: &Path, label: Option<&String>) -> bool {
    label.is_some_and(|id| !is_known(runs, id))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_run_without_a_folder_leaves_strays() {
        let runs = tempfile::tempdir().unwrap();
        for folder in ["one", ".two"] {
            std::fs::create_dir(runs.path().join(folder)).unwrap();
        }
        let stray = |id: &str| is_stray(runs.path(), Some(&id.to_owned()));
        assert!(!stray("one"));
        assert!(!stray("two"), "a run that is just starting");
        assert!(stray("three"));
        assert!(!is_stray(runs.path(), None));
    }
}
