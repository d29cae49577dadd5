//! `pullproof check` on a cluster: a pod of each template, whose images are stand-ins at a registry that
//! serves every host of the manifests.
//!
//! `plan` decides what is made, `staging` makes it, `pod` is what of a template reaches the API server,
//! `pull` follows a pod until the kubelet has decided about each image, and `verdict` reads the proof from
//! the registry's record. What was seen is judged by [`Check::judge`], as the check without a cluster is.

mod namespaces;
mod plan;
mod pod;
mod pull;
mod staging;
mod stand_in;
mod verdict;

use futures::{StreamExt as _, TryStreamExt as _, stream};
use pullproof_manifests::{Check, Checked, Manifests, SeenPod};

use crate::run::Session;

use plan::Plan;
use staging::Stage;

/// How many pods there are at the same time; a kubelet takes 110.
const PODS: usize = 40;
/// How many inputs are prepared at the same time.
const PREPARED: usize = 8;

/// Manifests, and what a check of them takes for granted.
#[derive(Debug)]
pub struct Input {
    /// What is taken for granted.
    pub check: Check,
    /// The manifests.
    pub manifests: Manifests,
}

/// Has a pod of each template pull its images, and returns what came of it per input. `progress` is given
/// how many pods are decided, and how many there are.
///
/// What is public for one input is public for all. The hosts of the manifests stay the session's until that
/// is closed, so this can be done once.
///
/// # Errors
/// The cluster or the registry fails, or the kubelet does not decide about a pod.
pub async fn run(
    session: &Session,
    inputs: &[Input],
    progress: impl Fn(usize, usize),
) -> anyhow::Result<Vec<Checked>> {
    let stage = Stage::set_up(session, inputs).await?;
    let plans: Vec<Plan> = stream::iter(inputs.iter().enumerate())
        .map(|(at, input)| namespaces::prepare(&stage, at, input))
        .buffered(PREPARED)
        .try_collect()
        .await?;
    let all: Vec<(usize, usize)> = (inputs.iter().enumerate())
        .flat_map(|(at, input)| (0..input.manifests.templates.len()).map(move |pod| (at, pod)))
        .collect();
    progress(0, all.len());
    let (stage, plans) = (&stage, &plans);
    let mut pulled = stream::iter(all.iter().copied())
        .map(|(at, pod)| async move {
            let seen = pull::seen(stage, &inputs[at], &plans[at], pod).await;
            seen.map(|seen| ((at, pod), seen))
        })
        .buffer_unordered(PODS);
    let mut seen: Vec<((usize, usize), SeenPod)> = Vec::with_capacity(all.len());
    while let Some(one) = pulled.next().await {
        seen.push(one?);
        stage.timeline.forget_gone();
        progress(seen.len(), all.len());
    }
    seen.sort_by_key(|(place, _)| *place);
    let mut seen = seen.into_iter().map(|(_, seen)| seen);
    let judged = inputs.iter().zip(plans).map(|(Input { check, manifests }, plan)| {
        let pods: Vec<SeenPod> = seen.by_ref().take(manifests.templates.len()).collect();
        let mut checked = check.judge(manifests, plan.secrets.clone(), &pods);
        checked.notes.extend(plan::notes(manifests, check.version));
        checked
    });
    Ok(judged.collect())
}
