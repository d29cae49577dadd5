//! `patch`: merges a patch into an object.

use super::{Failure, accepted};
use crate::{case::model::Patch, run::context::CaseContext};

/// Patches an object. A service account is waited for until the API server's admission knows it.
pub(super) async fn perform(
    context: &mut CaseContext<'_>,
    index: usize,
    patch: &Patch,
) -> Result<(), Failure> {
    context.stale = true;
    let merge = context.variables.fill_value(&patch.merge);
    let objects = &context.session.objects;
    let object = context.variables.fill(&patch.object.0);
    let patched = objects.patch(&context.namespace, &object, &merge).await;
    accepted(context, index, patched)?;
    if let Some(account) = object.strip_prefix("serviceaccount/") {
        objects.account_settled(&context.namespace, account).await?;
    }
    Ok(())
}
