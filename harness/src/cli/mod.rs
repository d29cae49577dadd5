//! The command line: one file a command.

mod bisect;
mod capture;
mod check;
mod connection;
mod doctor;
mod down;
mod explain;
mod fault;
mod journal;
mod keep;
mod manifest_files;
mod matrix;
mod migrate;
pub mod output;
mod pairs;
mod reports;
mod reproduce;
mod round_trip;
mod run;
mod selection;
mod setup;
mod signals;
mod up;

use clap::{CommandFactory, Parser, Subcommand};
use clap_complete::Shell;

use crate::{error::EnvironmentError, run::Session, settings::Settings};

pub use fault::{Fault, final_words};
use signals::{interruptible, undisturbed};

/// Proves what happens when Kubernetes pulls a private image.
#[derive(Debug, Parser)]
#[command(name = "pullproof", version, about, max_term_width = 100)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
    /// The Kubernetes minor, for example 1.34; several for `matrix`: 1.34,1.37 [env: PULLPROOF_KUBERNETES] [default: newest]
    #[arg(long, global = true, value_name = "MINOR")]
    kubernetes: Option<String>,
    /// Another containerd than the node image's own, for example 2.2; several for `matrix` [env: PULLPROOF_CONTAINERD]
    #[arg(long, global = true, value_name = "MINOR")]
    containerd: Option<String>,
    /// Print what the harness does, with times, to standard error
    #[arg(long, short, global = true)]
    verbose: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Say what is there, what is missing and what to do
    Doctor,
    /// Create the cluster, or join it, and say where its kubeconfig is
    Up,
    /// Run cases
    Run(run::Arguments),
    /// Run cases on several versions, side by side
    Matrix(matrix::Arguments),
    /// Write a pod of any cluster as a case, without its secrets
    Capture(capture::Arguments),
    /// Run a captured case on versions of Kubernetes and containerd, and say where it is reproduced
    Reproduce(reproduce::Arguments),
    /// Check whether every image of manifests would be pulled with credentials
    Check(check::Arguments),
    /// Capture what fails in cases, run the captures, and compare
    #[command(hide = true)]
    RoundTrip(round_trip::Arguments),
    /// Explain why pods of any cluster cannot pull
    Explain(explain::Arguments),
    /// Remove the clusters made here and all that belongs to them
    Down(down::Arguments),
    /// Rewrite case files of older words of the format
    Migrate(migrate::Arguments),
    /// Print the JSON Schema of a case file
    Schema,
    /// Print the completions of a shell
    Completions {
        /// The shell
        shell: Shell,
    },
}

/// Runs a command.
///
/// # Errors
/// Anything; [`Fault::of`] says whose fault it is.
pub async fn main(cli: Cli) -> anyhow::Result<()> {
    if cli.verbose {
        output::trace();
    }
    signals::listen()
        .map_err(|error| EnvironmentError::other("signals cannot be listened to")(error.into()))?;
    let settings = || -> anyhow::Result<Settings> {
        let mut settings = Settings::from_env()?;
        if let Some(wanted) = &cli.kubernetes {
            settings = settings.for_kubernetes(wanted)?;
        }
        if let Some(wanted) = &cli.containerd {
            settings.containerd = Some(settings.versions.containerd(wanted)?);
        }
        Ok(settings)
    };
    match cli.command {
        Command::Doctor => interruptible(doctor::main(settings()?)).await?,
        Command::Up => up::main(settings()?).await,
        Command::Run(arguments) => run::main(arguments, settings()?).await,
        Command::Matrix(arguments) => {
            let settings = Settings::from_env()?;
            matrix::main(arguments, settings, cli.kubernetes, cli.containerd).await
        }
        Command::Capture(arguments) => capture::main(arguments).await,
        Command::Reproduce(arguments) => {
            let settings = Settings::from_env()?;
            reproduce::main(arguments, settings, cli.kubernetes, cli.containerd).await
        }
        Command::Check(arguments) => check::main(arguments, settings()?).await,
        Command::RoundTrip(arguments) => round_trip::main(arguments, settings()?).await,
        Command::Explain(arguments) => explain::main(arguments).await,
        Command::Down(arguments) => interruptible(down::main(arguments, settings()?)).await?,
        Command::Migrate(arguments) => migrate::main(&arguments),
        Command::Schema => {
            output::put!("{}", crate::case::schema());
            Ok(())
        }
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "pullproof", &mut script);
            output::put!("{}", String::from_utf8_lossy(&script));
            Ok(())
        }
    }?;
    undisturbed().await
}

/// Ends a session. What is left to remove its reaper removes, without holding up the prompt; but if a
/// signal comes meanwhile, or came before, the reaper does it all and is waited for.
///
/// # Errors
/// As [`interruptible`].
async fn close(session: Session) -> anyhow::Result<()> {
    match interruptible(session.clear()).await {
        Ok(()) => session.leave(),
        Err(interrupted) => {
            session.abandon().await;
            return Err(interrupted);
        }
    }
    undisturbed().await
}

/// Prints what takes long to standard error; on a terminal the progress line shows it as well.
fn progress() -> crate::cluster::Progress {
    std::sync::Arc::new(|what| {
        output::note(what);
        output::show_progress(what);
    })
}
