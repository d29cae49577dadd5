//! `pullproof round-trip`: what fails in a case is captured, and the capture run in its turn.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use clap::Args;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use crate::{
    capture::{Options, capture, difference},
    case::{self, CaseFile},
    error::{EnvironmentError, Failed, format_chain},
    explain::PodEvidence,
    outcome::{Outcome, Result as CaseResult},
    redaction::Redaction,
    report,
    run::{Schedule, Session, Specimen},
    settings::Settings,
};

use super::{
    close,
    output::{self, put, say},
    progress,
    selection::Selection,
    signals::interruptible,
};

/// What `round-trip` takes.
#[derive(Debug, Args)]
pub struct Arguments {
    #[command(flatten)]
    selection: Selection,
    /// The steps that cannot make the trip, each with its reason
    #[arg(long, default_value = "scenarios/round-trip.toml", value_name = "FILE")]
    list: PathBuf,
    /// Where the captures are written
    #[arg(long, default_value = "target/round-trip", value_name = "FOLDER")]
    captures: PathBuf,
}

/// The steps that cannot make the trip.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct List {
    /// Why, by `theme/case step 3`.
    steps: BTreeMap<String, String>,
}

/// A pod that was captured.
struct Trip {
    /// `theme/case step 3`
    name: String,
    evidence: PodEvidence,
    /// The capture, or why there is none.
    captured: Result<CaseFile, String>,
}

/// Runs cases, captures each pod that fails as it has to, runs the captures and compares.
pub async fn main(arguments: Arguments, settings: Settings) -> anyhow::Result<()> {
    let cases: Arc<[CaseFile]> = arguments.selection.read()?.into();
    let list = read_list(&arguments.list)?;
    let mut session = interruptible(Session::open(settings, &progress())).await??;
    let (sender, mut specimens) = unbounded_channel();
    session.specimens = Some(sender);
    let mut schedule = Schedule::new(session);
    let jobs = arguments.selection.jobs();
    let both = async {
        let outcomes = run(&mut schedule, &cases, jobs, "cases").await;
        let trips: Vec<Trip> = received(&mut specimens)
            .into_iter()
            .filter_map(|one| trip(one, &cases, &arguments.captures))
            .collect();
        let captured: Arc<[CaseFile]> =
            trips.iter().filter_map(|trip| trip.captured.as_ref().ok().cloned()).collect();
        schedule.session().tidy().await;
        let replays = run(&mut schedule, &captured, jobs, "captures").await;
        (outcomes, trips, replays)
    };
    let ran = interruptible(both).await;
    let session = schedule.end().await;
    let lost = session.lost().map(str::to_owned);
    close(session).await?;
    let (outcomes, trips, replays) = ran?;
    if let Some(why) = lost {
        return Err(EnvironmentError::other("the run was ended")(anyhow::anyhow!(why)).into());
    }
    verdict(&cases, &outcomes, &trips, &replays, &received(&mut specimens), &list)
}

fn read_list(file: &Path) -> anyhow::Result<List> {
    let what = format!("{} cannot be read", file.display());
    let text = fs::read_to_string(file).map_err(|error| anyhow::Error::new(error).context(what));
    let text = text.map_err(EnvironmentError::other("the list of steps is missing"))?;
    Ok(toml::from_str(&text).map_err(|error| {
        EnvironmentError::other(format!("{} is not a list of steps", file.display()))(error.into())
    })?)
}

async fn run(
    schedule: &mut Schedule,
    cases: &Arc<[CaseFile]>,
    jobs: usize,
    what: &str,
) -> BTreeMap<String, Outcome> {
    let mut outcomes = BTreeMap::new();
    schedule.start(cases, jobs);
    while let Some((_, outcome)) = schedule.next().await {
        outcomes.insert(outcome.name.clone(), outcome);
        output::show_progress(format!("{} of {} {what}", outcomes.len(), cases.len()));
        if schedule.session().lost().is_some() {
            break;
        }
    }
    output::hide_progress();
    outcomes
}

/// What was sent so far; of a step the last.
fn received(specimens: &mut UnboundedReceiver<Specimen>) -> Vec<Specimen> {
    let mut last = BTreeMap::new();
    while let Ok(one) = specimens.try_recv() {
        last.insert((one.case.clone(), one.step), one);
    }
    last.into_values().collect()
}

/// Captures a pod; none of a case that nobody asked for.
fn trip(one: Specimen, cases: &[CaseFile], folder: &Path) -> Option<Trip> {
    let Specimen { case, step, evidence } = one;
    let file = cases.iter().find(|file| file.name == case)?;
    let name = format!("{case} step {step}");
    // The same values each time, so that a failure can be looked at again.
    let options = Options { anonymise: false, seed: step as u64 };
    let path = folder.join(format!("{}-{step}.yaml", case.replace('/', "-")));
    let captured = capture(&evidence, options).map_err(|error| error.to_string());
    let captured = captured.and_then(|text| {
        fs::create_dir_all(folder)
            .and_then(|()| fs::write(&path, &text))
            .map_err(|error| format!("{} cannot be written: {error}", path.display()))?;
        // Punctuation stays, and is nobody's secret.
        let says_something =
            |secret: &SecretString| secret.expose_secret().chars().any(char::is_alphanumeric);
        let canaries = Redaction::new(case::secrets(file).into_iter().filter(says_something));
        // Tokens that were invented are hidden by both.
        if canaries.hide(&text) != Redaction::default().hide(&text) {
            return Err("a secret of the case is in the capture".to_owned());
        }
        CaseFile::parse(&path, &text).map_err(|error| format_chain(&error.into()))
    });
    Some(Trip { name, evidence, captured })
}

impl Trip {
    /// Why the capture did not come to the same end; none if it did.
    fn failure(
        &self,
        replays: &BTreeMap<String, Outcome>,
        specimens: &[Specimen],
    ) -> Option<String> {
        let file = match &self.captured {
            Ok(file) => file,
            Err(error) => return Some(error.clone()),
        };
        let Some(outcome) = replays.get(&file.name) else { return Some("was not run".to_owned()) };
        if !matches!(outcome.result, CaseResult::Passed) {
            return Some(report::failure(outcome));
        }
        let Some(replayed) = specimens.iter().rfind(|one| one.case == file.name) else {
            return Some("nothing fails to pull".to_owned());
        };
        difference(&self.evidence, &replayed.evidence)
    }
}

fn verdict(
    cases: &[CaseFile],
    outcomes: &BTreeMap<String, Outcome>,
    trips: &[Trip],
    replays: &BTreeMap<String, Outcome>,
    specimens: &[Specimen],
    list: &List,
) -> anyhow::Result<()> {
    let mut broken = 0;
    for outcome in outcomes.values().filter(|outcome| !outcome.is_good()) {
        broken += 1;
        put!("{}\n{}", report::line(outcome), report::failure(outcome));
    }
    let (mut made, mut known, mut wrong) = (0, 0, 0);
    for trip in trips {
        match (trip.failure(replays, specimens), list.steps.get(&trip.name)) {
            (None, None) => made += 1,
            (Some(_), Some(_)) => known += 1,
            (Some(failure), None) => {
                wrong += 1;
                say!("differs  {}\n    {}", trip.name, failure.trim().replace('\n', "\n    "));
            }
            (None, Some(_)) => {
                wrong += 1;
                say!("listed   {}\n    makes the trip: take it from the list", trip.name);
            }
        }
    }
    for name in stale(cases, outcomes, trips, list) {
        wrong += 1;
        say!("listed   {name}\n    is not a step that fails to pull: take it from the list");
    }
    let steps = trips.len();
    let with: BTreeSet<&str> =
        trips.iter().filter_map(|trip| trip.name.split(' ').next()).collect();
    say!(
        "{steps} failing steps of {} cases captured: {made} reproduced, {known} listed, {wrong} wrong",
        with.len()
    );
    match (wrong, broken) {
        (0, 0) => Ok(()),
        (0, count) => {
            Err(EnvironmentError::NotRun { count, all: cases.len(), what: "cases" }.into())
        }
        _ => Err(Failed { failed: wrong, cases: steps }.into()),
    }
}

/// The names of the list that are none of a step that was captured, though its case passed.
fn stale<'a>(
    cases: &[CaseFile],
    outcomes: &BTreeMap<String, Outcome>,
    trips: &[Trip],
    list: &'a List,
) -> Vec<&'a String> {
    let is_stale = |name: &&String| {
        let case = name.split(' ').next().unwrap_or_default();
        let passed = |outcome: &Outcome| matches!(outcome.result, CaseResult::Passed);
        let ran =
            cases.iter().any(|file| file.name == case) && outcomes.get(case).is_some_and(passed);
        ran && trips.iter().all(|trip| trip.name != **name)
    };
    list.steps.keys().filter(is_stale).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::case::model::Verb;

    /// More than these shall not be given up without being noticed.
    const MOST: usize = 10;

    #[test]
    fn the_list_is_short_and_of_steps_that_there_are() {
        let catalogue = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scenarios");
        let list = read_list(&catalogue.join("round-trip.toml")).unwrap();
        assert!(list.steps.len() <= MOST, "{} steps are listed", list.steps.len());
        for (name, reason) in &list.steps {
            let (case, step) = name.split_once(" step ").unwrap();
            let file = CaseFile::read(&catalogue.join(format!("{case}.yaml"))).unwrap();
            let step = file.steps().nth(step.parse::<usize>().unwrap() - 1).unwrap().1;
            assert!(matches!(&step.verb, Verb::Expect(one) if one.fails()), "{name}");
            assert!(!reason.is_empty(), "{name}");
        }
    }

    #[test]
    fn a_listed_step_that_no_longer_fails_is_stale_if_its_case_ran() {
        let text = "title: t\nsource: s\nsteps:\n- run: 'true'\n";
        let case = CaseFile::parse(Path::new("theme/case.yaml"), text).unwrap();
        let list: List =
            toml::from_str("[steps]\n'theme/case step 1' = 'why'\n'theme/other step 1' = 'why'\n")
                .unwrap();
        let mut outcome = Outcome::begin(&case, &crate::expectation::sample::versions());
        outcome.result = CaseResult::Passed;
        let outcomes = BTreeMap::from([(case.name.clone(), outcome)]);
        assert_eq!(stale(&[case], &outcomes, &[], &list), ["theme/case step 1"]);
    }
}
