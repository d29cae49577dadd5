//! A cluster from its creation to its end, whatever interrupts it. Each test has a cache folder, and
//! so a cluster, of its own. Needs what scripts/setup brings.

mod support;

use std::{fs, path::Path, process::Command, sync::Arc};

use pullproof::{cluster::Progress, run::Session, settings::Settings};
use support::{docker, own_cache, pullproof, run, signal, start, wait_until};

/// Held by who looks at all that is on the node of the cluster that tests share.
static CLUSTER: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

fn up(cache: &Path) -> Command {
    let mut command = pullproof(&["up"]);
    command.env("PULLPROOF_CACHE", cache);
    command
}

fn down(cache: &Path) {
    run(pullproof(&["down"]).env("PULLPROOF_CACHE", cache)).with_status(0);
}

/// The name of the cluster that `cache` belongs to.
fn cluster(cache: &Path) -> Option<String> {
    let clusters = fs::read_dir(cache.join("state/clusters")).ok()?;
    clusters.flatten().next().map(|entry| entry.file_name().to_string_lossy().into_owned())
}

/// The containers of that cluster, running or not.
fn containers(cache: &Path) -> String {
    match cluster(cache) {
        Some(name) => {
            docker(&["ps", "-aq", "--filter", &format!("label=io.x-k8s.kind.cluster={name}")])
        }
        None => String::new(),
    }
}

/// The registry containers that belong to a cluster, running or not.
fn registries(cluster: &str) -> String {
    let label = format!("label=dev.pullproof.cluster={cluster}");
    docker(&["ps", "-aq", "--no-trunc", "--filter", &label])
}

fn runs(cache: &Path) -> usize {
    fs::read_dir(cache.join("state/runs")).map_or(0, |runs| runs.flatten().count())
}

#[track_caller]
fn nothing_left(cache: &Path, name: &str) {
    let containers =
        docker(&["ps", "-aq", "--filter", &format!("label=io.x-k8s.kind.cluster={name}")]);
    assert_eq!(containers, "", "containers of {name} are left");
    assert_eq!(registries(name), "", "registry containers of {name} are left");
    assert_eq!(runs(cache), 0, "a run's folder is left");
    assert_eq!(cluster(cache), None, "the cluster's folder is left");
}

/// One cluster, one test: creating one takes ten seconds of both cores.
#[test]
fn a_cluster_survives_what_users_do_to_it_and_goes_when_told() {
    let cache = own_cache();
    let cache = cache.path();

    // Ctrl-C in mid-creation: nothing is left when the prompt is back.
    let mut interrupted = start(&mut up(cache));
    wait_until("a node container", || !containers(cache).is_empty());
    signal(&interrupted, "INT");
    assert_eq!(interrupted.wait().unwrap().code(), Some(130));
    assert_eq!(containers(cache), "", "Ctrl-C left a node");
    assert_eq!(runs(cache), 0);

    // SIGKILL in mid-creation: the reaper removes it, and a run that comes at once waits for that.
    let mut killed = start(&mut up(cache));
    wait_until("a node container", || !containers(cache).is_empty());
    signal(&killed, "KILL");
    killed.wait().unwrap();
    let ran = run(&mut up(cache)).with_status(0);
    assert!(ran.stdout.contains("runs Kubernetes 1."), "{}", ran.stdout);
    let name = cluster(cache).unwrap();
    let node = format!("{name}-control-plane");
    let first = docker(&["inspect", "--format", "{{.Id}}", &node]);

    // A second one joins.
    let ran = run(&mut up(cache)).with_status(0);
    assert!(!ran.stderr.contains("creating"), "{}", ran.stderr);
    assert_eq!(docker(&["inspect", "--format", "{{.Id}}", &node]), first);

    // A registry container stays for the next run, without the users of the run before.
    let case =
        concat!(env!("CARGO_MANIFEST_DIR"), "/../scenarios/documentation/absent-secret.yaml");
    let mut warm = String::new();
    for round in 0..3 {
        let before = std::mem::take(&mut warm);
        run(pullproof(&["run", case]).env("PULLPROOF_CACHE", cache)).with_status(0);
        // In the middle of its work no run gets the container.
        wait_until("the end of the reaper", || runs(cache) == 0);
        warm = registries(&name);
        assert!(!warm.is_empty() && (round == 0 || warm == before), "{before} and then {warm}");
    }
    let users = docker(&["cp", &format!("{warm}:/etc/distribution/htpasswd"), "-"]);
    assert!(users.contains("htpasswd") && !users.contains("janedoe"), "users are left: {users}");
    assert_eq!(registries(&name), warm);

    // A node that was removed behind its back is made again.
    docker(&["rm", "-fv", &node]);
    let ran = run(&mut up(cache)).with_status(0);
    assert!(ran.stderr.contains("its node is gone"), "{}", ran.stderr);
    assert_ne!(docker(&["inspect", "--format", "{{.Id}}", &node]), first);

    down(cache);
    nothing_left(cache, &name);
}

/// Cases that leave most behind if nobody removes it: a host taken literally, an image of it that is not
/// in the case's list, images that were preloaded and removed, files of the node, a public image.
const UNTIDY: [&str; 5] = [
    "key-matching/globs.yaml",
    "documentation/hand-written-secret.yaml",
    "cached-images/preloaded-image.yaml",
    "cached-images/record-of-a-public-image.yaml",
    "node-credentials/config-json.yaml",
];

#[tokio::test]
async fn after_cases_that_ran_twice_the_node_is_what_it_was() {
    let _alone = CLUSTER.lock().await;
    let settings = Settings::from_env().unwrap();
    let progress: Progress = Arc::new(|_| {});
    let session = Session::open(settings, &progress).await.unwrap();
    let node = session.cluster.node.clone();
    let before = node.inventory().await.unwrap();
    assert!(before.iter().any(|line| line.contains("image registry.k8s.io/pause")), "{before:?}");

    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../scenarios");
    let cases = UNTIDY.map(|case| format!("{folder}/{case}"));
    let ran = tokio::task::spawn_blocking(move || {
        run(pullproof(&["run", "--repeat", "2"]).args(cases)).with_status(0)
    });
    let ran = ran.await.unwrap();
    // Its reaper outlives it.
    let ours = session.run.folder.clone();
    wait_until("the end of the other runs", || {
        fs::read_dir(ours.parent().unwrap()).unwrap().all(|run| run.unwrap().path() == ours)
    });
    let after = node.inventory().await.unwrap();
    session.close().await;
    // A run that was killed may have left an image of a literal host, which a case with it removes.
    let left: Vec<_> = after.difference(&before).collect();
    assert!(left.is_empty(), "{left:#?}\n{}", ran.stdout);
}

/// What a run makes in a cluster goes with it, also when it is killed in the middle of its cases.
#[test]
fn a_killed_run_leaves_nothing_in_the_cluster() {
    let _alone = CLUSTER.blocking_lock();
    let cases = concat!(env!("CARGO_MANIFEST_DIR"), "/../scenarios/documentation");
    let settings = pullproof::settings::Settings::from_env().unwrap();
    let runs = settings.state().join("runs");
    let before: Vec<_> =
        fs::read_dir(&runs).into_iter().flatten().flatten().map(|e| e.path()).collect();

    let mut killed = start(&mut pullproof(&["run", cases]));
    let mut found = None;
    let node = format!("{}-control-plane", settings.cluster_name());
    let all_images = || docker(&["exec", &node, "ctr", "-n", "k8s.io", "images", "ls", "-q"]);
    let images = |id: &str| {
        let Ok(hosts) = fs::read_to_string(runs.join(id).join("hosts")) else {
            return Vec::new();
        };
        let all = all_images();
        let of_run = |image: &&str| hosts.lines().any(|host| image.starts_with(host));
        all.lines().filter(of_run).map(str::to_owned).collect::<Vec<_>>()
    };
    let mut pulled = Vec::new();
    wait_until("a registry container and an image", || {
        let new = fs::read_dir(&runs).into_iter().flatten().flatten().map(|e| e.path());
        // Other tests run at the same time: this one's run is the one whose process is the child.
        found = new.filter(|path| !before.contains(path)).find_map(|path| {
            let id = path.file_name()?.to_string_lossy().into_owned();
            let owner = fs::read_to_string(path.join("owner")).ok()?;
            (owner.trim() == killed.id().to_string()).then_some(id)
        });
        pulled = found.as_deref().map(images).unwrap_or_default();
        found.as_ref().is_some_and(|id| !containers_of(id).is_empty()) && !pulled.is_empty()
    });
    signal(&killed, "KILL");
    killed.wait().unwrap();
    let id = found.unwrap();
    wait_until("the end of the run's folder", || !runs.join(&id).exists());
    assert_eq!(containers_of(&id), "");
    let left = all_images();
    assert!(
        !left.lines().any(|image| pulled.iter().any(|one| one == image)),
        "{pulled:?} in {left}"
    );
    let kubectl = settings.kubectl().unwrap();
    let kubeconfig =
        settings.state().join("clusters").join(settings.cluster_name()).join("kubeconfig");
    wait_until("the end of the run's namespaces", || {
        let listed = Command::new(&kubectl)
            .args(["get", "namespaces", "-o", "name", "-l", &format!("pullproof.dev/run={id}")])
            .arg("--kubeconfig")
            .arg(&kubeconfig)
            .output()
            .unwrap();
        assert!(listed.status.success());
        listed.stdout.is_empty()
    });
    let hosts = docker(&[
        "exec",
        &node,
        "sh",
        "-c",
        &format!("grep -rl 'pullproof run {id}' /etc/containerd/certs.d || true"),
    ]);
    assert_eq!(hosts, "");
}

/// A file of the node that a case writes is put back when the run is killed at that moment.
#[test]
fn a_killed_run_leaves_the_nodes_files_as_they_were() {
    const CASE: &str = "
title: A node with another file
source: a test
steps:
- node: {files: {/etc/pullproof-test/new: changed, /etc/hostname: changed}}
- run: sleep 300
";
    let folder = tempfile::tempdir().unwrap();
    let case = folder.path().join("case.yaml");
    fs::write(&case, CASE).unwrap();
    let settings = pullproof::settings::Settings::from_env().unwrap();
    let node = format!("{}-control-plane", settings.cluster_name());
    let files =
        || docker(&["exec", &node, "sh", "-c", "cat /etc/hostname; ls -d /etc/pullproof-test"]);
    run(&mut pullproof(&["up"])).with_status(0);
    let before = files();
    let mut killed = start(&mut pullproof(&["run", &case.to_string_lossy()]));
    wait_until("the file", || files().contains("changed"));
    signal(&killed, "KILL");
    killed.wait().unwrap();
    wait_until("the end of what was changed", || files() == before);
    let sleeps = Command::new("pgrep").args(["-f", "^sleep 300$"]).output().unwrap();
    assert!(sleeps.stdout.is_empty(), "the case's command goes on");
}

/// A node that is lost is said once, ends the run and is nobody's failed expectation.
#[test]
fn a_node_that_is_paused_ends_the_run_as_an_environment_problem() {
    let cache = own_cache();
    let cache = cache.path();
    run(&mut up(cache)).with_status(0);
    let name = cluster(cache).unwrap();
    let node = format!("{name}-control-plane");
    let case = cache.join("case.yaml");
    fs::write(&case, "title: t\nsource: s\nsteps:\n- run: 'docker pause $NODE; exit 1'\n").unwrap();
    let text = fs::read_to_string(&case).unwrap().replace("$NODE", &node);
    fs::write(&case, text).unwrap();
    let mut command = pullproof(&["run", &case.to_string_lossy()]);
    let ran = run(command.env("PULLPROOF_CACHE", cache));
    docker(&["unpause", &node]);
    let ran = ran.with_status(3);
    assert_eq!(ran.stderr.matches("it is paused").count(), 1, "{}", ran.stderr);
    assert!(!ran.stdout.contains("FAILED"), "{}", ran.stdout);
    down(cache);
    nothing_left(cache, &name);
}

fn containers_of(run: &str) -> String {
    docker(&["ps", "-aq", "--filter", &format!("name=^/?pullproof-registry-{run}-")])
}
