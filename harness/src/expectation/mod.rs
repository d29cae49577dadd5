//! Is an expectation met? Pure rules over what was seen: they need neither a cluster nor a registry.
//!
//! [`pod`], [`events`] and [`requests`] each look at one witness, [`absence`] says when something that
//! must not be there may be taken to be absent, and [`look`] puts them together.

pub mod absence;
mod events;
mod look;
mod output;
mod pod;
mod requests;
#[cfg(test)]
pub(crate) mod sample;
mod texts;

pub use events::events;
pub use look::{Sight, look};
pub use output::output;
pub use pod::{pod, reasons};
pub use requests::requests;

use crate::{case::model::When, cluster::NodeVersions};

/// How far an expectation is met by what has been seen so far.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// All of it was seen.
    Met,
    /// This is still missing, and may come.
    Pending(Mismatch),
    /// The pod is as expected; only what is reported beside it (events, requests) is missing.
    AwaitingReports(Mismatch),
    /// This cannot come any more.
    Impossible(Mismatch),
}

impl Verdict {
    /// The first of several that is not met, where there is one.
    pub fn all(verdicts: impl IntoIterator<Item = Self>) -> Self {
        let mut pending = Self::Met;
        for verdict in verdicts {
            match verdict {
                Self::Impossible(_) => return verdict,
                other if pending == Self::Met => pending = other,
                _ => {}
            }
        }
        pending
    }
}

/// What was expected and what was seen.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Mismatch {
    /// What it is about: `phase`, `waiting reasons`, `message`, …
    pub of: String,
    /// What the case says.
    pub expected: String,
    /// What was there.
    pub seen: String,
}

impl Mismatch {
    /// A mismatch.
    pub fn new(of: &str, expected: impl Into<String>, seen: impl Into<String>) -> Self {
        Self { of: of.to_owned(), expected: expected.into(), seen: seen.into() }
    }
}

/// Whether a case applies to versions.
pub fn applies(when: &When, versions: &NodeVersions) -> bool {
    when.applies(&versions.kubernetes, &versions.containerd)
}
