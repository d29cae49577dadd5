//! The one boundary to other programs: own process group, output kept, ended with its owner.

use std::{
    ffi::{OsStr, OsString},
    fs::File,
    os::unix::process::ExitStatusExt,
    path::Path,
    process::Stdio,
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::AsyncWriteExt;

/// A call of another program.
///
/// Only its name and the words given by [`Call::arg`] are ever shown; what [`Call::hidden`],
/// [`Call::env`] and [`Call::stdin`] bring is not.
#[derive(Debug)]
pub struct Call {
    command: tokio::process::Command,
    shown: String,
    stdin: Option<Vec<u8>>,
    limit: Duration,
}

/// How a call ended.
#[derive(Debug)]
pub struct Done {
    /// The exit status; 128 and the signal's number where a signal ended it, as a shell says it.
    pub status: i32,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
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
    /// A call of `program`, with nothing of this process's environment but PATH.
    pub fn new(program: impl AsRef<OsStr>) -> Self {
        let shown = Path::new(program.as_ref())
            .file_name()
            .unwrap_or(program.as_ref())
            .to_string_lossy()
            .into_owned();
        let mut command = tokio::process::Command::new(program);
        command.kill_on_drop(true).process_group(0);
        Self { command, shown, stdin: None, limit: Duration::from_secs(60) }
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
        self
    }

    /// How long it may take. Default: one minute.
    pub fn limit(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// The call, as it may be shown.
    pub fn shown(&self) -> &str {
        &self.shown
    }

    /// Runs it to its end. Dropping the future ends the whole process group.
    ///
    /// # Errors
    /// It cannot be started, or takes too long. A status other than 0 is no error.
    pub async fn output(mut self) -> Result<Done, CallError> {
        self.command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let limit = self.limit;
        let (child, group, shown) = self.start().await?;
        let output = tokio::time::timeout(limit, child.wait_with_output()).await;
        let output = match output {
            Ok(output) => output.map_err(|source| CallError::Start { call: shown, source })?,
            Err(_) => return Err(CallError::Limit { call: shown, seconds: limit.as_secs() }),
        };
        group.ended();
        Ok(Done {
            status: status_of(output.status),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        })
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
        let (mut child, group, shown) = self.start().await?;
        started(child.id().unwrap_or_default());
        let status = match tokio::time::timeout(limit, child.wait()).await {
            Ok(status) => status.map_err(|source| CallError::Start { call: shown, source })?,
            Err(_) => return Err(CallError::Limit { call: shown, seconds: limit.as_secs() }),
        };
        group.ended();
        Ok(status_of(status))
    }

    async fn start(mut self) -> Result<(tokio::process::Child, Group, String), CallError> {
        let failed = |call: &str, source| CallError::Start { call: call.to_owned(), source };
        self.command.stdin(if self.stdin.is_some() { Stdio::piped() } else { Stdio::null() });
        let mut child = self.command.spawn().map_err(|source| failed(&self.shown, source))?;
        let group = Group(child.id().and_then(|id| Pid::from_raw(id.cast_signed())));
        if let (Some(bytes), Some(mut pipe)) = (self.stdin, child.stdin.take()) {
            match pipe.write_all(&bytes).await {
                // A program need not read all of it.
                Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
                    return Err(failed(&self.shown, error));
                }
                _ => {}
            }
        }
        Ok((child, group, self.shown))
    }
}

/// Ends a process group when the wait for its leader is given up.
struct Group(Option<Pid>);

impl Group {
    fn ended(mut self) {
        self.0 = None;
    }
}

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

/// Finds a program in a PATH.
pub fn which(program: &str, path: &str) -> Option<OsString> {
    std::env::split_paths(path)
        .map(|folder| folder.join(program))
        .find(|file| file.is_file())
        .map(Into::into)
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

    #[tokio::test]
    async fn a_signal_counts_as_a_shell_counts_it() {
        let done = Call::new("/bin/sh").args(["-c", "kill -TERM $$"]).output().await.unwrap();
        assert_eq!(done.status, 128 + 15);
    }
}
