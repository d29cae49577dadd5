//! scripts/setup, with programs of the test's own in place of docker's.

#![expect(clippy::unwrap_used, reason = "a test says by panicking what went wrong")]

use std::{fs, os::unix::fs::PermissionsExt, path::Path, process::Command};

const SCRIPTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../scripts");

/// Puts a program into a folder that notes how it is called in `calls`.
fn program(folder: &Path, name: &str, script: &str) {
    let path = folder.join(name);
    let calls = folder.join("calls");
    let text = format!("#!/bin/sh\necho \"{name} $*\" >>{}\n{script}\n", calls.display());
    fs::write(&path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

/// Runs a script with set-up's parts read, the engine's files being those of `folder`. Returns the
/// status and standard error.
fn with_parts(folder: &Path, script: &str) -> (Option<i32>, String) {
    let at = folder.display();
    let parts = format!(
        "set -euo pipefail; root={SCRIPTS}/..; scratch={at}\n\
         for part in report versions cache go docker image; do\n\
         source <(sed 's#/etc/docker/#{at}/#; s#/usr/local/sbin/#{at}/#; s#/var/run/#{at}/#g' {SCRIPTS}/parts/$part.sh)\n\
         done\n{script}"
    );
    let done = Command::new("bash")
        .args(["-c", &parts])
        .env("PATH", format!("{at}:/usr/local/bin:/usr/bin:/bin"))
        .env("PULLPROOF_CACHE", folder)
        .env_remove("DOCKER_HOST")
        .output()
        .unwrap();
    (done.status.code(), String::from_utf8(done.stderr).unwrap())
}

#[test]
fn a_cache_folder_that_cannot_be_made_is_an_environment_problem() {
    let folder = tempfile::tempdir().unwrap();
    program(folder.path(), "docker", "exit 1");
    let done = Command::new(format!("{SCRIPTS}/setup"))
        .env("PATH", format!("{}:/usr/bin:/bin", folder.path().display()))
        .env("PULLPROOF_CACHE", "/proc/none/cache")
        .output()
        .unwrap();
    let said = String::from_utf8(done.stderr).unwrap();
    assert_eq!(done.status.code(), Some(3), "{said}");
    assert!(said.starts_with("setup: the cache folder /proc/none/cache cannot be made"), "{said}");
}

#[test]
fn only_boxes_of_this_cache_folder_are_removed() {
    let names = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()].map(|folder| {
        program(folder.path(), "docker", "");
        assert_eq!(with_parts(folder.path(), "remove_boxes").0, Some(0));
        let calls = fs::read_to_string(folder.path().join("calls")).unwrap();
        let name = calls.split("name=^/?pullproof-setup-").nth(1).unwrap().to_owned();
        assert_eq!(name.find('-'), Some(12), "{calls}");
        name
    });
    assert_ne!(names[0], names[1]);
}

#[test]
fn only_an_engine_is_sent_a_signal() {
    let folder = tempfile::tempdir().unwrap();
    let mut other = Command::new("sleep").arg("600").spawn().unwrap();
    fs::write(folder.path().join("docker.pid"), other.id().to_string()).unwrap();
    let script = "runtime_is_ready() { false; }; configure_runtime() { :; }; ensure_runtime";
    let (status, said) = with_parts(folder.path(), script);
    let ended = other.try_wait().unwrap();
    other.kill().unwrap();
    other.wait().unwrap();
    assert!(ended.is_none(), "a process that is no engine was sent a signal");
    assert_eq!(status, Some(3), "{said}");
    assert!(said.contains("names no dockerd"), "{said}");
}

#[test]
fn what_was_added_to_the_engines_configuration_is_taken_out_again() {
    const OURS: &str = r#""pullproof-runc": {"path": "/usr/local/sbin/pullproof-runc"}"#;
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("daemon.json");
    let runtime = folder.path().join("pullproof-runc");
    program(folder.path(), "id", "echo 0");
    program(folder.path(), "docker", "exit 1");
    let undo = || {
        fs::write(&runtime, "").unwrap();
        with_parts(folder.path(), "undo_runtime")
    };
    // What was there before, and what came since.
    let text = format!(
        r#"{{"debug": true, "runtimes": {{{OURS}, "kata": {{"path": "/k"}}}}, "default-runtime": "pullproof-runc"}}"#
    );
    fs::write(&config, text).unwrap();
    let (status, said) = undo();
    assert_eq!(status, Some(0), "{said}");
    let left: serde_json::Value = serde_json::from_slice(&fs::read(&config).unwrap()).unwrap();
    assert_eq!(left, serde_json::json!({"debug": true, "runtimes": {"kata": {"path": "/k"}}}));
    assert!(!runtime.exists());

    // A file that was made for it goes.
    let text = format!(r#"{{"runtimes": {{{OURS}}}, "default-runtime": "pullproof-runc"}}"#);
    fs::write(&config, &text).unwrap();
    assert_eq!(undo().0, Some(0));
    assert!(!config.exists());
    assert_eq!(undo().0, Some(0), "there is nothing to undo");

    // Not under a container that needs it.
    fs::write(&config, &text).unwrap();
    let docker = "case $1 in ps) echo 1;; inspect) echo 'pullproof-runc /a-control-plane';; esac";
    program(folder.path(), "docker", docker);
    let (status, said) = undo();
    assert_eq!(status, Some(3), "{said}");
    assert!(said.contains("need the runtime pullproof-runc: a-control-plane"), "{said}");
    assert!(runtime.exists() && config.exists());
}

#[test]
fn a_release_is_checked_against_the_pinned_checksum() {
    let folder = tempfile::tempdir().unwrap();
    program(
        folder.path(),
        "curl",
        // A release that was replaced, with its checksum.
        r#"case "$*" in
        *-o*) for file in "$@"; do case $file in *.next) printf other >"$file";; esac; done;;
        *) printf other | sha256sum;;
        esac"#,
    );
    program(folder.path(), "uname", "[ \"$1\" = -m ] && echo x86_64 || echo Linux");
    let script = |pin: &str| {
        format!(
            "source {SCRIPTS}/parts/tools.sh; source {SCRIPTS}/parts/image-archive.sh\n\
             versions=$'\\n'kind$'\\t'sha256-linux-amd64$'\\t'{pin}$'\\n'\n\
             download_kind v1 \"$cache/kind\" >&2"
        )
    };
    let (status, said) = with_parts(folder.path(), &script(&"0".repeat(64)));
    assert_eq!(status, Some(1), "{said}");
    assert!(said.contains("checksum differs"), "{said}");
    assert!(!folder.path().join("kind").exists());
    let (status, said) = with_parts(folder.path(), &script(""));
    assert_eq!(status, Some(0), "{said}");
    assert!(said.contains("versions.toml has no sha256-linux-amd64"), "{said}");
}
