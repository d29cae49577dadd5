//! How a case ended: the one value that every report reads.

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use serde::{Deserialize, Serialize};

use crate::{
    case::{CaseFile, model::When},
    cluster::NodeVersions,
    expectation::Mismatch,
    registry::{Request, RequestSummary},
};

mod evidence;
mod hidden;
mod latency;
mod location;
mod observation;

pub use evidence::Evidence;
pub use latency::{LIMIT, Latency};
pub use location::SourceLocation;
pub use observation::{Decision, Difference, Observation};

/// How a case ended.
#[derive(Debug, Clone, Serialize, Deserialize)]
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
    #[serde(with = "seconds")]
    pub took: Duration,
    /// The requests that each registry of the case got.
    pub registries: BTreeMap<String, Vec<RequestSummary>>,
    /// What was seen at each expectation, in order.
    pub observed: Vec<Observation>,
    /// When each expectation of a pod was decided.
    #[serde(skip)]
    pub decisions: Vec<Decision>,
    /// The evidence of a failure.
    pub evidence: Option<Evidence>,
}

/// Durations in seconds, to the millisecond.
mod seconds {
    use std::{result::Result, time::Duration};

    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub fn serialize<S: Serializer>(took: &Duration, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_f64((took.as_secs_f64() * 1000.0).round() / 1000.0)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
        Duration::try_from_secs_f64(f64::deserialize(from)?).map_err(D::Error::custom)
    }
}

/// The result of a case.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "result")]
pub enum Result {
    /// Everything expected was seen.
    Passed,
    /// The case is about other versions.
    NotApplicable {
        /// The versions that it is about.
        applies_to: When,
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
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct StepFailure {
    /// The step in the case's file.
    pub place: SourceLocation,
    /// What was expected and seen.
    pub mismatch: Mismatch,
    /// How long it was waited for, in seconds.
    #[serde(with = "seconds")]
    pub waited: Duration,
    /// The kubelet's message, if a pod waits.
    pub kubelet: Option<String>,
    /// Why the pull fails, if that is known: the cause and a sentence.
    pub diagnosis: Option<String>,
    /// The requests to the registries since the expectation before.
    pub requests: Vec<Request>,
    /// Those of the control pull among them, which are nobody's evidence.
    pub control: Vec<Request>,
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
            registries: BTreeMap::new(),
            observed: Vec::new(),
            decisions: Vec::new(),
            evidence: None,
        }
    }

    /// Whether the case was seen through, whether or not it showed what it expects.
    pub fn was_seen(&self) -> bool {
        matches!(self.result, Result::Passed | Result::Failed(_))
    }

    /// Whether nothing contradicts the case.
    pub fn is_good(&self) -> bool {
        matches!(self.result, Result::Passed | Result::NotApplicable { .. })
    }
}
