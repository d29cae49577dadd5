//! `pullproof explain --probe` against an API server and a registry of the test's own. Needs neither Docker
//! nor a cluster.

#![expect(clippy::unwrap_used, reason = "a test says by panicking what went wrong")]

mod server;
mod support;

use std::fs;

use pullproof::registry::{Certificate, TestCa};
use serde_json::Value;
use server::{Reply, Server, has_credentials, reply};
use support::{
    api::Api,
    shop::{CANARY, IMAGE, answers, pod, secret, waiting},
};

/// An API server with a pod whose registry is this one, and that answered it 401.
fn cluster(registry: &Server) -> Api {
    let host = registry.host();
    let message = format!(
        "failed to pull and unpack image \"{IMAGE}\": failed to resolve reference \"{IMAGE}\": unexpected status \
         from HEAD request to https://registry.example:5000/v2/team/app/manifests/v1: 401 Unauthorized"
    );
    let pod = pod("web", &[("web", waiting(&message))], &["regcred"]);
    let text = pod.to_string().replace("registry.example:5000", &host);
    let mut answers = answers(serde_json::from_str(&text).unwrap());
    let path = "/api/v1/namespaces/shop/secrets/regcred".to_owned();
    answers.insert(path, (200, secret("regcred", &host)));
    Api::serve(answers)
}

fn refuse(_: &str) -> Reply {
    reply(401, &["WWW-Authenticate: Basic realm=\"x\""], "")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_probe_decides_and_lists_every_request() {
    let authority = TestCa::new().unwrap();
    let registry = Server::tls(&authority, Certificate::Right, refuse).await;
    let api = cluster(&registry);
    let ca = tempfile::NamedTempFile::new().unwrap();
    fs::write(ca.path(), authority.pem()).unwrap();
    let ca = ca.path().to_str().unwrap();

    let before = api.explain(&["web"]).with_status(0);
    assert!(before.stdout.contains("candidate: "), "{}", before.stdout);
    assert!(!before.stdout.contains("ANSWER") && registry.seen().is_empty());

    let ran = api.explain(&["web", "--probe", "--ca", ca]).with_status(0);
    let url = format!("https://{}/v2/team/app/manifests/v1", registry.host());
    for part in [
        "cause: credentials-refused",
        "SENT             ANSWER",
        "yes, as janedoe  401",
        "no credentials   401",
        "Asked from here and not from the node",
        &format!("HEAD {url}  without credentials  401"),
        &format!("HEAD {url}  as janedoe of regcred  401"),
    ] {
        assert!(ran.stdout.contains(part), "{part}\n{}", ran.stdout);
    }
    let order =
        ["cause: ", "ANSWER", "Asked from here", "hint: "].map(|part| ran.stdout.find(part));
    assert!(order.is_sorted() && order[0].is_some(), "{}", ran.stdout);
    assert!(registry.seen().iter().all(|request| request.starts_with("HEAD ")));
    assert!(!ran.stdout.contains(CANARY) && !ran.stderr.contains(CANARY));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_json_has_every_request() {
    let authority = TestCa::new().unwrap();
    let registry = Server::tls(&authority, Certificate::Right, refuse).await;
    let api = cluster(&registry);
    let words = ["web", "--output", "json", "--probe", "--insecure-registry", &registry.host()];
    let ran = api.explain(&words).with_status(0);
    let json: Value = serde_json::from_str(&ran.stdout).unwrap();
    let probe = &json["findings"][0]["probe"][0];
    assert_eq!(probe["anonymous"]["status"], 401);
    assert_eq!(probe["credentials"][0]["answer"]["status"], 401);
    assert_eq!(probe["requests"][1]["user"], "janedoe");
    assert_eq!(probe["requests"].as_array().unwrap().len(), 2);
    assert!(!ran.stdout.contains(CANARY));

    let ran = api.explain(&["web", "--output", "json", "--probe"]).with_status(0);
    let json: Value = serde_json::from_str(&ran.stdout).unwrap();
    let finding = &json["findings"][0];
    assert_eq!(finding["probe"][0]["anonymous"]["failure"], "unknownAuthority");
    assert_eq!(finding["cause"], Value::Null, "what is not trusted here decides nothing");
    let ran = api.explain(&["web", "--output", "json"]).with_status(0);
    let json: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(json["findings"][0]["probe"], Value::Null);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_that_anybody_gets_is_said_to_be_so() {
    let registry = Server::plain(|_| reply(200, &[], "")).await;
    let api = cluster(&registry);
    let words = ["web", "--probe", "--insecure-registry", &registry.host()];
    let ran = api.explain(&words).with_status(0);
    for part in ["not asked for", "no credentials   200"] {
        assert!(ran.stdout.contains(part), "{part}\n{}", ran.stdout);
    }
    assert!(registry.seen().iter().all(|request| !has_credentials(request, "")));
}

/// The colours of a terminal are passed on if they are forced: what is printed has none.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_of_a_hostile_answer_is_printed() {
    let registry = Server::plain(|request| {
        let answer = match has_credentials(request, "Basic") {
            true => format!(
                "HTTP/1.1 302 \u{9b}31mX\r\nLocation: http://127.0.0.1:9/%1b[31m\u{202e}/{CANARY}\r\n\r\n"
            ),
            false => "HTTP/1.1 401 \u{9b}31mX\r\nWWW-Authenticate: Basic realm=\"\u{9b}31m\"\r\n\r\n".to_owned(),
        };
        Reply::Bytes(answer.into_bytes())
    })
    .await;
    let api = cluster(&registry);
    for output in ["text", "json"] {
        let host = registry.host();
        let words = ["web", "--probe", "--insecure-registry", &host, "--output", output];
        let ran = support::run(api.command(&words).env("CLICOLOR_FORCE", "1")).with_status(0);
        let all = format!("{}{}", ran.stdout, ran.stderr);
        assert!(!all.contains(['\u{1b}', '\u{9b}', '\u{202e}']), "{all:?}");
        assert!(!all.contains(CANARY), "{all}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_probe_is_given_wrongly_is_a_mistake_of_usage() {
    let registry = Server::plain(refuse).await;
    let api = cluster(&registry);
    let no_pem = tempfile::NamedTempFile::new().unwrap();
    fs::write(no_pem.path(), "no certificate").unwrap();
    let no_pem = no_pem.path().to_str().unwrap();
    for (words, said) in [
        (vec!["--ca", "/nowhere"], "--probe"),
        (vec!["--insecure-registry", "a.example"], "--probe"),
        (vec!["--probe", "--ca", "/nowhere"], "--ca /nowhere: cannot be read"),
        (vec!["--probe", "--ca", no_pem], "no certificate in PEM form"),
        (
            vec!["--probe", "--insecure-registry", "https://a.example"],
            "`https://a.example` is not a host",
        ),
    ] {
        let words: Vec<&str> = ["web"].into_iter().chain(words).collect();
        let ran = api.explain(&words).with_status(2);
        assert!(ran.stderr.contains(said), "{said}\n{}", ran.stderr);
    }
}
