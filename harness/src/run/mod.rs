//! A case on a cluster: its surroundings, its steps, its outcome.
//!
//! [`Session`] holds what all cases of a process share: the cluster, the registry containers, the
//! reaper. A case goes through `scene` (namespaces, registries, node settings), `steps` (one
//! file per verb) and `awaiting` (until an expectation is met); [`crate::outcome::Outcome`] is the one value that
//! every report reads.

use crate::limit;

mod awaiting;
mod bundle;
mod cause;
mod command;
mod control_pull;
mod images;
mod namespace;
mod node;
mod objects;
mod observation;
mod scene;
mod schedule;
mod session;
mod steps;
mod watch;

pub use scene::Scene;
pub use schedule::{Runner, Schedule};
pub use session::Session;
