//! What was seen, as plain data: states of pods, events, requests; and what is written of it.
//!
//! Nothing here decides: [`Timeline`] records, [`Redaction`] hides, [`bundle`] writes.

pub mod bundle;
mod outcome;
mod pod;
mod redaction;
mod timeline;

pub use bundle::Evidence;
pub use pod::{ContainerState, PodState, Waiting};
pub use redaction::{KnownSecrets, Redaction};
pub use timeline::{EventSeen, Mark, PodHistory, Timeline};
