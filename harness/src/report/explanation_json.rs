//! Why pods cannot pull, as JSON.

use pullproof_diagnosis::{Cause, Fact};
use schemars::JsonSchema;
use serde::Serialize;

use crate::explain::{Explanation, Finding, Pull};

use super::{
    explanation::{Row, rows},
    probe_json::ProbeJson,
};

/// The version of the JSON. It grows if a field goes or changes its meaning; new fields may come.
const VERSION: u32 = 1;

/// The JSON of `pullproof explain --output json`.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(title = "pullproof explanation")]
pub struct ExplanationJson {
    /// The version of this form: 1.
    version: u32,
    /// One per cause, the one with the most pulls first; empty if nothing fails to pull.
    findings: Vec<FindingJson>,
    /// What may not be read.
    unread: Vec<String>,
    /// What is worth knowing and not a cause.
    notes: Vec<String>,
}

/// Why one or more pulls fail.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct FindingJson {
    /// The id of the cause, or null if the evidence does not decide it.
    cause: Option<String>,
    /// The causes that are possible, most likely first, at most four.
    candidates: Vec<CandidateJson>,
    /// The finding in one sentence.
    sentence: String,
    /// What to do.
    remedy: Option<RemedyJson>,
    /// What the finding rests on.
    evidence: Vec<EvidenceJson>,
    /// The secrets of the first pull and their keys; null if they may not be read.
    keyring: Option<Vec<KeyJson>>,
    /// What the registry answers for each image of the pulls, if it was asked (`--probe`).
    probe: Option<Vec<ProbeJson>>,
    /// The pulls that fail.
    pulls: Vec<Pull>,
}

/// One cause that is possible.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct CandidateJson {
    /// Its id.
    id: String,
    /// Its meaning.
    meaning: String,
    /// What would decide for or against it.
    decides: String,
}

/// What to do.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct RemedyJson {
    /// The step.
    text: String,
    /// The command for it, if one does it.
    command: Option<String>,
}

/// One thing that is known.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct EvidenceJson {
    /// Where it is known from: `message`, `reference`, `secrets`, `requests`, `probe` or `versions`.
    from: String,
    /// What is known.
    text: String,
}

/// A key of a secret, or a secret without keys.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct KeyJson {
    /// The secret.
    secret: String,
    /// The key.
    key: Option<String>,
    /// The user.
    user: Option<String>,
    /// Whether the key matches the image.
    matches: bool,
    /// Whether credentials of it are sent when the registry asks.
    sent: bool,
    /// Why the key does not match.
    why: Option<String>,
}

/// Returns an explanation as JSON.
pub fn explanation_json(explanation: &Explanation) -> String {
    let json = ExplanationJson {
        version: VERSION,
        findings: explanation.findings.iter().map(finding_json).collect(),
        unread: explanation.unread.clone(),
        notes: explanation.notes.clone(),
    };
    format!("{:#}\n", serde_json::json!(json))
}

fn finding_json(finding: &Finding) -> FindingJson {
    let diagnosis = &finding.diagnosis;
    let from = |fact: &Fact| serde_json::json!(fact.from).as_str().unwrap_or_default().to_owned();
    FindingJson {
        cause: diagnosis.cause().map(|cause: Cause| cause.to_string()),
        candidates: diagnosis
            .candidates()
            .iter()
            .map(|one| CandidateJson {
                id: one.id.to_string(),
                meaning: one.meaning.to_owned(),
                decides: one.decides.to_owned(),
            })
            .collect(),
        sentence: diagnosis.sentence.clone(),
        remedy: diagnosis
            .remedy
            .as_ref()
            .map(|step| RemedyJson { text: step.text.clone(), command: step.command.clone() }),
        evidence: diagnosis
            .facts
            .iter()
            .map(|fact| EvidenceJson { from: from(fact), text: fact.text.clone() })
            .collect(),
        keyring: finding.lookup.as_ref().map(|lookup| {
            rows(lookup, None)
                .map(|Row { secret, key, matches, sent, user, why, .. }| KeyJson {
                    secret,
                    key,
                    user,
                    matches,
                    sent,
                    why,
                })
                .collect()
        }),
        probe: (!finding.probes.is_empty())
            .then(|| finding.probes.iter().map(ProbeJson::of).collect()),
        pulls: finding.pulls.clone(),
    }
}

/// Returns the JSON Schema of [`explanation_json`].
pub fn explanation_schema() -> String {
    format!("{:#}\n", schemars::schema_for!(ExplanationJson).to_value())
}
