//! Names the cause of a failed image pull from what is known of it.
//!
//! Data in, data out: nothing here reads a cluster, a clock or a file. [`diagnose`] takes the
//! [`Evidence`] there is and returns a [`Diagnosis`]: one [`Cause`] if the evidence decides it,
//! otherwise up to four candidates with what would decide between them.
//!
//! A new wording of a message is a row in [`message::table`]; what a sign leaves open is said in
//! the module of its kind under `rules`.

pub mod cause;
mod diagnosis;
mod evidence;
pub mod explain;
pub mod keyring;
pub mod message;
pub mod pull_secrets;
pub mod reference;
mod rules;
pub mod sign;
mod words;

pub use cause::{Cause, Remedy};
pub use diagnosis::{Candidate, Diagnosis, Fact, Source, Step};
pub use evidence::{
    Asked, Evidence, Obstacle, Place, Pod, Probe, PullPolicy, Request, Runtime, Said,
};
pub use rules::diagnose;
