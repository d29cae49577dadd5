//! An outcome without secrets, whatever of it a report shows.

use std::collections::BTreeMap;

use crate::{
    expectation::Mismatch,
    redaction::Redaction,
    registry::{Authorization, Request, RequestSummary},
};

use super::{Observation, Outcome, Result, StepFailure};

impl Redaction {
    /// The outcome as every report may show it. Names and paths are the files'; all else that a case, a
    /// cluster or a program has written is hidden in.
    pub fn hide_outcome(&self, outcome: Outcome) -> Outcome {
        let hide = |text: String| self.hide(&text);
        let result = match outcome.result {
            Result::Passed => Result::Passed,
            Result::NotApplicable { applies_to } => Result::NotApplicable { applies_to },
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
            registries,
            observed,
            decisions,
            evidence,
        } = Outcome { result: Result::Passed, ..outcome };
        Outcome {
            title: hide(title),
            source: hide(source),
            note: note.map(hide),
            result,
            registries: self.registries(registries),
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
            requests: requests.into_iter().map(|one| self.request(one)).collect(),
            control: control.into_iter().map(|one| self.request(one)).collect(),
            place,
            waited,
        }
    }

    fn observation(&self, observation: Observation) -> Observation {
        let Observation {
            step,
            after,
            pod,
            container,
            phase,
            reasons,
            message,
            registries,
            causes,
        } = observation;
        Observation {
            after: self.all(after),
            // A malformed auth becomes the waiting reason from 1.33 on.
            reasons: self.all(reasons),
            message: message.map(|text| self.hide(&text)),
            registries: self.registries(registries),
            step,
            pod,
            container,
            phase,
            causes,
        }
    }

    fn registries(
        &self,
        registries: BTreeMap<String, Vec<RequestSummary>>,
    ) -> BTreeMap<String, Vec<RequestSummary>> {
        let hide = |one: RequestSummary| {
            let RequestSummary { token, authorization, status, count } = one;
            RequestSummary {
                token,
                authorization: self.authorization(authorization),
                status,
                count,
            }
        };
        let each = registries.into_iter();
        each.map(|(name, all)| (name, all.into_iter().map(hide).collect())).collect()
    }

    /// A request: all of it that a client or a case has written.
    fn request(&self, request: Request) -> Request {
        let hide = |text: String| self.hide(&text);
        let headers = request.headers.into_iter();
        Request {
            method: hide(request.method),
            path: hide(request.path),
            repository: request.repository.map(hide),
            namespace: request.namespace.map(hide),
            authorization: self.authorization(request.authorization),
            user_agent: request.user_agent.map(hide),
            headers: headers.map(|(name, value)| (hide(name), hide(value))).collect(),
            fault: request.fault.map(hide),
            at: request.at,
            from: request.from,
            kind: request.kind,
            password: request.password,
            status: request.status,
            answered_by: request.answered_by,
            bytes: request.bytes,
            duration: request.duration,
        }
    }

    fn authorization(&self, authorization: Authorization) -> Authorization {
        match authorization {
            Authorization::None => Authorization::None,
            Authorization::Other => Authorization::Other,
            Authorization::Basic { user } => Authorization::Basic { user: self.hide(&user) },
            Authorization::Bearer { subject, scopes } => Authorization::Bearer {
                subject: subject.map(|subject| self.hide(&subject)),
                scopes: self.all(scopes),
            },
        }
    }

    fn all(&self, texts: Vec<String>) -> Vec<String> {
        texts.iter().map(|text| self.hide(text)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    use crate::{registry::sample::request, report::sample};

    #[test]
    fn no_text_of_an_outcome_keeps_a_secret() {
        const CANARY: &str = "c4n4ry-Passw0rd";
        let text = || format!("with {CANARY}");
        let request = Request {
            path: format!("/v2/{CANARY}/manifests/v1"),
            authorization: Authorization::Basic { user: text() },
            fault: Some(text()),
            user_agent: Some(text()),
            ..request("node HEAD /v2/a/manifests/v1 a 401")
        };
        let registries = BTreeMap::from([(
            "registry".to_owned(),
            RequestSummary::of(std::slice::from_ref(&request)),
        )]);
        let failed = Result::Failed(StepFailure {
            place: sample::place(),
            mismatch: Mismatch::new(&text(), text(), text()),
            waited: Duration::ZERO,
            kubelet: Some(text()),
            diagnosis: Some(text()),
            requests: vec![request.clone()],
            control: vec![request.clone()],
        });
        for result in [failed, Result::Broken { error: text() }] {
            let outcome = Outcome {
                title: text(),
                source: text(),
                note: Some(text()),
                registries: registries.clone(),
                observed: vec![Observation {
                    after: vec![text()],
                    reasons: vec![text()],
                    message: Some(text()),
                    registries: registries.clone(),
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
