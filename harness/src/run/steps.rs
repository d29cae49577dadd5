//! What each verb of a case does.

use std::time::Duration;

use kube::ResourceExt;
use pullproof_diagnosis::Diagnosis;
use serde_json::Value;

use crate::{
    case::model::{ImageRecord, NodeChange, Output, RegistryChange, Run, Step},
    cluster::quote,
    expectation::{self, Mismatch},
    outcome::{SourceLocation, StepFailure},
    registry::{Origin, Request},
};

use super::{awaiting, cause, expect::expected, node::restarts_kubelet, observation, scene::Scene};

/// Why a step did not go through.
pub enum Failure {
    /// Something else was seen than the case expects.
    Mismatch(Box<StepFailure>),
    /// It could not be done or seen.
    Broken(anyhow::Error),
}

impl Failure {
    /// Adds why the pull fails, if that is known.
    pub fn with_diagnosis(mut self, scene: &Scene<'_>, known: Option<&[Diagnosis; 2]>) -> Self {
        if let (Self::Mismatch(failure), Some([diagnosis, _])) = (&mut self, known) {
            failure.diagnosis = Some(scene.redaction.hide(&cause::in_line(diagnosis)));
        }
        self
    }
}

impl<E: Into<anyhow::Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::Broken(error.into())
    }
}

/// How long a step may wait for what it expects.
pub fn patience(step: &Step) -> Duration {
    step.expect.as_ref().map_or(Duration::ZERO, awaiting::patience)
}

/// Does one step.
pub async fn take(scene: &mut Scene<'_>, index: usize, step: &Step) -> Result<(), Failure> {
    if step.apply.is_some() {
        for object in scene.file.objects.get(&index).into_iter().flatten() {
            apply(scene, index, object).await?;
        }
    }
    if let Some(expect) = &step.expect {
        expected(scene, index, expect).await?;
    }
    if let Some(run) = &step.run {
        scene.stale = true;
        command(scene, index, run).await?;
    }
    if let Some(patch) = &step.patch {
        scene.stale = true;
        let merge = scene.variables.fill_value(&patch.merge);
        let objects = &scene.session.objects;
        let object = scene.variables.fill(&patch.object);
        let patched = objects.patch(&scene.namespace, &object, &merge).await;
        accepted(scene, index, patched)?;
        if let Some(account) = object.strip_prefix("serviceaccount/") {
            objects.account_settled(&scene.namespace, account).await?;
        }
    }
    if let Some(object) = &step.delete {
        scene.stale = true;
        let object = scene.variables.fill(object);
        let deleted = scene.session.objects.delete(&scene.namespace, &object).await;
        let uid = accepted(scene, index, deleted)?;
        scene.timeline.gone(&uid);
    }
    if let Some(change) = &step.registry {
        registry(scene, change).await?;
    }
    if let Some(change) = &step.node {
        scene.stale = true;
        node(scene, change).await?;
        if let Some(wanted) = &change.record {
            record(scene, index, wanted).await?;
        }
    }
    let words = observation::in_words(scene, index, step);
    scene.observer.done(words);
    Ok(())
}

async fn apply(scene: &Scene<'_>, index: usize, object: &Value) -> Result<(), Failure> {
    let object = scene.variables.fill_value(object);
    let applied = scene.session.objects.apply(&scene.namespace, &object).await;
    let applied = accepted(scene, index, applied)?;
    if object["kind"] == "Pod" {
        let namespace = applied.namespace().unwrap_or_default();
        scene.timeline.made(&namespace, &applied.name_any(), &applied.uid().unwrap_or_default());
    }
    Ok(())
}

/// What the API server refuses is seen otherwise than the case has it, and not a fault of the cluster.
fn accepted<T>(scene: &Scene<'_>, index: usize, done: anyhow::Result<T>) -> Result<T, Failure> {
    let error = match done {
        Ok(done) => return Ok(done),
        Err(error) => error,
    };
    let Some(seen) = refusal(&error) else { return Err(Failure::Broken(error)) };
    let mismatch = Mismatch::new(&error.to_string(), "the API server accepts it", seen);
    Err(failure(scene, index, mismatch, Duration::ZERO, None, &[]))
}

/// What the API server says of a request that it refuses. Other errors are the cluster's.
fn refusal(error: &anyhow::Error) -> Option<String> {
    error.chain().find_map(|cause| match cause.downcast_ref::<kube::Error>() {
        Some(kube::Error::Api(status)) if (400..500).contains(&status.code) => {
            Some(format!("{} {}: {}", status.code, status.reason, status.message))
        }
        _ => None,
    })
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
        text.text = scene.variables.fill(&text.text);
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
    if let Some(listening) = change.listening {
        live.registry.set_listening(listening).await?;
    }
    let name = live.registry.name().to_owned();
    scene.push(&name, &change.push).await
}

async fn node(scene: &Scene<'_>, change: &NodeChange) -> anyhow::Result<()> {
    let node = &scene.session.cluster.node;
    if !change.files.is_empty() {
        let fill = |text: &String| scene.variables.fill(text);
        let files: Vec<(String, String)> =
            change.files.iter().map(|(path, text)| (fill(path), fill(text))).collect();
        let paths: Vec<String> = files.iter().map(|(path, _)| path.clone()).collect();
        let restarts = restarts_kubelet(scene.file);
        scene.session.run.changes_node_files(node, &paths, restarts).await?;
        node.write(&files).await?;
    }
    let fill = |names: &[String]| names.iter().map(|n| scene.variables.fill(n)).collect::<Vec<_>>();
    scene.remove_images(&fill(&change.remove_images)).await?;
    for image in fill(&change.preload) {
        scene.preload(&image).await?;
    }
    if change.restart_kubelet {
        node.restart_kubelet().await?;
    }
    Ok(())
}

/// Where a step is in its file.
pub(super) fn place(scene: &Scene<'_>, index: usize) -> SourceLocation {
    let line = scene.file.place(index).map(|(line, _)| line);
    SourceLocation { path: scene.file.path.clone(), line }
}

/// A step that saw something else, without the case's passwords.
pub(super) fn failure(
    scene: &Scene<'_>,
    index: usize,
    mismatch: Mismatch,
    waited: Duration,
    kubelet: Option<String>,
    seen: &[Request],
) -> Failure {
    let hide = |text: &str| scene.redaction.hide(text);
    let (control, requests) =
        seen.iter().cloned().partition(|request| request.from == Origin::Control);
    Failure::Mismatch(Box::new(StepFailure {
        place: place(scene, index),
        mismatch: Mismatch {
            of: mismatch.of,
            expected: hide(&mismatch.expected),
            seen: hide(mismatch.seen.trim_end()),
        },
        waited,
        kubelet: kubelet.map(|text| hide(&text)),
        diagnosis: None,
        requests,
        control,
    }))
}

#[cfg(test)]
mod tests {
    use anyhow::Context;
    use kube::core::Status;

    use super::*;

    fn answered(code: u16, reason: &str) -> anyhow::Error {
        let status = Status::failure("spec.containers[0].name: invalid", reason).with_code(code);
        let failed: Result<(), _> = Err(kube::Error::Api(status.boxed()));
        failed.context("applying Pod app").unwrap_err()
    }

    #[test]
    fn what_the_api_server_refuses_is_seen_and_what_it_cannot_do_is_broken() {
        let refused = refusal(&answered(422, "Invalid"));
        assert_eq!(refused.as_deref(), Some("422 Invalid: spec.containers[0].name: invalid"));
        assert!(refusal(&answered(403, "Forbidden")).is_some());
        assert_eq!(refusal(&answered(503, "ServiceUnavailable")), None);
        assert_eq!(refusal(&anyhow::anyhow!("connection refused")), None);
    }

    #[test]
    fn a_step_waits_as_long_as_it_says_and_settles() {
        let step = |yaml: &str| -> Step { serde_saphyr::from_str(yaml).unwrap() };
        assert_eq!(patience(&step("{run: 'true'}")), Duration::ZERO);
        let expect = "{expect: {pod: a, phase: Running, within: 20, staysFor: 5, settle: 3}}";
        assert_eq!(patience(&step(expect)), Duration::from_secs(28));
    }
}
