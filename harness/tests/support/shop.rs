//! A namespace `shop` with a pod that cannot pull.

#![allow(dead_code, reason = "each test file uses its own part")]
#![allow(clippy::unwrap_used, reason = "a test says by panicking what went wrong")]

use serde_json::{Value, json};

use super::api::{Answers, list};

pub const CANARY: &str = "c4n4ry-Passw0rd";
pub const IMAGE: &str = "registry.example:5000/team/app:v1";
pub const NO_BASIC_AUTH: &str = "failed to pull and unpack image \"registry.example:5000/team/app:v1\": failed to \
    resolve reference \"registry.example:5000/team/app:v1\": pull access denied, repository does not exist or may \
    require authorization: authorization failed: no basic auth credentials";

pub fn pod(name: &str, containers: &[(&str, Value)], secrets: &[&str]) -> Value {
    let spec: Vec<Value> = containers
        .iter()
        .map(|(name, _)| json!({"name": name, "image": IMAGE, "imagePullPolicy": "Always"}))
        .collect();
    let statuses: Vec<Value> = containers
        .iter()
        .map(|(name, state)| {
            json!({"name": name, "image": IMAGE, "imageID": "", "ready": false, "restartCount": 0, "state": state})
        })
        .collect();
    let secrets: Vec<Value> = secrets.iter().map(|name| json!({"name": name})).collect();
    json!({
        "metadata": {"name": name, "namespace": "shop", "uid": name},
        "spec": {"containers": spec, "nodeName": "node-1", "serviceAccountName": "default",
            "imagePullSecrets": secrets},
        "status": {"phase": "Pending", "containerStatuses": statuses},
    })
}

pub fn waiting(message: &str) -> Value {
    json!({"waiting": {"reason": "ErrImagePull", "message": message}})
}

pub fn secret(name: &str, key: &str) -> Value {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    let config = json!({"auths": {key: {"username": "janedoe", "password": CANARY}}}).to_string();
    json!({
        "metadata": {"name": name, "namespace": "shop"},
        "type": "kubernetes.io/dockerconfigjson",
        "data": {".dockerconfigjson": STANDARD.encode(config)},
    })
}

/// A namespace with a pod, a node and a secret for another port.
pub fn answers(pod: Value) -> Answers {
    let name = pod["metadata"]["name"].as_str().unwrap().to_owned();
    let node = json!({"metadata": {"name": "node-1"}, "status": {"nodeInfo": {
        "architecture": "amd64", "bootID": "", "containerRuntimeVersion": "containerd://2.3.7",
        "kernelVersion": "", "kubeProxyVersion": "", "kubeletVersion": "v1.37.2", "machineID": "",
        "operatingSystem": "linux", "osImage": "", "systemUUID": ""}}});
    Answers::from([
        (format!("/api/v1/namespaces/shop/pods/{name}"), (200, pod.clone())),
        ("/api/v1/namespaces/shop/pods".to_owned(), list(vec![pod.clone()])),
        ("/api/v1/pods".to_owned(), list(vec![pod])),
        ("/api/v1/namespaces/shop/events".to_owned(), list(Vec::new())),
        ("/api/v1/nodes/node-1".to_owned(), (200, node.clone())),
        ("/api/v1/nodes".to_owned(), list(vec![node])),
        (
            "/api/v1/namespaces/shop/secrets/regcred".to_owned(),
            (200, secret("regcred", "registry.example")),
        ),
        ("/api/v1/namespaces/shop/secrets".to_owned(), list(Vec::new())),
        ("/api/v1/secrets".to_owned(), list(Vec::new())),
        (
            "/api/v1/namespaces/shop/serviceaccounts/default".to_owned(),
            (200, json!({"metadata": {"name": "default", "namespace": "shop"}})),
        ),
    ])
}

pub fn failing() -> Value {
    pod("web", &[("web", waiting(NO_BASIC_AUTH))], &["regcred"])
}
