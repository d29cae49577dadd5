//! `pullproof run`

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Instant,
};

use anstyle::AnsiColor;
use clap::Args;

use crate::{
    case::CaseFile,
    cluster::ApiLog,
    error::{EnvironmentError, Failed, Interrupted, format_chain},
    outcome::{Latency, Outcome, Result as CaseResult},
    report::{self, Tally},
    run::{Schedule, Session},
    settings::Settings,
};

use super::{
    close, keep,
    output::{self, note, put, say},
    progress, reports,
    selection::Selection,
    signals::interruptible,
};

/// What `run` takes.
#[derive(Debug, Args)]
pub struct Arguments {
    #[command(flatten)]
    selection: Selection,
    /// Print the names and titles of the cases, and run none
    #[arg(long, conflicts_with_all = ["repeat", "junit", "json", "timings", "fail_fast"])]
    list: bool,
    /// Run all cases N times, and name those that both passed and failed
    #[arg(long, default_value_t = 1, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    repeat: u32,
    /// Keep pods, registries and node settings for an hour or until `pullproof down`, and print where
    /// they are
    #[arg(long, conflicts_with_all = ["repeat", "timings"])]
    keep: bool,
    /// Start no further case once one has failed, and drop those that run
    #[arg(long)]
    fail_fast: bool,
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
    let cases: Arc<[CaseFile]> = arguments.selection.read()?.into();
    if arguments.list {
        cases.iter().for_each(|case| say!("{:<44} {}", case.name, case.case.title));
        return Ok(());
    }
    let keeper = match (arguments.keep, keep::status_file()) {
        (false, _) => None,
        (true, None) => return keep::start().await,
        (true, status) => status,
    };
    let evidence = settings.evidence.clone();
    let mut session = interruptible(Session::open(settings, &progress())).await??;
    session.keeps = arguments.keep;
    let log = match arguments.timings {
        true => Some(interruptible(ApiLog::start(&session.cluster)).await?.map_err(
            EnvironmentError::other("the API server's log of requests could not be turned on"),
        )?),
        false => None,
    };
    let mut schedule = Schedule::new(session);
    let run = interruptible(rounds(&mut schedule, &cases, &arguments)).await;
    let session = schedule.end().await;
    let writes = match log {
        Some(log) => interruptible(log.end()).await,
        None => Ok(Ok(Vec::new())),
    };
    let lost = session.lost().map(str::to_owned);
    let (rounds, held, closed) = match (run, keeper) {
        (Ok(rounds), Some(status)) => (rounds, Some((session, status)), Ok(())),
        (run, _) => {
            let closed = close(session).await;
            (run?, None, closed)
        }
    };
    let latency = arguments.timings.then(|| {
        let writes = writes.as_ref().ok().and_then(|writes| writes.as_deref().ok());
        let decisions = rounds.iter().flatten().flat_map(|one| &one.decisions);
        Latency::of(decisions, writes.unwrap_or_default())
    });
    let reports = [
        reports::write(arguments.junit.as_deref(), || report::junit(&rounds)),
        reports::write(arguments.json.as_deref(), || Ok(report::json(&rounds, latency.as_ref()))),
        writes.and_then(|writes| writes).map(drop),
        closed,
    ];
    if let Some(latency) = &latency {
        say!("{latency}");
    }
    let tally = Tally::of(&rounds);
    if arguments.repeat > 1 {
        say!("{tally}");
    }
    let verdict = match lost {
        Some(why) => Err(EnvironmentError::other("the run was ended")(anyhow::anyhow!(why)).into()),
        None => verdict(&rounds, &tally, &evidence),
    };
    let result = keep_going(verdict, reports);
    match held {
        Some((session, status)) => keep::hold(session, result, &status).await,
        None => result,
    }
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
    rest.iter().for_each(|error| note(format_args!("pullproof: {}", format_chain(error))));
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
        let outcomes = run_all(schedule, cases, arguments, several).await;
        output::hide_progress();
        let summary = report::summary(&outcomes, began.elapsed(), &versions);
        match several {
            true => say!("round {round} of {}: {summary}", arguments.repeat),
            false => say!("{summary}"),
        }
        let stopped = outcomes.len() < cases.len();
        rounds.push(outcomes);
        if stopped {
            break;
        }
        schedule.session().tidy().await;
    }
    rounds
}

async fn run_all(
    schedule: &mut Schedule,
    cases: &Arc<[CaseFile]>,
    arguments: &Arguments,
    only_failed: bool,
) -> Vec<Outcome> {
    let mut outcomes = Vec::new();
    output::show_progress(format!("0 of {} cases", cases.len()));
    schedule.start(cases, arguments.selection.jobs());
    while let Some((_, outcome)) = schedule.next().await {
        if schedule.session().lost().is_some() {
            // It is said once, as what ended the run.
            break;
        }
        if !(only_failed && outcome.is_good()) {
            say!("{}", styled_line(&outcome));
        }
        put!("{}", report::failure(&outcome));
        let stop = arguments.fail_fast && !outcome.is_good();
        outcomes.push(outcome);
        if stop {
            let left = cases.len() - outcomes.len();
            say!(
                "stopped at the first failure: {left} of {} cases not run to the end",
                cases.len()
            );
            break;
        }
        output::show_progress(format!("{} of {} cases", outcomes.len(), cases.len()));
    }
    outcomes
}

/// The line of a case, its first word in the colour of its result.
fn styled_line(outcome: &Outcome) -> String {
    let color = match outcome.result {
        CaseResult::Passed => AnsiColor::Green,
        CaseResult::NotApplicable { .. } => AnsiColor::Yellow,
        CaseResult::Failed(_) | CaseResult::Broken { .. } => AnsiColor::Red,
    };
    let (style, word) = (color.on_default(), report::word(outcome));
    report::line(outcome).replacen(word, &format!("{style}{word}{style:#}"), 1)
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
        return Err(EnvironmentError::NotRun { count: bad, all: cases, what: "cases" }.into());
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
