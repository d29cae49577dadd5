//! `pullproof check`: its inputs, reports, baseline and exit status.

#![expect(clippy::unwrap_used, reason = "a test says by panicking what went wrong")]

mod support;

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Command,
};

use support::{pullproof, run};

const BAD: &str = "apiVersion: v1\nkind: Pod\nmetadata: {name: web}\nspec:\n  containers:\n  - {name: web, image: \
                   ghcr.io/acme/web:1}\n";

fn check(arguments: &[&str]) -> Command {
    let mut command = pullproof(&["check", "--static"]);
    command.args(arguments).env_remove("GITHUB_STEP_SUMMARY");
    command
}

fn write(folder: &Path, name: &str, text: &str) -> PathBuf {
    let path = folder.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, text).unwrap();
    path
}

fn program(folder: &Path, name: &str, script: &str) {
    let path = write(folder, name, &format!("#!/bin/sh\n{script}\n"));
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn the_exit_status_is_0_without_a_finding_and_1_with_one() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/check/hook-job");
    let bad = run(check(&["manifests.yaml"]).current_dir(&folder)).with_status(1);
    assert!(
        bad.stdout.contains("manifests.yaml:32: no-credentials: Job/migrate"),
        "{}",
        bad.stdout
    );
    assert_eq!(bad.stderr, "pullproof: 1 finding\n");
    let good = run(check(&["mended.yaml"]).current_dir(&folder)).with_status(0);
    assert!(good.stdout.contains("as jane, by ghcr.io of regcred"), "{}", good.stdout);
    assert!(good.stdout.ends_with("2 pulled with credentials; 0 findings\n"), "{}", good.stdout);
}

#[test]
fn what_cannot_be_read_is_never_without_findings() {
    let folder = tempfile::tempdir().unwrap();
    let error = |path: &Path| run(&mut check(&[&path.to_string_lossy()])).with_status(2).stderr;
    let empty = run(&mut check(&["-"])).with_status(2);
    assert_eq!(empty.stderr, "pullproof: -: no manifest was found\n");
    let template = write(folder.path(), "a.yaml", "a: {{ .Values.a }}\n{{- end }}\n");
    assert!(error(&template).contains("hint: the text has {{"), "{}", error(&template));
    let gone = error(&folder.path().join("gone.yaml"));
    assert!(gone.contains("gone.yaml: cannot be read"), "{gone}");
    let nothing = write(folder.path(), "empty/readme.md", "");
    assert!(error(nothing.parent().unwrap()).contains("has no file *.yaml"));
    // Before anything is started.
    let without = run(pullproof(&["check", "-"]).env("PULLPROOF_CACHE", "/nowhere")).with_status(2);
    assert_eq!(without.stderr, empty.stderr);
    let scheme = run(&mut check(&["-", "--public", "https://ghcr.io"])).with_status(2);
    assert!(scheme.stderr.contains("without a scheme"), "{}", scheme.stderr);
}

#[test]
fn a_folder_is_searched_and_what_holds_no_object_left_out() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "b/web.yml", BAD);
    write(folder.path(), "a.json", "{\"replicas\": 1}");
    write(folder.path(), ".git/web.yaml", "not: {a manifest");
    write(folder.path(), "chart/Chart.yaml", "name: shop\n");
    write(folder.path(), "chart/templates/web.yaml", "{{ not rendered");
    let ran = run(check(&["."]).current_dir(folder.path())).with_status(1);
    assert!(ran.stdout.contains("./b/web.yml:6: no-credentials: Pod/web"), "{}", ran.stdout);
    assert!(ran.stdout.contains("note: ./chart is left out"), "{}", ran.stdout);
}

#[test]
fn a_chart_and_a_kustomization_are_rendered_if_the_program_is_there() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "shop/Chart.yaml", "name: shop\n");
    write(folder.path(), "base/kustomization.yaml", "");
    let path = folder.path().join("bin");
    fs::create_dir(&path).unwrap();
    let of = |name: &str| {
        let mut command = check(&[name]);
        command.current_dir(folder.path()).env("PATH", &path);
        command
    };
    let missing = run(&mut of("shop")).with_status(3);
    assert!(missing.stderr.contains("shop is a chart, and helm is not on the PATH"));
    assert!(missing.stderr.contains("hint: install helm, or render it elsewhere"));
    let missing = run(&mut of("base")).with_status(3);
    assert!(missing.stderr.contains("kustomize or kubectl is not on the PATH"));

    let print = |words: &str| format!("[ \"$*\" = '{words}' ] && printf '%s' '{BAD}'");
    program(&path, "helm", &print("template shop shop"));
    program(&path, "kubectl", &print("kustomize base"));
    let chart = run(&mut of("shop")).with_status(1);
    assert!(chart.stdout.contains("shop (rendered):6: no-credentials"), "{}", chart.stdout);
    let base = run(&mut of("base")).with_status(1);
    assert!(base.stdout.contains("base (rendered):6: no-credentials"), "{}", base.stdout);
    program(&path, "helm", "echo 'values do not fit' >&2; exit 1");
    let failed = run(&mut of("shop")).with_status(3);
    assert!(failed.stderr.contains("values do not fit"), "{}", failed.stderr);
}

#[test]
fn a_baseline_accepts_what_is_there_and_forbids_what_is_new() {
    let folder = tempfile::tempdir().unwrap();
    let ran = |arguments: &[&str]| run(check(arguments).current_dir(folder.path()));
    write(folder.path(), "web.yaml", BAD);
    ran(&["web.yaml", "--write-expect", "accepted"]).with_status(0);
    write(folder.path(), "web.yaml", &format!("# moved\n{}", BAD.replace(":1}", ":2}")));
    let same = ran(&["web.yaml", "--expect", "accepted"]).with_status(0);
    assert!(same.stdout.contains("1 accepted finding not shown"), "{}", same.stdout);
    let more = format!("{BAD}---\n{}", BAD.replace("web", "jobs"));
    write(folder.path(), "web.yaml", &more);
    let new = ran(&["web.yaml", "--expect", "accepted"]).with_status(1);
    assert!(new.stdout.contains("web.yaml:13: no-credentials: Pod/jobs"), "{}", new.stdout);
    assert!(!new.stdout.contains("web.yaml:6:"), "{}", new.stdout);
    write(folder.path(), "web.yaml", &BAD.replace("web", "jobs"));
    let gone = ran(&["web.yaml", "--expect", "accepted"]).with_status(1);
    assert!(
        gone.stdout
            .contains("note: accepted and not found any more: no-credentials default/Pod/web")
    );
    ran(&["web.yaml", "--expect", "none"]).with_status(2);
}

#[test]
fn secrets_may_be_given_and_registries_public() {
    let folder = tempfile::tempdir().unwrap();
    let named = BAD.replace("spec:\n", "spec:\n  imagePullSecrets: [{name: regcred}]\n");
    write(folder.path(), "web.yaml", &named);
    write(folder.path(), "quay.json", r#"{"auths": {"quay.io": {"auth": "YTpjNG40cnk="}}}"#);
    write(folder.path(), "bad.json", r#"{"auths": {"quay.io": {"auth": "c4n4ry"}}}"#);
    let ran = |arguments: &[&str]| run(check(arguments).current_dir(folder.path()));
    ran(&["web.yaml"]).with_status(1);
    ran(&["web.yaml", "--secret", "regcred"]).with_status(0);
    write(folder.path(), "public.yaml", BAD);
    ran(&["public.yaml", "--public", "ghcr.io/acme"]).with_status(0);
    let other = ran(&["web.yaml", "--secret", "regcred=quay.json"]).with_status(1);
    assert!(other.stdout.contains("secret regcred holds nothing for ghcr.io"), "{}", other.stdout);
    assert!(!other.stdout.contains("c4n4ry") && !other.stdout.contains("YTpjNG40cnk"));
    let bad = ran(&["web.yaml", "--secret", "regcred=bad.json"]).with_status(2);
    assert!(bad.stderr.contains("bad.json: is not a Docker configuration"), "{}", bad.stderr);
    assert!(!bad.stderr.contains("c4n4ry"), "{}", bad.stderr);
}

#[test]
fn reports_are_written_and_the_summary_of_a_step_is_added_to() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "web.yaml", BAD);
    write(folder.path(), "step.md", "before\n");
    let mut command =
        check(&["web.yaml", "--junit", "out/j.xml", "--sarif", "out/s.sarif", "-o", "json"]);
    let ran = run(command.current_dir(folder.path()).env("GITHUB_STEP_SUMMARY", "step.md"));
    let json: serde_json::Value = serde_json::from_str(&ran.with_status(1).stdout).unwrap();
    assert_eq!(json["version"], 1);
    assert_eq!(json["findings"][0]["rule"], "no-credentials");
    assert_eq!(json["pods"][0]["containers"][0]["outcome"], "failed");
    let read = |name: &str| fs::read_to_string(folder.path().join(name)).unwrap();
    assert!(read("out/j.xml").contains("<failure message=\"web.yaml:6: no-credentials"));
    assert!(read("out/s.sarif").contains("\"startLine\": 6"));
    assert!(
        read("step.md").starts_with("before\n### Private image pulls\n"),
        "{}",
        read("step.md")
    );
}
