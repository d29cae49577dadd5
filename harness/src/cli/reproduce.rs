//! `pullproof reproduce`

use std::path::PathBuf;

use clap::Args;

use crate::{
    case::CaseFile,
    error::{EnvironmentError, Failed, Interrupted, NoOutput, format_chain},
    report::{self, Reproduction},
    run::Session,
    settings::Settings,
};

use super::{
    bisect::{Bisection, Turn},
    close,
    output::{Format, put, say},
    pairs::{Pair, nearest, pairs},
    progress, setup,
    signals::{interruptible, undisturbed},
};

/// What `reproduce` takes. The versions are those of --kubernetes and --containerd, see [`pairs`].
#[derive(Debug, Args)]
#[command(
    after_help = "Without --kubernetes and --containerd: the versions on which the case was seen, or the \
    nearest. Exits with 0 if it was reproduced there, with 1 if something else was seen, and with 3 if it \
    could not be run."
)]
pub struct Arguments {
    /// The case, as `capture` writes it; - is standard input
    #[arg(value_name = "FILE")]
    case: PathBuf,
    /// Find the Kubernetes minor that changes the outcome, on as few clusters as can be
    #[arg(long)]
    bisect: bool,
    /// Also if the case runs commands, writes other files of the node than those of registries and
    /// credentials, or has pods with access to the node
    #[arg(long)]
    trust: bool,
    /// The form of the answer
    #[arg(long, short, value_enum, default_value_t)]
    output: Format,
}

/// Runs a case on each version that is asked for and says where it was reproduced.
pub async fn main(
    arguments: Arguments,
    settings: Settings,
    kubernetes: Option<String>,
    containerd: Option<String>,
) -> anyhow::Result<()> {
    let file = CaseFile::read(&arguments.case)?;
    if !arguments.trust {
        file.refuse_what_needs_trust()?;
    }
    let own = nearest(&settings, file.case.seen_on.as_ref());
    let asked = kubernetes.is_some() || containerd.is_some();
    let versions = match (asked, arguments.bisect) {
        (true, _) => pairs(&settings, kubernetes.as_deref(), containerd.as_deref())?,
        (false, true) => pairs(&settings, Some("all"), own.settings.containerd.as_deref())?,
        (false, false) => vec![own.clone()],
    };
    let is_own = |pair: &Pair| pair.settings.cluster_name() == own.settings.cluster_name();
    let (all, turn) = match arguments.bisect {
        false => {
            let mut all = Vec::new();
            for pair in &versions {
                all.push(reproduction(&file, pair, is_own(pair)).await?);
            }
            (all, None)
        }
        true => {
            let (all, turn) = bisect(&file, &versions, is_own).await?;
            (all, Some(turn))
        }
    };
    undisturbed().await?;
    match arguments.output {
        Format::Text => {
            put!("{}", report::reproductions(&all));
            turn.iter().for_each(|turn| say!("\n{turn}"));
        }
        Format::Json => put!("{}", report::reproductions_json(&file, &all, turn.as_deref())),
    }
    verdict(&all)
}

/// Runs the case on one version. What the version lacks is a part of the answer.
async fn reproduction(file: &CaseFile, pair: &Pair, own: bool) -> anyhow::Result<Reproduction> {
    let (outcome, error) = match run(file, &pair.settings).await {
        Ok(outcome) => (Some(outcome), None),
        Err(error) if error.is::<Interrupted>() || error.is::<NoOutput>() => return Err(error),
        Err(error) => (None, Some(format_chain(&error))),
    };
    Ok(Reproduction { label: pair.label.clone(), own, outcome, error })
}

async fn run(file: &CaseFile, settings: &Settings) -> anyhow::Result<crate::outcome::Outcome> {
    setup::node_image(settings).await?;
    let session = interruptible(Session::open(settings.clone(), &progress())).await??;
    let ran = interruptible(session.case(file)).await;
    close(session).await?;
    ran
}

/// Searches the version that changes the outcome. Begins where the case was seen.
async fn bisect(
    file: &CaseFile,
    versions: &[Pair],
    is_own: impl Fn(&Pair) -> bool,
) -> anyhow::Result<(Vec<Reproduction>, String)> {
    let mut line: Vec<&Pair> = versions.iter().collect();
    line.sort_by_key(|pair| pair.order());
    let mut bisection = Bisection::new(line.len());
    let mut all = Vec::new();
    let mut next = line.iter().position(|pair| is_own(pair)).or(Some(line.len() - 1));
    while let Some(at) = next {
        let one = reproduction(file, line[at], is_own(line[at])).await?;
        let reproduced = one.reproduced();
        all.push((at, one));
        let Some(reproduced) = reproduced else { break };
        bisection.note(at, reproduced);
        next = bisection.next();
    }
    let turn = words(&bisection, &line);
    all.sort_by_key(|(at, _)| *at);
    Ok((all.into_iter().map(|(_, one)| one).collect(), turn))
}

/// What a bisection found.
fn words(bisection: &Bisection, line: &[&Pair]) -> String {
    let label = |at: usize| line[at].label.as_str();
    match bisection.turns().as_slice() {
        [Turn::None] => format!(
            "the outcome is the same from {} to {}, if it does not change more than once",
            label(0),
            label(line.len() - 1)
        ),
        [Turn::After(last)] => {
            let before = bisection.seen(*last) == Some(true);
            match before {
                true => {
                    format!("reproduced through {}, not since {}", label(*last), label(last + 1))
                }
                false => {
                    format!("reproduced since {}, not through {}", label(last + 1), label(*last))
                }
            }
        }
        [] => "the outcome changes more than once".to_owned(),
        _ => "the search ended early: a version could not be run".to_owned(),
    }
}

/// The verdict is that of the version on which the case was seen, if it was asked for.
fn verdict(all: &[Reproduction]) -> anyhow::Result<()> {
    let own: Vec<&Reproduction> = all.iter().filter(|one| one.own).collect();
    let decisive: Vec<&Reproduction> = if own.is_empty() { all.iter().collect() } else { own };
    let count = |what: Option<bool>| decisive.iter().filter(|one| one.reproduced() == what).count();
    match (count(Some(false)), count(None)) {
        (0, 0) => Ok(()),
        (0, count) => {
            Err(EnvironmentError::NotRun { count, all: decisive.len(), what: "versions" }.into())
        }
        (failed, _) => Err(Failed { failed, cases: decisive.len() }.into()),
    }
}
