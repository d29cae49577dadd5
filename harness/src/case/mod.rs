//! The case: one YAML file with the registry as it is, plain manifests, and what must be seen.
//!
//! [`model`] holds the words of the format; [`CaseFile`] reads a file and has it checked by `validate`,
//! which points at the words with the help of `source` and
//! [`pullproof_manifests::tree`]. Adding a verb: a row and a file in
//! `model/step/`, a file in `run/steps/`, and the schema again.

mod error;
mod file;
mod fixtures;
mod forms;
mod kinds;
pub mod manifest;
pub mod model;
mod names;
mod pod_selector;
pub mod range;
mod renames;
mod schema;
mod secrets;
mod source;
mod surroundings;
mod trust;
mod validate;
mod variables;

use pullproof_manifests::tree;

pub use error::CaseError;
pub use file::{CaseFile, find_cases};
pub use fixtures::Fixtures;
pub use kinds::{KINDS, Kind};
pub use names::{EVERY_HOST, is_literal};
pub use pod_selector::{PodSelector, PodSelectorError};
pub use renames::{Rename, RenameKind, migrate, renames};
pub use schema::schema;
pub use secrets::secrets;
pub use surroundings::namespace_part;
pub use variables::{Variables, variable_name};
