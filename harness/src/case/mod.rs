//! The case: one YAML file with the registry as it is, plain manifests, and what must be seen.
//!
//! [`model`] holds the words of the format, [`manifest`], [`range`] and `texts` its short forms;
//! [`CaseFile`] reads a file and has it checked by `validate`. Adding a step: a field of
//! [`model::Step`], its name in `validate`, its doing in `run::steps`, and the schema again.

mod error;
mod file;
mod forms;
pub mod manifest;
pub mod model;
pub mod range;
mod schema;
mod secrets;
mod texts;
mod validate;
mod variables;

pub use error::{CaseError, nearest};
pub use file::{CaseFile, find_cases};
pub use schema::schema;
pub use secrets::secrets;
pub use variables::{Variables, variable_name};
