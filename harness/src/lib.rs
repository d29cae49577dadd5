//! Proves what happens when Kubernetes pulls a private image.

pub mod case;
pub mod image;
pub mod registry;
