//! Outcomes as JUnit XML, which CI systems read.

use anyhow::Context;
use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use crate::outcome::{Outcome, Result};

use super::terminal;

/// One suite a round, one test case a case: a failed expectation is a `failure` with the report's
/// text, a case that could not be run an `error`, one that does not apply is `skipped`.
///
/// # Errors
/// The XML cannot be written.
pub fn junit(rounds: &[Vec<Outcome>]) -> anyhow::Result<String> {
    let mut report = Report::new("pullproof");
    for (at, outcomes) in rounds.iter().enumerate() {
        let versions = outcomes.first().map_or("no case".to_owned(), |first| {
            let versions = &first.versions;
            format!("Kubernetes {}, containerd {}", versions.kubernetes, versions.containerd)
        });
        let name = match rounds.len() {
            1 => versions,
            all => format!("{versions}, round {} of {all}", at + 1),
        };
        let mut suite = TestSuite::new(name);
        suite.add_test_cases(outcomes.iter().map(test_case));
        report.add_test_suite(suite);
    }
    report.to_string().context("writing JUnit XML")
}

fn test_case(outcome: &Outcome) -> TestCase {
    let status = match &outcome.result {
        Result::Passed => TestCaseStatus::success(),
        Result::NotApplicable { applies_to } => {
            let mut status = TestCaseStatus::skipped();
            status.set_message(format!("applies to {applies_to} only"));
            status
        }
        Result::Failed(failure) => {
            let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
            let mismatch = &failure.mismatch;
            status.set_message(format!("{}: expected {}", mismatch.of, mismatch.expected));
            status.set_description(terminal::failure(outcome));
            status
        }
        Result::Broken { .. } => {
            let mut status = TestCaseStatus::non_success(NonSuccessKind::Error);
            status.set_message("could not be run");
            status.set_description(terminal::failure(outcome));
            status
        }
    };
    let mut case = TestCase::new(outcome.name.clone(), status);
    case.set_classname(outcome.name.split_once('/').map_or("", |(theme, _)| theme));
    case.set_time(outcome.took);
    case.system_out = Some(outcome.title.as_str().into());
    case
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn each_result_has_its_element() {
        let broken = Result::Broken { error: "no <cluster>".into() };
        let other = Result::NotApplicable { applies_to: sample::before_1_35() };
        let outcomes = vec![
            sample::named("a/ok", Result::Passed),
            sample::named("a/failed", sample::failed()),
            sample::named("a/broken", broken),
            sample::named("a/other", other),
        ];
        insta::assert_snapshot!(junit(&[outcomes]).unwrap(), @r#"
        <?xml version="1.0" encoding="UTF-8"?>
        <testsuites name="pullproof" tests="4" skipped="1" failures="1" errors="1">
            <testsuite name="Kubernetes 1.37.2, containerd 2.3.7" tests="4" skipped="1" errors="1" failures="1">
                <testcase name="a/ok" classname="a" time="1.840">
                    <system-out>A pod without a secret</system-out>
                </testcase>
                <testcase name="a/failed" classname="a" time="1.840">
                    <failure message="phase: expected Running">  a.yaml:7: A pod without a secret
            expected  phase: Running
            seen      Pending
            after     1.2 s
            evidence  target/pullproof/x
        </failure>
                    <system-out>A pod without a secret</system-out>
                </testcase>
                <testcase name="a/broken" classname="a" time="1.840">
                    <error message="could not be run">  a/broken: could not be run
            error     no &lt;cluster&gt;
            evidence  target/pullproof/x
        </error>
                    <system-out>A pod without a secret</system-out>
                </testcase>
                <testcase name="a/other" classname="a" time="1.840">
                    <skipped message="applies to Kubernetes &lt;1.35 only"/>
                    <system-out>A pod without a secret</system-out>
                </testcase>
            </testsuite>
        </testsuites>
        "#);
    }
}
