//! Which containers of a pod cannot pull, by its status.

use k8s_openapi::api::core::v1::{ContainerStatus, Pod};

use crate::evidence::is_pull_failure;

/// A container whose image is not there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailingContainer {
    /// Its name.
    pub name: String,
    /// Its image, as the pod names it.
    pub image: String,
    /// Its pull policy.
    pub policy: Option<String>,
    /// The waiting reason.
    pub reason: String,
    /// The waiting message.
    pub message: String,
}

/// Waiting reasons of a container that waits for something else than an image of its own.
const STARTING: [&str; 2] = ["ContainerCreating", "PodInitializing"];

/// Returns the containers of a pod that wait for an image that cannot be pulled: init, ephemeral and
/// plain ones.
pub fn failing_containers(pod: &Pod) -> Vec<FailingContainer> {
    let Some(status) = &pod.status else { return Vec::new() };
    let statuses = [
        &status.init_container_statuses,
        &status.container_statuses,
        &status.ephemeral_container_statuses,
    ];
    let waiting = statuses.into_iter().flatten().flatten().filter_map(|status| {
        let waiting = status.state.as_ref()?.waiting.as_ref()?;
        let reason = waiting.reason.clone().unwrap_or_default();
        let fails = is_pull_failure(&reason);
        fails.then(|| container(pod, status, reason, waiting.message.clone().unwrap_or_default()))
    });
    waiting.collect()
}

/// Returns the containers that have not been created, for a sandbox without its image keeps all of
/// them from it.
pub(super) fn waiting_for_a_sandbox(pod: &Pod) -> Vec<FailingContainer> {
    let Some(status) = &pod.status else { return Vec::new() };
    let statuses = [&status.init_container_statuses, &status.container_statuses];
    let waiting = statuses.into_iter().flatten().flatten().filter_map(|status| {
        let waiting = status.state.as_ref()?.waiting.as_ref()?;
        let reason = waiting.reason.clone()?;
        STARTING.contains(&reason.as_str()).then(|| container(pod, status, reason, String::new()))
    });
    waiting.take(1).collect()
}

/// Returns all containers of a pod as its spec has them, whatever became of them.
pub(super) fn every_container(pod: &Pod) -> Vec<FailingContainer> {
    let Some(spec) = &pod.spec else { return Vec::new() };
    let plain = spec.init_containers.iter().flatten().chain(&spec.containers);
    let plain = plain.map(|one| (&one.name, &one.image, &one.image_pull_policy));
    let ephemeral = spec.ephemeral_containers.iter().flatten();
    let ephemeral = ephemeral.map(|one| (&one.name, &one.image, &one.image_pull_policy));
    let container =
        |(name, image, policy): (&String, &Option<String>, &Option<String>)| FailingContainer {
            name: name.clone(),
            image: image.clone().unwrap_or_default(),
            policy: policy.clone(),
            reason: String::new(),
            message: String::new(),
        };
    plain.chain(ephemeral).map(container).collect()
}

fn container(
    pod: &Pod,
    status: &ContainerStatus,
    reason: String,
    message: String,
) -> FailingContainer {
    let spec = pod.spec.as_ref();
    let plain = spec
        .into_iter()
        .flat_map(|spec| spec.init_containers.iter().flatten().chain(&spec.containers))
        .map(|one| (&one.name, &one.image, &one.image_pull_policy));
    let ephemeral = spec
        .into_iter()
        .flat_map(|spec| spec.ephemeral_containers.iter().flatten())
        .map(|one| (&one.name, &one.image, &one.image_pull_policy));
    let found = plain.chain(ephemeral).find(|(name, ..)| **name == status.name);
    let (image, policy) = match found {
        Some((_, Some(image), policy)) => (image.clone(), policy.clone()),
        Some((_, None, policy)) => (status.image.clone(), policy.clone()),
        None => (status.image.clone(), None),
    };
    FailingContainer { name: status.name.clone(), image, policy, reason, message }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::PULL_FAILURES;

    fn pod(state: &str) -> Pod {
        let text = format!(
            "{{spec: {{containers: [{{name: web, image: 'registry.example/web:v1'}}]}}, status: \
             {{containerStatuses: [{{name: web, image: '', imageID: '', ready: false, restartCount: 0, \
             state: {state}}}]}}}}"
        );
        serde_saphyr::from_str(&text).unwrap()
    }

    #[test]
    fn a_container_fails_by_its_waiting_reason() {
        for reason in PULL_FAILURES.iter().copied().chain(["illegal base64 data at input byte 4"]) {
            let pod = pod(&format!("{{waiting: {{reason: '{reason}', message: m}}}}"));
            let failing = failing_containers(&pod);
            assert_eq!(failing.len(), 1, "{reason}");
            assert_eq!(
                (failing[0].image.as_str(), failing[0].message.as_str()),
                ("registry.example/web:v1", "m")
            );
        }
        for state in [
            "{waiting: {reason: CrashLoopBackOff}}",
            "{waiting: {reason: ContainerCreating}}",
            "{running: {}}",
            "{terminated: {exitCode: 1}}",
        ] {
            assert!(failing_containers(&pod(state)).is_empty(), "{state}");
        }
        assert!(failing_containers(&Pod::default()).is_empty());
    }

    #[test]
    fn a_pod_without_a_sandbox_waits_as_a_whole() {
        let starting = pod("{waiting: {reason: ContainerCreating}}");
        assert_eq!(waiting_for_a_sandbox(&starting).len(), 1);
        assert!(waiting_for_a_sandbox(&pod("{running: {}}")).is_empty());
    }
}
