//! What each verb of a case does.

use std::time::Duration;

use anyhow::Context;
use futures::future::select_all;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Pod;
use kube::{
    Api,
    api::{Patch, PatchParams},
};
use serde_json::json;
use tokio::time::Instant;

use crate::{
    case::model::{
        Expect, ExpectedRequests, ImageRecord, NodeChange, Nothing, Output, RegistryChange, Run,
        Step, Sync,
    },
    cluster::quote,
    registry::Request,
};

use super::{
    expectation::{self, Met, Mismatch},
    observation::{self, Decision},
    outcome::StepFailure,
    pair::Proof,
    requests,
    scene::Scene,
};

/// How long an expectation may take where the case does not say.
const WITHIN: Duration = Duration::from_secs(60);
/// How long events and requests may lag behind the pod's status.
const LAG: Duration = Duration::from_secs(10);
/// How long a kubelet may take to follow a hint before it gets the next one.
const HINT: Duration = Duration::from_secs(2);

/// Why a step did not go through.
pub enum Failure {
    /// Something else was seen than the case expects.
    Mismatch(Box<StepFailure>),
    /// It could not be done or seen.
    Broken(anyhow::Error),
}

impl<E: Into<anyhow::Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::Broken(error.into())
    }
}

/// How long an expectation may take.
fn within(expect: &Expect) -> Duration {
    expect.within.map_or(WITHIN, Duration::from_secs)
}

/// How long a step may wait for what it expects.
pub fn patience(step: &Step) -> Duration {
    step.expect.as_ref().map_or(Duration::ZERO, within)
}

/// Does one step.
pub async fn take(scene: &mut Scene<'_>, index: usize, step: &Step) -> Result<(), Failure> {
    if step.apply.is_some() {
        for object in scene.file.objects.get(&index).into_iter().flatten() {
            let object = scene.variables.fill_value(object);
            scene.session.objects.apply(&scene.namespace, &object).await?;
        }
    }
    if let Some(expect) = &step.expect {
        expected(scene, index, expect).await?;
    }
    if let Some(run) = &step.run {
        command(scene, index, run).await?;
    }
    if let Some(patch) = &step.patch {
        let merge = scene.variables.fill_value(&patch.merge);
        let objects = &scene.session.objects;
        let object = scene.variables.fill(&patch.object);
        objects.patch(&scene.namespace, &object, &merge).await?;
        if let Some(account) = object.strip_prefix("serviceaccount/") {
            objects.account_settled(&scene.namespace, account).await?;
        }
    }
    if let Some(object) = &step.delete {
        let object = scene.variables.fill(object);
        scene.session.objects.delete(&scene.namespace, &object).await?;
    }
    if let Some(change) = &step.registry {
        registry(scene, change).await?;
    }
    if let Some(change) = &step.node {
        node(scene, change).await?;
        if let Some(wanted) = &change.record {
            record(scene, index, wanted).await?;
        }
    }
    let words = observation::in_words(scene, index, step);
    scene.observer.done(words);
    Ok(())
}

/// Looks at the kubelet's record of an image, which is written before a container starts.
async fn record(scene: &Scene<'_>, index: usize, wanted: &ImageRecord) -> Result<(), Failure> {
    let image = quote(&format!("\"{}\"", scene.variables.fill(&wanted.image)));
    let find = format!("grep -lsr -F {image} /var/lib/kubelet/image_manager/pulled");
    let script = format!("{find} | head -n 1 | xargs -r cat");
    let found = scene.session.cluster.node.shell(&script).await?;
    let versions = &scene.session.cluster.versions;
    let wanted = filled_output(&wanted.shows, scene);
    match expectation::output("record", &wanted, &found, versions) {
        Ok(()) => Ok(()),
        Err(mismatch) => Err(failure(scene, index, mismatch, Duration::ZERO, None, &[])),
    }
}

fn filled_output(output: &Output, scene: &Scene<'_>) -> Output {
    let mut output = output.clone();
    for text in output.contains.0.iter_mut().chain(&mut output.lacks.0) {
        text.contains = scene.variables.fill(&text.contains);
    }
    output.equals = output.equals.map(|text| scene.variables.fill(&text));
    output.json = output.json.map(|value| scene.variables.fill_value(&value));
    output
}

async fn command(scene: &mut Scene<'_>, index: usize, run: &Run) -> Result<(), Failure> {
    let stdin = run.stdin.as_ref().map(|text| scene.variables.fill(text));
    let variables = scene.variables.clone();
    let done = scene.workplace()?.run(&run.command, stdin, &variables).await?;
    let mut results = Vec::new();
    if done.status != run.exit {
        let seen = format!("status {}\n{}{}", done.status, done.stdout, done.stderr);
        results.push(Err(Mismatch::new("exit status", format!("status {}", run.exit), seen)));
    }
    let versions = &scene.session.cluster.versions;
    for (of, wanted, printed) in
        [("stdout", &run.stdout, &done.stdout), ("stderr", &run.stderr, &done.stderr)]
    {
        if let Some(wanted) = wanted {
            let wanted = filled_output(wanted, scene);
            results.push(expectation::output(of, &wanted, printed, versions));
        }
    }
    match results.into_iter().find_map(Result::err) {
        Some(mismatch) => Err(failure(scene, index, mismatch, Duration::ZERO, None, &[])),
        None => Ok(()),
    }
}

async fn registry(scene: &mut Scene<'_>, change: &RegistryChange) -> anyhow::Result<()> {
    let live = scene.registry(change.of.as_deref())?;
    if let Some(users) = &change.users {
        live.registry.set_users(users).await?;
    }
    if let Some(faults) = &change.faults {
        live.registry.set_faults(faults.clone());
    }
    let name = live.registry.name().to_owned();
    scene.push(&name, &change.push).await
}

async fn node(scene: &mut Scene<'_>, change: &NodeChange) -> anyhow::Result<()> {
    let node = &scene.session.cluster.node;
    if !change.files.is_empty() {
        let mut files = Vec::new();
        let mut keep = String::new();
        for (path, text) in &change.files {
            let (path, text) = (scene.variables.fill(path), scene.variables.fill(text));
            let (old, kept) = (quote(&path), quote(&format!("{path}.before-pullproof")));
            keep.push_str(&format!("[ ! -e {old} ] || [ -e {kept} ] || cp -p {old} {kept}; "));
            files.push((path, text));
        }
        scene.node_files.extend(files.iter().map(|(path, _)| path.clone()));
        node.shell(&format!("{keep}true")).await?;
        node.write(&files).await?;
    }
    let fill = |names: &[String]| names.iter().map(|n| scene.variables.fill(n)).collect::<Vec<_>>();
    scene.remove_images(&fill(&change.remove_images)).await?;
    for image in fill(&change.preload) {
        scene.preload(&image).await?;
    }
    if change.restart_kubelet {
        // systemctl returns once it runs; a pod applied next is synced when it is ready.
        node.shell("systemctl restart kubelet").await?;
    }
    Ok(())
}

/// Waits until what is expected was seen, or cannot be seen any more.
async fn expected(scene: &mut Scene<'_>, index: usize, expect: &Expect) -> Result<(), Failure> {
    let began = Instant::now();
    let limit = within(expect);
    let expect = &Expect {
        pod: expect.pod.as_ref().map(|pod| scene.variables.fill(pod)),
        ..filled(expect, scene)
    };
    let namespace = match &expect.namespace {
        Some(name) => scene.variables.fill(name),
        None => scene.namespace.clone(),
    };
    let pair = Proof::wanted(scene, expect, &namespace);
    let beside = !scene.session.pairs_apart && !disturbed_by_pair(expect);
    let trying = match &pair {
        Some(pair) if beside => Some(pair.start(scene).await?),
        _ => None,
    };
    let from = Timestamp::now();
    let watched = watch(scene, index, expect, &namespace, began, limit).await;
    let at = Timestamp::now();
    observation::note(scene, index, expect, &namespace);
    let waited = watched?;
    if let Some(pod) = expect.pod.clone() {
        let namespace = namespace.clone();
        scene.observer.decisions.push(Decision { namespace, pod, began: from, at, waited });
    }
    for registry in &expect.registry.0 {
        // The next expectation speaks of what comes after this one.
        let name = registry.of.clone().or_else(|| scene.registries.keys().next().cloned());
        if let Some(live) = name.and_then(|name| scene.registries.get_mut(&name)) {
            live.looked = live.registry.record().mark();
        }
    }
    if let Some(pair) = pair {
        let trying = match trying {
            Some(trying) => trying,
            None => pair.start(scene).await?,
        };
        if let Some(mismatch) = pair.check(scene, trying).await? {
            return Err(failure(scene, index, mismatch, began.elapsed(), None, &[]));
        }
        scene.proven.insert(pair.of);
        // What the pair asked for is not what the case asks about next.
        for live in scene.registries.values_mut() {
            live.looked = live.registry.record().mark();
        }
    }
    Ok(())
}

fn filled(expect: &Expect, scene: &Scene<'_>) -> Expect {
    let mut expect = expect.clone();
    for text in
        expect.message.0.iter_mut().chain(expect.events.iter_mut().flat_map(|e| &mut e.message.0))
    {
        text.contains = scene.variables.fill(&text.contains);
    }
    expect
}

/// Tells whether events or requests were waited for after the pod was as expected.
async fn watch(
    scene: &Scene<'_>,
    index: usize,
    expect: &Expect,
    namespace: &str,
    began: Instant,
    limit: Duration,
) -> Result<bool, Failure> {
    let mut changes = scene.timeline.changes();
    let mut requested = Vec::new();
    for registry in &expect.registry.0 {
        requested.push(scene.registry(registry.of.as_deref())?.registry.record().changes());
    }
    let deadline = began + limit;
    // Until when reports beside the pod may lag; where the case gives a time, until then.
    let mut lag_ends = None;
    let lag = if expect.within.is_some() { limit } else { LAG };
    let mut hinted: Option<Instant> = None;
    loop {
        changes.borrow_and_update();
        for requested in &mut requested {
            requested.borrow_and_update();
        }
        let (met, seen) = look(scene, expect, namespace)?;
        let now = Instant::now();
        let mismatch = match met {
            Met::Yes => return Ok(lag_ends.is_some()),
            Met::Never(mismatch) => {
                return Err(failed(scene, index, expect, namespace, mismatch, began, &seen));
            }
            Met::NotYet(mismatch) => {
                lag_ends = None;
                mismatch
            }
            Met::Nearly(mismatch) => {
                if now >= *lag_ends.get_or_insert(now + lag) {
                    return Err(failed(scene, index, expect, namespace, mismatch, began, &seen));
                }
                mismatch
            }
        };
        if now >= deadline {
            return Err(failed(scene, index, expect, namespace, mismatch, began, &seen));
        }
        let mut wake = deadline;
        if let Some(end) = lag_ends {
            wake = wake.min(end);
        }
        if may_hint(scene, expect, namespace) {
            let next = hinted.map_or(now, |hinted| hinted + HINT);
            if now >= next {
                hint(scene, expect, namespace, index, began.elapsed()).await;
                hinted = Some(now);
                wake = wake.min(now + HINT);
            } else {
                wake = wake.min(next);
            }
        }
        let requests_changed = async {
            match requested.is_empty() {
                false => {
                    drop(select_all(requested.iter_mut().map(|r| Box::pin(r.changed()))).await)
                }
                true => std::future::pending().await,
            }
        };
        tokio::select! {
            changed = changes.changed() => changed.context("the watch ended")?,
            _ = requests_changed => {}
            () = tokio::time::sleep_until(wake) => {}
        }
    }
}

/// One look at everything an expectation speaks of.
fn look(
    scene: &Scene<'_>,
    expect: &Expect,
    namespace: &str,
) -> anyhow::Result<(Met, Vec<Request>)> {
    let versions = &scene.session.cluster.versions;
    let mut records = Vec::new();
    for registry in &expect.registry.0 {
        let live = scene.registry(registry.of.as_deref())?;
        records.push((registry, live.registry.record().since(live.looked)));
    }
    let requests = records.iter().flat_map(|(_, requests)| requests.clone()).collect();
    if let Some(pod) = &expect.pod {
        let history = scene.timeline.pod_named(namespace, pod);
        let events = scene.timeline.events_of(namespace, pod);
        let patient = expect.within.is_some();
        let met = expectation::pod(expect, history.as_ref(), &events, versions, patient);
        if met != Met::Yes {
            return Ok((met, requests));
        }
        let met = expectation::events(expect, &events, versions);
        if met != Met::Yes {
            return Ok((met, requests));
        }
    }
    let mut looks = records.iter().map(|(expected, seen)| requests::requests(expected, seen));
    Ok((looks.find(|met| *met != Met::Yes).unwrap_or(Met::Yes), requests))
}

/// Whether the pod shows ErrImagePull and ImagePullBackOff is waited for.
fn may_hint(scene: &Scene<'_>, expect: &Expect, namespace: &str) -> bool {
    let Some(pod) = &expect.pod else { return false };
    let Some(history) = scene.timeline.pod_named(namespace, pod) else { return false };
    let seen = history.reasons(expect.container.as_deref());
    expect.sync == Sync::Hastened
        && expect.reasons.get(seen.len()).is_some_and(|next| next == "ImagePullBackOff")
        && seen.last().is_some_and(|last| last == "ErrImagePull")
}

/// Any update of a pod makes the kubelet sync it at once, that is at its next relist of containers,
/// at most 1 s later; it then reports the back-off it is in. Without one a failed pod waits 10 to
/// 15 s for its next sync (pkg/kubelet/pleg/generic.go, pkg/kubelet/pod_workers.go).
async fn hint(
    scene: &Scene<'_>,
    expect: &Expect,
    namespace: &str,
    index: usize,
    elapsed: Duration,
) {
    let Some(pod) = &expect.pod else { return };
    let value = format!("{index}-{}", elapsed.as_millis());
    let patch = Patch::Merge(json!({"metadata": {"annotations": {"pullproof.dev/sync": value}}}));
    let pods = Api::<Pod>::namespaced(scene.session.client().clone(), namespace);
    // A pod that is gone is told by the watch.
    pods.patch(pod, &PatchParams::default(), &patch).await.ok();
}

fn failed(
    scene: &Scene<'_>,
    index: usize,
    expect: &Expect,
    namespace: &str,
    mismatch: Mismatch,
    began: Instant,
    seen: &[Request],
) -> Failure {
    let kubelet = expect.pod.as_ref().and_then(|pod| {
        let history = scene.timeline.pod_named(namespace, pod)?;
        let waiting = history.waits_now(expect.container.as_deref())?;
        Some(format!("{}: {}", waiting.reason, waiting.message))
    });
    failure(scene, index, mismatch, began.elapsed(), kubelet, seen)
}

fn failure(
    scene: &Scene<'_>,
    index: usize,
    mismatch: Mismatch,
    waited: Duration,
    kubelet: Option<String>,
    seen: &[Request],
) -> Failure {
    let hide = |text: &str| scene.redaction.hide(text);
    let line = scene.file.place(index).map(|(line, _)| format!(":{line}")).unwrap_or_default();
    Failure::Mismatch(Box::new(StepFailure {
        place: format!("{}{line}", scene.file.path.display()),
        mismatch: Mismatch {
            of: mismatch.of,
            expected: hide(&mismatch.expected),
            seen: hide(mismatch.seen.trim_end()),
        },
        waited: format!("{:.1} s", waited.as_secs_f64()),
        kubelet: kubelet.map(|text| hide(&text)),
        requests: seen.iter().map(|request| hide(&request.to_string())).collect(),
    }))
}

/// Whether the requests of an anonymous pair could be taken for the pod's.
fn disturbed_by_pair(expect: &Expect) -> bool {
    expect.registry.0.iter().any(|expected| {
        let ExpectedRequests { requests, anonymous, tokens, bearer, .. } = expected;
        let none = anonymous.as_ref().is_some_and(|statuses| statuses.0.is_empty());
        *requests == Some(Nothing::None) || none || tokens.is_some() || bearer.is_some()
    })
}
