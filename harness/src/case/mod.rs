//! The case: one YAML file with the registry as it is, plain manifests, and what must be seen.
//!
//! [`model`] holds the words of the format, [`manifest`], [`range`] and [`texts`] its short forms.

mod forms;
pub mod manifest;
pub mod model;
pub mod range;
mod texts;
