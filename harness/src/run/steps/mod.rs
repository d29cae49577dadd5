//! What each verb of a case does, a file per verb; its words and checks are in `case/model/step/`.

use std::time::Duration;

use pullproof_diagnosis::Diagnosis;

use crate::{
    case::model::{Output, Step, Verb},
    expectation::Mismatch,
    outcome::{SourceLocation, StepFailure},
    registry::{Origin, Request},
};

use super::{
    context::CaseContext,
    judging::{awaiting, cause},
};

mod apply;
mod command;
mod delete;
mod expect;
mod node;
mod patch;
mod registry;

/// Why a step did not go through.
pub enum Failure {
    /// Something else was seen than the case expects.
    Mismatch(Box<StepFailure>),
    /// It could not be done or seen.
    Broken(anyhow::Error),
}

impl Failure {
    /// Adds why the pull fails, if that is known.
    pub fn with_diagnosis(
        mut self,
        context: &CaseContext<'_>,
        known: Option<&[Diagnosis; 2]>,
    ) -> Self {
        if let (Self::Mismatch(failure), Some([diagnosis, _])) = (&mut self, known) {
            failure.diagnosis = Some(context.redaction.hide(&cause::in_line(diagnosis)));
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
    match &step.verb {
        Verb::Expect(expect) => awaiting::patience(expect),
        _ => Duration::ZERO,
    }
}

/// Does one step.
pub async fn take(context: &mut CaseContext<'_>, index: usize, step: &Step) -> Result<(), Failure> {
    match &step.verb {
        Verb::Apply(_) => apply::perform(context, index).await?,
        Verb::Expect(expect) => expect::perform(context, index, expect).await?,
        Verb::Run(command) => command::perform(context, index, command).await?,
        Verb::Patch(patch) => patch::perform(context, index, patch).await?,
        Verb::Delete(delete) => delete::perform(context, index, delete).await?,
        Verb::Registry(change) => registry::perform(context, change).await?,
        Verb::Node(change) => node::perform(context, index, change).await?,
    }
    let applied = context.file.objects.get(&index).map_or(&[][..], Vec::as_slice);
    let words = step.describe(applied, &context.redaction);
    context.observer.done(words);
    Ok(())
}

/// What the API server refuses is seen otherwise than the case has it, and not a fault of the cluster.
fn accepted<T>(
    context: &CaseContext<'_>,
    index: usize,
    done: anyhow::Result<T>,
) -> Result<T, Failure> {
    let error = match done {
        Ok(done) => return Ok(done),
        Err(error) => error,
    };
    let Some(seen) = refusal(&error) else { return Err(Failure::Broken(error)) };
    let mismatch = Mismatch::new(&error.to_string(), "the API server accepts it", seen);
    Err(failure(context, index, mismatch, Duration::ZERO, None, &[]))
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

fn filled_output(output: &Output, context: &CaseContext<'_>) -> Output {
    let mut output = output.clone();
    for text in output.contains.0.iter_mut().chain(&mut output.not_contains.0) {
        text.text = context.variables.fill(&text.text);
    }
    output.equals = output.equals.map(|text| context.variables.fill(&text));
    output.json = output.json.map(|value| context.variables.fill_value(&value));
    output
}

/// A step that saw something else, without the case's passwords.
pub(super) fn failure(
    context: &CaseContext<'_>,
    index: usize,
    mismatch: Mismatch,
    waited: Duration,
    kubelet: Option<String>,
    seen: &[Request],
) -> Failure {
    let hide = |text: &str| context.redaction.hide(text);
    let (control, requests) =
        seen.iter().cloned().partition(|request| request.from == Origin::Control);
    let line = context.file.place(index).map(|(line, _)| line);
    Failure::Mismatch(Box::new(StepFailure {
        place: SourceLocation { path: context.file.path.clone(), line },
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
