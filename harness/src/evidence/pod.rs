//! One state of a pod, as its status told it.

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{ContainerStatus, Pod};
use kube::ResourceExt as _;
use serde::Serialize;

use super::timeline::Mark;

/// Waiting reasons of a pull that failed (pkg/kubelet/images/types.go).
pub const PULL_FAILURES: [&str; 7] = [
    "ErrImagePull",
    "ImagePullBackOff",
    "ErrImageNeverPull",
    "InvalidImageName",
    "ImageInspectError",
    "RegistryUnavailable",
    "SignatureValidationFailed",
];

/// Whether a waiting reason is that of a pull that failed. A secret that cannot be decoded makes the error
/// itself the reason (pkg/kubelet/kuberuntime/kuberuntime_container.go), which is known by its spaces.
pub fn is_pull_failure(reason: &str) -> bool {
    PULL_FAILURES.contains(&reason) || reason.contains(' ')
}

/// Returns the UID of the manifest of a static pod, by which events refer to it. Its mirror has it as an
/// annotation (pkg/kubelet/types/constants.go, ConfigMirrorAnnotationKey).
pub fn mirrored_uid(pod: &Pod) -> Option<&String> {
    pod.annotations().get("kubernetes.io/config.mirror")
}

/// What a pod's status said at one time.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PodState {
    /// When this process saw it.
    pub at: Timestamp,
    /// Its place in the timeline.
    #[serde(skip)]
    pub mark: Mark,
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
    /// Its exit code, if it has ended.
    pub exit_code: Option<i32>,
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

impl ContainerState {
    /// The phase of a pod that had this container alone
    /// (<https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#pod-phase>).
    pub fn phase(&self) -> &'static str {
        match (self.running, self.exit_code) {
            (true, _) => "Running",
            (false, Some(0)) => "Succeeded",
            (false, Some(_)) => "Failed",
            (false, None) => "Pending",
        }
    }

    /// Whether its pull has come to an end: it runs, has ended, or waits for a reason that is not
    /// progress.
    pub fn is_decided(&self) -> bool {
        self.running
            || self.exit_code.is_some()
            || self.waiting.as_ref().is_some_and(|waiting| !waiting.is_progress())
    }
}

impl PodState {
    /// Reads a pod.
    pub fn of(pod: &Pod, at: Timestamp, mark: Mark) -> Self {
        let status = pod.status.clone().unwrap_or_default();
        let all = [
            status.init_container_statuses,
            status.container_statuses,
            status.ephemeral_container_statuses,
        ];
        Self {
            at,
            mark,
            phase: status.phase.unwrap_or_default(),
            containers: all.into_iter().flatten().flatten().map(container).collect(),
            deleting: pod.metadata.deletion_timestamp.is_some(),
            reason: status.reason.map(|reason| match status.message {
                Some(message) => format!("{reason}: {message}"),
                None => reason,
            }),
        }
    }

    /// Whether it differs from another in more than when it was seen.
    pub fn differs(&self, other: &Self) -> bool {
        Self { at: other.at, mark: other.mark, ..self.clone() } != *other
    }

    /// Why a container waits, progress left out. Without a name: the first that waits.
    pub fn waits(&self, container: Option<&str>) -> Option<&Waiting> {
        self.containers
            .iter()
            .filter(|one| container.is_none_or(|name| one.name == name))
            .filter_map(|one| one.waiting.as_ref())
            .find(|waiting| !waiting.is_progress())
    }

    /// Returns the phase, with what the containers wait for.
    pub fn summary(&self) -> String {
        let gone = if self.deleting { ", being deleted" } else { "" };
        let waits: Vec<String> = self
            .containers
            .iter()
            .filter_map(|one| Some(format!("{} {}", one.name, one.waiting.as_ref()?.reason)))
            .collect();
        let reason = self.reason.iter().map(|reason| format!(" ({reason})")).collect::<String>();
        match waits.is_empty() {
            true => format!("{}{reason}{gone}", self.phase),
            false => format!("{}{reason}, {}{gone}", self.phase, waits.join(", ")),
        }
    }
}

fn container(status: ContainerStatus) -> ContainerState {
    let state = status.state.unwrap_or_default();
    ContainerState {
        name: status.name,
        running: state.running.is_some(),
        exit_code: state.terminated.map(|ended| ended.exit_code),
        waiting: state.waiting.map(|waiting| Waiting {
            reason: waiting.reason.unwrap_or_default(),
            message: waiting.message.unwrap_or_default(),
        }),
        image_id: status.image_id,
    }
}
