//! What is said when Docker or the registry image is missing. Needs no Docker.

#![expect(clippy::unwrap_used, reason = "a test says by panicking what went wrong")]

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use pullproof::registry::{AuthKind, Container};
use tokio::net::UnixListener;

/// Set in the process that a test starts from itself, to have a Docker of its own.
const CHILD: &str = "PULLPROOF_TEST_STARTS_A_CONTAINER";

/// In such a process: starts a container, only to fail.
fn is_child() -> bool {
    let child = std::env::var_os(CHILD).is_some();
    if child {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let users = BTreeMap::new();
        let start = Container::start(AuthKind::None, &users, &[], None, None);
        println!("error: {}", runtime.block_on(start).unwrap_err());
    }
    child
}

fn error_with_docker_at(socket: &Path, test: &str) -> String {
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env(CHILD, "yes")
        .env("DOCKER_HOST", format!("unix://{}", socket.display()))
        .output()
        .unwrap();
    let output = String::from_utf8(output.stdout).unwrap();
    let at = output.find("error: ").unwrap_or_else(|| panic!("no error in {output}"));
    output[at + 7..].lines().next().unwrap().to_owned()
}

#[test]
fn without_docker_it_says_what_to_run() {
    if is_child() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(
        error_with_docker_at(
            &folder.path().join("none.sock"),
            "without_docker_it_says_what_to_run"
        ),
        "Docker does not answer; run scripts/setup, which starts or installs it"
    );
}

#[test]
fn without_the_image_it_says_what_to_run_and_pulls_nothing() {
    if is_child() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("docker.sock");
    let asked: Arc<Mutex<Vec<String>>> = Arc::default();
    let all = asked.clone();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let listener = runtime.block_on(async { UnixListener::bind(&socket) }).unwrap();
    // A Docker of 2020 that has no image.
    runtime.spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let asked = all.clone();
            let service = service_fn(move |request: Request<Incoming>| {
                let path = request.uri().path().to_owned();
                asked.lock().unwrap().push(format!("{} {path}", request.method()));
                let (status, body) = if path.ends_with("/version") {
                    (StatusCode::OK, r#"{"ApiVersion":"1.41"}"#)
                } else {
                    (StatusCode::NOT_FOUND, r#"{"message":"no such image"}"#)
                };
                let answer = Response::builder().status(status).body(Full::new(Bytes::from(body)));
                async move { answer }
            });
            let server = hyper::server::conn::http1::Builder::new();
            tokio::spawn(server.serve_connection(TokioIo::new(stream), service));
        }
    });
    let test = "without_the_image_it_says_what_to_run_and_pulls_nothing";
    let error = error_with_docker_at(&socket, test);
    assert_eq!(
        error,
        "there is no image localhost/pullproof/registry:3; run scripts/setup, which brings it"
    );
    let asked = asked.lock().unwrap().join("\n");
    assert!(asked.contains("/images/localhost/pullproof/registry:3/json"), "{asked}");
    assert!(!asked.contains("POST"), "{asked}");
}
