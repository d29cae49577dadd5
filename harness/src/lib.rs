//! Proves what happens when Kubernetes pulls a private image.
//!
//! A [`case::CaseFile`] says which registries there are, which manifests are applied and what must be
//! seen; [`run::Session`] runs it on a [`cluster::Cluster`], against a [`registry::RunningRegistry`] whose
//! every request is recorded, and returns a [`outcome::Outcome`] for [`report`].

mod capture;
pub mod case;
pub mod check;
pub mod cli;
pub mod cluster;
pub mod error;
pub mod evidence;
pub mod expectation;
pub mod explain;
pub mod image;
pub mod input;
mod limit;
mod lock;
mod mutex;
pub mod outcome;
pub mod probe;
pub mod process;
pub mod redaction;
pub mod registry;
pub mod report;
pub mod run;
pub mod settings;
mod suggest;
pub mod versions;
