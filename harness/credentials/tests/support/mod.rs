//! Comparing the crate with the keyring of a real kubelet, which `scripts/keyring` makes a command of.

pub mod compare;
pub mod documents;
pub mod generator;
pub mod kubelet;
pub mod rules;
pub mod wire;
pub mod words;
