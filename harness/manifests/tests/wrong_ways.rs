//! One folder of `harness/tests/check` per way to get it wrong: `findings` has the file, line and rule of
//! each finding, and the mended manifest has none. `arguments` are those of the command.

#![expect(clippy::unwrap_used, reason = "a test says by panicking what went wrong")]

use std::fs;
use std::path::{Path, PathBuf};

use pullproof_manifests::{Check, Checked, GivenSecret, Manifests, Source};
use rstest::rstest;

fn check(folder: &Path, file: &str) -> Checked {
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
    check.run(&manifests)
}

fn found(checked: &Checked) -> String {
    let findings = checked.findings.iter();
    findings.map(|finding| format!("{}: {}\n", finding.location, finding.rule)).collect()
}

#[rstest]
fn each_way_is_found_at_its_line_and_mended(
    #[files("../tests/check/*/findings")] findings: PathBuf,
) {
    let folder = findings.parent().unwrap();
    let expected = fs::read_to_string(&findings).unwrap();
    let file = expected.split(':').next().unwrap();
    let checked = check(folder, file);
    assert_eq!(found(&checked), expected);
    // Neither the findings nor what came of each pull may show a password.
    assert!(!format!("{checked:?}").contains("c4n4ry"));
    let mended = check(folder, &file.replace("manifests", "mended"));
    assert_eq!(found(&mended), "");
    assert!(mended.authenticated() + usize::from(folder.ends_with("public-host")) > 0);
}
