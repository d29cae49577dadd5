//! `patch`: merges a patch into an object.

use super::{Failure, accepted};
use crate::{case::model::Patch, run::scene::Scene};

/// Patches an object. A service account is waited for until the API server's admission knows it.
pub(super) async fn perform(
    scene: &mut Scene<'_>,
    index: usize,
    patch: &Patch,
) -> Result<(), Failure> {
    scene.stale = true;
    let merge = scene.variables.fill_value(&patch.merge);
    let objects = &scene.session.objects;
    let object = scene.variables.fill(&patch.object.0);
    let patched = objects.patch(&scene.namespace, &object, &merge).await;
    accepted(scene, index, patched)?;
    if let Some(account) = object.strip_prefix("serviceaccount/") {
        objects.account_settled(&scene.namespace, account).await?;
    }
    Ok(())
}
