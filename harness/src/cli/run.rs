//! `pullproof run`

use std::{path::PathBuf, time::Instant};

use clap::Args;
use futures::{StreamExt, stream};

use crate::{
    case::{CaseFile, find_cases},
    error::{EnvironmentError, Failed},
    report,
    run::{Outcome, Session},
    settings::Settings,
};

use super::{progress, signals::interruptible};

/// What `run` takes.
#[derive(Debug, Args)]
pub struct Arguments {
    /// Case files, or folders of them
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// How many cases run at the same time
    #[arg(long, default_value_t = 16, value_name = "N")]
    jobs: usize,
}

/// Runs cases and prints a line for each as it ends.
pub async fn main(arguments: Arguments, settings: Settings) -> anyhow::Result<()> {
    // All of them are read before anything is started: a typo shall not cost a cluster.
    let mut cases = Vec::new();
    for path in &arguments.files {
        for file in find_cases(path)? {
            cases.push(CaseFile::read(&file)?);
        }
    }
    let evidence = settings.evidence.clone();
    let session = interruptible(Session::open(settings, &progress())).await??;
    let began = Instant::now();
    let run = interruptible(run_all(&session, &cases, arguments.jobs)).await;
    let versions = format!(
        "Kubernetes {}, containerd {}",
        session.cluster.versions.kubernetes, session.cluster.versions.containerd
    );
    let took = began.elapsed();
    session.close().await;
    let outcomes = run?;
    println!("{}", report::summary(&outcomes, took, &versions));
    let bad = outcomes.iter().filter(|outcome| !outcome.is_good()).count();
    if bad == 0 {
        return Ok(());
    }
    println!("evidence is in {}", evidence.display());
    let broken = outcomes.iter().all(|outcome| {
        outcome.is_good() || matches!(outcome.result, crate::run::Result::Broken { .. })
    });
    if broken {
        let what = format!("{bad} of {} cases could not be run", outcomes.len());
        let cause = anyhow::anyhow!("each says why above");
        return Err(EnvironmentError::other(what)(cause).into());
    }
    Err(Failed { failed: bad, cases: outcomes.len() }.into())
}

async fn run_all(session: &Session, cases: &[CaseFile], jobs: usize) -> Vec<Outcome> {
    let mut outcomes = Vec::new();
    let mut running =
        stream::iter(cases).map(|case| session.case(case)).buffer_unordered(jobs.max(1));
    while let Some(outcome) = running.next().await {
        println!("{}", report::line(&outcome));
        print!("{}", report::failure(&outcome));
        outcomes.push(outcome);
    }
    outcomes
}
