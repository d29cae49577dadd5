//! The one boundary to other programs: own process group, output kept, ended with its owner.

use std::{
    ffi::OsStr,
    fs::File,
    io,
    os::unix::process::{CommandExt, ExitStatusExt},
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use futures::FutureExt;
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWriteExt},
    sync::oneshot,
};

/// How much of each output is kept by default. The rest is read and dropped, so that a program that never
/// stops printing costs time and no memory.
const KEPT: usize = 1024 * 1024;
/// How long an output may stay open after the program and its group have ended: a process that has left
/// the group can hold it for ever.
const GRACE: Duration = Duration::from_millis(500);

/// A call of another program.
///
/// Only its name and the words given by [`Call::arg`] are ever shown; what [`Call::hidden`],
/// [`Call::env`] and [`Call::stdin`] bring is not.
#[derive(Debug)]
pub struct Call {
    command: tokio::process::Command,
    shown: String,
    stdin: Option<Vec<u8>>,
    reads: bool,
    limit: Duration,
    kept: usize,
}

/// How a call ended.
#[derive(Debug)]
pub struct Done {
    /// The exit status; 128 and the signal's number where a signal ended it, as a shell says it.
    pub status: i32,
    /// Standard output, as much as the call keeps; then a line that says how much more there was.
    pub stdout: String,
    /// Standard error, likewise.
    pub stderr: String,
}

/// A call that did not run to its end.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// It could not be started or read.
    #[error("`{call}` could not be run")]
    Start {
        /// The call, as it may be shown.
        call: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// It took too long and was ended.
    #[error("`{call}` was ended after {seconds} s")]
    Limit {
        /// The call, as it may be shown.
        call: String,
        /// How long it had.
        seconds: u64,
    },
    /// It failed.
    #[error("`{call}` failed with status {status}: {stderr}")]
    Status {
        /// The call, as it may be shown.
        call: String,
        /// Its exit status.
        status: i32,
        /// What it said.
        stderr: String,
    },
}

impl Call {
    /// A call of `program`, with this process's environment and nothing to read.
    pub fn new(program: impl AsRef<OsStr>) -> Self {
        let shown = Path::new(program.as_ref())
            .file_name()
            .unwrap_or(program.as_ref())
            .to_string_lossy()
            .into_owned();
        let mut command = tokio::process::Command::new(program);
        command.kill_on_drop(true).process_group(0);
        Self {
            command,
            shown,
            stdin: None,
            reads: false,
            limit: Duration::from_secs(60),
            kept: KEPT,
        }
    }

    /// Adds a word that may be shown.
    pub fn arg(mut self, word: impl AsRef<OsStr>) -> Self {
        self.shown.push(' ');
        self.shown.push_str(&word.as_ref().to_string_lossy());
        self.command.arg(word);
        self
    }

    /// Adds words that may be shown.
    pub fn args<S: AsRef<OsStr>>(self, words: impl IntoIterator<Item = S>) -> Self {
        words.into_iter().fold(self, Call::arg)
    }

    /// Adds a word that is never shown.
    pub fn hidden(mut self, word: impl AsRef<OsStr>) -> Self {
        self.shown.push_str(" …");
        self.command.arg(word);
        self
    }

    /// Sets a variable.
    pub fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// Takes nothing from this process's environment.
    pub fn clear_env(mut self) -> Self {
        self.command.env_clear();
        self
    }

    /// The working folder.
    pub fn dir(mut self, dir: impl AsRef<Path>) -> Self {
        self.command.current_dir(dir);
        self
    }

    /// What it reads.
    pub fn stdin(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.stdin = Some(bytes.into());
        self.reads = true;
        self
    }

    /// How long it may take. Default: one minute.
    pub fn limit(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// How much of each output is kept. Default: 1 MiB.
    pub fn keep(mut self, bytes: usize) -> Self {
        self.kept = bytes;
        self
    }

    /// The call, as it may be shown.
    pub fn shown(&self) -> &str {
        &self.shown
    }

    /// Runs it to its end, and ends what it has left running in its process group. Dropping the future
    /// ends the whole group as well.
    ///
    /// # Errors
    /// It cannot be started, or takes too long. A status other than 0 is no error.
    pub async fn output(mut self) -> Result<Done, CallError> {
        self.command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let (limit, kept) = (self.limit, self.kept);
        let stdin = self.stdin.take();
        let (mut child, group, shown) = self.start()?;
        let failed = |source| CallError::Start { call: shown.clone(), source };
        let (pipe, out, err) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let (ended, ends) = oneshot::channel();
        let given_up = async {
            ends.await.ok();
            tokio::time::sleep(GRACE).await;
        };
        let given_up = given_up.shared();
        let run = async {
            let status = async {
                let status = child.wait().await;
                // What it leaves in its group holds its outputs, and would outlive the case.
                drop(group);
                ended.send(()).ok();
                status
            };
            let fed = feed(pipe, stdin, given_up.clone());
            // All at once: a program may print before it has read everything, and need not read it.
            tokio::join!(
                status,
                fed,
                read(out, kept, given_up.clone()),
                read(err, kept, given_up.clone())
            )
        };
        match tokio::time::timeout(limit, run).await {
            Ok((status, fed, stdout, stderr)) => {
                fed.map_err(failed)?;
                Ok(Done {
                    status: status_of(status.map_err(failed)?),
                    stdout: stdout.map_err(failed)?,
                    stderr: stderr.map_err(failed)?,
                })
            }
            Err(_) => Err(CallError::Limit { call: shown, seconds: limit.as_secs() }),
        }
    }

    /// Runs it to its end and takes a status other than 0 as an error.
    ///
    /// # Errors
    /// As [`Call::output`], and a status other than 0.
    pub async fn check(self) -> Result<Done, CallError> {
        let call = self.shown.clone();
        let done = self.output().await?;
        match done.status {
            0 => Ok(done),
            status => {
                Err(CallError::Status { call, status, stderr: done.stderr.trim().to_owned() })
            }
        }
    }

    /// Runs it with both outputs going into a file; the group's number is given to `started`, so
    /// that the reaper can end it when this process is killed. Returns the exit status.
    ///
    /// # Errors
    /// As [`Call::output`].
    pub async fn log_to(mut self, log: File, started: impl FnOnce(u32)) -> Result<i32, CallError> {
        let copy = log
            .try_clone()
            .map_err(|source| CallError::Start { call: self.shown.clone(), source })?;
        self.command.stdout(Stdio::from(log)).stderr(Stdio::from(copy));
        let limit = self.limit;
        let stdin = self.stdin.take();
        let (mut child, _group, shown) = self.start()?;
        started(child.id().unwrap_or_default());
        let pipe = child.stdin.take();
        let fed = feed(pipe, stdin, std::future::pending());
        let run = async {
            tokio::select! {
                status = child.wait() => status,
                Err(error) = fed => Err(error),
            }
        };
        match tokio::time::timeout(limit, run).await {
            Ok(status) => {
                Ok(status_of(status.map_err(|source| CallError::Start { call: shown, source })?))
            }
            Err(_) => Err(CallError::Limit { call: shown, seconds: limit.as_secs() }),
        }
    }

    fn start(mut self) -> Result<(tokio::process::Child, Group, String), CallError> {
        let stdin = if self.reads { Stdio::piped() } else { Stdio::null() };
        match self.command.stdin(stdin).spawn() {
            Ok(child) => {
                let group = Group(child.id().and_then(|id| Pid::from_raw(id.cast_signed())));
                Ok((child, group, self.shown))
            }
            Err(source) => Err(CallError::Start { call: self.shown, source }),
        }
    }
}

/// Writes what a program reads. It need not read all of it.
async fn feed(
    pipe: Option<tokio::process::ChildStdin>,
    bytes: Option<Vec<u8>>,
    given_up: impl Future<Output = ()>,
) -> io::Result<()> {
    let (Some(mut pipe), Some(bytes)) = (pipe, bytes) else { return Ok(()) };
    tokio::select! {
        written = pipe.write_all(&bytes) => match written {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error),
            _ => Ok(()),
        },
        () = given_up => Ok(()),
    }
}

/// Reads an output to its end, or until nothing is there when it is given up.
async fn read(
    pipe: Option<impl AsyncRead + Unpin>,
    most: usize,
    given_up: impl Future<Output = ()>,
) -> io::Result<String> {
    let Some(mut pipe) = pipe else { return Ok(String::new()) };
    let (mut kept, mut dropped) = (Vec::new(), 0);
    let mut buffer = vec![0; 16 * 1024];
    let mut given_up = std::pin::pin!(given_up);
    loop {
        let read = tokio::select! {
            biased;
            read = pipe.read(&mut buffer) => read?,
            () = &mut given_up => 0,
        };
        if read == 0 {
            break;
        }
        let room = read.min(most - kept.len());
        kept.extend_from_slice(&buffer[..room]);
        dropped += read - room;
    }
    let mut text = String::from_utf8_lossy(&kept).into_owned();
    if dropped > 0 {
        text.push_str(&format!("\n[{dropped} more bytes were not kept]\n"));
    }
    Ok(text)
}

/// Starts a program that outlives this process: in a process group of its own, as a terminal's Ctrl-C
/// goes to the foreground group only, and with nothing of this process's but `stdout`.
///
/// # Errors
/// It cannot be started.
pub(crate) fn apart<S: AsRef<OsStr>>(
    program: &str,
    words: impl IntoIterator<Item = S>,
    stdin: Stdio,
    stdout: File,
) -> io::Result<std::process::Child> {
    let mut command = std::process::Command::new(program);
    command.args(words).process_group(0).stdin(stdin).stdout(stdout).stderr(Stdio::null()).spawn()
}

/// Ends a process group when its leader has ended or is not waited for any more. As long as one of the
/// group runs, its number is no other's; if none does, it has been free for microseconds, and numbers
/// are handed out in turn.
struct Group(Option<Pid>);

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(leader) = self.0 {
            // An error means that it has ended by itself.
            kill_process_group(leader, Signal::KILL).ok();
        }
    }
}

fn status_of(status: std::process::ExitStatus) -> i32 {
    status.code().or_else(|| status.signal().map(|signal| 128 + signal)).unwrap_or(-1)
}

/// Returns a program of a PATH, if one can be executed there.
pub fn find(program: &str, path: &str) -> Option<PathBuf> {
    which::which_in_global(program, Some(path)).ok()?.next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn hidden_words_and_input_are_in_no_error() {
        let call = Call::new("/bin/sh").arg("-c").hidden("cat >&2; exit 3 # canary").stdin("seen");
        let error = call.check().await.unwrap_err().to_string();
        assert_eq!(error, "`sh -c …` failed with status 3: seen");
    }

    #[tokio::test]
    async fn a_limit_ends_the_whole_group() {
        let started = std::time::Instant::now();
        let call = Call::new("/bin/sh")
            .args(["-c", "sleep 60 & sleep 60"])
            .limit(Duration::from_millis(50));
        assert!(matches!(call.output().await, Err(CallError::Limit { .. })));
        assert!(started.elapsed() < Duration::from_secs(10));
    }

    /// The process whose number a program printed.
    fn is_alive(printed: &str) -> bool {
        Path::new("/proc").join(printed.trim()).exists()
    }

    #[tokio::test]
    async fn what_a_program_leaves_running_ends_with_it() {
        let started = std::time::Instant::now();
        // The first holds the outputs, the second does not.
        let call = "sleep 600 & echo $!; sleep 600 >/dev/null 2>&1 & echo $! >&2";
        let done = Call::new("/bin/sh").args(["-c", call]).output().await.unwrap();
        assert!(started.elapsed() < Duration::from_secs(10));
        let limit = started + Duration::from_secs(20);
        while is_alive(&done.stdout) || is_alive(&done.stderr) {
            assert!(std::time::Instant::now() < limit, "{done:?} goes on");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    #[tokio::test]
    async fn a_process_that_left_the_group_holds_up_nothing() {
        let started = std::time::Instant::now();
        let call = "setsid sleep 20 & echo done";
        let done = Call::new("/bin/sh").args(["-c", call]).output().await.unwrap();
        assert_eq!(done.stdout, "done\n");
        assert!(started.elapsed() < Duration::from_secs(10));
    }

    #[tokio::test]
    async fn output_without_end_is_counted_and_not_kept() {
        let call = "yes | head -c 3000000; printf end >&2";
        let done = Call::new("/bin/sh").args(["-c", call]).output().await.unwrap();
        let more = format!("\n[{} more bytes were not kept]\n", 3_000_000 - KEPT);
        assert_eq!(done.stdout.len(), KEPT + more.len());
        assert!(done.stdout.ends_with(&more), "{}", &done.stdout[KEPT..]);
        assert_eq!(done.stderr, "end");
    }

    #[tokio::test]
    async fn a_program_may_print_before_it_has_read_everything() {
        let input = "x".repeat(300_000);
        let done = Call::new("/bin/cat").stdin(input.clone()).output().await.unwrap();
        assert!(done.stdout == input, "{} bytes", done.stdout.len());
        let done = Call::new("/bin/true").stdin(input).output().await.unwrap();
        assert_eq!(done.status, 0);
    }

    #[tokio::test]
    async fn a_signal_counts_as_a_shell_counts_it() {
        let done = Call::new("/bin/sh").args(["-c", "kill -TERM $$"]).output().await.unwrap();
        assert_eq!(done.status, 128 + 15);
    }
}
