//! The proof that an image was private: without credentials the same image is not to be had.

use std::time::Duration;

use anyhow::Context;
use k8s_openapi::api::core::v1::{Pod, ServiceAccount};
use kube::{
    Api,
    api::{DeleteParams, PostParams},
};
use serde_json::{Value, json};

use crate::{
    case::model::{Auth, Pair},
    evidence::PodHistory,
};

use super::{expectation::Mismatch, scene::Scene};

/// How long the pair may take to fail.
const LIMIT: Duration = Duration::from_secs(60);
/// The service account of the pair: the default one may have been given secrets.
const ACCOUNT: &str = "pullproof-anonymous";

/// A pod without credentials beside one that is expected to run.
pub struct Anonymous {
    pod: String,
    namespace: String,
    name: String,
    by: Pair,
}

impl Anonymous {
    pub(super) fn new(_: &Scene<'_>, pod: String, namespace: String, by: Pair) -> Self {
        let name = format!("{pod}-anonymous");
        Self { pod, namespace, name, by }
    }

    /// Starts the pair: every image of the pod from a registry that authenticates, pull policy
    /// Always, so that a copy on the node does not help.
    pub async fn start(&self, scene: &Scene<'_>) -> anyhow::Result<()> {
        if self.by != Pair::Anonymous
            || scene.timeline.pod_named(&self.namespace, &self.name).is_some()
        {
            return Ok(());
        }
        let images = self.images(scene).await?;
        let client = scene.session.client();
        let accounts = Api::<ServiceAccount>::namespaced(client.clone(), &self.namespace);
        let account: ServiceAccount =
            serde_json::from_value(json!({"metadata": {"name": ACCOUNT}}))?;
        match accounts.create(&PostParams::default(), &account).await {
            Err(kube::Error::Api(status)) if status.reason == "AlreadyExists" => {}
            other => drop(other.context("creating the service account of the anonymous pair")?),
        }
        let containers: Vec<Value> = images
            .iter()
            .enumerate()
            .map(|(at, image)| {
                json!({"name": format!("image-{at}"), "image": image, "imagePullPolicy": "Always"})
            })
            .collect();
        let pod: Pod = serde_json::from_value(json!({
            "metadata": {"name": self.name},
            "spec": {
                "serviceAccountName": ACCOUNT,
                "automountServiceAccountToken": false,
                "containers": containers,
            },
        }))?;
        let pods = Api::<Pod>::namespaced(client.clone(), &self.namespace);
        pods.create(&PostParams::default(), &pod).await.context("creating the anonymous pair")?;
        Ok(())
    }

    /// Waits until every image of the pair has failed for want of credentials.
    pub async fn check(&self, scene: &Scene<'_>) -> anyhow::Result<Option<Mismatch>> {
        if self.by == Pair::Registry {
            return self.ask_registry(scene).await;
        }
        let mut changes = scene.timeline.changes();
        let limit = tokio::time::Instant::now() + LIMIT;
        loop {
            changes.borrow_and_update();
            let history = scene.timeline.pod_named(&self.namespace, &self.name);
            let failed = scene.timeline.failed_pulls(&self.namespace, &self.name);
            match history.as_ref().map(|history| judge(history, &failed)) {
                Some(Judgement::Private) => {
                    self.end(scene).await;
                    return Ok(None);
                }
                Some(Judgement::Other(seen)) => return Ok(Some(self.mismatch(seen))),
                None | Some(Judgement::Open) => {}
            }
            if tokio::time::timeout_at(limit, changes.changed()).await.is_err() {
                let seen = history.as_ref().and_then(PodHistory::now).map(|state| state.in_words());
                return Ok(Some(self.mismatch(seen.unwrap_or_else(|| "no such pod".to_owned()))));
            }
        }
    }

    /// Its next retry would look like a request of the pod that is expected next.
    async fn end(&self, scene: &Scene<'_>) {
        let pods = Api::<Pod>::namespaced(scene.session.client().clone(), &self.namespace);
        // Best effort: it goes with the namespace anyway.
        pods.delete(&self.name, &DeleteParams::default().grace_period(0)).await.ok();
    }

    fn mismatch(&self, seen: String) -> Mismatch {
        let expected = format!(
            "the same image without credentials is refused (pod {}); otherwise {} proves nothing",
            self.name, self.pod
        );
        Mismatch::new("anonymous pair", expected, seen)
    }

    async fn ask_registry(&self, scene: &Scene<'_>) -> anyhow::Result<Option<Mismatch>> {
        for (name, spec) in &scene.file.case.registries {
            if matches!(spec.auth, Auth::None) {
                continue;
            }
            for image in &spec.images {
                let status = scene.registries[name].registry.anonymous_status(&image.name).await?;
                if !matches!(status, 401 | 403) {
                    return Ok(Some(
                        self.mismatch(format!("{name} answers {status} for {}", image.name)),
                    ));
                }
            }
        }
        Ok(None)
    }

    /// The images of the pod, once it is known. A pod may be made by a controller a moment later.
    async fn images(&self, scene: &Scene<'_>) -> anyhow::Result<Vec<String>> {
        let mut changes = scene.timeline.changes();
        let find = async {
            loop {
                changes.borrow_and_update();
                if let Some(pod) = scene.timeline.pod_named(&self.namespace, &self.pod) {
                    return pod.object.spec.unwrap_or_default();
                }
                if changes.changed().await.is_err() {
                    std::future::pending::<()>().await;
                }
            }
        };
        let spec = tokio::time::timeout(LIMIT, find).await.with_context(|| {
            format!("there is no pod {} to pair with an anonymous one", self.pod)
        })?;
        let init = spec.init_containers.unwrap_or_default();
        let mut images: Vec<String> = init
            .into_iter()
            .chain(spec.containers)
            .filter_map(|container| container.image)
            .collect();
        images.extend(
            spec.volumes.into_iter().flatten().filter_map(|volume| volume.image?.reference),
        );
        images.retain(|image| scene.is_private(image));
        images.dedup();
        anyhow::ensure!(
            !images.is_empty(),
            "no image of the pod {} is in a registry of the case that authenticates; if that is meant, say `pair: public`",
            self.pod
        );
        Ok(images)
    }
}

enum Judgement {
    /// Each container failed for want of credentials.
    Private,
    /// It did not fail, or for another reason.
    Other(String),
    /// It may still come.
    Open,
}

/// What registries and containerd say to who has no credentials.
const REFUSALS: [&str; 6] = [
    "401",
    "403",
    "no basic auth credentials",
    "insufficient_scope",
    "authorization failed",
    "denied",
];

/// Judges by the events of failed pulls, one an image, which come before the status tells.
fn judge(history: &PodHistory, failed: &[String]) -> Judgement {
    let Some(now) = history.now() else { return Judgement::Open };
    if let Some(runs) = now.containers.iter().find(|container| container.running) {
        return Judgement::Other(format!("{} runs", runs.name));
    }
    let refused = |message: &String| REFUSALS.iter().any(|refusal| message.contains(refusal));
    if let Some(other) = failed.iter().find(|message| !refused(message)) {
        return Judgement::Other(other.clone());
    }
    let containers = history.object.spec.iter().flat_map(|spec| &spec.containers);
    let images: Vec<&str> = containers.filter_map(|container| container.image.as_deref()).collect();
    let all = images
        .iter()
        .all(|image| failed.iter().any(|message| message.contains(&format!("{image:?}"))));
    if all && !images.is_empty() { Judgement::Private } else { Judgement::Open }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::evidence::Timeline;

    fn judged(state: &str, failed: &[&str]) -> Judgement {
        let timeline = Timeline::default();
        let pod = format!(
            "{{metadata: {{name: a, namespace: n, uid: u}}, spec: {{containers: [{{name: c, image: r/i}}, \
             {{name: d, image: r/j}}]}}, status: {{phase: Pending, containerStatuses: [{{name: c, \
             image: i, imageID: '', ready: false, restartCount: 0, state: {state}}}]}}}}"
        );
        timeline.pod(serde_saphyr::from_str(&pod).unwrap(), Timestamp::UNIX_EPOCH);
        let failed: Vec<String> = failed.iter().map(|text| (*text).to_owned()).collect();
        judge(&timeline.pod_named("n", "a").unwrap(), &failed)
    }

    #[test]
    fn only_refusals_of_every_image_show_that_they_are_private() {
        let waits = "{waiting: {reason: ErrImagePull}}";
        let (one, two) =
            (r#"Failed to pull image "r/i": 401"#, r#"Failed to pull image "r/j": denied"#);
        assert!(matches!(judged(waits, &[]), Judgement::Open));
        assert!(matches!(judged(waits, &[one]), Judgement::Open));
        assert!(matches!(judged(waits, &[one, two]), Judgement::Private));
        let other = r#"Failed to pull image "r/j": not found"#;
        assert!(matches!(judged(waits, &[one, other]), Judgement::Other(_)));
        assert!(matches!(judged("{running: {}}", &[one, two]), Judgement::Other(_)));
    }
}
