//! Pods that fail as a case expects, read as `capture` reads them, while the case runs.

use std::time::Duration;

use crate::{
    evidence::PodHistory,
    explain::{PodEvidence, pod_evidence},
    limit::within,
    run::context::CaseContext,
};

/// How long reading a pod may take.
const LIMIT: Duration = Duration::from_secs(30);

/// A pod at a step of a case that expects it to fail.
pub(crate) struct Specimen {
    /// The case's name.
    pub(crate) case: String,
    /// The step, counted from 1.
    pub(crate) step: usize,
    /// What can be read of the pod then.
    pub(crate) evidence: PodEvidence,
}

/// Hands a pod to the session's collector, if it fails to pull.
///
/// # Errors
/// The cluster cannot be read.
pub(in crate::run) async fn collect(
    context: &CaseContext<'_>,
    index: usize,
    pod: &PodHistory,
) -> anyhow::Result<()> {
    let Some(collector) = &context.session.specimens else { return Ok(()) };
    let read = pod_evidence(context.session.client(), &pod.namespace, &pod.name, None);
    let evidence = within(LIMIT, "reading the pod as a capture does", read).await?;
    if evidence.pulls.iter().any(|pull| pull.diagnosis.is_some()) {
        let case = context.file.name.clone();
        // Who no longer collects has no use for it.
        collector.send(Specimen { case, step: index + 1, evidence }).ok();
    }
    Ok(())
}
