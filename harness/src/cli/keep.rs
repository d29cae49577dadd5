//! `run --keep`: a process in the background holds what the cases made, with registries that answer.

use std::{
    ffi::OsString,
    fs::{self, File},
    io::{IsTerminal, stdout},
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use anyhow::Context;
use rustix::process::{Pid, Signal, kill_process};
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, BufReader},
    process::Command,
};

use crate::{error::EnvironmentError, run::Session};

use super::{
    close,
    fault::{exit_status, final_words},
    output::{self, put, say},
    signals::interruptible,
};

/// Names the file into which the process in the background writes the status of the run.
const STATUS: &str = "PULLPROOF_KEEP_STATUS";

/// How long everything is kept.
const KEPT_FOR: Duration = Duration::from_secs(60 * 60);

/// The file that the status goes to, if this is the process in the background.
pub fn status_file() -> Option<PathBuf> {
    std::env::var_os(STATUS).map(PathBuf::from)
}

/// Runs the same command in the background, prints what it prints, and exits as it would once its cases
/// are over.
///
/// # Errors
/// It cannot be started, or ends without a status.
pub async fn start() -> anyhow::Result<()> {
    let folder = tempfile::tempdir().context("making a temporary folder")?;
    let status = folder.path().join("status");
    let words: Vec<OsString> = std::env::args_os().skip(1).collect();
    let mut command = Command::new(std::env::current_exe().context("finding this program")?);
    command.args(words).env(STATUS, &status).process_group(0).stdin(Stdio::null());
    if stdout().is_terminal() {
        command.env("CLICOLOR_FORCE", "1");
    }
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let mut child = child.context("starting the process in the background")?;
    let (out, err) = (child.stdout.take(), child.stderr.take());
    let mut relayed = std::pin::pin!(async {
        tokio::join!(lines(out, |line| put!("{line}\n")), lines(err, |line| output::note(line)));
    });
    if interruptible(&mut relayed).await.is_err() {
        let id = child.id().and_then(|id| Pid::from_raw(id.cast_signed()));
        id.map(|id| kill_process(id, Signal::INT));
        relayed.await;
    }
    let ended = fs::read_to_string(&status).ok().and_then(|code| code.trim().parse().ok());
    let code = match ended {
        Some(code) => code,
        // It ended before its cases did, and said why.
        None => child
            .wait()
            .await
            .context("waiting for the process in the background")?
            .code()
            .unwrap_or(1),
    };
    drop(folder);
    std::process::exit(code);
}

async fn lines(from: Option<impl AsyncRead + Unpin>, mut print: impl FnMut(&str)) {
    let Some(from) = from else { return };
    let mut from = BufReader::new(from);
    let mut line = Vec::new();
    while from.read_until(b'\n', &mut line).await.is_ok_and(|read| read > 0) {
        print(String::from_utf8_lossy(&line).trim_end_matches('\n'));
        line.clear();
    }
}

/// Prints where everything is, lets the command in the foreground end with the result of the run, and
/// keeps everything until a signal comes or its time is over.
///
/// # Errors
/// The status cannot be written; then nothing is kept.
pub async fn hold(
    session: Session,
    result: anyhow::Result<()>,
    status: &Path,
) -> anyhow::Result<()> {
    let kubeconfig = session.cluster.kubeconfig.display();
    say!("kept for an hour, or until `pullproof down`:");
    for (case, namespace) in session.kept() {
        say!("  {case}: kubectl --kubeconfig {kubeconfig} -n {namespace} get pods");
    }
    if let Err(error) = &result {
        output::note(format_args!("pullproof: {}", final_words(error)));
    }
    let kept = session.run.is_kept().and_then(|()| {
        fs::write(status, exit_status(&result).to_string())?;
        let nowhere = File::options().read(true).write(true).open("/dev/null")?;
        rustix::stdio::dup2_stdout(&nowhere)?;
        rustix::stdio::dup2_stderr(&nowhere)?;
        Ok(())
    });
    if kept.is_ok() {
        interruptible(tokio::time::sleep(KEPT_FOR)).await.ok();
    }
    close(session).await.ok();
    Ok(kept.map_err(|error| EnvironmentError::other("nothing could be kept")(error.into()))?)
}
