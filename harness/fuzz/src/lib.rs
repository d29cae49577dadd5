//! What has to hold of any secret, image name and message: a function per fuzz target.
//!
//! The tests of the crates include the same files and run them over the corpus, with `replay`.

#![forbid(unsafe_code)]

pub mod credentials;
pub mod message;
