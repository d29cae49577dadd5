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
    run::scene::Scene,
};

/// Changes the node, then looks at a record.
pub(super) async fn perform(
    scene: &mut Scene<'_>,
    index: usize,
    change: &NodeChange,
) -> Result<(), Failure> {
    scene.stale = true;
    changed(scene, change).await?;
    match &change.record {
        Some(wanted) => record(scene, index, wanted).await,
        None => Ok(()),
    }
}

async fn changed(scene: &Scene<'_>, change: &NodeChange) -> anyhow::Result<()> {
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

/// Whether a step of the case restarts the kubelet.
fn restarts_kubelet(file: &CaseFile) -> bool {
    file.steps().any(|(_, step)| matches!(&step.verb, Verb::Node(change) if change.restart_kubelet))
}

/// Looks at the kubelet's record of an image, which is written before a container starts.
async fn record(scene: &Scene<'_>, index: usize, wanted: &ImageRecord) -> Result<(), Failure> {
    let image = quote(&format!("\"{}\"", scene.variables.fill(&wanted.image)));
    let find = format!("grep -lsr -F {image} /var/lib/kubelet/image_manager/pulled");
    let script = format!("{find} | head -n 1 | xargs -r cat");
    let found = scene.session.cluster.node.shell(&script).await?;
    let versions = &scene.session.cluster.versions;
    let wanted = filled_output(&wanted.matches, scene);
    match expectation::output("record", &wanted, &found, versions) {
        Ok(()) => Ok(()),
        Err(mismatch) => Err(failure(scene, index, mismatch, Duration::ZERO, None, &[])),
    }
}
