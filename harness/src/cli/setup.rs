//! Having scripts/setup bring what a command needs.

use std::{
    fs::File,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use crate::{
    cluster::Engine,
    error::EnvironmentError,
    process::Call,
    settings::{Settings, project_root},
};

use super::{progress, signals::interruptible};

/// How long a node image may take to be built on a slow machine.
const LIMIT: Duration = Duration::from_secs(3600);

/// Pulls or builds the node image of a version if it is missing and this is a checkout of the project.
///
/// # Errors
/// The engine does not answer, or scripts/setup fails. Outside of a checkout nothing is done: what is
/// missing is then reported by the command that needs it.
pub async fn node_image(settings: &Settings) -> anyhow::Result<()> {
    let engine = Engine::connect().await?;
    let script = project_root().join("scripts/setup");
    if engine.image(&settings.node_image()).await?.is_some() || !script.is_file() {
        return Ok(());
    }
    let image = settings.node_image();
    let log = settings.cache.join("log").join(format!("reproduce-{}.log", settings.cluster_name()));
    progress()(&format!(
        "{image} is missing: pulling it takes a minute, building it from source 4 to 12; output in {}",
        log.display()
    ));
    let began = Instant::now();
    let status = interruptible(run(&script, settings, &log)).await??;
    if status != 0 {
        let what = format!("{} failed with status {status}", script.display());
        let source = anyhow::anyhow!("its output is in {}", log.display());
        return Err(EnvironmentError::other(what)(source).into());
    }
    progress()(&format!("{image} is there after {:.0} s", began.elapsed().as_secs_f64()));
    Ok(())
}

async fn run(script: &Path, settings: &Settings, log: &PathBuf) -> anyhow::Result<i32> {
    if let Some(folder) = log.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let arguments = settings.setup_arguments();
    let call = Call::new(script).args(arguments.split_whitespace()).limit(LIMIT);
    Ok(call.log_to(File::create(log)?, |_| {}).await?)
}
