//! `pullproof matrix`

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use clap::Args;
use futures::{StreamExt, stream};
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};

use crate::{
    case::CaseFile,
    error::{EnvironmentError, Failed, Interrupted, NoOutput, Usage, format_chain},
    outcome::{Outcome, Result as CaseResult},
    report::{self, Column, Grid},
    run::{Schedule, Session},
    settings::Settings,
};

use super::{
    close,
    output::{self, note, put, say},
    progress, reports,
    run::{JOBS, keep_going},
    selection::Selection,
    signals::{interruptible, undisturbed},
};

/// What `matrix` takes. The versions come by --kubernetes and --containerd, separated by commas;
/// each Kubernetes is combined with each containerd.
#[derive(Debug, Args)]
#[command(
    after_help = "Without --kubernetes: the newest version and the older one of versions.toml.\n\
    Exits with 1 if an expectation was not met on any version, with 3 if a version or a case could \
    not be run."
)]
pub struct Arguments {
    #[command(flatten)]
    selection: Selection,
    /// How many cases run at the same time, over all versions
    #[arg(long, default_value_t = JOBS, value_name = "N")]
    jobs: u16,
    /// How many versions run at the same time; each is a cluster of about 1 GiB
    #[arg(long, default_value_t = 2, value_name = "N")]
    side_by_side: usize,
    /// Write what was seen as Markdown
    #[arg(long, value_name = "FILE")]
    markdown: Option<PathBuf>,
    /// Write what was seen as one page of HTML
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Write the outcomes as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

/// What a version tells while it runs.
enum Told {
    Outcome { column: usize, row: usize, outcome: Box<Outcome> },
    Lost { column: usize, error: String },
}

/// Runs all cases on all versions and prints the table as it completes.
pub async fn main(
    arguments: Arguments,
    settings: Settings,
    kubernetes: Option<String>,
    containerd: Option<String>,
) -> anyhow::Result<()> {
    let versions = versions(&settings, kubernetes.as_deref(), containerd.as_deref())?;
    let cases: Arc<[CaseFile]> = arguments.selection.read()?.into();
    let columns = versions.iter().map(|(label, _)| Column::new(label.clone())).collect();
    let mut grid = Grid::new(columns, cases.iter().map(|case| case.name.clone()).collect());
    let side_by_side = arguments.side_by_side.clamp(1, versions.len());
    let jobs = usize::from(arguments.jobs).div_ceil(side_by_side);
    let (tell, told) = mpsc::unbounded_channel();
    let run = async {
        let runs = versions.into_iter().enumerate().map(|(column, (_, settings))| {
            let tell = tell.clone();
            let cases = &cases;
            async move {
                // What ends the whole command is said once, at its end.
                if let Err(error) = run(column, settings, cases, jobs, &tell).await
                    && !error.is::<Interrupted>()
                    && !error.is::<NoOutput>()
                {
                    tell.send(Told::Lost { column, error: format_chain(&error) }).ok();
                }
            }
        });
        let mut runs = stream::iter(runs).buffer_unordered(side_by_side);
        while runs.next().await.is_some() {}
        drop(runs);
        drop(tell);
    };
    // Each run ends by itself at a signal, and cleans up.
    tokio::join!(run, print(&mut grid, told));
    undisturbed().await?;

    for outcome in grid.rows.iter().flat_map(|row| &row.cells).flatten() {
        if !outcome.is_good() {
            say!("\non Kubernetes {}:", outcome.versions.kubernetes);
            put!("{}", report::failure(outcome));
        }
    }
    let differences = report::differences(&grid);
    if !differences.is_empty() {
        say!("\nseen otherwise on one version than on another:\n{}", differences.trim_end());
    }
    put!("\n{}", report::legend(&grid));
    let markdown = arguments.markdown.as_deref();
    let page = arguments.html.as_deref();
    let documents = [
        markdown.map_or(Ok(()), |file| {
            reports::write(Some(file), || Ok(report::markdown(&grid, folder_of(file))))
        }),
        page.map_or(Ok(()), |file| {
            reports::write(Some(file), || Ok(report::page(&grid, folder_of(file))))
        }),
        reports::write(arguments.json.as_deref(), || Ok(report::matrix_json(&grid))),
    ];
    keep_going(verdict(&grid), documents)
}

fn folder_of(file: &Path) -> &Path {
    match file.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// The versions that are asked for, each with its label.
fn versions(
    settings: &Settings,
    kubernetes: Option<&str>,
    containerd: Option<&str>,
) -> anyhow::Result<Vec<(String, Settings)>> {
    let known = &settings.versions;
    let parts = |list: &str| -> Vec<String> {
        list.split(',').map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned).collect()
    };
    let kubernetes = match kubernetes {
        Some(list) => parts(list),
        None => vec![known.older.clone(), known.default.clone()],
    };
    let containerd = containerd.map(parts);
    let mut all: Vec<(String, Settings)> = Vec::new();
    for minor in &kubernetes {
        let one = settings.for_kubernetes(minor)?;
        let Some(containerd) = &containerd else {
            let label = match &one.containerd {
                Some(containerd) => format!("{}/{containerd}", one.kubernetes),
                None => one.kubernetes.clone(),
            };
            all.push((label, one));
            continue;
        };
        for wanted in containerd {
            let wanted = known.containerd(wanted)?;
            let label = format!("{}/{wanted}", one.kubernetes);
            // The one that the node image has anyway needs no image of its own.
            let own = known.own_containerd(&one.kubernetes) == Some(wanted.as_str());
            let mut pair = one.clone();
            pair.containerd = (!own).then_some(wanted);
            all.push((label, pair));
        }
    }
    if all.is_empty() {
        return Err(Usage("no version is asked for".to_owned()).into());
    }
    for (at, (label, _)) in all.iter().enumerate() {
        if all[..at].iter().any(|(before, _)| before == label) {
            return Err(Usage(format!("the version {label} is asked for twice")).into());
        }
    }
    Ok(all)
}

/// Runs all cases on one version.
async fn run(
    column: usize,
    settings: Settings,
    cases: &Arc<[CaseFile]>,
    jobs: usize,
    tell: &UnboundedSender<Told>,
) -> anyhow::Result<()> {
    let session = interruptible(Session::open(settings, &progress())).await??;
    let mut schedule = Schedule::new(session);
    schedule.start(cases, jobs);
    let ran = interruptible(async {
        while let Some((row, outcome)) = schedule.next().await {
            if schedule.session().lost().is_some() {
                break;
            }
            let outcome = Box::new(outcome);
            // An error says that nobody listens any more: the command is being ended.
            tell.send(Told::Outcome { column, row, outcome }).ok();
        }
    })
    .await;
    let session = schedule.end().await;
    let lost = session.lost().map(str::to_owned);
    let closed = close(session).await;
    ran.and(closed)?;
    match lost {
        Some(why) => Err(EnvironmentError::other("the run was ended")(anyhow::anyhow!(why)).into()),
        None => Ok(()),
    }
}

/// Prints the table, each theme once all of its cells are known: which is known last is chance.
async fn print(grid: &mut Grid, mut told: UnboundedReceiver<Told>) {
    say!("{}", report::heading(grid));
    let mut printed = Vec::new();
    let all = grid.rows.len() * grid.columns.len();
    let mut done = 0;
    while let Some(told) = told.recv().await {
        match told {
            Told::Outcome { column, row, outcome } => {
                grid.set(column, row, *outcome);
                done += 1;
            }
            Told::Lost { column, error } => {
                note(format_args!("{}: {error}", grid.columns[column].label));
                grid.columns[column].error = Some(error);
            }
        }
        for (theme, rows) in grid.themes() {
            if !printed.iter().any(|known| known == theme)
                && rows.iter().all(|row| grid.is_complete(row))
            {
                say!("{theme}");
                rows.iter().for_each(|row| say!("{}", report::row(grid, row)));
                printed.push(theme.to_owned());
            }
        }
        output::show_progress(format!("{done} of {all} cases"));
    }
    output::hide_progress();
}

fn verdict(grid: &Grid) -> anyhow::Result<()> {
    let all: Vec<&Outcome> = grid.rows.iter().flat_map(|row| &row.cells).flatten().collect();
    let failed = all.iter().filter(|one| matches!(one.result, CaseResult::Failed(_))).count();
    if failed > 0 {
        return Err(Failed { failed, cases: all.len() }.into());
    }
    let broken = all.iter().filter(|one| !one.is_good()).count();
    let lost = grid.columns.iter().filter(|column| column.error.is_some()).count();
    if broken + lost == 0 {
        return Ok(());
    }
    let (count, all, what) = match lost {
        0 => (broken, all.len(), "cases"),
        _ => (lost, grid.columns.len(), "versions"),
    };
    Err(EnvironmentError::NotRun { count, all, what }.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::versions::Versions;

    fn asked(kubernetes: Option<&str>, containerd: Option<&str>) -> Vec<(String, String)> {
        let settings = Settings {
            versions: Versions::built_in(),
            kubernetes: "1.37".into(),
            containerd: None,
            cache: PathBuf::new(),
            evidence: PathBuf::new(),
            path: String::new(),
            scope: None,
            docker_host: None,
        };
        let all = versions(&settings, kubernetes, containerd);
        let all = all.unwrap_or_else(|error| vec![(error.to_string(), settings)]);
        all.into_iter().map(|(label, one)| (label, one.cluster_name())).collect()
    }

    #[test]
    fn each_kubernetes_is_combined_with_each_containerd() {
        let all = asked(Some("1.34, v1.37.2"), Some("2.2,2.3"));
        let all: Vec<_> = all.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
        assert_eq!(
            all,
            [
                ("1.34/2.2", "pullproof-1-34-containerd-2-2"),
                ("1.34/2.3", "pullproof-1-34"),
                ("1.37/2.2", "pullproof-1-37-containerd-2-2"),
                ("1.37/2.3", "pullproof-1-37"),
            ]
        );
    }

    #[test]
    fn without_a_version_the_older_and_the_newest_are_meant() {
        let versions = Versions::built_in();
        let labels: Vec<String> = asked(None, None).into_iter().map(|(label, _)| label).collect();
        assert_eq!(labels, [versions.older, versions.default]);
    }

    #[test]
    fn what_cannot_be_is_told() {
        assert_eq!(asked(Some(","), None)[0].0, "no version is asked for");
        assert_eq!(asked(Some("1.34,1.34.4"), None)[0].0, "the version 1.34 is asked for twice");
        assert!(asked(Some("1.7"), None)[0].0.starts_with("unknown Kubernetes version `1.7`"));
    }
}
