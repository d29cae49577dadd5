//! `delete`: deletes an object.

use super::{Failure, accepted};
use crate::{case::model::Delete, run::scene::Scene};

/// Deletes an object and waits until it is gone.
pub(super) async fn perform(
    scene: &mut Scene<'_>,
    index: usize,
    delete: &Delete,
) -> Result<(), Failure> {
    scene.stale = true;
    let object = scene.variables.fill(&delete.0.0);
    let deleted = scene.session.objects.delete(&scene.namespace, &object).await;
    let uid = accepted(scene, index, deleted)?;
    scene.timeline.gone(&uid);
    Ok(())
}
