//! Signals as one stream: the first asks a command to clean up, the second ends it at once.

use std::future::Future;

use tokio::signal::unix::{SignalKind, signal};

use crate::error::{Interrupted, exit};

/// Runs `work` until it is done or a signal comes; then `work` is dropped and nothing is known of it.
///
/// # Errors
/// [`Interrupted`], when a signal came.
pub async fn interruptible<T>(work: impl Future<Output = T>) -> Result<T, anyhow::Error> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hangup = signal(SignalKind::hangup())?;
    let came = async {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hangup.recv() => {}
        }
    };
    tokio::select! {
        done = work => Ok(done),
        () = came => {
            eprintln!("interrupted: cleaning up; once more to leave at once (what is left is removed in the background)");
            tokio::spawn(async {
                if tokio::signal::ctrl_c().await.is_ok() {
                    std::process::exit(i32::from(exit::INTERRUPTED));
                }
            });
            Err(Interrupted.into())
        }
    }
}
