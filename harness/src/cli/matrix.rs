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
    cluster::{self, Engine},
    error::{EnvironmentError, Failed, Interrupted, NoOutput, format_chain},
    outcome::{Outcome, Result as CaseResult},
    report::{self, Column, Grid},
    run::{Schedule, Session},
    settings::Settings,
};

use super::{
    close,
    journal::Journal,
    output::{self, note, put, say},
    pairs::pairs,
    progress, reports,
    run::keep_going,
    selection::Selection,
    signals::{interruptible, undisturbed},
};

/// What `matrix` takes. The versions are those of --kubernetes and --containerd, see [`pairs`].
#[derive(Debug, Args)]
#[command(
    after_help = "Without --kubernetes: the newest version and the older one of versions.toml.\n\
    Each Kubernetes is combined with each containerd. Also, a pair can be named: --kubernetes\n\
    1.34,1.37/2.2; and `all` stands for each known version: --kubernetes all,1.37/all.\n\
    Exits with 1 if an expectation was not met on any version, with 3 if a version or a case could \
    not be run."
)]
pub struct Arguments {
    #[command(flatten)]
    selection: Selection,
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
    /// Note each outcome in FILE, and do not run again what passed there, unless the case has changed
    #[arg(long, value_name = "FILE")]
    resume: Option<PathBuf>,
    /// Remove the cluster of a version as soon as its cases have run
    #[arg(long)]
    down: bool,
}

/// What happens while the cases of a version run.
enum RunEvent {
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
    let versions = pairs(&settings, kubernetes.as_deref(), containerd.as_deref())?;
    let cases = arguments.selection.read()?;
    let columns = versions.iter().map(|one| Column::new(one.label.clone())).collect();
    let mut grid = Grid::new(columns, cases.iter().map(|case| case.name.clone()).collect());
    let journal = arguments.resume.as_deref().map(Journal::open).transpose()?;
    if let Some(journal) = &journal {
        fill(&mut grid, &cases, journal);
    }
    let side_by_side = arguments.side_by_side.clamp(1, versions.len());
    let jobs = arguments.selection.jobs().div_ceil(side_by_side);
    let (sender, events) = mpsc::unbounded_channel();
    let runs: Vec<_> = versions
        .into_iter()
        .enumerate()
        .map(|(number, one)| Run::of(number, one.settings, &grid, &cases))
        .filter(|run| !run.cases.is_empty())
        .collect();
    let removes = arguments.down;
    let run = async {
        let runs = runs.into_iter().map(|run| {
            let sender = sender.clone();
            async move {
                let column = run.column;
                // What ends the whole command is printed once, at its end.
                if let Err(error) = run.go(jobs, removes, &sender).await
                    && !error.is::<Interrupted>()
                    && !error.is::<NoOutput>()
                {
                    sender.send(RunEvent::Lost { column, error: format_chain(&error) }).ok();
                }
            }
        });
        let mut runs = stream::iter(runs).buffer_unordered(side_by_side);
        while runs.next().await.is_some() {}
        drop(runs);
        drop(sender);
    };
    // Each run ends by itself at a signal, and cleans up.
    let (_, noted) = tokio::join!(run, print(&mut grid, &cases, journal, events));
    undisturbed().await?;

    for outcome in grid.rows.iter().flat_map(|row| &row.cells).flatten() {
        if !outcome.is_good() {
            say!("\non Kubernetes {}:", outcome.versions.kubernetes);
            put!("{}", report::failure(outcome));
        }
    }
    let differences = report::differences(&grid);
    if !differences.is_empty() {
        say!("\ndifferences between versions:\n{}", differences.trim_end());
    }
    put!("\n{}", report::legend(&grid));
    let markdown = arguments.markdown.as_deref();
    let page = arguments.html.as_deref();
    let documents = [
        markdown.map_or(Ok(()), |file| {
            reports::write(Some(file), || Ok(report::markdown(&grid, folder_of(file))))
        }),
        page.map_or(Ok(()), |file| {
            reports::write(Some(file), || report::page(&grid, folder_of(file)))
        }),
        reports::write(arguments.json.as_deref(), || Ok(report::matrix_json(&grid))),
        noted,
    ];
    keep_going(verdict(&grid), documents)
}

fn folder_of(file: &Path) -> &Path {
    match file.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// Fills in what was seen before.
fn fill(grid: &mut Grid, cases: &[CaseFile], journal: &Journal) {
    for column in 0..grid.columns.len() {
        let version = grid.columns[column].label.clone();
        for (row, case) in cases.iter().enumerate() {
            if let Some(outcome) = journal.known(&version, case) {
                // The file may lie elsewhere since.
                let outcome = Outcome { path: case.path.clone(), ..outcome.clone() };
                grid.set(column, row, Outcome { name: case.name.clone(), ..outcome });
            }
        }
    }
}

/// The cases that a version has still to run.
struct Run {
    column: usize,
    settings: Settings,
    /// The rows of the cases.
    rows: Vec<usize>,
    cases: Arc<[CaseFile]>,
}

impl Run {
    fn of(column: usize, settings: Settings, grid: &Grid, cases: &[CaseFile]) -> Self {
        let open = |row: &usize| grid.rows[*row].cells[column].is_none();
        let rows: Vec<usize> = (0..cases.len()).filter(open).collect();
        let cases = rows.iter().map(|row| cases[*row].clone()).collect();
        Self { column, settings, rows, cases }
    }

    async fn go(
        self,
        jobs: usize,
        removes: bool,
        sender: &UnboundedSender<RunEvent>,
    ) -> anyhow::Result<()> {
        let (column, settings) = (self.column, self.settings.clone());
        let session = interruptible(Session::open(self.settings, &progress())).await??;
        let mut schedule = Schedule::new(session);
        schedule.start(&self.cases, jobs);
        let ran = interruptible(async {
            while let Some((index, outcome)) = schedule.next().await {
                if schedule.session().lost().is_some() {
                    break;
                }
                let (row, outcome) = (self.rows[index], Box::new(outcome));
                // An error means that nobody listens any more: the command is being ended.
                sender.send(RunEvent::Outcome { column, row, outcome }).ok();
            }
        })
        .await;
        let session = schedule.end().await;
        let lost = session.lost().map(str::to_owned);
        let closed = close(session).await;
        ran.and(closed)?;
        if let Some(why) = lost {
            let ended = EnvironmentError::other("the run was ended");
            return Err(ended(anyhow::anyhow!(why)).into());
        }
        if removes {
            let engine = Engine::connect().await?;
            cluster::remove(&settings, &engine, false, &progress()).await?;
        }
        Ok(())
    }
}

/// Prints the table, each theme once all of its cells are known: which is known last is chance.
/// Notes each outcome; an error of that ends only the notes.
async fn print(
    grid: &mut Grid,
    cases: &[CaseFile],
    mut journal: Option<Journal>,
    mut events: UnboundedReceiver<RunEvent>,
) -> anyhow::Result<()> {
    say!("{}", report::heading(grid));
    let mut printed = Vec::new();
    let all = grid.rows.len() * grid.columns.len();
    let mut done = grid.rows.iter().flat_map(|row| &row.cells).flatten().count();
    let mut noted = Ok(());
    themes(grid, &mut printed);
    while let Some(event) = events.recv().await {
        match event {
            RunEvent::Outcome { column, row, outcome } => {
                if let (Ok(()), Some(journal)) = (&noted, &mut journal) {
                    let version = &grid.columns[column].label;
                    noted = journal.note(version, &cases[row], &outcome);
                }
                grid.set(column, row, *outcome);
                done += 1;
            }
            RunEvent::Lost { column, error } => {
                note(format_args!("{}: {error}", grid.columns[column].label));
                grid.columns[column].error = Some(error);
            }
        }
        themes(grid, &mut printed);
        output::show_progress(format!("{done} of {all} cases"));
    }
    output::hide_progress();
    Ok(noted?)
}

/// Prints the themes that are complete and were not printed.
fn themes(grid: &Grid, printed: &mut Vec<String>) {
    for (theme, rows) in grid.themes() {
        if !printed.iter().any(|known| known == theme)
            && rows.iter().all(|row| grid.is_complete(row))
        {
            say!("{theme}");
            rows.iter().for_each(|row| say!("{}", report::row(grid, row)));
            printed.push(theme.to_owned());
        }
    }
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
