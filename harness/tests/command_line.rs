//! The command line: what is wrong is said, and the exit status says whose fault it is.

mod support;

use std::fs;

use support::{fake, own_cache, pullproof, run, signal, start, wait_until};

const CASE: &str = "title: t\nsource: s\nsteps:\n- run: 'true'\n";

#[test]
fn an_unknown_kubernetes_version_is_a_usage_error_that_names_the_known_ones() {
    let ran = run(&mut pullproof(&["doctor", "--kubernetes", "1.73"])).with_status(2);
    assert!(
        ran.stderr.contains("unknown Kubernetes version `1.73`, did you mean 1.37?"),
        "{}",
        ran.stderr
    );
    assert!(ran.stderr.contains("expected one of: 1.31, 1.32"), "{}", ran.stderr);
    let ran = run(pullproof(&["up"]).env("PULLPROOF_KUBERNETES", "2.0")).with_status(2);
    assert!(ran.stderr.contains("unknown Kubernetes version `2.0`"), "{}", ran.stderr);
}

#[test]
fn a_bad_case_is_a_usage_error_before_anything_is_started() {
    let dir = tempfile::tempdir().unwrap();
    let case = dir.path().join("case.yaml");
    fs::write(&case, CASE.replace("steps", "stepz")).unwrap();
    // No engine would answer here: it is not asked.
    let mut command = pullproof(&["run", &case.to_string_lossy()]);
    let ran = run(command.env("DOCKER_HOST", "unix:///nowhere.sock")).with_status(2);
    assert!(
        ran.stderr.contains("case.yaml:3:1: unknown key `stepz`; did you mean `steps`?"),
        "{}",
        ran.stderr
    );
}

#[test]
fn a_case_comes_from_standard_input_as_well_and_by_a_bare_name() {
    let dir = tempfile::tempdir().unwrap();
    let case = dir.path().join("case.yaml");
    fs::write(&case, CASE.replace("steps", "stepz")).unwrap();
    let mut by_name = pullproof(&["run", "case.yaml"]);
    let ran = run(by_name.current_dir(dir.path())).with_status(2);
    assert!(ran.stderr.contains("pullproof: case.yaml:3:1: unknown key"), "{}", ran.stderr);
    for name in ["-", "/dev/stdin"] {
        let mut command = pullproof(&["run", name]);
        let ran = run(command.stdin(fs::File::open(&case).unwrap())).with_status(2);
        assert!(ran.stderr.contains(&format!("{name}:3:1: unknown key `stepz`")), "{}", ran.stderr);
    }
}

#[test]
fn a_versions_file_of_another_form_is_a_usage_error() {
    let dir = tempfile::tempdir().unwrap();
    let versions = dir.path().join("versions.toml");
    fs::write(&versions, "default = 1\n").unwrap();
    let ran = run(pullproof(&["doctor"]).env("PULLPROOF_VERSIONS", &versions)).with_status(2);
    assert!(ran.stderr.contains("versions.toml:1:"), "{}", ran.stderr);
}

#[test]
fn a_folder_without_cases_and_a_file_that_is_not_there_are_usage_errors() {
    let dir = tempfile::tempdir().unwrap();
    let ran = run(&mut pullproof(&["run", &dir.path().to_string_lossy()])).with_status(2);
    assert!(ran.stderr.contains("holds no case"), "{}", ran.stderr);
    let ran = run(&mut pullproof(&["run", "/nowhere/case.yaml"])).with_status(2);
    assert!(ran.stderr.contains("/nowhere/case.yaml"), "{}", ran.stderr);
}

#[test]
fn no_engine_is_an_environment_problem_with_what_to_do() {
    for words in [&["up"][..], &["down"], &["doctor"]] {
        let ran = run(pullproof(words).env("DOCKER_HOST", "unix:///nowhere.sock")).with_status(3);
        let said = format!("{}{}", ran.stdout, ran.stderr);
        assert!(
            said.contains("no Docker engine answers") && said.contains("./scripts/setup"),
            "{said}"
        );
    }
}

#[test]
fn missing_tools_are_an_environment_problem_with_what_to_do() {
    let empty = tempfile::tempdir().unwrap();
    let ran = run(pullproof(&["up"]).env("PULLPROOF_CACHE", empty.path())).with_status(3);
    assert!(ran.stderr.contains("kind not found at "), "{}", ran.stderr);
    assert!(ran.stderr.contains("./scripts/setup --kubernetes 1."), "{}", ran.stderr);
}

#[test]
fn a_missing_node_image_is_an_environment_problem_with_what_to_do() {
    let cache = own_cache();
    let versions = cache.path().join("versions.toml");
    let text = "default = \"1.99\"\nolder = \"1.99\"\n[containerd]\n\"2.3\" = \"v2.3.7\"\n[[kubernetes]]\nminor = \"1.99\"\ncontainerd = \"2.3\"\n";
    fs::write(&versions, text).unwrap();
    fake(cache.path(), "kubectl-1.99", "exit 1");
    let mut command = pullproof(&["up"]);
    command.env("PULLPROOF_CACHE", cache.path()).env("PULLPROOF_VERSIONS", &versions);
    let ran = run(&mut command).with_status(3);
    assert!(
        ran.stderr.contains("the image localhost/pullproof/node:1.99 is missing"),
        "{}",
        ran.stderr
    );
    assert!(ran.stderr.contains("./scripts/setup --kubernetes 1.99"), "{}", ran.stderr);
}

#[test]
fn the_output_of_a_failing_kind_is_shown_and_kept() {
    let cache = own_cache();
    let script =
        "case \"$1 $2\" in 'create cluster') echo 'ERROR: no space for a node' >&2; exit 1;; esac";
    fake(cache.path(), "kind", script);
    let ran = run(pullproof(&["up"]).env("PULLPROOF_CACHE", cache.path())).with_status(3);
    assert!(ran.stderr.contains("`kind create cluster` failed (status 1)"), "{}", ran.stderr);
    assert!(ran.stderr.contains("| ERROR: no space for a node"), "{}", ran.stderr);
    let log =
        ran.stderr.lines().find_map(|line| line.split("all of its output is in ").nth(1)).unwrap();
    assert!(fs::read_to_string(log).unwrap().contains("no space for a node"));
}

#[test]
fn a_bad_versions_file_is_a_usage_error() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("versions.toml");
    fs::write(&file, "default = 7").unwrap();
    for (file, why) in
        [(file.as_path(), "versions.toml:1: invalid type"), ("/dev/zero".as_ref(), "regular")]
    {
        let ran = run(pullproof(&["up"]).env("PULLPROOF_VERSIONS", file)).with_status(2);
        assert!(ran.stderr.contains(why), "{}", ran.stderr);
    }
}

#[test]
fn no_number_of_jobs_is_too_many_to_be_refused() {
    let jobs = u64::MAX.to_string();
    for command in ["run", "matrix"] {
        let ran = run(&mut pullproof(&[command, "/nowhere", "--jobs", &jobs])).with_status(2);
        assert!(ran.stderr.contains("--jobs"), "{}", ran.stderr);
    }
}

/// Runs a command whose output goes into a file.
fn into(command: &mut std::process::Command, file: std::process::Stdio) -> (Option<i32>, String) {
    command.stdout(file).stderr(std::process::Stdio::piped());
    let done = command.output().expect("the command starts");
    (done.status.code(), String::from_utf8_lossy(&done.stderr).into_owned())
}

#[test]
fn an_output_that_nobody_reads_ends_the_command_quietly() {
    // Not a pipe: a process that another test starts may hold its other end for a moment.
    let (closed, reader) = std::os::unix::net::UnixStream::pair().unwrap();
    reader.shutdown(std::net::Shutdown::Both).unwrap();
    let closed = std::os::fd::OwnedFd::from(closed);
    let (status, said) = into(&mut pullproof(&["schema"]), closed.into());
    assert_eq!((status, said.as_str()), (Some(141), ""));
    let full = fs::File::options().write(true).open("/dev/full").unwrap();
    let (status, said) = into(&mut pullproof(&["schema"]), full.into());
    assert_eq!(status, Some(3), "{said}");
    assert!(said.contains("standard output cannot be written"), "{said}");
}

#[test]
fn a_wait_for_another_process_is_said_and_ends_at_the_first_signal() {
    let cache = own_cache();
    // kind that takes its time creating: the first holds the lock, the second waits for it.
    let started = cache.path().join("started");
    let script = format!(
        "case \"$1 $2\" in 'create cluster') touch {}; sleep 600;; esac",
        started.display()
    );
    fake(cache.path(), "kind", &script);
    let up = || {
        let mut command = pullproof(&["up"]);
        command.env("PULLPROOF_CACHE", cache.path());
        command
    };
    let mut first = start(&mut up());
    wait_until("kind", || started.exists());
    let errors = cache.path().join("errors");
    let mut second = up();
    second.stdout(std::process::Stdio::null()).stderr(fs::File::create(&errors).unwrap());
    let mut second = second.spawn().unwrap();
    wait_until("the word that it waits", || {
        fs::read_to_string(&errors).unwrap().contains("waiting for another run")
    });
    let began = std::time::Instant::now();
    signal(&second, "INT");
    assert_eq!(second.wait().unwrap().code(), Some(130));
    assert!(began.elapsed() < std::time::Duration::from_secs(20), "{:?}", began.elapsed());
    signal(&first, "TERM");
    assert_eq!(first.wait().unwrap().code(), Some(130));
}

#[test]
fn the_second_signal_ends_a_command_that_cleans_up_slowly() {
    let cache = own_cache();
    let (started, docker) = (cache.path().join("started"), cache.path().join("programs"));
    let script = format!("case \"$1\" in create) touch {}; sleep 600;; esac", started.display());
    fake(cache.path(), "kind", &script);
    // A docker command that takes its time, for the reaper.
    fs::create_dir(&docker).unwrap();
    fs::rename(fake(cache.path(), "docker", "sleep 3"), docker.join("docker")).unwrap();
    let path = format!("{}:{}", docker.display(), std::env::var("PATH").unwrap());
    let mut command = pullproof(&["up"]);
    let mut command = start(command.env("PULLPROOF_CACHE", cache.path()).env("PATH", path));
    wait_until("kind", || started.exists());
    signal(&command, "INT");
    std::thread::sleep(std::time::Duration::from_secs(1));
    assert!(command.try_wait().unwrap().is_none(), "it does not clean up");
    let began = std::time::Instant::now();
    signal(&command, "TERM");
    assert_eq!(command.wait().unwrap().code(), Some(130));
    assert!(began.elapsed() < std::time::Duration::from_secs(10), "{:?}", began.elapsed());
    // The reaper goes on by itself.
    wait_until("the end of the run", || {
        fs::read_dir(cache.path().join("state/runs")).unwrap().count() == 0
    });
}

#[test]
fn the_schema_is_json() {
    let ran = run(&mut pullproof(&["schema"])).with_status(0);
    let schema: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(schema["title"], "pullproof case");
}

#[test]
fn help_names_every_command() {
    let ran = run(&mut pullproof(&["--help"])).with_status(0);
    for command in ["doctor", "up", "run", "down", "schema"] {
        assert!(ran.stdout.contains(&format!("  {command} ")), "{}", ran.stdout);
    }
}
