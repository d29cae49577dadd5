//! What was seen, as plain data: states of pods and events. Nothing here decides.

mod pod;
mod timeline;
pub mod volatile;

pub use pod::{ContainerState, PULL_FAILURES, PodState, Waiting, is_pull_failure, mirrored_uid};
pub use timeline::{EventSeen, Mark, PodHistory, Timeline};
