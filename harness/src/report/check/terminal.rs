//! The table of images and the findings, as lines of text.

use std::fmt::Write as _;

use super::{CheckReport, words};

/// Returns a table of all images, then the findings as `FILE:LINE: rule: sentence`.
pub fn text(report: &CheckReport<'_>) -> String {
    let mut text = table(report);
    let mut accepted = 0;
    for finding in &report.checked.findings {
        if report.accepted.accepts(finding) {
            accepted += 1;
            continue;
        }
        // Writing to a String cannot fail, here and below.
        let (subject, sentence) = (words::subject(finding), words::sentence(finding));
        writeln!(text, "\n{}: {}: {subject}: {sentence}", finding.location, finding.rule).ok();
        if let Some(template) = &finding.rendered_from {
            writeln!(text, "  template: {template}").ok();
        }
        writeln!(text, "  hint: {}", words::hint(finding)).ok();
    }
    if accepted > 0 {
        let findings = crate::report::words::count(accepted, "accepted finding");
        writeln!(text, "\n{findings} not shown").ok();
    }
    for note in &report.checked.notes {
        writeln!(text, "\nnote: {note}").ok();
    }
    writeln!(text, "\n{}", report.summary()).ok();
    text
}

fn table(report: &CheckReport<'_>) -> String {
    let heads = ["POD TEMPLATE", "CONTAINER", "IMAGE", "PULLED"].map(str::to_owned);
    let mut rows = vec![heads];
    for pod in &report.checked.pods {
        let name = words::pod(pod);
        for (container, outcome) in pod.containers() {
            let (container, image) = words::container(container);
            rows.push([name.clone(), container, image, words::outcome(outcome)]);
        }
    }
    let width = |column: usize| {
        rows.iter().map(|row| row[column].chars().count()).max().unwrap_or_default()
    };
    let [a, b, c] = [width(0), width(1), width(2)];
    let mut text = String::new();
    for [pod, container, image, outcome] in &rows {
        let line = format!("{pod:<a$}  {container:<b$}  {image:<c$}  {outcome}");
        writeln!(text, "{}", line.trim_end()).ok();
    }
    text
}
