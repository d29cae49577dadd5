//! What was checked, as Markdown: the summary of a step of GitHub Actions.

use std::fmt::Write as _;

use super::{CheckReport, words};

/// Findings that are listed; a summary of a step has at most 1 MiB.
const LISTED: usize = 200;

/// Returns the findings as a table.
pub fn markdown(report: &CheckReport<'_>) -> String {
    let mut text = format!("### Private image pulls\n\n{}\n", report.summary());
    let findings: Vec<_> = report.new_findings().collect();
    if !findings.is_empty() {
        text.push_str("\n| where | what | image | why |\n|---|---|---|---|\n");
    }
    for finding in findings.iter().take(LISTED) {
        let image = finding.container.as_ref().map(|container| code(&container.image));
        // Writing to a String cannot fail, here and below.
        writeln!(
            text,
            "| {} | {} | {} | {}: {} |",
            code(&finding.location.to_string()),
            cell(&words::subject(finding)),
            image.unwrap_or_default(),
            finding.rule,
            cell(&words::sentence(finding)),
        )
        .ok();
    }
    if findings.len() > LISTED {
        writeln!(text, "\n… and {} more", findings.len() - LISTED).ok();
    }
    text
}

/// What is in a manifest is no markup here.
fn cell(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '|' | '`' | '*' | '_' | '[' | ']' | '\\' | '!' | '~' => {
                escaped.push('\\');
                escaped.push(letter);
            }
            letter if letter.is_control() => escaped.push(' '),
            letter => escaped.push(letter),
        }
    }
    escaped
}

fn code(text: &str) -> String {
    format!("<code>{}</code>", cell(text))
}
