//! How a cluster is, and whether it can be used as it is.

use std::{fmt, future::Future, time::Duration};

use anyhow::Context;
use k8s_openapi::api::core::v1::Node as NodeObject;
use kube::Client;
use serde::{Deserialize, Serialize};

use crate::limit::too_long;

use super::{engine::Container, owner::mark};

/// How long the API server of a running node may take to answer, as after a restart of the engine.
const ANSWER: Duration = Duration::from_secs(30);

/// What a cluster was created from. Written last: a cluster without it is half-created.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Origin {
    pub image: String,
    pub config: String,
}

/// Why a cluster cannot be used as it is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Unusable {
    Absent,
    HalfCreated,
    Gone,
    Stopped(String),
    Silent,
    Different,
}

impl fmt::Display for Unusable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Absent => f.write_str("there is none yet"),
            Self::HalfCreated => f.write_str("its creation was interrupted"),
            Self::Gone => f.write_str("its node is gone"),
            Self::Stopped(state) => write!(f, "its node is {state}"),
            Self::Silent => f.write_str("its API server does not answer"),
            Self::Different => f.write_str("it was made from another image or configuration"),
        }
    }
}

/// Whether a node is that of the state folder `owner`: by its mark, or, if it was made before there were
/// marks, by the folder's own word.
pub(super) fn owns(owner: &str, origin: Option<&Origin>, node: &Container) -> bool {
    match node.owners.as_slice() {
        [] => origin.is_some_and(|origin| !origin.config.contains(&mark(""))),
        owners => owners.iter().any(|one| one == owner),
    }
}

/// Why a cluster cannot be used, by what it was made from and its node.
pub(super) fn judge(
    origin: Option<&Origin>,
    node: Option<&Container>,
    wanted: &Origin,
) -> Result<(), Unusable> {
    match (origin, node) {
        (None, None) => Err(Unusable::Absent),
        (None, Some(_)) => Err(Unusable::HalfCreated),
        (Some(_), None) => Err(Unusable::Gone),
        (Some(_), Some(node)) if !node.is_running() => Err(Unusable::Stopped(node.state.clone())),
        (Some(origin), Some(_)) if origin != wanted => Err(Unusable::Different),
        (Some(_), Some(_)) => Ok(()),
    }
}

/// Waits until the API server answers.
pub(super) async fn answers(client: &Client) -> anyhow::Result<()> {
    until(ANSWER, || async { client.apiserver_version().await.map(drop).context("no answer") })
        .await
}

/// Whether a node says that it is ready.
pub(super) fn is_ready(node: Option<&NodeObject>) -> bool {
    let conditions = node.and_then(|node| node.status.as_ref()?.conditions.as_ref());
    conditions.is_some_and(|all| all.iter().any(|one| one.type_ == "Ready" && one.status == "True"))
}

/// What a node says of its readiness.
pub(super) fn node_state(node: &NodeObject) -> String {
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

/// Tries until it succeeds; a server that is starting cannot be watched.
async fn until<F>(limit: Duration, attempt: impl Fn() -> F) -> anyhow::Result<()>
where
    F: Future<Output = anyhow::Result<()>>,
{
    let end = tokio::time::Instant::now() + limit;
    loop {
        match tokio::time::timeout_at(end, attempt()).await {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(error)) if tokio::time::Instant::now() >= end => return Err(error),
            Err(_) => return Err(too_long("the API server's answer", limit)),
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

    fn container(state: &str, owners: &[&str]) -> Container {
        let owners = owners.iter().map(|owner| (*owner).to_owned()).collect();
        Container { state: state.to_owned(), started: String::new(), owners }
    }

    fn origin(config: &str) -> Origin {
        Origin { image: "sha256:1".to_owned(), config: config.to_owned() }
    }

    #[test]
    fn a_node_belongs_to_the_folder_that_marked_it() {
        let (old, new) = (origin("nodes"), origin(&mark("mine")));
        assert!(owns("mine", None, &container("running", &["mine"])));
        for origin in [None, Some(&old), Some(&new)] {
            assert!(!owns("mine", origin, &container("running", &["theirs"])), "{origin:?}");
        }
        // Made before there were marks.
        assert!(owns("mine", Some(&old), &container("running", &[])));
        assert!(!owns("mine", Some(&new), &container("running", &[])));
        assert!(!owns("mine", None, &container("exited", &[])));
    }

    #[test]
    fn a_cluster_is_used_as_it_is_only_if_its_node_runs_and_is_as_wanted() {
        let (wanted, other) = (origin("a"), origin("b"));
        let running = container("running", &[]);
        assert_eq!(judge(Some(&wanted), Some(&running), &wanted), Ok(()));
        assert_eq!(judge(Some(&other), Some(&running), &wanted), Err(Unusable::Different));
        assert_eq!(judge(None, Some(&running), &wanted), Err(Unusable::HalfCreated));
        assert_eq!(judge(Some(&wanted), None, &wanted), Err(Unusable::Gone));
        assert_eq!(judge(None, None, &wanted), Err(Unusable::Absent));
        let paused = judge(Some(&wanted), Some(&container("paused", &[])), &wanted);
        assert_eq!(paused.unwrap_err().to_string(), "its node is paused");
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
