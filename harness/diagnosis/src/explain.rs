//! One JSON object in, one out: the line format of `explain --message - --output json`.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::cause::Cause;
use crate::diagnosis::{Candidate, Diagnosis, Fact, Step};
use crate::evidence::Evidence;
use crate::rules::diagnose;

/// A line that is not a JSON object with a message.
#[derive(Debug, Error)]
#[error("the line is not a JSON object with a string \"message\"")]
pub struct LineError(#[from] serde_json::Error);

#[derive(Deserialize)]
struct Line {
    message: String,
}

#[derive(Serialize)]
struct Answer<'a> {
    cause: Option<Cause>,
    candidates: &'a [Candidate],
    sentence: &'a str,
    remedy: &'a Option<Step>,
    evidence: &'a [Fact],
}

/// Returns the diagnosis of a line's message as one JSON object without a line break.
///
/// Other keys of the line are passed over.
///
/// # Errors
///
/// If the line is not a JSON object with a string `message`.
pub fn line(line: &str) -> Result<String, LineError> {
    let Line { message } = serde_json::from_str(line)?;
    Ok(json(&diagnose(&Evidence::of_message(message)))?)
}

/// Returns a diagnosis as one JSON object: `cause` (an id, or null), `candidates`, `sentence`,
/// `remedy` and `evidence`.
///
/// # Errors
///
/// None in practice: a diagnosis holds nothing that JSON cannot.
pub fn json(diagnosis: &Diagnosis) -> Result<String, serde_json::Error> {
    serde_json::to_string(&Answer {
        cause: diagnosis.cause(),
        candidates: diagnosis.candidates(),
        sentence: &diagnosis.sentence,
        remedy: &diagnosis.remedy,
        evidence: &diagnosis.facts,
    })
}
