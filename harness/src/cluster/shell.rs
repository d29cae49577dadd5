//! Shells that stay open in a node's container.
//!
//! `docker exec` costs a hundred milliseconds of processor time, mostly the engine's and runc's, and
//! most commands of a case cost two: a shell that is there already runs them one after the other.

use std::{
    pin::Pin,
    sync::{Arc, Mutex},
};

use anyhow::{Context, bail};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use bollard::{Docker, container::LogOutput, exec::StartExecResults, models::ExecConfig};
use futures::{Stream, StreamExt};
use tokio::io::{AsyncWrite, AsyncWriteExt};

use crate::mutex::locked;

/// Reads a script a line and answers with a line: what it printed and, after the last newline, its
/// status, all in base64. Ends when its input does, that is with the process that opened it.
const LOOP: &str = r#"while read -r script; do
  printf %s "$script" | base64 -d | { sh 2>&1; printf '\n%s' "$?"; } | base64 -w0
  echo
done"#;

type Output = Pin<Box<dyn Stream<Item = Result<LogOutput, bollard::errors::Error>> + Send>>;

/// Open shells that wait for work. Clones share them.
#[derive(Clone, Default)]
pub(super) struct Shells(Arc<Mutex<Vec<Shell>>>);

impl std::fmt::Debug for Shells {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Shells")
    }
}

impl Shells {
    /// Runs a script in a shell that waits, or in a new one, and returns what it printed.
    ///
    /// # Errors
    /// Docker refuses, or the script ends with a status other than 0.
    pub async fn run(
        &self,
        docker: &Docker,
        container: &str,
        script: &str,
    ) -> anyhow::Result<String> {
        let on = || format!("running a command on {container}");
        let waiting = locked(&self.0).pop();
        let mut shell = match waiting {
            Some(shell) => shell,
            None => Shell::open(docker, container).await.with_context(on)?,
        };
        // Dropped in between, the shell is not used again: its next answer would be this one's.
        let (status, text) = shell.run(script).await.with_context(on)?;
        locked(&self.0).push(shell);
        match status {
            0 => Ok(text),
            status => bail!("{} ended with status {status}: {}", on(), text.trim()),
        }
    }
}

/// One open shell.
struct Shell {
    input: Pin<Box<dyn AsyncWrite + Send>>,
    output: Output,
}

impl Shell {
    async fn open(docker: &Docker, container: &str) -> anyhow::Result<Self> {
        let config = ExecConfig {
            cmd: Some(["sh", "-c", LOOP].map(str::to_owned).to_vec()),
            attach_stdin: Some(true),
            attach_stdout: Some(true),
            attach_stderr: Some(true),
            ..ExecConfig::default()
        };
        let exec = docker.create_exec(container, config).await?;
        match docker.start_exec(&exec.id, None).await? {
            StartExecResults::Attached { output, input } => Ok(Self { input, output }),
            StartExecResults::Detached => bail!("Docker did not attach to it"),
        }
    }

    async fn run(&mut self, script: &str) -> anyhow::Result<(i32, String)> {
        self.input.write_all(format!("{}\n", STANDARD.encode(script)).as_bytes()).await?;
        self.input.flush().await?;
        let mut line = Vec::new();
        while !line.ends_with(b"\n") {
            match self
                .output
                .next()
                .await
                .context("the shell ended; is the node still there?")??
            {
                LogOutput::StdErr { message } => bail!("{}", String::from_utf8_lossy(&message)),
                other => line.extend(other.into_bytes()),
            }
        }
        answer(&line).context("the shell's answer cannot be read")
    }
}

/// Status and text of an answer.
fn answer(line: &[u8]) -> anyhow::Result<(i32, String)> {
    let all = STANDARD.decode(line.trim_ascii_end())?;
    let all = String::from_utf8_lossy(&all);
    let (text, status) = all.rsplit_once('\n').context("it has no status")?;
    Ok((status.parse()?, text.to_owned()))
}

/// A word as a shell reads it whole.
pub fn quote(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use std::{
        io::Write,
        process::{Command, Stdio},
    };

    use super::*;

    /// Runs scripts through the loop, in a shell of this machine.
    fn answers(scripts: &[&str]) -> Vec<(i32, String)> {
        let mut shell = Command::new("sh")
            .args(["-c", LOOP])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines: String = scripts.iter().map(|s| format!("{}\n", STANDARD.encode(s))).collect();
        shell.stdin.take().unwrap().write_all(lines.as_bytes()).unwrap();
        let printed = shell.wait_with_output().unwrap().stdout;
        printed.split_inclusive(|byte| *byte == b'\n').map(|line| answer(line).unwrap()).collect()
    }

    #[test]
    fn each_script_has_its_own_status_and_text() {
        let seen = answers(&["echo one; echo two >&2", "printf none; exit 7", "true", "cat"]);
        assert_eq!(seen[0], (0, "one\ntwo\n".to_owned()));
        assert_eq!(seen[1], (7, "none".to_owned()));
        assert_eq!(seen[2], (0, String::new()));
        assert_eq!(seen[3], (0, String::new()));
        assert_eq!(seen.len(), 4);
    }

    #[test]
    fn a_script_may_be_long_and_print_much() {
        let word = "x".repeat(200_000);
        let seen = answers(&[&format!("printf %s {word}")]);
        assert_eq!(seen, [(0, word)]);
    }
}
