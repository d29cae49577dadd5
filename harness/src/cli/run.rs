//! `pullproof run`

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Instant,
};

use clap::Args;

use crate::{
    case::CaseFile,
    cluster::ApiLog,
    error::{EnvironmentError, Failed, Interrupted, story},
    report::{self, Latency, StatusWrite, Tally},
    run::{Outcome, Result as CaseResult, Schedule, Session},
    settings::Settings,
};

use super::{
    cases, close,
    output::{note, put, say},
    progress,
    signals::interruptible,
};

/// What `run` takes.
#[derive(Debug, Args)]
pub struct Arguments {
    /// Case files, or folders of them
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// How many cases run at the same time
    #[arg(long, default_value_t = JOBS, value_name = "N")]
    jobs: u16,
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

/// How many cases run at the same time where nothing is said.
pub(super) const JOBS: u16 = 12;

/// Runs cases and prints a line for each as it ends.
pub async fn main(arguments: Arguments, settings: Settings) -> anyhow::Result<()> {
    let cases = cases::read(&arguments.files)?.into();
    let evidence = settings.evidence.clone();
    let session = interruptible(Session::open(settings, &progress())).await??;
    let log = match arguments.timings {
        true => Some(interruptible(ApiLog::start(&session.cluster)).await??),
        false => None,
    };
    let mut schedule = Schedule::new(session);
    let run = interruptible(rounds(&mut schedule, &cases, &arguments)).await;
    let session = schedule.end().await;
    let writes = match log {
        Some(log) => interruptible(log.end()).await,
        None => Ok(Ok(String::new())),
    };
    let lost = session.lost().map(str::to_owned);
    let closed = close(session).await;
    let rounds = run?;
    let latency = arguments.timings.then(|| {
        let lines =
            writes.as_ref().ok().and_then(|lines| lines.as_deref().ok()).unwrap_or_default();
        let writes: Vec<_> = lines.lines().filter_map(StatusWrite::parse).collect();
        Latency::of(rounds.iter().flatten().flat_map(|one| &one.decisions), &writes)
    });
    let reports = [
        cases::write(arguments.junit.as_deref(), || report::junit(&rounds)),
        cases::write(arguments.json.as_deref(), || Ok(report::json(&rounds, latency.as_ref()))),
        writes.and_then(|lines| lines).map(drop),
        closed,
    ];
    if let Some(latency) = &latency {
        say!("{latency}");
    }
    let tally = Tally::of(&rounds);
    if arguments.repeat > 1 {
        say!("{}", tally.in_words());
    }
    let verdict = match lost {
        Some(why) => Err(EnvironmentError::other("the run was ended")(anyhow::anyhow!(why)).into()),
        None => verdict(&rounds, &tally, &evidence),
    };
    keep_going(verdict, reports)
}

/// The verdict of a run, whatever became of the rest, which is told.
///
/// # Errors
/// The verdict's, or else the first of the rest.
pub(super) fn keep_going(
    verdict: anyhow::Result<()>,
    rest: impl IntoIterator<Item = anyhow::Result<()>>,
) -> anyhow::Result<()> {
    let mut rest: Vec<_> = rest.into_iter().filter_map(Result::err).collect();
    // A signal is what the whole command ended with.
    if let Some(at) = rest.iter().position(|error| error.is::<Interrupted>()) {
        return Err(rest.swap_remove(at));
    }
    let ended_with = match verdict {
        Err(error) => Some(error),
        Ok(()) if rest.is_empty() => None,
        Ok(()) => Some(rest.remove(0)),
    };
    rest.iter().for_each(|error| note(format_args!("pullproof: {}", story(error))));
    ended_with.map_or(Ok(()), Err)
}

/// Prints a line a case; in several rounds a line a round, and those of cases that failed. Ends early
/// when the node is lost.
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
            true => say!("round {round} of {}: {summary}", arguments.repeat),
            false => say!("{summary}"),
        }
        rounds.push(outcomes);
        if schedule.session().lost().is_some() {
            break;
        }
        schedule.session().tidy().await;
    }
    rounds
}

async fn run_all(
    schedule: &mut Schedule,
    cases: &Arc<[CaseFile]>,
    jobs: u16,
    only_failed: bool,
) -> Vec<Outcome> {
    let mut outcomes = Vec::new();
    schedule.start(cases, jobs.into());
    while let Some((_, outcome)) = schedule.next().await {
        if schedule.session().lost().is_some() {
            // It is said once, as what ended the run.
            break;
        }
        if !(only_failed && outcome.is_good()) {
            say!("{}", report::line(&outcome));
        }
        put!("{}", report::failure(&outcome));
        outcomes.push(outcome);
    }
    outcomes
}

fn verdict(rounds: &[Vec<Outcome>], tally: &Tally, evidence: &Path) -> anyhow::Result<()> {
    let bad = tally.bad();
    if bad == 0 {
        return Ok(());
    }
    let all = rounds.iter().flatten();
    if all.clone().any(|outcome| outcome.evidence.is_some()) {
        say!("evidence is in {}", evidence.display());
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn failed() -> anyhow::Result<()> {
        Err(Failed { failed: 1, cases: 2 }.into())
    }

    fn unwritten() -> anyhow::Result<()> {
        Err(anyhow::anyhow!("a.xml cannot be written"))
    }

    #[test]
    fn a_report_that_cannot_be_written_does_not_hide_the_verdict() {
        let error = keep_going(failed(), [unwritten(), Ok(())]).unwrap_err();
        assert!(error.is::<Failed>(), "{error}");
        let error = keep_going(Ok(()), [Ok(()), unwritten()]).unwrap_err();
        assert_eq!(error.to_string(), "a.xml cannot be written");
        let error = keep_going(failed(), [unwritten(), Err(Interrupted.into())]).unwrap_err();
        assert!(error.is::<Interrupted>(), "{error}");
        assert!(keep_going(Ok(()), [Ok(())]).is_ok());
    }
}
