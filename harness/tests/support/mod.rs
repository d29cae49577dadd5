//! Running the command as a user would.

#![allow(dead_code, reason = "each test file uses its own part")]

pub mod api;
pub mod shop;

use std::{
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use pullproof::settings::Settings;

/// What a run of the command printed and how it ended.
pub struct Ran {
    pub status: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Ran {
    /// Asserts the exit status and shows everything if it is another.
    #[track_caller]
    pub fn with_status(self, status: i32) -> Self {
        let Self { stdout, stderr, .. } = &self;
        assert_eq!(self.status, Some(status), "stdout:\n{stdout}\nstderr:\n{stderr}");
        self
    }
}

/// The command, with nothing of the environment that could change what a test proves.
pub fn pullproof(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pullproof"));
    command.args(arguments).stdin(Stdio::null());
    for variable in ["PULLPROOF_KUBERNETES", "PULLPROOF_CONTAINERD", "PULLPROOF_VERSIONS"] {
        command.env_remove(variable);
    }
    command
}

/// Runs a command to its end.
pub fn run(command: &mut Command) -> Ran {
    let output = command.output().expect("the command starts");
    Ran {
        status: output.status.code(),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// Starts a command whose output nobody reads.
pub fn start(command: &mut Command) -> Child {
    command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the command starts")
}

/// A cache folder of a test's own, and so a cluster of its own, with the tools of the user's.
pub fn own_cache() -> OwnCache {
    let cache = tempfile::tempdir().expect("a folder");
    let tools = Settings::from_env().expect("settings").bin();
    let bin = cache.path().join("bin");
    fs::create_dir(&bin).expect("a folder");
    for tool in fs::read_dir(&tools).into_iter().flatten().flatten() {
        symlink(tool.path(), bin.join(tool.file_name())).expect("a link");
    }
    OwnCache(cache)
}

/// A cache folder whose clusters go with it, also when its test fails.
pub struct OwnCache(tempfile::TempDir);

impl OwnCache {
    pub fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for OwnCache {
    fn drop(&mut self) {
        let clusters = fs::read_dir(self.path().join("state/clusters"));
        if clusters.is_ok_and(|mut clusters| clusters.next().is_some()) {
            let mut down = pullproof(&["down", "--force"]);
            down.env("PULLPROOF_CACHE", self.path()).output().ok();
        }
    }
}

/// Puts a shell script in place of a tool of an own cache.
pub fn fake(cache: &Path, tool: &str, script: &str) -> PathBuf {
    use std::os::unix::fs::PermissionsExt;
    let path = cache.join("bin").join(tool);
    fs::remove_file(&path).ok();
    fs::write(&path, format!("#!/bin/sh\n{script}\n")).expect("a script");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("a mode");
    path
}

/// What `docker` prints for these words.
pub fn docker(words: &[&str]) -> String {
    let output = Command::new("docker").args(words).output().expect("the docker command");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// Waits until something holds; the test fails if it does not within two minutes.
#[track_caller]
pub fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let limit = Instant::now() + Duration::from_secs(120);
    while !holds() {
        assert!(Instant::now() < limit, "{what}: not within two minutes");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Sends a signal to a process.
pub fn signal(child: &Child, name: &str) {
    let id = child.id().to_string();
    let status = Command::new("kill").args(["-s", name, &id]).status().expect("kill");
    assert!(status.success(), "no process {id} to send {name} to");
}
