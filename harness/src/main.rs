//! The `pullproof` command.

use std::process::ExitCode;

use clap::Parser;
use pullproof::{
    cli::{self, Cli},
    error::{exit_code, story},
};

#[tokio::main]
async fn main() -> ExitCode {
    let cli = Cli::parse();
    match cli::main(cli).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("pullproof: {}", story(&error));
            exit_code(&error)
        }
    }
}
