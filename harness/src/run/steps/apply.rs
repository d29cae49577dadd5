//! `apply`: creates or replaces objects.

use kube::ResourceExt;
use serde_json::Value;

use super::{Failure, accepted};
use crate::run::scene::Scene;

/// Applies the objects of a step.
pub(super) async fn perform(scene: &Scene<'_>, index: usize) -> Result<(), Failure> {
    for object in scene.file.objects.get(&index).into_iter().flatten() {
        apply(scene, index, object).await?;
    }
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
