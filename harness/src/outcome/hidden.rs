//! An outcome without secrets, whatever of it a report shows.

use crate::{expectation::Mismatch, redaction::Redaction};

use super::{Observation, Outcome, Result, StepFailure};

impl Redaction {
    /// The outcome as every report may show it. Names and paths are the files'; all else that a case, a
    /// cluster or a program has written is hidden in.
    pub fn hide_outcome(&self, outcome: Outcome) -> Outcome {
        let hide = |text: String| self.hide(&text);
        let result = match outcome.result {
            Result::Passed => Result::Passed,
            Result::NotApplicable { speaks_of } => Result::NotApplicable { speaks_of },
            Result::Failed(failure) => Result::Failed(self.failure(failure)),
            Result::Broken { error } => Result::Broken { error: hide(error) },
        };
        // A field that is new has to be thought of here.
        let Outcome {
            name,
            title,
            source,
            note,
            path,
            versions,
            result: _,
            took,
            registry,
            observed,
            decisions,
            evidence,
        } = Outcome { result: Result::Passed, ..outcome };
        Outcome {
            title: hide(title),
            source: hide(source),
            note: note.map(hide),
            result,
            registry: hide(registry),
            observed: observed.into_iter().map(|one| self.observation(one)).collect(),
            name,
            path,
            versions,
            took,
            decisions,
            evidence,
        }
    }

    fn failure(&self, failure: StepFailure) -> StepFailure {
        let StepFailure { place, mismatch, waited, kubelet, diagnosis, requests, control } =
            failure;
        let Mismatch { of, expected, seen } = mismatch;
        StepFailure {
            mismatch: Mismatch {
                of: self.hide(&of),
                expected: self.hide(&expected),
                seen: self.hide(&seen),
            },
            kubelet: kubelet.map(|text| self.hide(&text)),
            diagnosis: diagnosis.map(|text| self.hide(&text)),
            requests: self.all(requests),
            control: self.all(control),
            place,
            waited,
        }
    }

    fn observation(&self, observation: Observation) -> Observation {
        let Observation { step, after, pod, container, phase, reasons, message, registry, causes } =
            observation;
        Observation {
            after: self.all(after),
            // A malformed auth becomes the waiting reason from 1.33 on.
            reasons: self.all(reasons),
            message: message.map(|text| self.hide(&text)),
            registry: self.all(registry),
            step,
            pod,
            container,
            phase,
            causes,
        }
    }

    fn all(&self, texts: Vec<String>) -> Vec<String> {
        texts.iter().map(|text| self.hide(text)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn no_text_of_an_outcome_keeps_a_secret() {
        const CANARY: &str = "c4n4ry-Passw0rd";
        let text = || format!("with {CANARY}");
        let failed = Result::Failed(StepFailure {
            place: "a.yaml:7".into(),
            mismatch: Mismatch::new(&text(), text(), text()),
            waited: "1.2 s".into(),
            kubelet: Some(text()),
            diagnosis: Some(text()),
            requests: vec![text()],
            control: vec![text()],
        });
        for result in [failed, Result::Broken { error: text() }] {
            let outcome = Outcome {
                title: text(),
                source: text(),
                note: Some(text()),
                registry: text(),
                observed: vec![Observation {
                    after: vec![text()],
                    reasons: vec![text()],
                    message: Some(text()),
                    registry: vec![text()],
                    ..sample::pending("")
                }],
                ..sample::outcome(result)
            };
            let hidden = Redaction::new([CANARY.into()]).hide_outcome(outcome);
            let json = serde_json::to_string(&hidden).unwrap();
            assert!(!json.contains("c4n4ry"), "{json}");
            assert!(json.matches("with [redacted]").count() >= 9, "{json}");
        }
    }
}
