//! Signals, and an output that nobody reads any more: the first asks a command to clean up, the second
//! ends it at once.

use std::{future::Future, io, sync::OnceLock};

use tokio::{
    signal::unix::{SignalKind, signal},
    sync::watch,
};

use crate::error::Interrupted;

use super::{fault::Fault, output};

/// Whether a signal came. It is there from when signals are listened to.
static CAME: OnceLock<watch::Sender<bool>> = OnceLock::new();

/// Listens to the signals from now on, until the process ends.
///
/// # Errors
/// The system refuses.
pub fn listen() -> io::Result<()> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hangup = signal(SignalKind::hangup())?;
    tokio::spawn(async move {
        loop {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
                _ = hangup.recv() => {}
            }
            if came() {
                std::process::exit(i32::from(Fault::Interrupted.status()));
            }
            output::note(
                "interrupted: cleaning up; press Ctrl-C again to exit now (cleanup continues in the background)",
            );
            state().send_replace(true);
        }
    });
    Ok(())
}

fn state() -> &'static watch::Sender<bool> {
    CAME.get_or_init(|| watch::Sender::new(false))
}

/// Whether a signal came.
fn came() -> bool {
    *state().borrow()
}

/// Runs `work` until it is done, a signal comes or nobody reads what is printed; then `work` is dropped
/// and nothing is known of it.
///
/// # Errors
/// [`Interrupted`], or why nothing can be printed.
pub async fn interruptible<T>(work: impl Future<Output = T>) -> Result<T, anyhow::Error> {
    let mut came = state().subscribe();
    tokio::select! {
        biased;
        _ = came.wait_for(|came| *came) => Err(Interrupted.into()),
        error = output::lost() => Err(error.into()),
        done = work => Ok(done),
    }
}

/// What became of a command that has done its work: a signal that came while it cleaned up counts.
///
/// # Errors
/// As [`interruptible`].
pub async fn undisturbed() -> Result<(), anyhow::Error> {
    interruptible(std::future::ready(())).await
}
