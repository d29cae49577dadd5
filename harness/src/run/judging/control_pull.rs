//! The control pull: the proof that an image is private, or public if the case says so.
//!
//! A test of a private pull passes with a public image too (kubernetes/kubernetes#97026). So the node
//! pulls every image of a pod that ran once more, without credentials. It is the kubelet's own call,
//! CRI's PullImage, by the same containerd and by the same hosts.toml, but for the host: each has an
//! alias whose hosts.toml leads to the control addresses of the same registries. What they record there
//! is nobody's evidence but this one's.

use std::time::Duration;

use crate::{
    case::{
        PodSelector,
        model::{Auth, Expect, FaultAction, Phase, PrivacyCheck},
    },
    cluster::quote,
    evidence::PodHistory,
    expectation::Mismatch,
    image::Reference,
    registry::{Origin, Record, Request, RequestKind},
};

use crate::{
    limit::within,
    run::context::{CaseContext, Proven},
};

/// How long a pod may take to be there, and the control pull of an image to be refused.
const LIMIT: Duration = Duration::from_secs(60);

/// What a pod that ran, or one of its containers, still has to be proved of.
pub(in crate::run) struct ControlPull<'a> {
    context: &'a CaseContext<'a>,
    expect: &'a Expect,
    namespace: &'a str,
    pod: &'a PodSelector,
}

impl<'a> ControlPull<'a> {
    /// The control pull that an expectation needs: if a pod or a container of it has to run, or to
    /// have run.
    pub fn wanted(
        context: &'a CaseContext<'a>,
        expect: &'a Expect,
        namespace: &'a str,
        pod: Option<&'a PodSelector>,
    ) -> Option<Self> {
        let ran = matches!(expect.phase, Some(Phase::Running | Phase::Succeeded));
        pod.filter(|_| ran).map(|pod| Self { context, expect, namespace, pod })
    }

    /// Pulls, or asks, and returns what was proved; an image that was proved before is not again.
    ///
    /// # Errors
    /// The node or a registry does not answer.
    pub async fn run(&self) -> anyhow::Result<Result<Vec<Proven>, Mismatch>> {
        // Where no pod appears, the expectation itself says so.
        let Ok(pod) = tokio::time::timeout(LIMIT, self.appearance()).await else {
            return Ok(Ok(Vec::new()));
        };
        let images = images(&pod, self.expect.container.as_deref());
        let meant: Vec<_> = images.iter().filter_map(|image| self.meant(image)).collect();
        if meant.is_empty() {
            return Ok(self.nothing_to_prove(&pod, &images));
        }
        let mut proven = Vec::new();
        for (image, reference, registries) in meant {
            let new = (pod.uid.clone(), image.to_owned());
            if self.context.proven.contains(&new) {
                continue;
            }
            let mismatch = match self.expect.privacy_check {
                PrivacyCheck::NodePull => self.pull(image, &reference, &registries).await?,
                PrivacyCheck::RegistryAnswer => {
                    self.ask(image, &reference, &registries, false).await?
                }
                PrivacyCheck::Public => self.ask(image, &reference, &registries, true).await?,
            };
            if let Some(mismatch) = mismatch {
                return Ok(Err(mismatch));
            }
            proven.push(new);
        }
        Ok(Ok(proven))
    }

    async fn appearance(&self) -> PodHistory {
        let mut changes = self.context.timeline.changes();
        loop {
            changes.borrow_and_update();
            if let Some(pod) = self.context.timeline.find(self.namespace, self.pod)
                && self
                    .expect
                    .container
                    .as_deref()
                    .is_none_or(|name| pod.container_names().contains(&name))
            {
                return pod;
            }
            if changes.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }

    /// An image that is to be proved private (or public), with the registries that serve its host.
    fn meant<'i>(&self, image: &'i str) -> Option<(&'i str, Reference, Vec<&'a str>)> {
        let reference = Reference::of(image);
        let private =
            |all: &[&str]| all.iter().any(|name| self.context.is_private(name, &reference));
        let mut registries = self.context.registries_of(&reference.host);
        if self.expect.privacy_check == PrivacyCheck::RegistryAnswer
            && !private(&registries)
            && !registries.is_empty()
        {
            // The host's registry may redirect to another.
            registries = self.context.file.case.registries.keys().map(String::as_str).collect();
        }
        let meant = match self.expect.privacy_check {
            PrivacyCheck::Public => !registries.is_empty(),
            PrivacyCheck::NodePull | PrivacyCheck::RegistryAnswer => private(&registries),
        };
        meant.then_some((image, reference, registries))
    }

    /// What is said if no image of the pod is in a registry that could refuse it.
    fn nothing_to_prove(
        &self,
        pod: &PodHistory,
        images: &[String],
    ) -> Result<Vec<Proven>, Mismatch> {
        let case = &self.context.file.case;
        let redirects = |registry: &crate::case::model::Registry| {
            registry.faults.iter().any(|fault| {
                matches!(fault.action, FaultAction::Redirect(_) | FaultAction::RedirectAway(_))
            })
        };
        let hint = match case.registries.values().any(redirects) {
            true => {
                "a registry redirects to another: `privacyCheck: registryAnswer` asks the registries themselves"
            }
            false => "if the image is public on purpose, set `privacyCheck: public`",
        };
        let expected = "an image in a registry of the case that authenticates";
        let seen = format!("{} has {}; {hint}", pod.name, images.join(", "));
        Err(Mismatch::new("control pull", expected, seen))
    }

    /// Has the node pull without credentials. The registry's record decides.
    async fn pull(
        &self,
        image: &str,
        reference: &Reference,
        registries: &[&str],
    ) -> anyhow::Result<Option<Mismatch>> {
        let alias = self.context.alias_of(&reference.host)?;
        let records: Vec<(Record, _)> = registries
            .iter()
            .filter_map(|name| Some(self.context.registries.get(*name)?.registry.record().clone()))
            .map(|record| (record.clone(), record.mark()))
            .collect();
        let script = format!("crictl pull {} 2>&1; true", quote(&reference.at(&alias)));
        let what = format!("the control pull of {image}");
        let said = within(LIMIT, what, self.context.session.cluster.node.shell(&script)).await?;
        let seen: Vec<Request> =
            records.iter().flat_map(|(record, since)| record.since(*since)).collect();
        let refusal = refusal(&seen, &reference.repository);
        tracing::debug!("{}: control pull of {image}: {refusal:?}", self.context.file.name);
        Ok(match refusal {
            Refusal::Refused => None,
            Refusal::Served => Some(not_private(image, "the registry gave it to the control pull")),
            Refusal::Unasked => {
                Some(not_private(image, &format!("no registry refused it: {}", said.trim())))
            }
        })
    }

    /// Asks the registries for the manifest, without credentials.
    async fn ask(
        &self,
        image: &str,
        reference: &Reference,
        registries: &[&str],
        public: bool,
    ) -> anyhow::Result<Option<Mismatch>> {
        let which = reference.digest.as_ref().or(reference.tag.as_ref());
        let name = format!("{}:{}", reference.repository, which.map_or("latest", String::as_str));
        let mut answers = Vec::new();
        for registry in registries {
            let Some(live) = self.context.registries.get(*registry) else { continue };
            answers.push((*registry, live.registry.anonymous_manifest(&name).await?));
        }
        let told: Vec<String> = answers
            .iter()
            .map(|(registry, status)| format!("{registry} answers {status}"))
            .collect();
        let served = answers.iter().any(|(_, status)| *status == 200);
        let refused = answers.iter().any(|(_, status)| matches!(status, 401 | 403));
        Ok(match public {
            true if served => None,
            true => {
                let expected = format!("{image} is public: without credentials it is served");
                Some(Mismatch::new("control pull", expected, told.join(", ")))
            }
            false if refused && !served => None,
            false => Some(not_private(image, &told.join(", "))),
        })
    }
}

/// Whether this registry of a case keeps an image from who has no credentials.
pub(in crate::run) fn keeps(auth: &Auth, reference: &Reference) -> bool {
    match auth {
        Auth::None => false,
        Auth::Basic(_) | Auth::Htpasswd(_) => true,
        Auth::Token(token) => !token.public.contains(&reference.repository),
    }
}

/// The images of a pod, or of one of its containers: also of init and ephemeral containers and of image
/// volumes.
fn images(pod: &PodHistory, container: Option<&str>) -> Vec<String> {
    let spec = pod.object.spec.clone().unwrap_or_default();
    let init = spec.init_containers.into_iter().flatten().map(|one| (one.name, one.image));
    let plain = spec.containers.into_iter().map(|one| (one.name, one.image));
    // Those of a pod are started by and by, and the pod runs without them.
    let ephemeral =
        spec.ephemeral_containers.into_iter().flatten().map(|one| (one.name, one.image));
    let ephemeral = ephemeral.filter(|_| container.is_some());
    let of_containers = init
        .chain(plain)
        .chain(ephemeral)
        .filter(|(name, _)| container.is_none_or(|wanted| wanted == name))
        .filter_map(|(_, image)| image);
    let volumes = spec.volumes.into_iter().flatten().filter(|_| container.is_none());
    let of_volumes = volumes.filter_map(|volume| volume.image?.reference);
    let mut images: Vec<String> = Vec::new();
    for image in of_containers.chain(of_volumes) {
        if !images.contains(&image) {
            images.push(image);
        }
    }
    images
}

fn not_private(image: &str, seen: &str) -> Mismatch {
    let expected = format!(
        "{image} is private: without credentials it is refused, otherwise its pull proves nothing"
    );
    Mismatch::new("control pull", expected, seen)
}

/// What registries did with a control pull.
#[derive(Debug, PartialEq, Eq)]
enum Refusal {
    /// The manifest was given away.
    Served,
    /// It was asked for, and refused with 401 or 403.
    Refused,
    /// Neither.
    Unasked,
}

fn refusal(seen: &[Request], repository: &str) -> Refusal {
    let control = seen.iter().filter(|request| request.from == Origin::Control);
    // A mirror may stand below a path of its host (`override_path`).
    let of_it = |asked: &str| {
        asked.strip_suffix(repository).is_some_and(|path| path.is_empty() || path.ends_with('/'))
    };
    let manifests = control.filter(|request| {
        request.kind == RequestKind::Manifest && request.repository.as_deref().is_some_and(of_it)
    });
    let statuses: Vec<u16> = manifests.filter_map(|request| request.status).collect();
    if statuses.contains(&200) {
        Refusal::Served
    } else if statuses.iter().any(|status| matches!(status, 401 | 403)) {
        Refusal::Refused
    } else {
        Refusal::Unasked
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::expectation::sample;

    #[test]
    fn only_the_registrys_refusal_of_the_control_pull_shows_that_an_image_is_private() {
        let refusal = |lines: &str| refusal(&sample::requests(lines), "a");
        let refused = "control HEAD /v2/a/manifests/v1 - 401";
        assert_eq!(refusal(refused), Refusal::Refused);
        assert_eq!(refusal("control HEAD /v2/a/manifests/v1 - 403"), Refusal::Refused);
        assert_eq!(refusal("control HEAD /v2/proxy/a/manifests/v1 - 401"), Refusal::Refused);
        let token = "control GET /v2/a/manifests/v1 bearer: 200";
        assert_eq!(refusal(&format!("{refused}\n{token}")), Refusal::Served);
        for other in [
            "",
            "control HEAD /v2/a/manifests/v1 - 404",
            "control HEAD /v2/other/manifests/v1 - 401",
            "control HEAD /v2/otherwise-a/manifests/v1 - 401",
            "node HEAD /v2/a/manifests/v1 - 401",
            "control GET /v2/ - 401",
        ] {
            assert_eq!(refusal(other), Refusal::Unasked, "{other}");
        }
    }

    #[test]
    fn an_ephemeral_container_is_proved_when_it_is_named() {
        let mut pod = sample::history(&[("Running", "running", "")]);
        pod.object.spec = serde_saphyr::from_str(
            "{initContainers: [{name: i, image: init}], containers: [{name: c, image: app}, \
             {name: d, image: app}], ephemeralContainers: [{name: e, image: debug}], \
             volumes: [{name: v, image: {reference: data}}]}",
        )
        .unwrap();
        assert_eq!(images(&pod, None), ["init", "app", "data"]);
        assert_eq!(images(&pod, Some("e")), ["debug"]);
    }
}
