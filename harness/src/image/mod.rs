//! Minimal OCI images, assembled in memory: each with a digest of its own, and a program that runs
//! until it is told to end.

mod arch;
mod archive;
mod assembly;
mod blob;
mod elf;
mod layer;
mod reference;

pub use arch::Arch;
pub use assembly::{BuildError, Image};
pub use blob::Blob;
pub use reference::Reference;
