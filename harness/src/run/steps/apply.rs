//! `apply`: creates or replaces objects.

use kube::ResourceExt;
use serde_json::Value;

use super::{Failure, accepted};
use crate::run::context::CaseContext;

/// Applies the objects of a step.
pub(super) async fn perform(context: &CaseContext<'_>, index: usize) -> Result<(), Failure> {
    for object in context.file.objects.get(&index).into_iter().flatten() {
        apply(context, index, object).await?;
    }
    Ok(())
}

async fn apply(context: &CaseContext<'_>, index: usize, object: &Value) -> Result<(), Failure> {
    let object = context.variables.fill_value(object);
    let applied = context.session.objects.apply(&context.namespace, &object).await;
    let applied = accepted(context, index, applied)?;
    if object["kind"] == "Pod" {
        let namespace = applied.namespace().unwrap_or_default();
        context.timeline.made(&namespace, &applied.name_any(), &applied.uid().unwrap_or_default());
    }
    Ok(())
}
