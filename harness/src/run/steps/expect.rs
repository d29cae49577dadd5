//! `expect`: waits until something is seen.

use std::pin::pin;

use anyhow::Context;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Pod;
use kube::{
    Api,
    api::{Patch, PatchParams},
};
use serde_json::json;

use crate::{
    case::{
        PodSelector,
        model::{Expect, Requests},
    },
    evidence::{PodHistory, Timeline},
    outcome::Decision,
    run::{
        context::{CaseContext, Proven},
        judging::{
            awaiting::{Ended, Met, Missed, Nudge, Witnesses},
            cause,
            control_pull::ControlPull,
            observation, specimen,
        },
    },
};

use super::{Failure, failure};

/// Waits until what is expected was seen, or cannot be seen any more, and proves beside it that what
/// ran was private.
pub(super) async fn perform(
    context: &mut CaseContext<'_>,
    index: usize,
    expect: &Expect,
) -> Result<(), Failure> {
    let expect = &filled(expect, context);
    let namespace = expect.namespace.clone().unwrap_or_else(|| context.namespace.clone());
    let which = expect.pod.as_deref().map(PodSelector::parse).transpose()?;
    if std::mem::take(&mut context.stale) && which.is_some() {
        catch_up(context, &namespace).await?;
    }
    let began = Timestamp::now();
    let ended = both(context, index, expect, &namespace, which.as_ref()).await;
    let at = Timestamp::now();
    let pod = which.as_ref().and_then(|which| context.timeline.find(&namespace, which));
    let pod = pod.filter(|_| expect.cause.is_some() || expect.fails());
    let diagnoses = match &pod {
        Some(pod) => cause::diagnoses(context, pod, expect.container.as_deref()).await,
        None => Ok(None),
    };
    let known = diagnoses.as_ref().ok().and_then(Option::as_ref);
    observation::note(context, index, expect, &namespace, which.as_ref(), known);
    let (met, proven) = ended.map_err(|failure| failure.with_diagnosis(context, known))?;
    if let Some(stated) = expect.cause
        && let Err(mismatch) = cause::judge(stated, diagnoses?.as_ref())
    {
        return Err(failure(
            context,
            index,
            mismatch,
            at.duration_since(began).unsigned_abs(),
            None,
            &[],
        ));
    }
    if let Some(pod) = &pod {
        specimen::collect(context, index, pod).await?;
    }
    if let Some(pod) = &which {
        let (namespace, pod) = (namespace.clone(), pod.to_string());
        context.observer.decisions.push(Decision { namespace, pod, began, at, waited: met.waited });
    }
    context.proven.extend(proven);
    context.looked = met.looked;
    for (registry, mark) in expect.registry.0.iter().zip(met.registries) {
        // The next expectation of this registry is about what comes after this one.
        let name = registry.registry.clone().or_else(|| context.registries.keys().next().cloned());
        if let Some(live) = name.and_then(|name| context.registries.get_mut(&name)) {
            live.looked = mark;
        }
    }
    Ok(())
}

/// The expectation and its control pull, side by side: whichever fails first ends both.
async fn both(
    context: &CaseContext<'_>,
    index: usize,
    expect: &Expect,
    namespace: &str,
    which: Option<&PodSelector>,
) -> Result<(Met, Vec<Proven>), Failure> {
    let mut registries = Vec::new();
    for expected in &expect.registry.0 {
        let live = context.registry(expected.registry.as_deref())?;
        registries.push((expected, live.registry.record().clone(), live.looked));
    }
    let witnesses = Witnesses {
        expect,
        timeline: &context.timeline,
        namespace,
        pod: which,
        looked: &context.looked,
        registries,
        versions: &context.session.cluster.versions,
    };
    let pods = Api::<Pod>::namespaced(context.session.client().clone(), namespace);
    let met = async {
        let met = witnesses.until_met(&Annotations(&pods)).await;
        met.map_err(|ended| match ended {
            Ended::Blind(error) => Failure::Broken(error),
            Ended::Missed(missed) => {
                let Missed { mismatch, waited, kubelet, requests } = *missed;
                failure(context, index, mismatch, waited, kubelet, &requests)
            }
        })
    };
    let control = async {
        let Some(control) = ControlPull::wanted(context, expect, namespace, which) else {
            return Ok(Vec::new());
        };
        let began = tokio::time::Instant::now();
        match control.run().await? {
            Ok(proven) => Ok(proven),
            Err(mismatch) => Err(failure(context, index, mismatch, began.elapsed(), None, &[])),
        }
    };
    let (mut met, mut control) = (pin!(met), pin!(control));
    tokio::select! {
        biased;
        met = &mut met => {
            let met = met?;
            Ok((met, control.await?))
        }
        proven = &mut control => {
            let proven = proven?;
            Ok((met.await?, proven))
        }
    }
}

/// Any update of a pod has the kubelet sync it at once, that is at its next relist of containers,
/// at most 1 s later; it then reports the back-off it is in. Otherwise a failed pod waits 10 to
/// 15 s for its next sync (pkg/kubelet/pleg/generic.go, pkg/kubelet/pod_workers.go).
struct Annotations<'a>(&'a Api<Pod>);

impl Nudge for Annotations<'_> {
    async fn nudge(&self, pod: &str) {
        let value = Timestamp::now().to_string();
        let patch = json!({"metadata": {"annotations": {"pullproof.dev/sync": value}}});
        // That a pod is gone is the watch's to report.
        self.0.patch(pod, &PatchParams::default(), &Patch::Merge(patch)).await.ok();
    }
}

/// Brings the timeline to what the API server has now, as far as it is about which pods there are. A
/// command or a controller may have replaced a pod, of which the watch reports later.
async fn catch_up(context: &CaseContext<'_>, namespace: &str) -> anyhow::Result<()> {
    // One that the watch delivers meanwhile is newer than the list.
    let before = context.timeline.pods();
    let there =
        context.session.objects.pods(namespace).await.context("catching up with the pods")?;
    reconcile(&context.timeline, namespace, &before, &there);
    Ok(())
}

fn reconcile(
    timeline: &Timeline,
    namespace: &str,
    before: &[PodHistory],
    there: &[(String, String)],
) {
    for pod in before.iter().filter(|pod| pod.namespace == namespace && !pod.gone) {
        if !there.iter().any(|(_, uid)| *uid == pod.uid) {
            timeline.gone(&pod.uid);
        }
    }
    for (name, uid) in there {
        timeline.made(namespace, name, uid);
    }
}

fn filled(expect: &Expect, context: &CaseContext<'_>) -> Expect {
    let fill = |text: &mut String| *text = context.variables.fill(text);
    let mut expect = expect.clone();
    expect.pod.iter_mut().for_each(fill);
    expect.namespace.iter_mut().for_each(fill);
    let of_events = expect.events.iter_mut().flat_map(|event| &mut event.message.0);
    expect.message.0.iter_mut().chain(of_events).for_each(|text| fill(&mut text.text));
    for registry in &mut expect.registry.0 {
        if let Some(Requests::Each(each)) = &mut registry.requests {
            each.iter_mut().for_each(|request| request.path.iter_mut().for_each(fill));
        }
    }
    expect
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_api_server_no_longer_has_is_gone_before_the_watch_says_so() {
        let timeline = Timeline::default();
        let pod = "{metadata: {name: a, namespace: n, uid: old}, status: {phase: Running}}";
        timeline.pod(serde_saphyr::from_str(pod).unwrap(), Timestamp::UNIX_EPOCH);
        let named = PodSelector::Name("a".to_owned());
        assert!(timeline.find("n", &named).is_some());
        let before = timeline.pods();
        // The watch delivers it between the list and its use.
        let late = pod.replace("a,", "b,").replace("old", "late");
        timeline.pod(serde_saphyr::from_str(&late).unwrap(), Timestamp::UNIX_EPOCH);
        reconcile(&timeline, "n", &before, &[("a".to_owned(), "new".to_owned())]);
        assert_eq!(timeline.names("n"), ["b"]);
        assert_eq!(timeline.find("n", &named), None, "the new one has not been seen yet");
        timeline.pod(
            serde_saphyr::from_str(&pod.replace("old", "new")).unwrap(),
            Timestamp::UNIX_EPOCH,
        );
        assert_eq!(timeline.find("n", &named).unwrap().uid, "new");
    }
}
