//! `pullproof run`

use std::{path::PathBuf, sync::Arc, time::Instant};

use clap::Args;

use crate::{
    case::CaseFile,
    cluster::ApiLog,
    error::{EnvironmentError, Failed},
    report::{self, Latency, StatusWrite, Tally},
    run::{Outcome, Result as CaseResult, Schedule, Session},
    settings::Settings,
};

use super::{cases, progress, signals::interruptible};

/// What `run` takes.
#[derive(Debug, Args)]
pub struct Arguments {
    /// Case files, or folders of them
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// How many cases run at the same time
    #[arg(long, default_value_t = 12, value_name = "N")]
    jobs: usize,
    /// Run all cases so many times, and name those that went both ways
    #[arg(long, default_value_t = 1, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    repeat: u32,
    /// Write the outcomes as JUnit XML
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// Write the outcomes as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Say how soon outcomes were decided after the API server had received the kubelet's status, by
    /// the API server's own log, which is turned on for the run
    #[arg(long)]
    timings: bool,
}

/// Runs cases and prints a line for each as it ends.
pub async fn main(arguments: Arguments, settings: Settings) -> anyhow::Result<()> {
    let cases = cases::read(&arguments.files)?.into();
    let evidence = settings.evidence.clone();
    let session = interruptible(Session::open(settings, &progress())).await??;
    let log = match arguments.timings {
        true => Some(ApiLog::start(&session.cluster).await?),
        false => None,
    };
    let mut schedule = Schedule::new(session);
    let run = interruptible(rounds(&mut schedule, &cases, &arguments)).await;
    let session = schedule.end().await;
    let writes = match log {
        Some(log) => Some(log.end().await?),
        None => None,
    };
    session.close().await;
    let rounds = run?;
    let latency = writes.map(|lines| {
        let writes: Vec<_> = lines.lines().filter_map(StatusWrite::parse).collect();
        Latency::of(rounds.iter().flatten().flat_map(|one| &one.decisions), &writes)
    });
    cases::write(arguments.junit.as_deref(), || report::junit(&rounds))?;
    cases::write(arguments.json.as_deref(), || Ok(report::json(&rounds, latency.as_ref())))?;
    if let Some(latency) = &latency {
        println!("{latency}");
    }
    let tally = Tally::of(&rounds);
    if arguments.repeat > 1 {
        println!("{}", tally.in_words());
    }
    verdict(&rounds, &tally, &evidence)
}

/// Prints a line a case; in several rounds a line a round, and those of cases that failed.
async fn rounds(
    schedule: &mut Schedule,
    cases: &Arc<[CaseFile]>,
    arguments: &Arguments,
) -> Vec<Vec<Outcome>> {
    let versions = &schedule.session().cluster.versions;
    let versions =
        format!("Kubernetes {}, containerd {}", versions.kubernetes, versions.containerd);
    let several = arguments.repeat > 1;
    let mut rounds = Vec::new();
    for round in 1..=arguments.repeat {
        let began = Instant::now();
        let outcomes = run_all(schedule, cases, arguments.jobs, several).await;
        let summary = report::summary(&outcomes, began.elapsed(), &versions);
        match several {
            true => println!("round {round} of {}: {summary}", arguments.repeat),
            false => println!("{summary}"),
        }
        rounds.push(outcomes);
        schedule.session().tidy().await;
    }
    rounds
}

async fn run_all(
    schedule: &mut Schedule,
    cases: &Arc<[CaseFile]>,
    jobs: usize,
    only_failed: bool,
) -> Vec<Outcome> {
    let mut outcomes = Vec::new();
    schedule.start(cases, jobs);
    while let Some((_, outcome)) = schedule.next().await {
        if !(only_failed && outcome.is_good()) {
            println!("{}", report::line(&outcome));
        }
        print!("{}", report::failure(&outcome));
        outcomes.push(outcome);
    }
    outcomes
}

fn verdict(
    rounds: &[Vec<Outcome>],
    tally: &Tally,
    evidence: &std::path::Path,
) -> anyhow::Result<()> {
    let bad = tally.bad();
    if bad == 0 {
        return Ok(());
    }
    println!("evidence is in {}", evidence.display());
    let all = rounds.iter().flatten();
    let cases = all.clone().count();
    let broken = all
        .filter(|outcome| !outcome.is_good())
        .all(|outcome| matches!(outcome.result, CaseResult::Broken { .. }));
    if broken {
        let what = format!("{bad} of {cases} cases could not be run");
        let cause = anyhow::anyhow!("each says why above");
        return Err(EnvironmentError::other(what)(cause).into());
    }
    Err(Failed { failed: bad, cases }.into())
}
