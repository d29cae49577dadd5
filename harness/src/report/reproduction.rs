//! Whether a case was reproduced, per version.

use std::fmt::Write as _;

use serde::Serialize;
use serde_json::json;

use crate::{
    case::CaseFile,
    outcome::{Outcome, Result},
};

use super::{terminal, words};

/// What became of a case on one version.
#[derive(Debug, Clone, Serialize)]
pub struct Reproduction {
    /// The version: `1.37`, or `1.37/2.2` with another containerd.
    pub label: String,
    /// Whether the case was seen there, or on the nearest to where it was seen.
    pub own: bool,
    /// How it ended.
    pub outcome: Option<Outcome>,
    /// Why the version could not be run.
    pub error: Option<String>,
}

impl Reproduction {
    /// Returns whether outcome, message and cause are those of the case; none if that is open.
    pub fn reproduced(&self) -> Option<bool> {
        match self.outcome.as_ref()?.result {
            Result::Passed => Some(true),
            Result::Failed(_) => Some(false),
            Result::NotApplicable { .. } | Result::Broken { .. } => None,
        }
    }

    fn word(&self) -> &'static str {
        match (self.reproduced(), &self.outcome) {
            (Some(true), _) => "reproduced",
            (Some(false), _) => "differs",
            (None, Some(outcome)) if outcome.is_good() => "not applicable",
            (None, _) => "could not be run",
        }
    }
}

/// A line per version, and what was seen where it differs.
pub fn reproductions(all: &[Reproduction]) -> String {
    let mut text = String::new();
    let width = all.iter().map(|one| one.label.chars().count()).max().unwrap_or_default();
    for one in all {
        let own = if one.own { "  (where it was seen)" } else { "" };
        let mut seen =
            one.outcome.iter().flat_map(|outcome| &outcome.observed).filter_map(words::state);
        let seen = seen.next_back().unwrap_or_default();
        let line = format!("{:<width$}  {:<16}  {seen}{own}", one.label, one.word());
        writeln!(text, "{}", line.trim_end()).ok();
    }
    for one in all {
        if let Some(error) = &one.error {
            writeln!(text, "\non {}:\n  {}", one.label, error.replace('\n', "\n  ")).ok();
        }
        if let Some(outcome) = one.outcome.as_ref().filter(|outcome| !outcome.is_good()) {
            write!(text, "\non {}:\n{}", one.label, terminal::failure(outcome)).ok();
        }
    }
    text
}

/// The same for machines: `{"case": …, "versions": [{"label": …, "reproduced": …}], "turn": …}`.
pub fn reproductions_json(file: &CaseFile, all: &[Reproduction], turn: Option<&str>) -> String {
    let versions = all.iter().map(|one| {
        json!({
            "label": one.label,
            "own": one.own,
            "reproduced": one.reproduced(),
            "error": one.error,
            "outcome": one.outcome,
        })
    });
    let all = json!({
        "case": file.name,
        "title": file.case.title,
        "versions": versions.collect::<Vec<_>>(),
        "turn": turn,
    });
    format!("{all:#}\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn each_version_has_a_line_and_a_difference_its_reason() {
        let one = |label: &str, outcome: Option<Outcome>, error: Option<&str>| Reproduction {
            label: label.to_owned(),
            own: label == "1.36",
            outcome,
            error: error.map(str::to_owned),
        };
        let about = Result::NotApplicable { applies_to: sample::before_1_35() };
        let all = [
            one("1.34/2.2", Some(Outcome { observed: Vec::new(), ..sample::outcome(about) }), None),
            one("1.35", None, Some("the image is missing")),
            one("1.36", Some(sample::outcome(Result::Passed)), None),
            one("1.37", Some(sample::outcome(sample::failed())), None),
        ];
        insta::assert_snapshot!(reproductions(&all), @r"
        1.34/2.2  not applicable
        1.35      could not be run
        1.36      reproduced        Pending: ErrImagePull, then ImagePullBackOff  (where it was seen)
        1.37      differs           Pending: ErrImagePull, then ImagePullBackOff

        on 1.35:
          the image is missing

        on 1.37:
          a.yaml:7: A pod without a secret
            expected  phase: Running
            seen      Pending
            after     1.2 s
            evidence  target/pullproof/x
        ");
    }
}
