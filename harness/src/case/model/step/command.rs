//! `run`: a documented command.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::{Action, Output, shortened};
use crate::{
    case::{
        error::CaseError,
        forms::{Form, NOT_BLANK, string_or},
        secrets::Found,
        source::{Source, at},
        tree::Node,
    },
    redaction::Redaction,
};

/// A documented command.
#[derive(Debug, Clone, JsonSchema)]
#[schemars(with = "CommandForm")]
pub struct CommandStep {
    /// The command line, given to `sh`.
    pub command: String,
    /// Standard input.
    pub stdin: Option<String>,
    /// The exit status that is right.
    pub exit: i32,
    /// What standard output must show.
    pub stdout: Option<Output>,
    /// What standard error must show.
    pub stderr: Option<Output>,
}

#[derive(JsonSchema)]
#[schemars(untagged, example = "kubectl get pod private-reg")]
#[expect(dead_code, reason = "only its schema is used")]
enum CommandForm {
    /// The command line, given to `sh`.
    Command(#[schemars(regex(pattern = NOT_BLANK))] String),
    Fields(Box<CommandFields>),
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct CommandFields {
    /// The command line, given to `sh`.
    #[schemars(regex(pattern = NOT_BLANK))]
    command: String,
    /// Standard input.
    #[serde(default)]
    stdin: Option<String>,
    /// The exit status that is right. Default 0.
    #[serde(default)]
    #[schemars(range(min = 0, max = 255))]
    exit: i32,
    /// What standard output must show.
    #[serde(default)]
    stdout: Option<Output>,
    /// What standard error must show.
    #[serde(default)]
    stderr: Option<Output>,
}

impl<'de> Deserialize<'de> for CommandStep {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        string_or(from, "a command or its fields", |form| {
            let CommandFields { command, stdin, exit, stdout, stderr } = match form {
                Form::Text(command) => {
                    CommandFields { command, stdin: None, exit: 0, stdout: None, stderr: None }
                }
                Form::Fields(fields) => fields,
            };
            Self { command, stdin, exit, stdout, stderr }
        })
    }
}

impl Action for CommandStep {
    /// A command exits with what a process can exit with, and what it prints is looked at.
    fn check(&self, source: Source<'_>, index: usize) -> Result<(), CaseError> {
        let here = at!["steps", index, "run"];
        if self.command.trim().is_empty() {
            return Err(source.error(here, "the command is empty"));
        }
        if !(0..=255).contains(&self.exit) {
            let problem = format!("{} is not an exit status; write one from 0 to 255", self.exit);
            return Err(source.error(at!["steps", index, "run", "exit"], problem));
        }
        for (key, wanted) in [("stdout", &self.stdout), ("stderr", &self.stderr)] {
            if let Some(wanted) = wanted {
                wanted.check(source, at!["steps", index, "run", key])?;
            }
        }
        Ok(())
    }

    /// A `$NAME` in the command itself belongs to the shell.
    fn filled<'a>(&self, written: &'a Node) -> Vec<&'a Node> {
        ["stdin", "stdout", "stderr"].into_iter().filter_map(|key| written.get(key)).collect()
    }

    fn secrets(&self, found: &mut Found) {
        found.command_with_stdin(&self.command, self.stdin.as_deref());
    }

    fn proves(&self) -> bool {
        true
    }

    fn needs_node_alone(&self) -> bool {
        false
    }

    fn describe(&self, _: &[Value], redaction: &Redaction) -> Vec<String> {
        vec![format!("run {}", shortened(&redaction.hide(&self.command)))]
    }
}
