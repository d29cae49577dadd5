//! How a case ended: the one value that every report reads.

use std::{path::PathBuf, time::Duration};

use serde::Serialize;

use crate::{case::CaseFile, cluster::NodeVersions, expectation::Mismatch};

mod evidence;
mod hidden;
mod observation;

pub use evidence::Evidence;
pub use observation::{Decision, Observation};

/// How a case ended.
#[derive(Debug, Clone, Serialize)]
pub struct Outcome {
    /// The case's name.
    pub name: String,
    /// Its title.
    pub title: String,
    /// Where the behaviour is documented or was reported.
    pub source: String,
    /// What a reader has to know besides.
    pub note: Option<String>,
    /// Its file.
    pub path: PathBuf,
    /// What the node ran.
    pub versions: NodeVersions,
    /// Its result.
    pub result: Result,
    /// How long it took.
    #[serde(serialize_with = "seconds")]
    pub took: Duration,
    /// What the registries saw, in words.
    pub registry: String,
    /// What was seen at each expectation, in order.
    pub observed: Vec<Observation>,
    /// When each expectation of a pod was decided.
    #[serde(skip)]
    pub decisions: Vec<Decision>,
    /// The evidence of a failure.
    pub evidence: Option<Evidence>,
}

fn seconds<S: serde::Serializer>(took: &Duration, to: S) -> std::result::Result<S::Ok, S::Error> {
    to.serialize_f64((took.as_secs_f64() * 1000.0).round() / 1000.0)
}

/// The result of a case.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "kebab-case", tag = "result")]
pub enum Result {
    /// Everything expected was seen.
    Passed,
    /// The case does not speak of this version.
    NotApplicable {
        /// Of which it speaks.
        speaks_of: String,
    },
    /// Something else was seen.
    Failed(StepFailure),
    /// It could not be seen: the harness or its environment failed.
    Broken {
        /// What happened.
        error: String,
    },
}

/// The step at which a case failed.
#[derive(Debug, Clone, Serialize)]
pub struct StepFailure {
    /// The case's file, with line.
    pub place: String,
    /// What was expected and seen.
    pub mismatch: Mismatch,
    /// How long it was waited for.
    pub waited: String,
    /// The kubelet's message, if a pod waits.
    pub kubelet: Option<String>,
    /// Why the pull fails, if that is known: the cause and a sentence.
    pub diagnosis: Option<String>,
    /// The requests of the registries since the expectation before, one a line.
    pub requests: Vec<String>,
    /// Those of the control pull among them, which are nobody's evidence.
    pub control: Vec<String>,
}

impl Outcome {
    /// The outcome of a case of which nothing has gone wrong yet.
    pub fn begin(file: &CaseFile, versions: &NodeVersions) -> Self {
        Self {
            name: file.name.clone(),
            title: file.case.title.clone(),
            source: file.case.source.clone(),
            note: file.case.note.clone(),
            path: file.path.clone(),
            versions: versions.clone(),
            result: Result::Passed,
            took: Duration::ZERO,
            registry: String::new(),
            observed: Vec::new(),
            decisions: Vec::new(),
            evidence: None,
        }
    }

    /// Whether nothing contradicts the case.
    pub fn is_good(&self) -> bool {
        matches!(self.result, Result::Passed | Result::NotApplicable { .. })
    }
}
