//! `registry`: changes a registry in mid-case.

use crate::{case::model::RegistryChange, run::context::CaseContext};

/// Changes a registry.
pub(super) async fn perform(
    context: &mut CaseContext<'_>,
    change: &RegistryChange,
) -> anyhow::Result<()> {
    let live = context.registry(change.registry.as_deref())?;
    if let Some(users) = &change.users {
        live.registry.set_users(users).await?;
    }
    if let Some(faults) = &change.faults {
        live.registry.set_faults(faults.clone());
    }
    if let Some(listening) = change.listening {
        live.registry.set_listening(listening).await?;
    }
    let name = live.registry.name().to_owned();
    context.push(&name, &change.push).await
}
