//! Proves what happens when Kubernetes pulls a private image.

pub mod case;
pub mod cluster;
pub mod error;
pub mod process;
pub mod settings;
pub mod versions;
