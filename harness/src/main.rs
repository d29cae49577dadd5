//! The `pullproof` command.

use std::process::ExitCode;

use clap::Parser;
use pullproof::{
    cli::{self, Cli},
    error::{exit_code, story},
};

// More threads than cores: a case also hashes, reads files and starts processes, and what the others
// decide shall not wait for that.
#[tokio::main(worker_threads = 8)]
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
