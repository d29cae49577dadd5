//! `pullproof check` on a cluster: it agrees with the check without one, and leaves nothing. Needs a cluster.

#![expect(clippy::unwrap_used, reason = "a test says by panicking what went wrong")]

#[path = "../manifests/tests/support/mod.rs"]
mod inputs;
mod support;

use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
};

use pullproof::{
    check::{self, Input},
    cluster::Progress,
    run::Session,
    settings::Settings,
};
use pullproof_manifests::{Checked, Outcome};
use support::{docker, pullproof, run, signal, start, wait_until};

/// Held by who looks at all that is on the node.
static CLUSTER: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

/// Every file of `tests/check` that holds manifests, each with its folder.
fn files() -> Vec<(PathBuf, String)> {
    let folders = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/check");
    let mut files = Vec::new();
    for folder in fs::read_dir(folders).unwrap() {
        let folder = folder.unwrap().path();
        for file in fs::read_dir(&folder).unwrap() {
            let file = file.unwrap().file_name().into_string().unwrap();
            if !["findings", "arguments"].contains(&file.as_str()) {
                files.push((folder.clone(), file));
            }
        }
    }
    files.sort();
    files
}

/// What both ways to check have to agree on.
fn in_lines(checked: &Checked) -> String {
    let mut lines = inputs::found(checked);
    for pod in &checked.pods {
        writeln!(lines, "{} has {:?} of {:?}", pod.template.object, pod.secrets, pod.listed_by)
            .unwrap();
        for (container, outcome) in pod.containers() {
            let outcome = match outcome {
                Outcome::Failed(failure) => {
                    format!("{}, {:?}, {:?}", failure.cause, failure.lack, failure.serving)
                }
                other => format!("{other:?}"),
            };
            writeln!(lines, "  {} {}: {outcome}", container.name, container.image).unwrap();
        }
    }
    lines
}

#[tokio::test]
async fn what_the_kubelet_does_is_what_the_check_without_a_cluster_says() {
    let _alone = CLUSTER.lock().await;
    let settings = Settings::from_env().unwrap();
    let version = settings.kubernetes.parse().unwrap();
    let files = files();
    assert!(files.len() >= 98, "{files:?}");
    // What is public for one is public for all.
    let (public, private): (Vec<_>, Vec<_>) =
        files.into_iter().partition(|(folder, _)| folder.ends_with("public-host"));
    let mut differences = String::new();
    for files in [private, public] {
        let inputs: Vec<Input> = files
            .iter()
            .map(|(folder, file)| {
                let (mut check, manifests) = inputs::input(folder, file);
                check.version = version;
                Input { check, manifests }
            })
            .collect();
        let progress: Progress = Arc::new(|_| {});
        let session = Session::open(settings.clone(), &progress).await.unwrap();
        let seen = check::run(&session, &inputs, |_, _| {}).await;
        session.close().await;
        compare(&files, &inputs, &seen.unwrap(), &mut differences);
    }
    assert!(differences.is_empty(), "{differences}");
}

fn compare(
    files: &[(PathBuf, String)],
    inputs: &[Input],
    seen: &[Checked],
    differences: &mut String,
) {
    for (((folder, file), input), seen) in files.iter().zip(inputs).zip(seen) {
        let (expected, found) = (in_lines(&input.check.run(&input.manifests)), in_lines(seen));
        if found != expected {
            let name = folder.join(file);
            let name = name.display();
            writeln!(differences, "{name}\nwithout a cluster:\n{expected}on one:\n{found}")
                .unwrap();
        }
        assert!(!format!("{seen:?}").contains("c4n4ry"), "a password of {}", folder.display());
    }
}

/// However it ends, the hosts are again what they were, and no pod pulls from them meanwhile.
#[test]
fn a_check_leaves_nothing_however_it_ends() {
    let _alone = CLUSTER.blocking_lock();
    let settings = Settings::from_env().unwrap();
    let node = format!("{}-control-plane", settings.cluster_name());
    run(&mut pullproof(&["up"])).with_status(0);
    let runs = settings.state().join("runs");
    let left = || {
        let on_node = "ls -d /etc/containerd/certs.d/leaves.example; \
                       ctr -n k8s.io images ls -q | grep -e leaves.example -e registry.k8s.io/leaves; true";
        let kubeconfig =
            settings.state().join("clusters").join(settings.cluster_name()).join("kubeconfig");
        let mut kubectl = Command::new(settings.kubectl().unwrap());
        kubectl.arg("--kubeconfig").arg(kubeconfig).args(["get", "namespaces", "-o", "name"]);
        let namespaces = String::from_utf8(kubectl.output().unwrap().stdout).unwrap();
        let of_check = namespaces.lines().filter(|name| name.contains("/check-leaves"));
        let containers = docker(&["exec", &node, "sh", "-c", on_node]);
        of_check.chain(containers.lines()).map(str::to_owned).collect::<Vec<_>>()
    };
    let images = || docker(&["exec", &node, "ctr", "-n", "k8s.io", "images", "ls", "-q"]);
    let of_kubernetes = |all: &str| {
        let lines = all.lines().filter(|name| name.starts_with("registry.k8s.io/"));
        let mut lines: Vec<String> = lines.map(str::to_owned).collect();
        lines.sort();
        lines
    };
    let before = of_kubernetes(&images());
    let folder = tempfile::tempdir().unwrap();
    let manifests = folder.path().join("manifests.yaml");
    let pod = |at: usize| {
        format!(
            "apiVersion: v1\nkind: Pod\nmetadata: {{name: pod-{at}, namespace: leaves}}\nspec:\n  \
             containers:\n  - {{name: a, image: leaves.example/a:1}}\n  \
             - {{name: b, image: registry.k8s.io/leaves/b:1}}\n---\n"
        )
    };
    fs::write(&manifests, (0..60).map(pod).collect::<String>()).unwrap();
    let check = || pullproof(&["check", &manifests.to_string_lossy()]);
    for (how, status) in [("INT", Some(130)), ("KILL", None)] {
        let mut child = start(&mut check());
        wait_until("a hosts.toml and a namespace", || left().len() >= 2);
        signal(&child, how);
        assert_eq!(child.wait().unwrap().code(), status);
        wait_until("the end of what it made", || left().is_empty());
    }
    let ended = run(&mut check()).with_status(1);
    assert!(ended.stdout.contains("0 pulled with credentials; 120 findings"), "{}", ended.stdout);
    wait_until("the end of what it made", || left().is_empty());
    wait_until("the end of the reapers", || fs::read_dir(&runs).unwrap().count() == 0);
    assert_eq!(of_kubernetes(&images()), before);
}
