//! `pullproof down`

use clap::Args;

use crate::{
    cluster::{Engine, remove, remove_all},
    settings::Settings,
};

use super::{output::say, progress};

/// What `down` takes.
#[derive(Debug, Args)]
pub struct Arguments {
    /// Only the cluster of the version asked for, not all of them
    #[arg(long)]
    only: bool,
    /// Also while another run uses it
    #[arg(long)]
    force: bool,
    /// All clusters made here (the default)
    #[arg(long, conflicts_with = "only")]
    all: bool,
}

/// Removes clusters.
pub async fn main(arguments: Arguments, settings: Settings) -> anyhow::Result<()> {
    let engine = Engine::connect().await?;
    let removed = if arguments.only {
        let removed = remove(&settings, &engine, arguments.force, &progress()).await?;
        removed.then(|| settings.cluster_name()).into_iter().collect()
    } else {
        remove_all(&settings, &engine, arguments.force, &progress()).await?
    };
    match removed.as_slice() {
        [] => say!("nothing to remove"),
        names => say!("removed {}", names.join(", ")),
    }
    Ok(())
}
