//! The folders of `harness/tests/check`: manifests, what is wrong with them, and the arguments of the command.

use std::fs;
use std::path::Path;

use pullproof_manifests::{Check, Checked, GivenSecret, Manifests, Source};

/// Reads a file of a folder, and the arguments beside it.
pub fn input(folder: &Path, file: &str) -> (Check, Manifests) {
    let text = fs::read_to_string(folder.join(file)).unwrap();
    let mut check = Check::default();
    let arguments = fs::read_to_string(folder.join("arguments")).unwrap_or_default();
    let words: Vec<&str> = arguments.split_whitespace().collect();
    for pair in words.chunks(2) {
        match pair {
            ["--public", host] => check.public.push(host.parse().unwrap()),
            ["--secret", name] => check.given.push(GivenSecret::new(*name)),
            other => panic!("unknown arguments: {other:?}"),
        }
    }
    let manifests = Manifests::read([Source::named(file, &text)], "default").unwrap();
    (check, manifests)
}

/// Returns the findings as `findings` has them: file, line and rule of each.
pub fn found(checked: &Checked) -> String {
    let findings = checked.findings.iter();
    findings.map(|finding| format!("{}: {}\n", finding.location, finding.rule)).collect()
}
