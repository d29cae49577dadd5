//! What was checked, as JUnit XML.

use anyhow::Context as _;
use pullproof_manifests::Finding;
use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use super::{CheckReport, words};

/// One test case an image, and one for each finding that is about none. An accepted finding is skipped.
///
/// # Errors
/// The XML cannot be written.
pub fn junit(report: &CheckReport<'_>) -> anyhow::Result<String> {
    let mut images = TestSuite::new("images");
    for pod in &report.checked.pods {
        for (container, _) in pod.containers() {
            let findings = report.checked.findings.iter().filter(|finding| {
                finding.location == container.location
                    && finding.object == pod.template.object
                    && finding.container.as_ref() == Some(container)
            });
            let (name, image) = words::container(container);
            let status = status(report, &findings.collect::<Vec<_>>());
            let mut case = TestCase::new(format!("{} {name} {image}", words::pod(pod)), status);
            case.set_classname(pod.template.object.namespace.clone());
            images.add_test_case(case);
        }
    }
    let mut others = TestSuite::new("manifests");
    for finding in report.checked.findings.iter().filter(|finding| finding.container.is_none()) {
        let name = format!("{} {}", words::subject(finding), finding.rule);
        let mut case = TestCase::new(name, status(report, &[finding]));
        case.set_classname(finding.object.namespace.clone());
        others.add_test_case(case);
    }
    let mut all = Report::new("pullproof check");
    all.add_test_suites([images, others]);
    all.to_string().context("writing JUnit XML")
}

fn status(report: &CheckReport<'_>, findings: &[&Finding]) -> TestCaseStatus {
    let text = |finding: &&Finding| {
        format!("{}: {}: {}", finding.location, finding.rule, words::sentence(finding))
    };
    let (accepted, new): (Vec<&Finding>, Vec<&Finding>) =
        findings.iter().partition(|finding| report.accepted.accepts(finding));
    match (new.first(), accepted.first()) {
        (Some(first), _) => {
            let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
            status.set_message(text(first));
            let lines = new.iter().map(|finding| format!("{}\n", text(finding)));
            status.set_description(lines.collect::<String>());
            status
        }
        (None, Some(first)) => {
            let mut status = TestCaseStatus::skipped();
            status.set_message(format!("accepted: {}", text(first)));
            status
        }
        (None, None) => TestCaseStatus::success(),
    }
}
