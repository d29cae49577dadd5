//! The `pullproof` command.

use std::process::ExitCode;

use clap::Parser;
use pullproof::cli::{self, Cli, Fault, final_words, output};
use tokio::runtime::Builder;

fn main() -> ExitCode {
    let cli = Cli::parse();
    // More threads than cores: a case also hashes, reads files and starts processes, and what the others
    // decide shall not wait for that.
    let runtime = match Builder::new_multi_thread().worker_threads(8).enable_all().build() {
        Ok(runtime) => Box::leak(Box::new(runtime)),
        Err(error) => {
            output::note(format_args!("pullproof: no threads could be started: {error}"));
            return ExitCode::from(Fault::Environment.status());
        }
    };
    // It is not dropped: that waits for whatever still waits for Docker, and the reaper removes what is
    // left in any case.
    let done = runtime.block_on(cli::main(cli));
    output::hide_progress();
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let fault = Fault::of(&error);
            if fault != Fault::Closed {
                output::note(format_args!("pullproof: {}", final_words(&error)));
            }
            ExitCode::from(fault.status())
        }
    }
}
