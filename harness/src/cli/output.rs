//! What is printed. An output that cannot be written ends the command as a signal does: `println!` would
//! panic, in the middle of everything that has to be cleaned up.

use std::{
    fmt::{Arguments, Display},
    io::{self, Write},
    sync::OnceLock,
};

use tokio::sync::watch;

use crate::error::NoOutput;

/// Why standard output cannot be written any more.
static LOST: OnceLock<watch::Sender<Option<NoOutput>>> = OnceLock::new();

/// Prints to standard output.
pub fn print(text: Arguments<'_>) {
    if state().borrow().is_none()
        && let Err(error) = to(io::stdout().lock(), text)
    {
        state().send_replace(Some(error));
    }
}

/// Prints a line to standard error. Where that cannot be written, nobody is there to be told.
pub fn note(text: impl Display) {
    writeln!(io::stderr().lock(), "{text}").ok();
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
