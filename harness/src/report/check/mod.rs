//! What came of the images of manifests: a table and the findings as text ([`text`]), [`json`], [`junit`],
//! [`sarif`] and [`markdown`].

mod json;
mod junit;
mod markdown;
mod sarif;
mod terminal;
#[cfg(test)]
mod tests;
mod words;

use pullproof_manifests::{Baseline, Checked, Finding};

pub use json::json;
pub use junit::junit;
pub use markdown::markdown;
pub use sarif::sarif;
pub use terminal::text;

/// What was checked, and what of it is accepted.
#[derive(Debug, Clone, Copy)]
pub struct CheckReport<'a> {
    /// What came of each pod template.
    pub checked: &'a Checked,
    /// The findings that are accepted.
    pub accepted: &'a Baseline,
}

impl CheckReport<'_> {
    /// Returns the findings that are not accepted.
    pub fn new_findings(&self) -> impl Iterator<Item = &Finding> {
        self.checked.findings.iter().filter(|finding| !self.accepted.accepts(finding))
    }

    /// Returns in one sentence how many images were checked, and how many findings there are.
    pub fn summary(&self) -> String {
        let (checked, new) = (self.checked, self.new_findings().count());
        let accepted = match checked.findings.len() - new {
            0 => String::new(),
            accepted => format!(", {accepted} more accepted"),
        };
        format!(
            "{} in {}, {} pulled with credentials; {}{accepted}",
            super::words::count(checked.containers(), "image"),
            super::words::count(checked.pods.len(), "pod template"),
            checked.authenticated(),
            super::words::count(new, "finding"),
        )
    }
}
