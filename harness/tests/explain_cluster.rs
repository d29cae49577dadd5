//! `pullproof explain -A` of a cluster with 2,000 pods that cannot pull: requests and memory.

#![expect(clippy::unwrap_used, reason = "a test says by panicking what went wrong")]

mod support;

use std::{collections::BTreeMap, fs, io::Read as _, process::Stdio, time::Instant};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use support::api::{Answers, Api, list};

const PODS: usize = 2_000;
const NAMESPACES: usize = 20;

/// Why a pod fails, by its number; one in six each.
const CAUSES: [&str; 6] = [
    "key-mismatch",
    "no-credentials",
    "secret-absent",
    "tls-unknown-ca",
    "disk-full",
    "unreachable-timeout",
];

fn name_of(pod: usize) -> (String, String) {
    (format!("team-{}", pod % NAMESPACES), format!("web-{pod}"))
}

fn image_of(pod: usize) -> String {
    format!("registry.example:5000/team-{}/app-{pod}:v1", pod % NAMESPACES)
}

fn refused(image: &str, why: &str) -> String {
    format!(
        "failed to pull and unpack image \"{image}\": failed to resolve reference \"{image}\": {why}"
    )
}

/// A pod as the API server has it, with what nobody reads of it.
fn pod(at: usize) -> Value {
    let ((namespace, name), image) = (name_of(at), image_of(at));
    let denied = refused(
        &image,
        "pull access denied, repository does not exist or may require authorization: authorization \
         failed: no basic auth credentials",
    );
    let (waiting, secret) = match CAUSES[at / NAMESPACES % CAUSES.len()] {
        "key-mismatch" => (("ErrImagePull", denied), Some("regcred")),
        "no-credentials" => (("ErrImagePull", denied), None),
        "secret-absent" => (("ErrImagePull", denied), Some("absent")),
        "tls-unknown-ca" => {
            let why =
                "tls: failed to verify certificate: x509: certificate signed by unknown authority";
            (("ErrImagePull", refused(&image, why)), Some("regcred"))
        }
        "disk-full" => {
            (("ImagePullBackOff", format!("Back-off pulling image \"{image}\"")), Some("regcred"))
        }
        _ => (("ContainerCreating", String::new()), None),
    };
    let fields: BTreeMap<String, Value> =
        (0..60).map(|at| (format!("f:field-{at}"), json!({".": {}, "f:value": {}}))).collect();
    let secrets: Vec<Value> = secret.iter().map(|name| json!({"name": name})).collect();
    json!({
        "metadata": {"name": name, "namespace": namespace, "uid": name, "labels": {"app": name},
            "managedFields": [{"manager": "kubelet", "operation": "Update", "fieldsV1": fields}]},
        "spec": {"nodeName": format!("node-{}", at % 50), "serviceAccountName": "default",
            "imagePullSecrets": secrets,
            "containers": [{"name": "web", "image": image, "imagePullPolicy": "Always",
                "env": (0..20).map(|at| json!({"name": format!("VARIABLE_{at}"), "value": "x".repeat(40)}))
                    .collect::<Vec<_>>()}]},
        "status": {"phase": "Pending", "containerStatuses": [{"name": "web", "image": image,
            "imageID": "", "ready": false, "restartCount": 0,
            "state": {"waiting": {"reason": waiting.0, "message": waiting.1}}}]},
    })
}

/// The last event of a pod, which alone has the cause of some.
fn event(at: usize) -> Value {
    let ((namespace, name), image) = (name_of(at), image_of(at));
    let (reason, message) = match CAUSES[at / NAMESPACES % CAUSES.len()] {
        "disk-full" => {
            let why = "write /var/lib/containerd/x: no space left on device";
            ("Failed", format!("Failed to pull image \"{image}\": {why}"))
        }
        "unreachable-timeout" => (
            "FailedCreatePodSandBox",
            "Failed to create pod sandbox: rpc error: code = Unknown desc = failed to get sandbox image \
             \"registry.example/pause:3.10\": dial tcp 203.0.113.1:443: i/o timeout"
                .to_owned(),
        ),
        _ => ("Failed", "Error: ErrImagePull".to_owned()),
    };
    json!({"metadata": {"name": format!("{name}.1"), "namespace": namespace}, "reason": reason,
        "type": "Warning", "message": message, "count": 40, "lastTimestamp": "2026-11-26T01:00:00Z",
        "involvedObject": {"kind": "Pod", "uid": name, "fieldPath": "spec.containers{web}"}})
}

fn secret(namespace: usize) -> Value {
    let config =
        json!({"auths": {"registry.example": {"username": "jane", "password": "hunter2"}}});
    json!({"metadata": {"name": "regcred", "namespace": format!("team-{namespace}")},
        "type": "kubernetes.io/dockerconfigjson",
        "data": {".dockerconfigjson": STANDARD.encode(config.to_string())}})
}

fn node(at: usize) -> Value {
    json!({"metadata": {"name": format!("node-{at}")}, "status": {"nodeInfo": {
        "architecture": "amd64", "bootID": "", "containerRuntimeVersion": "containerd://2.3.7",
        "kernelVersion": "", "kubeProxyVersion": "", "kubeletVersion": "v1.37.2", "machineID": "",
        "operatingSystem": "linux", "osImage": "", "systemUUID": ""}}})
}

fn cluster() -> Answers {
    Answers::from([
        ("/api/v1/pods".to_owned(), list((0..PODS).map(pod).collect())),
        ("/api/v1/events".to_owned(), list((0..PODS).map(event).collect())),
        ("/api/v1/nodes".to_owned(), list((0..50).map(node).collect())),
        ("/api/v1/secrets".to_owned(), list((0..NAMESPACES).map(secret).collect())),
    ])
}

/// The most memory that a process had, in KiB.
fn peak(process: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.split_whitespace().next().unwrap().parse().unwrap()
}

#[test]
fn two_thousand_pods_take_few_requests_and_little_memory() {
    let api = Api::serve(cluster());
    let started = Instant::now();
    let mut child =
        api.command(&["-A", "--output", "json"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut stdout = child.stdout.take().unwrap();
    // It waits in the middle of its answer, which no pipe holds, until the rest is read.
    let mut first = [0];
    stdout.read_exact(&mut first).unwrap();
    let took = started.elapsed();
    let memory = cfg!(target_os = "linux").then(|| peak(child.id()));
    let mut rest = String::new();
    stdout.read_to_string(&mut rest).unwrap();
    assert!(rest.len() > 1 << 17, "an answer of {} bytes may fit into a pipe", rest.len());
    assert_eq!(child.wait().unwrap().code(), Some(0));
    println!("{took:?}, {memory:?} KiB, {} requests", api.asked().len());

    let answer: Value = serde_json::from_str(&format!("{{{rest}")).unwrap();
    let mut pulls: BTreeMap<String, usize> = BTreeMap::new();
    for finding in answer["findings"].as_array().unwrap() {
        let cause = finding["candidates"][0]["id"].as_str().unwrap_or_default();
        *pulls.entry(cause.to_owned()).or_default() += finding["pulls"].as_array().unwrap().len();
    }
    let expected = (0..PODS).map(|at| CAUSES[at / NAMESPACES % CAUSES.len()]);
    let mut by_cause: BTreeMap<String, usize> = BTreeMap::new();
    expected.for_each(|cause| *by_cause.entry(cause.to_owned()).or_default() += 1);
    assert_eq!(pulls, by_cause);
    // A group per cause and namespace.
    assert_eq!(answer["findings"].as_array().unwrap().len(), CAUSES.len() * NAMESPACES);

    // Lists by 500, and the one absent secret of each namespace.
    let asked = api.asked();
    assert!(asked.len() <= 20 + NAMESPACES, "{} requests: {asked:#?}", asked.len());
    assert!(memory.unwrap_or_default() <= 200 * 1024, "{memory:?} KiB");
}
