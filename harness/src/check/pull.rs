//! A pod of a template, from its creation until the kubelet has decided about each image.

use std::time::Duration;

use anyhow::Context as _;
use k8s_openapi::api::core::v1::Pod;
use kube::{
    Api, ResourceExt as _,
    api::{ApiResource, DeleteParams, DynamicObject, PostParams},
};
use pullproof_credentials::effective_secrets;
use pullproof_manifests::{PodTemplate, Pull, SeenPod};

use crate::{case::model, image, limit::within, registry::Mark};

use super::{
    Input, namespaces,
    plan::Plan,
    pod::{self, blocks},
    staging::Stage,
    stand_in::StandIn,
    verdict::{self, Looked},
};

/// How long the kubelet may take to decide about the images of a pod.
const DECIDED: Duration = Duration::from_secs(180);

/// Has a pod of a template pull its images.
///
/// A pod as it is written comes first. If one of its init containers is not pulled, those after it are never
/// tried, so that a second pod has them as ordinary ones. If the API server refuses a pod for one container,
/// each has a pod of its own.
///
/// # Errors
/// The cluster or the registry fails, or the kubelet does not decide.
pub(super) async fn seen(
    stage: &Stage<'_>,
    input: &Input,
    plan: &Plan,
    place: usize,
) -> anyhow::Result<SeenPod> {
    let template = &input.manifests.templates[place];
    let mut pods = Pods { stage, input, plan, template, place, made: 0, secrets: None };
    let all: Vec<usize> = (0..template.containers.len()).collect();
    let plain = |at: &usize| !blocks(template.containers[*at].kind);
    let mut pulls: Vec<Option<Pull>> = vec![None; all.len()];
    let whole = pods.pull(&all, all.iter().any(plain), &mut pulls).await?;
    let left: Vec<usize> = all.into_iter().filter(|at| pulls[*at].is_none()).collect();
    let together = whole && !left.is_empty() && pods.pull(&left, false, &mut pulls).await?;
    if !together {
        for at in left {
            if !pods.pull(&[at], false, &mut pulls).await? {
                pulls[at] = Some(Pull::Refused);
            }
        }
    }
    let pulls = pulls.into_iter().map(|pull| pull.unwrap_or(Pull::Refused)).collect();
    Ok(SeenPod { secrets: pods.secrets, pulls })
}

/// The pods of a template, one after the other.
struct Pods<'a> {
    stage: &'a Stage<'a>,
    input: &'a Input,
    plan: &'a Plan,
    template: &'a PodTemplate,
    place: usize,
    made: usize,
    /// Those that admission left or added.
    secrets: Option<Vec<String>>,
}

impl Pods<'_> {
    /// Makes a pod of some containers and waits until each is decided, but for those that wait for one that
    /// is not pulled. Returns whether the API server took the pod.
    async fn pull(
        &mut self,
        places: &[usize],
        written: bool,
        pulls: &mut [Option<Pull>],
    ) -> anyhow::Result<bool> {
        let stand_ins = self.push(places).await?;
        let mark = self.stage.registry().record().mark();
        let image = |(place, stand_in): &(usize, Option<StandIn>)| {
            let own = || self.template.containers[*place].image.clone();
            (*place, stand_in.as_ref().map_or_else(own, StandIn::image))
        };
        let images: Vec<pod::Image> = stand_ins.iter().map(image).collect();
        let name = format!("pod-{}-{}", self.place, self.made);
        self.made += 1;
        let namespace = &self.plan.namespaces[&self.template.object.namespace];
        let api = Api::<DynamicObject>::namespaced_with(
            self.stage.session.client().clone(),
            namespace,
            &ApiResource::erase::<Pod>(&()),
        );
        let object = serde_json::from_value(pod::of(self.template, &name, &images, written))?;
        let created = match api.create(&PostParams::default(), &object).await {
            Ok(created) => created,
            Err(error) if namespaces::is_refusal(&error) => return Ok(false),
            Err(error) => return Err(error).with_context(|| self.what("creating the pod of")),
        };
        self.secrets = Some(admitted(&created));
        let uid = created.uid().unwrap_or_default();
        let what = self.what("the kubelet's decision about the images of");
        let decided = self.decided(&uid, &stand_ins, mark, written);
        let decided = within(DECIDED, what, decided).await;
        // Its images would be pulled again and again.
        let grace = DeleteParams::default().grace_period(1);
        api.delete(&name, &grace).await.with_context(|| self.what("deleting the pod of"))?;
        for ((place, _), pull) in stand_ins.iter().zip(decided?) {
            if pull.is_some() {
                pulls[*place] = pull;
            }
        }
        Ok(true)
    }

    fn what(&self, what: &str) -> String {
        format!("{what} {} ({})", self.template.object, self.template.location)
    }

    /// Pushes a stand-in per container whose image is the name of one.
    async fn push(&self, places: &[usize]) -> anyhow::Result<Vec<(usize, Option<StandIn>)>> {
        let mut pushed = Vec::with_capacity(places.len());
        for &place in places {
            let container = &self.template.containers[place];
            let suffix = self.stage.suffix();
            let mut stand_in = StandIn::of(container, self.input.check.version, &suffix);
            if let Some(stand_in) = &mut stand_in {
                let name = stand_in.pushed_as();
                let image =
                    image::Image::build(&model::Image::new(&name), self.stage.session.arch)?;
                self.stage.registry().push(&name, &image).await?;
                stand_in.set_digest(image.digest());
            }
            pushed.push((place, stand_in));
        }
        Ok(pushed)
    }

    /// Waits until each container is decided or waits for one that is not pulled.
    async fn decided(
        &self,
        uid: &str,
        stand_ins: &[(usize, Option<StandIn>)],
        mark: Mark,
        written: bool,
    ) -> anyhow::Result<Vec<Option<Pull>>> {
        let timeline = &self.stage.timeline;
        let mut changes = timeline.changes();
        loop {
            changes.borrow_and_update();
            let looked: Vec<Looked> = timeline.look(uid, |pod, events| {
                let look = |(place, _): &(usize, _)| verdict::look(*place, pod, events);
                stand_ins.iter().map(look).collect()
            });
            let blocked = written
                && looked.iter().zip(stand_ins).any(|(looked, (place, _))| {
                    let kind = self.template.containers[*place].kind;
                    blocks(kind) && matches!(looked, Looked::Failed(_))
                });
            if blocked || !looked.iter().any(|it| matches!(it, Looked::Undecided)) {
                let judged =
                    looked.into_iter().zip(stand_ins).map(|(looked, (place, stand_in))| {
                        let judge = verdict::Judge {
                            check: &self.input.check,
                            plan: self.plan,
                            secrets: self.secrets.as_deref().unwrap_or_default(),
                            namespace: &self.template.object.namespace,
                            container: &self.template.containers[*place],
                            stand_in: stand_in.as_ref(),
                            record: self.stage.registry().record(),
                            mark,
                        };
                        judge.pull(looked)
                    });
                return judged.collect();
            }
            changes.changed().await?;
        }
    }
}

/// The names of the pull secrets of a pod as the API server has it.
fn admitted(pod: &DynamicObject) -> Vec<String> {
    let list = pod.data["spec"]["imagePullSecrets"].as_array();
    let name = |secret: &serde_json::Value| secret["name"].as_str().unwrap_or_default().to_owned();
    let names: Vec<String> = list.into_iter().flatten().map(name).collect();
    // The kubelet passes over one without a name.
    effective_secrets(&names, &[]).0.into_iter().map(str::to_owned).collect()
}
