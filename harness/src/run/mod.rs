//! A case on a cluster: its surroundings, its steps, its outcome.
//!
//! [`Session`] holds what all cases of a process share: the cluster, the registry containers, the
//! reaper. A case goes through `scene` (namespaces, registries, node settings), `steps` (one
//! function a verb) and `expectation` (pure rules over what was seen); [`Outcome`] is the one value
//! that every report reads.

use crate::limit;

mod command;
mod expectation;
mod images;
mod namespace;
mod node;
mod objects;
mod observation;
mod outcome;
mod pair;
mod requests;
mod scene;
mod schedule;
mod session;
mod steps;
mod watch;

pub use expectation::Mismatch;
pub use observation::{Decision, Observation};
pub use outcome::{Outcome, Result, StepFailure};
pub use scene::Scene;
pub use schedule::Schedule;
pub use session::Session;
