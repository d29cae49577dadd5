//! `delete`: deletes an object.

use super::{Failure, accepted};
use crate::{case::model::Delete, run::context::CaseContext};

/// Deletes an object and waits until it is gone.
pub(super) async fn perform(
    context: &mut CaseContext<'_>,
    index: usize,
    delete: &Delete,
) -> Result<(), Failure> {
    context.stale = true;
    let object = context.variables.fill(&delete.0.0);
    let deleted = context.session.objects.delete(&context.namespace, &object).await;
    let uid = accepted(context, index, deleted)?;
    context.timeline.gone(&uid);
    Ok(())
}
