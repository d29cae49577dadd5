//! The proof that an image was private: without credentials the same image is not to be had.

use std::time::Duration;

use anyhow::Context;
use tokio_util::task::AbortOnDropHandle;

use crate::{
    case::model::{Auth, Expect, Pair, Phase},
    cluster::{Node, quote},
};

use super::{expectation::Mismatch, limit::within, scene::Scene};

/// How long a pod may take to be there, and the pair to be refused.
const LIMIT: Duration = Duration::from_secs(60);

/// An anonymous pull of every image of a pod that runs.
///
/// It is the kubelet's own call, CRI's PullImage, but for the credentials, which it brings none of: the
/// same containerd asks by the same hosts.toml. No pod is made for it.
#[derive(Debug)]
pub struct Proof {
    /// Namespace and name of the pod.
    pub of: (String, String),
    by: Pair,
}

/// A proof that is under way.
pub enum Trying {
    /// The node pulls.
    Pulls(AbortOnDropHandle<anyhow::Result<Vec<Tried>>>),
    /// The registry is asked when all else was seen.
    Registry,
}

/// One anonymous pull.
#[derive(Debug)]
pub struct Tried {
    image: String,
    /// What containerd said.
    said: String,
}

impl Proof {
    /// The proof that an expectation needs: of a pod that runs from a registry of the case that is
    /// meant to be private, once a pod.
    pub(super) fn wanted(scene: &Scene<'_>, expect: &Expect, namespace: &str) -> Option<Self> {
        if expect.phase != Some(Phase::Running) || expect.pair == Pair::Public {
            return None;
        }
        let of = (namespace.to_owned(), expect.pod.clone()?);
        (!scene.proven.contains(&of)).then_some(Self { of, by: expect.pair })
    }

    /// Starts it: every image of the pod from a registry that authenticates is pulled.
    pub async fn start(&self, scene: &Scene<'_>) -> anyhow::Result<Trying> {
        if self.by == Pair::Registry {
            return Ok(Trying::Registry);
        }
        let images = self.images(scene).await?;
        let node = scene.session.cluster.node.clone();
        let pulls = AbortOnDropHandle::new(tokio::spawn(async move {
            within(LIMIT, "the anonymous pair", pull(&node, images)).await
        }));
        Ok(Trying::Pulls(pulls))
    }

    /// Waits for the pulls. All have to have been refused for want of credentials.
    pub async fn check(
        &self,
        scene: &Scene<'_>,
        trying: Trying,
    ) -> anyhow::Result<Option<Mismatch>> {
        let tried = match trying {
            Trying::Registry => return self.ask_registry(scene).await,
            Trying::Pulls(pulls) => pulls.await??,
        };
        let other = tried.iter().find(|tried| !is_refusal(&tried.said));
        Ok(other.map(|tried| self.mismatch(format!("{}: {}", tried.image, tried.said.trim()))))
    }

    fn mismatch(&self, seen: String) -> Mismatch {
        let expected = format!(
            "the same image without credentials is refused; otherwise {} proves nothing",
            self.of.1
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
        let (namespace, pod) = &self.of;
        let mut changes = scene.timeline.changes();
        let find = async {
            loop {
                changes.borrow_and_update();
                if let Some(pod) = scene.timeline.pod_named(namespace, pod) {
                    return pod.object.spec.unwrap_or_default();
                }
                if changes.changed().await.is_err() {
                    std::future::pending::<()>().await;
                }
            }
        };
        let spec = tokio::time::timeout(LIMIT, find)
            .await
            .with_context(|| format!("there is no pod {pod} whose images could be tried"))?;
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
            "no image of the pod {pod} is in a registry of the case that authenticates; if that is meant, set `privacyCheck: public`",
        );
        Ok(images)
    }
}

async fn pull(node: &Node, images: Vec<String>) -> anyhow::Result<Vec<Tried>> {
    let mut tried = Vec::new();
    for image in images {
        // A pull that succeeds is an answer as well.
        let said = node.shell(&format!("crictl pull {} 2>&1; true", quote(&image))).await?;
        tried.push(Tried { image, said });
    }
    Ok(tried)
}

/// What registries and containerd say to who has no credentials.
const REFUSALS: [&str; 6] = [
    "401 Unauthorized",
    "403 Forbidden",
    "no basic auth credentials",
    "insufficient_scope",
    "authorization failed",
    "denied",
];

fn is_refusal(said: &str) -> bool {
    !said.contains("Image is up to date") && REFUSALS.iter().any(|words| said.contains(words))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_refusal_shows_that_an_image_is_private() {
        for refused in [
            "FATA[0000] pulling image: failed to authorize: 401 Unauthorized",
            "failed to resolve reference: pull access denied, repository does not exist or may require \
             authorization: authorization failed: no basic auth credentials",
        ] {
            assert!(is_refusal(refused), "{refused}");
        }
        for other in [
            "Image is up to date for sha256:1401403",
            "FATA[0000] pulling image: not found",
            "dial tcp 172.18.0.1:40123: connection refused",
            "",
        ] {
            assert!(!is_refusal(other), "{other}");
        }
    }
}
