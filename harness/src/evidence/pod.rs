//! One state of a pod, as its status told it.

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{ContainerStatus, Pod};
use serde::Serialize;

/// What a pod's status said at one time.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PodState {
    /// When this process saw it.
    pub at: Timestamp,
    /// The phase.
    pub phase: String,
    /// Init containers, containers and ephemeral containers, in that order.
    pub containers: Vec<ContainerState>,
    /// Whether the pod is being deleted.
    pub deleting: bool,
    /// `status.reason` and `status.message`, which a pod refused by the kubelet has.
    pub reason: Option<String>,
}

/// What a pod's status said of one container.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ContainerState {
    /// Its name.
    pub name: String,
    /// Why it waits, if it waits.
    pub waiting: Option<Waiting>,
    /// Whether it runs.
    pub running: bool,
    /// The image's id, once it is known.
    pub image_id: String,
}

/// Why a container waits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Waiting {
    /// The waiting reason, for example `ErrImagePull`.
    pub reason: String,
    /// The waiting message.
    pub message: String,
}

impl Waiting {
    /// Whether this is a step on the way to a started container, not a failure.
    pub fn is_progress(&self) -> bool {
        matches!(self.reason.as_str(), "" | "ContainerCreating" | "PodInitializing")
    }
}

impl PodState {
    /// Reads a pod.
    pub fn of(pod: &Pod, at: Timestamp) -> Self {
        let status = pod.status.clone().unwrap_or_default();
        let all = [
            status.init_container_statuses,
            status.container_statuses,
            status.ephemeral_container_statuses,
        ];
        Self {
            at,
            phase: status.phase.unwrap_or_default(),
            containers: all.into_iter().flatten().flatten().map(container).collect(),
            deleting: pod.metadata.deletion_timestamp.is_some(),
            reason: status.reason.map(|reason| match status.message {
                Some(message) => format!("{reason}: {message}"),
                None => reason,
            }),
        }
    }

    /// Whether it differs from another in more than the time.
    pub fn differs(&self, other: &Self) -> bool {
        Self { at: other.at, ..self.clone() } != *other
    }

    /// The state in a few words.
    pub fn in_words(&self) -> String {
        let waits: Vec<String> = self
            .containers
            .iter()
            .filter_map(|one| Some(format!("{} {}", one.name, one.waiting.as_ref()?.reason)))
            .collect();
        let reason = self.reason.iter().map(|reason| format!(" ({reason})")).collect::<String>();
        match waits.is_empty() {
            true => format!("{}{reason}", self.phase),
            false => format!("{}{reason}, {}", self.phase, waits.join(", ")),
        }
    }
}

fn container(status: ContainerStatus) -> ContainerState {
    let state = status.state.unwrap_or_default();
    ContainerState {
        name: status.name,
        running: state.running.is_some(),
        waiting: state.waiting.map(|waiting| Waiting {
            reason: waiting.reason.unwrap_or_default(),
            message: waiting.message.unwrap_or_default(),
        }),
        image_id: status.image_id,
    }
}
