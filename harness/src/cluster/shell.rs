//! Shells that stay open in a node's container.
//!
//! `docker exec` costs a hundred milliseconds of processor time, mostly the engine's and runc's, and
//! most commands of a case cost two: a shell that is there already runs them one after the other.

use std::{
    pin::Pin,
    sync::{Arc, Mutex},
    time::Duration,
};

use anyhow::{Context, bail};
use bollard::{Docker, container::LogOutput, exec::StartExecResults, models::ExecConfig};
use futures::{Stream, StreamExt};
use tokio::io::{AsyncWrite, AsyncWriteExt};

use crate::{limit::within, mutex::locked};

/// How long a command may take. The longest, a restart of the kubelet, is ended before by itself.
const LIMIT: Duration = Duration::from_secs(90);

/// Reads a mark and a script a line, in which `\\` and `\n` stand for what they do in `printf %b`, and
/// prints what the script does and then a line of the mark and its status. It starts no program of its
/// own. Ends when its input does, that is with the process that opened it.
const LOOP: &str = r#"while read -r mark script; do
  (eval "$(printf %b "$script")") </dev/null 2>&1
  printf '\n%s %s\n' "$mark" "$?"
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
        // Dropped in between, the shell is not used again: its next answer would be this one's.
        let done = async {
            let mut shell = match waiting {
                Some(shell) => shell,
                None => Shell::open(docker, container).await?,
            };
            let done = shell.run(script).await?;
            anyhow::Ok((shell, done))
        };
        let done = within(LIMIT, "the command (is the node still there?)", done).await;
        let (shell, (status, text)) = done.with_context(on)?;
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
        // Nothing that a script prints by itself.
        let mark = format!("{:032x}", rand::random::<u128>());
        self.input.write_all(request(&mark, script).as_bytes()).await?;
        self.input.flush().await?;
        let mut printed = Vec::new();
        loop {
            if let Some(answer) = answer(&printed, &mark) {
                return Ok(answer);
            }
            match self
                .output
                .next()
                .await
                .context("the shell ended; is the node still there?")??
            {
                LogOutput::StdErr { message } => bail!("{}", String::from_utf8_lossy(&message)),
                other => printed.extend(other.into_bytes()),
            }
        }
    }
}

/// The line that asks for a script.
fn request(mark: &str, script: &str) -> String {
    format!("{mark} {}\n", script.replace('\\', r"\\").replace('\n', r"\n"))
}

/// Status and text of an answer, once it is whole.
fn answer(printed: &[u8], mark: &str) -> Option<(i32, String)> {
    let whole = printed.strip_suffix(b"\n")?;
    let last = whole.iter().rposition(|byte| *byte == b'\n')?;
    let status = whole[last + 1..].strip_prefix(mark.as_bytes())?;
    let status = std::str::from_utf8(status).ok()?.trim().parse().ok()?;
    Some((status, String::from_utf8_lossy(&whole[..last]).into_owned()))
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

    const MARK: &str = "0123456789abcdef";

    /// Runs scripts through the loop, in a shell of this machine.
    fn answers(scripts: &[&str]) -> Vec<(i32, String)> {
        let mut shell = Command::new("sh")
            .args(["-c", LOOP])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines: String = scripts.iter().map(|script| request(MARK, script)).collect();
        shell.stdin.take().unwrap().write_all(lines.as_bytes()).unwrap();
        let printed = String::from_utf8(shell.wait_with_output().unwrap().stdout).unwrap();
        let ends = printed.match_indices(MARK).map(|(at, _)| at);
        let mut from = 0;
        let ends = ends.map(|at| at + printed[at..].find('\n').unwrap() + 1);
        ends.map(|to| {
            answer(&printed.as_bytes()[std::mem::replace(&mut from, to)..to], MARK).unwrap()
        })
        .collect()
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
    fn a_script_arrives_as_it_is_and_leaves_the_loop_as_it_was() {
        let seen = answers(&[
            r#"printf '%s|' "a\b" '\n' 'it'\''s' "$(printf 'x\ty')""#,
            "for i in 1 2\ndo echo $i\ndone",
            "cd /; a=1; set -e; false; echo never",
            "echo ${a-unset}; exec true",
            "if",
            "echo after",
        ]);
        assert_eq!(seen[0], (0, r"a\b|\n|it's|x	y|".to_owned()));
        assert_eq!(seen[1], (0, "1\n2\n".to_owned()));
        assert_eq!(seen[2].0, 1);
        assert_eq!(seen[3], (0, "unset\n".to_owned()));
        assert_eq!(seen[4].0, 2, "{}", seen[4].1);
        assert_eq!(seen[5], (0, "after\n".to_owned()));
    }

    #[test]
    fn an_answer_is_whole_only_with_its_mark_and_status() {
        assert_eq!(answer(b"one\n\nm 0\n", "m"), Some((0, "one\n".to_owned())));
        assert_eq!(answer(b"\nm 7\n", "m"), Some((7, String::new())));
        for part in [&b"one\n"[..], b"one\n\nm", b"one\n\nm 0", b"", b"\n"] {
            assert_eq!(answer(part, "m"), None, "{part:?}");
        }
    }

    #[test]
    fn a_script_may_be_long_and_print_much() {
        let word = "x".repeat(200_000);
        let seen = answers(&[&format!("printf %s {word}")]);
        assert_eq!(seen, [(0, word)]);
    }
}
