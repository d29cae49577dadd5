//! A case on a cluster: its surroundings, its steps, its outcome.
//!
//! [`Session`] holds what all cases of a process share: the cluster, the registry containers, the
//! reaper. A case goes through `staging` (namespaces, registries, node settings), `steps` (one
//! file per verb) and `judging` (until an expectation is met); [`crate::outcome::Outcome`] is the one value
//! that every report reads.

use crate::limit;

mod bundle;
mod context;
mod judging;
mod objects;
mod sandbox;
mod schedule;
mod session;
mod staging;
mod steps;
mod watch;

pub(crate) use judging::specimen::Specimen;
pub use schedule::{Runner, Schedule};
pub use session::Session;
pub(crate) use staging::{create_namespace, forget_images_but};
pub(crate) use watch::Following;
