//! An API server with a pod that cannot pull.

#![allow(dead_code, reason = "each test file uses its own part")]

use std::{
    collections::BTreeMap,
    fs,
    io::{BufRead as _, BufReader, Write as _},
    net::{TcpListener, TcpStream},
    process::Command,
    sync::{Arc, Mutex},
    thread,
};

use serde_json::{Value, json};

use crate::support::{Ran, pullproof, run};

pub const CANARY: &str = "c4n4ry-Passw0rd";
pub const IMAGE: &str = "registry.example:5000/team/app:v1";

/// An API server that has objects by path and logs what it is asked for.
pub struct Api {
    folder: tempfile::TempDir,
    asked: Arc<Mutex<Vec<String>>>,
}

/// An answer: a status and a body.
pub type Answers = BTreeMap<String, (u16, Value)>;

impl Api {
    pub fn serve(answers: Answers) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let kubeconfig = json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "test",
            "clusters": [{"name": "test", "cluster": {"server": format!("http://{address}")}}],
            "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test", "namespace": "shop"}}],
            "users": [{"name": "test", "user": {}}],
        });
        fs::write(folder.path().join("kubeconfig"), kubeconfig.to_string()).unwrap();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let log = asked.clone();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (answers, log) = (answers.clone(), log.clone());
                thread::spawn(move || answer(stream, &answers, &log));
            }
        });
        Self { folder, asked }
    }

    pub fn explain(&self, words: &[&str]) -> Ran {
        run(&mut self.command(words))
    }

    pub fn command(&self, words: &[&str]) -> Command {
        let kubeconfig = self.folder.path().join("kubeconfig");
        let mut command = pullproof(&["explain", "--kubeconfig"]);
        command.arg(kubeconfig).args(words);
        command
    }

    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

fn answer(mut stream: TcpStream, answers: &Answers, log: &Mutex<Vec<String>>) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut head = String::new();
    reader.read_line(&mut head).unwrap_or_default();
    let mut line = String::new();
    while reader.read_line(&mut line).is_ok_and(|read| read > 2) {
        line.clear();
    }
    let target = head.split(' ').nth(1).unwrap_or_default().to_owned();
    log.lock().unwrap().push(target.clone());
    let path = target.split('?').next().unwrap_or_default();
    let not_found = (404, status(404, "NotFound"));
    let (code, body) = answers.get(path).cloned().unwrap_or(not_found);
    let body = body.to_string();
    let head = format!(
        "HTTP/1.1 {code} X\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).ok();
    stream.write_all(body.as_bytes()).ok();
}

pub fn status(code: u16, reason: &str) -> Value {
    json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": "by the test", "reason": reason, "code": code})
}

pub fn list(items: Vec<Value>) -> (u16, Value) {
    (200, json!({"kind": "List", "apiVersion": "v1", "metadata": {}, "items": items}))
}

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
