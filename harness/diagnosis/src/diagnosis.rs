//! What a diagnosis says.

use serde::Serialize;

use crate::cause::{Cause, Remedy};
use crate::message::clean::printable;

/// Why a pull failed, as far as the evidence decides it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Diagnosis {
    cause: Option<Cause>,
    candidates: Vec<Candidate>,
    /// One sentence that names the object the cause is about.
    pub sentence: String,
    /// What to do, for the cause or the likeliest candidate.
    pub remedy: Option<Step>,
    /// What the diagnosis rests on.
    pub facts: Vec<Fact>,
}

/// One of several causes that the evidence leaves open.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Candidate {
    /// The cause.
    pub id: Cause,
    /// What it means.
    pub meaning: &'static str,
    /// What would decide for or against it.
    pub decides: &'static str,
}

/// A remedy with the names of this pull in its command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Step {
    /// The step.
    pub text: String,
    /// The command for it, where one does it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
}

/// One thing that is known, and from where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fact {
    /// Where it is known from.
    pub from: Source,
    /// What is known.
    pub text: String,
}

/// Where a fact is known from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Source {
    /// A message.
    Message,
    /// The image reference.
    Reference,
    /// The pod's pull secrets.
    Secrets,
    /// The registry's record of the pull.
    Requests,
    /// The registry's present answers.
    Probe,
    /// Versions and times.
    Versions,
}

impl Diagnosis {
    pub(crate) fn new(
        cause: Option<Cause>,
        candidates: Vec<Candidate>,
        sentence: String,
        remedy: Option<Step>,
        mut facts: Vec<Fact>,
    ) -> Self {
        // Keys, types and images of a cluster are in them, which may hold anything.
        facts.iter_mut().for_each(|fact| fact.text = printable(&fact.text));
        Self { cause, candidates, sentence: printable(&sentence), remedy, facts }
    }

    /// A diagnosis of a message that no row of the table knows.
    pub(crate) fn unknown(innermost: &str) -> Self {
        let sentence = if innermost.is_empty() {
            "the cause is not known: there is no message".to_owned()
        } else {
            format!("the cause is not known; the innermost error is: {innermost}")
        };
        let facts = if innermost.is_empty() {
            Vec::new()
        } else {
            vec![Fact { from: Source::Message, text: innermost.to_owned() }]
        };
        Self::new(None, Vec::new(), sentence, None, facts)
    }

    /// A back-off, to 1.31 without the error that led to it.
    pub(crate) fn of_back_off() -> Self {
        Self {
            sentence: "the message carries no cause; it is in the pod's Failed event".to_owned(),
            ..Self::unknown("")
        }
    }

    /// Returns the cause, if the evidence decides it.
    #[must_use]
    pub fn cause(&self) -> Option<Cause> {
        self.cause
    }

    /// Returns the causes left, likeliest first and at most four; only the cause if it is certain.
    #[must_use]
    pub fn candidates(&self) -> &[Candidate] {
        &self.candidates
    }

    /// Returns whether nothing of the evidence was understood.
    #[must_use]
    pub fn is_unknown(&self) -> bool {
        self.cause.is_none() && self.candidates.is_empty()
    }
}

impl Step {
    pub(crate) fn of(remedy: Remedy, fill: impl Fn(&str) -> String) -> Self {
        Self { text: remedy.text.to_owned(), command: remedy.command.map(fill) }
    }
}
