//! `pullproof capture` against an API server of the test's own. Needs neither Docker nor a cluster.

#![expect(clippy::unwrap_used, reason = "a test says by panicking what went wrong")]

mod support;

use std::{fs, path::Path};

use pullproof::case::CaseFile;
use serde_json::{Value, json};
use support::{
    api::{Answers, Api, status},
    run,
    shop::{CANARY, IMAGE, answers, failing, pod, secret, waiting},
};

/// Captures the pod `web`; returns the file's text and the case.
fn capture(answers: Answers, words: &[&str]) -> (String, CaseFile) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("case.yaml");
    let api = Api::serve(answers);
    let mut command = api.command_of("capture", &["web", "-o"]);
    run(command.arg(&file).args(words)).with_status(0);
    assert!(api.asked().len() <= 10, "{:?}", api.asked());
    let text = fs::read_to_string(&file).unwrap();
    let case = CaseFile::parse(&file, &text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    (text, case)
}

fn with_secret(mut answers: Answers, key: &str) -> Answers {
    let path = "/api/v1/namespaces/shop/secrets/regcred".to_owned();
    answers.insert(path, (200, secret("regcred", key)));
    answers
}

fn objects(case: &CaseFile) -> Vec<Value> {
    case.objects.values().flatten().cloned().collect()
}

#[test]
fn a_pod_that_cannot_pull_becomes_a_case_without_its_password() {
    let (text, case) = capture(answers(failing()), &[]);
    for secret in [CANARY, "janedoe"] {
        assert!(!text.contains(secret), "{text}");
    }
    assert_eq!(case.case.title, format!("The pod web cannot pull {IMAGE}"));
    // The key lacks the port, so nothing is sent.
    for part in [
        "cause: key-mismatch",
        "no basic auth credentials",
        "\"registry.example:5000\":",
        "- team/app:v1",
        "phase: Pending",
        "imagePullSecrets",
    ] {
        assert!(text.contains(part), "{part}\n{text}");
    }
    let objects = objects(&case);
    assert_eq!(objects[0]["kind"], "Secret");
    let config = objects[0]["stringData"][".dockerconfigjson"].as_str().unwrap();
    let config: Value = serde_json::from_str(config).unwrap();
    let entry = &config["auths"]["registry.example"];
    assert_eq!(entry["username"].as_str().unwrap().len(), "janedoe".len());
    assert_eq!(entry["password"].as_str().unwrap().len(), CANARY.len());
    case.refuse_what_needs_trust().unwrap();
}

#[test]
fn a_refused_login_has_the_invented_user_and_another_password() {
    let message = format!(
        "failed to pull and unpack image \"{IMAGE}\": failed to resolve reference \"{IMAGE}\": unexpected \
         status from HEAD request to https://registry.example:5000/v2/team/app/manifests/v1: 401 Unauthorized"
    );
    let pod = pod("web", &[("web", waiting(&message))], &["regcred"]);
    let (text, case) = capture(with_secret(answers(pod), "registry.example:5000"), &[]);
    let config = objects(&case)[0]["stringData"][".dockerconfigjson"].as_str().unwrap().to_owned();
    let config: Value = serde_json::from_str(&config).unwrap();
    let user = config["auths"]["registry.example:5000"]["username"].as_str().unwrap().to_owned();
    let written: Value = serde_saphyr::from_str(&text).unwrap();
    let users = &written["registries"]["registry.example:5000"]["auth"]["basic"];
    assert!(users[&user].is_string(), "{text}");
    assert_ne!(users[&user], config["auths"]["registry.example:5000"]["password"]);
}

#[test]
fn hosts_are_replaced_everywhere_if_that_is_asked_for() {
    // Words that name nobody, such as `registry` and `example`, may stay.
    let text = serde_json::to_string(&answers(failing())).unwrap();
    let text = text.replace("registry.example", "registry.acme-corp.example");
    let answers = serde_json::from_str(&text).unwrap();
    let (text, case) = capture(answers, &["--anonymise"]);
    assert!(!text.contains("acme"), "{text}");
    let registries: Vec<&String> = case.case.registries.keys().collect();
    let [host] = registries[..] else { panic!("{registries:?}") };
    // As many labels, and the port.
    assert_eq!(host.split('.').count(), 3, "{host}");
    assert!(host.ends_with(":5000"), "{host}");
    let image = &objects(&case).pop().unwrap()["spec"]["containers"][0]["image"];
    assert!(image.as_str().unwrap().starts_with(host.as_str()), "{image}");
}

#[test]
fn what_may_not_be_read_stands_in_the_note() {
    let mut answers = answers(failing());
    let path = "/api/v1/namespaces/shop/secrets/regcred".to_owned();
    answers.insert(path, (403, status(403, "Forbidden")));
    let (_, case) = capture(answers, &[]);
    let note = case.case.note.unwrap();
    assert!(note.contains("regcred") && note.contains("may not be read"), "{note}");
}

#[test]
fn a_pod_that_runs_is_captured_as_one_that_anyone_can_pull() {
    let mut runs = pod("web", &[("web", json!({"running": {}}))], &[]);
    runs["status"]["phase"] = json!("Running");
    let (text, case) = capture(answers(runs), &[]);
    assert!(text.contains("phase: Running") && text.contains("auth: none"), "{text}");
    assert!(case.case.note.unwrap().contains("anyone"), "{text}");
}

#[test]
fn names_that_yaml_would_read_as_something_else_stay_names() {
    for name in ["true", "1e3", "0x1f", "null"] {
        let containers: Vec<(&str, Value)> = vec![(name, waiting("x: not found"))];
        let (_, case) = capture(answers(pod("web", &containers, &[])), &[]);
        let pod = objects(&case).pop().unwrap();
        assert_eq!(pod["spec"]["containers"][0]["name"], name);
    }
}

#[test]
fn thirty_containers_are_captured_each_with_its_expectation() {
    let names: Vec<String> = (0..30).map(|at| format!("c{at}")).collect();
    let containers: Vec<(&str, Value)> =
        names.iter().map(|name| (name.as_str(), waiting("no basic auth credentials"))).collect();
    let (_, case) = capture(answers(pod("web", &containers, &[])), &[]);
    assert_eq!(case.case.steps.len(), 31);
}

#[test]
fn a_pod_that_is_not_there_is_named_and_nothing_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("case.yaml");
    let api = Api::serve(answers(failing()));
    let ran = run(api.command_of("capture", &["absent", "-o"]).arg(&file)).with_status(3);
    assert!(ran.stderr.contains("pod absent not found"), "{}", ran.stderr);
    assert!(!Path::new(&file).exists());
}
