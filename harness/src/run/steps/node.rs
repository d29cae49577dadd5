//! `node`: changes files and images of the node, and reads the kubelet's records.

use std::time::Duration;

use super::{Failure, failure, filled_output};
use crate::{
    case::{
        CaseFile,
        model::{ImageRecord, NodeChange, Verb},
    },
    cluster::quote,
    expectation,
    run::context::CaseContext,
};

/// Changes the node, then looks at a record.
pub(super) async fn perform(
    context: &mut CaseContext<'_>,
    index: usize,
    change: &NodeChange,
) -> Result<(), Failure> {
    context.stale = true;
    changed(context, change).await?;
    match &change.record {
        Some(wanted) => record(context, index, wanted).await,
        None => Ok(()),
    }
}

async fn changed(context: &CaseContext<'_>, change: &NodeChange) -> anyhow::Result<()> {
    let node = &context.session.cluster.node;
    if !change.files.is_empty() {
        let fill = |text: &String| context.variables.fill(text);
        let files: Vec<(String, String)> =
            change.files.iter().map(|(path, text)| (fill(path), fill(text))).collect();
        let paths: Vec<String> = files.iter().map(|(path, _)| path.clone()).collect();
        let restarts = restarts_kubelet(context.file);
        context.session.run.changes_node_files(node, &paths, restarts).await?;
        node.write(&files).await?;
    }
    let fill =
        |names: &[String]| names.iter().map(|n| context.variables.fill(n)).collect::<Vec<_>>();
    context.remove_images(&fill(&change.remove_images)).await?;
    for image in fill(&change.preload) {
        context.preload(&image).await?;
    }
    if change.restart_kubelet {
        node.restart_kubelet().await?;
    }
    Ok(())
}

/// Whether a step of the case restarts the kubelet.
fn restarts_kubelet(file: &CaseFile) -> bool {
    file.steps().any(|(_, step)| matches!(&step.verb, Verb::Node(change) if change.restart_kubelet))
}

/// Looks at the kubelet's record of an image, which is written before a container starts.
async fn record(
    context: &CaseContext<'_>,
    index: usize,
    wanted: &ImageRecord,
) -> Result<(), Failure> {
    let image = quote(&format!("\"{}\"", context.variables.fill(&wanted.image)));
    let find = format!("grep -lsr -F {image} /var/lib/kubelet/image_manager/pulled");
    let script = format!("{find} | head -n 1 | xargs -r cat");
    let found = context.session.cluster.node.shell(&script).await?;
    let versions = &context.session.cluster.versions;
    let wanted = filled_output(&wanted.matches, context);
    match expectation::output("record", &wanted, &found, versions) {
        Ok(()) => Ok(()),
        Err(mismatch) => Err(failure(context, index, mismatch, Duration::ZERO, None, &[])),
    }
}
