//! The reaper with a docker and a kubectl of the test's own.

use std::{
    os::unix::fs::PermissionsExt,
    process::Command,
    time::{Duration, Instant},
};

use super::*;

const OWNER: &str = "0123456789abcdef";

/// A state folder, and programs that note how they are called in `calls`.
struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        let place = Self { folder: tempfile::tempdir().unwrap() };
        fs::create_dir_all(place.runs()).unwrap();
        fs::create_dir(place.path("bin")).unwrap();
        place.program("docker", "");
        place.program("kubectl", "");
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn runs(&self) -> PathBuf {
        self.path("runs")
    }

    fn program(&self, name: &str, script: &str) {
        let (path, calls) = (self.path("bin").join(name), self.path("calls"));
        let text = format!("#!/bin/sh\necho \"{name} $*\" >>{}\n{script}\n", calls.display());
        fs::write(&path, text).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    fn calls(&self) -> String {
        fs::read_to_string(self.path("calls")).unwrap_or_default()
    }

    /// The folder of a run that was killed.
    fn run(&self, id: &str) -> PathBuf {
        let folder = self.runs().join(id);
        fs::create_dir_all(folder.join("clusters")).unwrap();
        fs::write(folder.join("lock"), "").unwrap();
        folder
    }

    /// Starts the reaper of a run.
    fn start(&self, folder: &Path, stdin: Stdio) -> Child {
        let lock = Lock::try_exclusive(&folder.join("lock")).unwrap().unwrap();
        let path = format!("{}:/usr/bin:/bin", self.path("bin").display());
        let mut command = Command::new("/usr/bin/env");
        command.arg(format!("PATH={path}")).args(["/bin/sh", "-c", REAPER, "reaper"]);
        command.arg(folder.file_name().unwrap()).arg(folder).arg(self.path("bin/kubectl"));
        command.arg(mark(OWNER)).stdin(stdin).stdout(lock.file().unwrap()).spawn().unwrap()
    }

    /// Runs the reaper of a run to its end. Returns whether it removed everything.
    fn reap(&self, folder: &Path) -> bool {
        let success = self.start(folder, Stdio::null()).wait().unwrap().success();
        assert_eq!(success, !folder.exists(), "its status says whether the folder is gone");
        success
    }
}

fn wait_for(what: &str, mut holds: impl FnMut() -> bool) {
    let limit = Instant::now() + Duration::from_secs(20);
    while !holds() {
        assert!(Instant::now() < limit, "{what} did not come about");
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn ended(process: &mut Child) -> bool {
    process.try_wait().unwrap().is_some()
}

#[test]
fn the_reaper_acts_when_its_pipe_closes_and_not_before() {
    let place = Place::new();
    let folder = place.run("abc");
    let mut reaper = place.start(&folder, Stdio::piped());
    assert!(reaper.try_wait().unwrap().is_none());
    assert!(Lock::try_exclusive(&folder.join("lock")).unwrap().is_none());
    drop(reaper.stdin.take());
    assert!(reaper.wait().unwrap().success());
    assert!(!folder.exists());
}

#[test]
fn a_run_that_lost_its_reaper_is_swept_and_one_that_has_it_is_not() {
    let place = Place::new();
    let folder = place.run("abc");
    let mut reaper = place.start(&folder, Stdio::piped());
    let no = Path::new("/bin/false");
    assert!(sweep(&place.runs(), no, OWNER, |_| {}).unwrap().is_empty());
    reaper.kill().unwrap();
    reaper.wait().unwrap();
    wait_for("the lock's release", || Lock::try_exclusive(&folder.join("lock")).unwrap().is_some());
    assert_eq!(sweep(&place.runs(), no, OWNER, |_| {}).unwrap().len(), 1);
}

#[test]
fn a_run_that_never_started_is_swept_when_it_is_old() {
    let place = Place::new();
    let (old, new) = (place.runs().join(".old"), place.runs().join(".new"));
    fs::create_dir(&old).unwrap();
    fs::create_dir(&new).unwrap();
    let long_ago = std::time::SystemTime::now() - STARTING * 2;
    File::open(&old).unwrap().set_modified(long_ago).unwrap();
    assert!(sweep(&place.runs(), Path::new("/bin/false"), OWNER, |_| {}).unwrap().is_empty());
    assert!(!old.exists() && new.exists());
}

#[test]
fn what_could_not_be_removed_is_not_forgotten() {
    let place = Place::new();
    let folder = place.run("abc");
    fs::create_dir(folder.join("case")).unwrap();
    fs::write(folder.join("case/config.json"), "a secret").unwrap();
    place.program("docker", "exit 1");
    assert!(!place.reap(&folder));
    assert!(!folder.join("case").exists(), "what is not needed to try again stays");
    fs::write(folder.join("reaper.log"), "no engine").unwrap();
    let said = std::cell::RefCell::new(Vec::new());
    let again = |log: &Path| said.borrow_mut().push(log.to_owned());
    let mut swept = sweep(&place.runs(), Path::new("/bin/false"), OWNER, again).unwrap();
    assert_eq!(said.into_inner(), [folder.join("reaper.log")]);
    swept.iter_mut().for_each(|reaper| drop(reaper.wait()));
    let _folder = place.run("abc");
    // The engine answers again.
    place.program("docker", "[ \"$1\" != ps ] || [ -e removed ] || echo 4711");
    assert!(place.reap(&folder));
    assert!(place.calls().contains("docker rm -fv 4711"), "{}", place.calls());
}

#[test]
fn a_node_that_is_paused_is_tried_again_and_one_that_is_gone_is_not() {
    let place = Place::new();
    let node = |state: &str| format!("case \"$*\" in *State*) echo {state};; esac");
    let folder = place.run("abc");
    fs::write(folder.join("clusters/one"), "one-control-plane /kubeconfig\n").unwrap();
    place.program("docker", &node("paused"));
    assert!(!place.reap(&folder));
    place.program("docker", &node("running"));
    place.program("kubectl", "exit 1");
    assert!(!place.reap(&folder), "its API server does not answer");
    place.program("docker", &node("''"));
    assert!(place.reap(&folder));
}

#[test]
fn files_of_the_node_are_put_back() {
    let place = Place::new();
    let folder = place.run("abc");
    fs::write(folder.join("clusters/one"), "one-control-plane /kubeconfig\n").unwrap();
    fs::write(folder.join("node-files"), "put it back\n").unwrap();
    let running = "case \"$*\" in *State*) echo running;; *'put it back'*) exit 1;; esac";
    place.program("docker", running);
    assert!(!place.reap(&folder), "the node's files could not be put back");
    place.program("docker", "case \"$*\" in *State*) echo running;; esac");
    assert!(place.reap(&folder));
    let call = "docker exec -i one-control-plane sh -c put it back";
    assert_eq!(place.calls().matches(call).count(), 2, "{}", place.calls());
}

#[test]
fn what_a_lock_was_held_for_is_cleaned_up_unless_another_has_the_lock() {
    let place = Place::new();
    place.program("docker", "case \"$*\" in *State*) echo running;; esac");
    let run = |id: &str| {
        let folder = place.run(id);
        fs::write(folder.join("clusters/one"), "one-control-plane /kubeconfig\n").unwrap();
        fs::create_dir(folder.join("held")).unwrap();
        for host in ["free", "taken"] {
            let text = format!("{}\nremove images of {host}\n", place.path(host).display());
            fs::write(folder.join("held").join(format!("one:{host}.lock")), text).unwrap();
        }
        folder
    };
    let taken = Lock::try_exclusive(&place.path("taken")).unwrap().unwrap();
    assert!(place.reap(&run("abc")));
    let call =
        |host: &str| format!("docker exec -i one-control-plane sh -c remove images of {host}");
    assert!(place.calls().contains(&call("free")), "{}", place.calls());
    assert!(!place.calls().contains(&call("taken")), "{}", place.calls());
    drop(taken);
    assert!(place.reap(&run("def")));
    assert!(place.calls().contains(&call("taken")), "{}", place.calls());
}

#[test]
fn pods_end_by_themselves_where_the_next_case_may_want_their_host() {
    let place = Place::new();
    place.program("docker", "case \"$*\" in *State*) echo running;; esac");
    place.program("kubectl", "case \"$*\" in *'get namespaces'*|*'get pods'*) echo case;; esac");
    for (held, deleted) in [(false, "--force --grace-period 0"), (true, "--grace-period 1")] {
        let folder = place.run("abc");
        fs::write(folder.join("clusters/one"), "one-control-plane /kubeconfig\n").unwrap();
        if held {
            fs::create_dir(folder.join("held")).unwrap();
            fs::write(folder.join("held/one:host-docker.io.lock"), "/lock\n").unwrap();
        }
        assert!(place.reap(&folder));
        let call = format!("delete pods --all {deleted}");
        assert_eq!(place.calls().matches(&call).count(), 1, "{}", place.calls());
    }
}

#[test]
fn a_container_that_was_left_loses_its_users_unless_the_next_run_has_it() {
    let place = Place::new();
    let folder = place.run("abc");
    let lock = place.path("registries.lock");
    place.program(
        "docker",
        &format!(
            "left=pullproof-registry-left-abc-basic-7
             case \"$*\" in
             *left-abc-*--format*) echo $left-11 $left-22;;
             \"rename $left-11 \"*) ! flock -n {} true;;
             \"rename $left-22 \"*) exit 1;;
             esac",
            lock.display()
        ),
    );
    assert!(place.reap(&folder));
    let calls = place.calls();
    let nobody = folder.join("nobody");
    let ours = "pullproof-registry-abc-11";
    let reset = format!("cp {} {ours}:/etc/distribution/htpasswd", nobody.display());
    assert!(calls.contains(&reset), "{calls}");
    assert!(
        calls.contains(&format!("rename {ours} pullproof-registry-idle-basic-7-11")),
        "{calls}"
    );
    assert_eq!(calls.matches("docker cp").count(), 1, "{calls}");
}

#[test]
fn a_kind_that_was_creating_is_ended_with_the_node_it_made() {
    let place = Place::new();
    let folder = place.run("abc");
    place.program("kind", "exec sleep 600");
    let kind = place.path("bin/kind");
    let script = format!("exec -a '{} create cluster' sleep 600", kind.display());
    let mut kind = Command::new("/bin/bash");
    let mut kind = std::os::unix::process::CommandExt::process_group(&mut kind, 0)
        .args(["-c", &script])
        .spawn()
        .unwrap();
    wait_for("kind", || {
        let words = fs::read(format!("/proc/{}/cmdline", kind.id())).unwrap_or_default();
        String::from_utf8_lossy(&words).contains("create cluster")
    });
    fs::write(folder.join("creating"), format!("{} name /none/kubeconfig\n", kind.id())).unwrap();
    place.program("docker", &format!(
        "case \"$*\" in *cluster=name*volume={}*) [ -e {gone} ] || echo 4711;; *rm*) touch {gone};; esac",
        mark(OWNER),
        gone = place.path("gone").display(),
    ));
    assert!(place.reap(&folder));
    wait_for("kind's end", || ended(&mut kind));
    assert!(place.calls().contains("docker rm -fv 4711"), "{}", place.calls());
}

#[test]
fn another_process_that_got_the_number_of_kind_goes_on() {
    let place = Place::new();
    let folder = place.run("abc");
    let mut other = Command::new("/bin/sleep");
    let mut other = std::os::unix::process::CommandExt::process_group(&mut other, 0)
        .arg("600")
        .spawn()
        .unwrap();
    fs::write(folder.join("creating"), format!("{} name /none/kubeconfig\n", other.id())).unwrap();
    assert!(place.reap(&folder));
    assert!(!ended(&mut other));
    other.kill().unwrap();
    other.wait().unwrap();
}

#[test]
fn programs_that_cases_left_are_ended_wherever_they_went() {
    let place = Place::new();
    let folder = place.run("abc");
    let sleep = |home: &Path| {
        let mut command = Command::new("/usr/bin/setsid");
        command.args(["/bin/sleep", "600"]).env("HOME", home).spawn().unwrap()
    };
    let (mut of_the_run, mut other) = (sleep(&folder.join("case")), sleep(Path::new("/root")));
    assert!(place.reap(&folder));
    wait_for("its end", || ended(&mut of_the_run));
    assert!(!ended(&mut other));
    other.kill().unwrap();
    other.wait().unwrap();
}
