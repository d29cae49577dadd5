//! The findings as SARIF 2.1.0, which code scanning shows at the manifest's line.

use std::collections::BTreeMap;

use pullproof_manifests::{Finding, Rule};
use serde_json::{Value, json};

use super::{CheckReport, words};

/// Returns the findings as SARIF. One from standard input is placed at the template that Helm names, as
/// far as it names one.
pub fn sarif(report: &CheckReport<'_>) -> String {
    let rules: BTreeMap<&str, Rule> =
        report.checked.findings.iter().map(|finding| (finding.rule.id(), finding.rule)).collect();
    let log = json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": "pullproof",
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "rules": rules.values().copied().map(rule).collect::<Vec<_>>(),
            }},
            "columnKind": "unicodeCodePoints",
            "results": report.checked.findings.iter().map(|it| result(report, it)).collect::<Vec<_>>(),
        }],
    });
    format!("{log:#}\n")
}

fn rule(rule: Rule) -> Value {
    json!({
        "id": rule.id(),
        "shortDescription": {"text": rule.meaning()},
        "help": {"text": rule.remedy()},
        "defaultConfiguration": {"level": "error"},
    })
}

fn result(report: &CheckReport<'_>, finding: &Finding) -> Value {
    let text = format!(
        "{}: {}. {}",
        words::subject(finding),
        words::sentence(finding),
        words::hint(finding)
    );
    let location = &finding.location;
    let (file, region) = match (&*location.file, &finding.rendered_from) {
        ("-", Some(template)) => (&**template, json!({"startLine": 1})),
        (file, _) => (file, json!({"startLine": location.line, "startColumn": location.column})),
    };
    let mut result = json!({
        "ruleId": finding.rule.id(),
        "level": "error",
        "message": {"text": text},
        "locations": [{"physicalLocation": {
            "artifactLocation": {"uri": uri(file)},
            "region": region,
        }}],
        "partialFingerprints": {"pullproofFinding/v1": finding.id},
    });
    if report.accepted.accepts(finding) {
        result["suppressions"] = json!([{"kind": "external"}]);
    }
    result
}

/// A path as a relative reference: what is no letter of one is escaped.
fn uri(path: &str) -> String {
    let path = path.strip_prefix("./").unwrap_or(path);
    let escaped = path.bytes().map(|byte| match byte {
        b'/' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
        byte if byte.is_ascii_alphanumeric() => char::from(byte).to_string(),
        byte => format!("%{byte:02X}"),
    });
    escaped.collect()
}
