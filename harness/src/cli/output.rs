//! What is printed. An output that cannot be written ends the command as a signal does: `println!` would
//! panic, in the middle of everything that has to be cleaned up.

use std::{
    fmt::{Arguments, Display},
    io::{self, IsTerminal as _, Write},
    sync::{LazyLock, OnceLock},
    time::Duration,
};

use anstream::AutoStream;
use clap::ValueEnum;
use indicatif::{ProgressBar, ProgressStyle};
use tokio::sync::watch;
use tracing_subscriber::{
    Layer as _, filter::FilterFn, layer::SubscriberExt as _, util::SubscriberInitExt as _,
};

use crate::error::NoOutput;

/// The value of `--output`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Text for people
    #[default]
    Text,
    /// JSON for programs
    Json,
}

/// Why standard output cannot be written any more.
static LOST: OnceLock<watch::Sender<Option<NoOutput>>> = OnceLock::new();

/// The progress line, below all others, on a terminal alone.
static PROGRESS: LazyLock<ProgressBar> = LazyLock::new(|| {
    if !io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new_spinner();
    if let Ok(style) = ProgressStyle::with_template("{spinner} {wide_msg} {elapsed}") {
        bar.set_style(style);
    }
    bar
});

/// Shows what goes on, in place of what went on before.
pub fn show_progress(text: impl Into<String>) {
    PROGRESS.set_message(text.into());
    PROGRESS.enable_steady_tick(Duration::from_millis(100));
}

/// Takes the progress line away.
pub fn hide_progress() {
    PROGRESS.finish_and_clear();
}

/// Prints to standard output, in colours on a terminal alone (`NO_COLOR`, `CLICOLOR_FORCE`).
pub fn print(text: Arguments<'_>) {
    if state().borrow().is_none()
        && let Err(error) = PROGRESS.suspend(|| to(AutoStream::auto(io::stdout().lock()), text))
    {
        state().send_replace(Some(error));
    }
}

/// Prints what the program does to standard error, as `-v` asks for.
pub fn trace() {
    let lines = tracing_subscriber::fmt::layer()
        .with_target(false)
        .with_ansi(false)
        .with_writer(|| Lines)
        // Of this program alone: libraries trace requests, and these have credentials.
        .with_filter(FilterFn::new(|of| of.target().starts_with("pullproof")));
    // A subscriber that was set before stays.
    tracing_subscriber::registry().with(lines).try_init().ok();
}

/// Standard error, beside the progress line.
struct Lines;

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        PROGRESS.suspend(|| io::stderr().lock().write_all(bytes)).map(|()| bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().lock().flush()
    }
}

/// Prints a line to standard error. If that cannot be written, nobody is there to read it.
pub fn note(text: impl Display) {
    PROGRESS.suspend(|| writeln!(AutoStream::auto(io::stderr().lock()), "{text}").ok());
}

/// Waits until standard output cannot be written any more.
pub async fn lost() -> NoOutput {
    let mut lost = state().subscribe();
    let lost = lost.wait_for(Option::is_some).await;
    match lost.ok().and_then(|lost| lost.clone()) {
        Some(error) => error,
        None => std::future::pending().await,
    }
}

fn state() -> &'static watch::Sender<Option<NoOutput>> {
    LOST.get_or_init(watch::Sender::default)
}

fn to(mut output: impl Write, text: Arguments<'_>) -> Result<(), NoOutput> {
    output.write_fmt(text).and_then(|()| output.flush()).map_err(|error| match error.kind() {
        io::ErrorKind::BrokenPipe => NoOutput::Closed,
        _ => NoOutput::Failed(error.to_string()),
    })
}

/// Prints a line to standard output, as `println!` does.
macro_rules! say {
    ($($text:tt)*) => { $crate::cli::output::print(format_args!("{}\n", format_args!($($text)*))) };
}

/// Prints to standard output, as `print!` does.
macro_rules! put {
    ($($text:tt)*) => { $crate::cli::output::print(format_args!($($text)*)) };
}

pub(super) use {put, say};

#[cfg(test)]
mod tests {
    use std::{fs::File, net::Shutdown, os::unix::net::UnixStream};

    use super::*;

    #[test]
    fn a_closed_pipe_and_a_full_disk_are_told_apart() {
        // Not a pipe: a process that another test starts may hold its other end for a moment.
        let (writer, reader) = UnixStream::pair().unwrap();
        reader.shutdown(Shutdown::Both).unwrap();
        assert_eq!(to(writer, format_args!("text")), Err(NoOutput::Closed));
        let full = File::options().write(true).open("/dev/full").unwrap();
        let error = to(full, format_args!("text")).unwrap_err();
        assert!(matches!(error, NoOutput::Failed(_)), "{error:?}");
    }
}
