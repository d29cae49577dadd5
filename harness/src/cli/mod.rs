//! The command line: one file a command.

mod cases;
mod doctor;
mod down;
mod matrix;
mod migrate;
mod run;
mod schema;
mod signals;
mod up;

use clap::{Parser, Subcommand};

use crate::settings::Settings;

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
    /// Remove the clusters made here and all that belongs to them
    Down(down::Arguments),
    /// Rewrite case files of older words of the format
    Migrate(migrate::Arguments),
    /// Print the JSON Schema of a case file
    Schema,
}

/// Runs a command.
///
/// # Errors
/// Anything; [`crate::error::exit_code`] says whose fault it is.
pub async fn main(cli: Cli) -> anyhow::Result<()> {
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
        Command::Doctor => doctor::main(settings()?).await,
        Command::Up => up::main(settings()?).await,
        Command::Run(arguments) => run::main(arguments, settings()?).await,
        Command::Matrix(arguments) => {
            let settings = Settings::from_env()?;
            matrix::main(arguments, settings, cli.kubernetes, cli.containerd).await
        }
        Command::Down(arguments) => down::main(arguments, settings()?).await,
        Command::Migrate(arguments) => migrate::main(&arguments),
        Command::Schema => schema::main(),
    }
}

/// Says what takes long, on standard error.
fn progress() -> crate::cluster::Progress {
    std::sync::Arc::new(|what| eprintln!("{what}"))
}
