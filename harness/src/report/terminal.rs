//! Outcomes as lines of text.

use std::fmt::Write as _;
use std::time::Duration;

use crate::outcome::{Outcome, Result};

use super::words;

/// The line of a case: name, outcome, time, what the registry saw.
pub fn line(outcome: &Outcome) -> String {
    let word = word(outcome);
    let note = match &outcome.result {
        Result::NotApplicable { applies_to } => format!("applies to {applies_to} only"),
        _ => words::counts(&outcome.registries),
    };
    format!("{word:>6}  {:<44} {:>5.1} s  {note}", outcome.name, outcome.took.as_secs_f64())
        .trim_end()
        .to_owned()
}

/// The outcome in a word.
pub fn word(outcome: &Outcome) -> &'static str {
    match &outcome.result {
        Result::Passed => "ok",
        Result::NotApplicable { .. } => "n/a",
        Result::Failed(_) => "FAILED",
        Result::Broken { .. } => "BROKEN",
    }
}

/// Why a case failed: expected against seen, the kubelet's words, the requests, the evidence.
pub fn failure(outcome: &Outcome) -> String {
    let mut text = String::new();
    match &outcome.result {
        Result::Passed | Result::NotApplicable { .. } => return text,
        Result::Failed(failure) => {
            block(&mut text, &format!("{}: {}", failure.place, outcome.title), "");
            block(
                &mut text,
                "expected",
                &format!("{}: {}", failure.mismatch.of, failure.mismatch.expected),
            );
            block(&mut text, "seen", &failure.mismatch.seen);
            let waited = format!("{:.1} s", failure.waited.as_secs_f64());
            block(&mut text, "after", &waited);
            if let Some(kubelet) = &failure.kubelet {
                block(&mut text, "kubelet", kubelet);
            }
            if let Some(diagnosis) = &failure.diagnosis {
                block(&mut text, "cause", diagnosis);
            }
            for (head, requests) in [("registry", &failure.requests), ("control", &failure.control)]
            {
                if !requests.is_empty() {
                    let lines: Vec<String> = requests.iter().map(ToString::to_string).collect();
                    block(&mut text, head, &lines.join("\n"));
                }
            }
        }
        Result::Broken { error } => {
            block(&mut text, &format!("{}: could not be run", outcome.name), "");
            block(&mut text, "error", error);
        }
    }
    if let Some(evidence) = &outcome.evidence {
        block(&mut text, "evidence", &evidence.to_string());
    }
    text
}

/// Adds a headed block; lines after the first are set under it. Writing to a String cannot fail.
fn block(text: &mut String, head: &str, body: &str) {
    if body.is_empty() {
        writeln!(text, "  {head}").ok();
        return;
    }
    for (at, line) in body.lines().enumerate() {
        writeln!(text, "    {:<9} {line}", if at == 0 { head } else { "" }).ok();
    }
}

/// The last line of a run.
pub fn summary(outcomes: &[Outcome], took: Duration, versions: &str) -> String {
    let count = |is: fn(&Result) -> bool| outcomes.iter().filter(|one| is(&one.result)).count();
    let passed = count(|result| matches!(result, Result::Passed));
    let failed = count(|result| matches!(result, Result::Failed(_)));
    let broken = count(|result| matches!(result, Result::Broken { .. }));
    let other = count(|result| matches!(result, Result::NotApplicable { .. }));
    let mut text = format!("{passed} passed, {failed} failed");
    for (count, word) in [(broken, "could not be run"), (other, "not applicable")] {
        if count > 0 {
            write!(text, ", {count} {word}").ok();
        }
    }
    write!(text, " in {:.1} s on {versions}", took.as_secs_f64()).ok();
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        expectation::Mismatch,
        outcome::StepFailure,
        registry::sample::request,
        report::sample::{self, outcome},
    };

    #[test]
    fn a_line_says_name_outcome_time_and_what_the_registry_saw() {
        assert_eq!(
            line(&outcome(Result::Passed)),
            "    ok  documentation/missing-secret                   1.8 s  anonymous 401 ×4"
        );
    }

    #[test]
    fn a_failure_tells_all_it_knows() {
        let failed = outcome(Result::Failed(StepFailure {
            place: sample::place(),
            mismatch: Mismatch::new("message", "contains \"x\"", "one\ntwo"),
            waited: Duration::from_millis(1200),
            kubelet: Some("ErrImagePull: two".into()),
            diagnosis: Some("dns: the node cannot resolve a".into()),
            requests: vec![request("node HEAD /v2/a - 401")],
            control: vec![request("control HEAD /v2/a - 401")],
        }));
        assert_eq!(
            failure(&failed),
            "  a.yaml:7: A pod without a secret
    expected  message: contains \"x\"
    seen      one
              two
    after     1.2 s
    kubelet   ErrImagePull: two
    cause     dns: the node cannot resolve a
    registry  anonymous HEAD /v2/a → 401
    control   anonymous HEAD /v2/a → 401
    evidence  target/pullproof/x
"
        );
    }

    #[test]
    fn the_summary_leaves_out_what_there_is_none_of() {
        let all = [outcome(Result::Passed), outcome(Result::Passed)];
        assert_eq!(summary(&all, Duration::from_secs(3), "v"), "2 passed, 0 failed in 3.0 s on v");
    }
}
