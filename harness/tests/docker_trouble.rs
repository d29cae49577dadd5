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

/// Run by the tests below, in a process with a Docker of its own.
#[tokio::test]
#[ignore = "starts a container on the Docker of DOCKER_HOST, only to fail"]
async fn start_a_container() {
    let error = Container::start(AuthKind::None, &BTreeMap::new(), &[]).await.unwrap_err();
    println!("error: {error}");
}

fn error_with_docker_at(socket: &Path) -> String {
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "start_a_container", "--ignored", "--nocapture"])
        .env("DOCKER_HOST", format!("unix://{}", socket.display()))
        .output()
        .unwrap();
    let output = String::from_utf8(output.stdout).unwrap();
    let at = output.find("error: ").unwrap_or_else(|| panic!("no error in {output}"));
    output[at + 7..].lines().next().unwrap().to_owned()
}

#[test]
fn without_docker_it_says_what_to_run() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(
        error_with_docker_at(&folder.path().join("none.sock")),
        "Docker does not answer; run scripts/setup, which starts or installs it"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_image_it_says_what_to_run_and_pulls_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("docker.sock");
    let listener = UnixListener::bind(&socket).unwrap();
    let asked: Arc<Mutex<Vec<String>>> = Arc::default();
    let all = asked.clone();
    // A Docker of 2020 that has no image.
    tokio::spawn(async move {
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
    let error = tokio::task::spawn_blocking(move || error_with_docker_at(&socket)).await.unwrap();
    assert_eq!(
        error,
        "there is no image localhost/pullproof/registry:3; run scripts/setup, which brings it"
    );
    let asked = asked.lock().unwrap().join("\n");
    assert!(asked.contains("/images/localhost/pullproof/registry:3/json"), "{asked}");
    assert!(!asked.contains("POST"), "{asked}");
}
