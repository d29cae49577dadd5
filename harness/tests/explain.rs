//! `pullproof explain` against an API server of the test's own. Needs neither Docker nor a cluster.

#![expect(clippy::unwrap_used, reason = "a test says by panicking what went wrong")]

mod api;
mod support;

use std::{
    collections::BTreeMap,
    fs,
    io::{Read as _, Write as _},
    net::TcpListener,
    process::{Command, Stdio},
    thread,
};

use api::{Api, CANARY, IMAGE, answers, list, pod, secret, status, waiting};
use serde_json::{Value, json};
use support::{Ran, pullproof, run};

const NO_BASIC_AUTH: &str = "failed to pull and unpack image \"registry.example:5000/team/app:v1\": failed to \
    resolve reference \"registry.example:5000/team/app:v1\": pull access denied, repository does not exist or may \
    require authorization: authorization failed: no basic auth credentials";

fn failing() -> Value {
    pod("web", &[("web", waiting(NO_BASIC_AUTH))], &["regcred"])
}

#[test]
fn a_pod_is_explained_by_cause_keys_and_remedy_with_few_requests() {
    let api = Api::serve(answers(failing()));
    let ran = api.explain(&["web"]).with_status(0);
    for part in [
        "shop/web: container web cannot pull registry.example:5000/team/app:v1",
        "cause: key-mismatch",
        "regcred  registry.example  no: no port, the image has 5000",
        "--docker-server=registry.example:5000",
    ] {
        assert!(ran.stdout.contains(part), "{part}\n{}", ran.stdout);
    }
    assert!(!ran.stdout.contains(CANARY) && !ran.stderr.contains(CANARY));
    assert!(api.asked().len() <= 10, "{:?}", api.asked());
    assert!(api.asked().iter().all(|asked| !asked.contains("watch")), "{:?}", api.asked());
}

#[test]
fn the_json_has_the_same() {
    let api = Api::serve(answers(failing()));
    let ran = api.explain(&["pod/web", "-n", "shop", "--output", "json"]).with_status(0);
    let json: Value = serde_json::from_str(&ran.stdout).unwrap();
    let finding = &json["findings"][0];
    assert_eq!(finding["cause"], "key-mismatch");
    assert_eq!(finding["keyring"][0]["secret"], "regcred");
    assert_eq!(finding["pulls"][0]["node"], "node-1");
    assert!(!ran.stdout.contains(CANARY));
}

#[test]
fn what_may_not_be_read_leaves_candidates_and_is_said() {
    let mut answers = answers(failing());
    let forbidden = (403, status(403, "Forbidden"));
    answers.insert("/api/v1/namespaces/shop/secrets/regcred".to_owned(), forbidden.clone());
    answers.insert("/api/v1/nodes/node-1".to_owned(), forbidden);
    let ran = Api::serve(answers).explain(&["web"]).with_status(0);
    assert!(ran.stdout.contains("candidate: "), "{}", ran.stdout);
    let said = "warning: the secret regcred of the namespace shop may not be read";
    assert!(ran.stdout.contains(said), "{}", ran.stdout);
    assert!(ran.stdout.contains("warning: the node node-1"), "{}", ran.stdout);
}

#[test]
fn a_secret_of_another_namespace_is_named_if_it_would_serve() {
    let mut answers = answers(failing());
    answers.remove("/api/v1/namespaces/shop/secrets/regcred");
    let mut other = secret("regcred", "registry.example:5000");
    other["metadata"]["namespace"] = json!("tools");
    answers.insert("/api/v1/secrets".to_owned(), list(vec![other]));
    let ran = Api::serve(answers.clone()).explain(&["web"]).with_status(0);
    assert!(ran.stdout.contains("cause: secret-other-namespace"), "{}", ran.stdout);
    assert!(ran.stdout.contains("namespace tools"), "{}", ran.stdout);

    let mut other = secret("regcred", "quay.io");
    other["metadata"]["namespace"] = json!("tools");
    answers.insert("/api/v1/secrets".to_owned(), list(vec![other]));
    let ran = Api::serve(answers).explain(&["web"]).with_status(0);
    assert!(ran.stdout.contains("cause: secret-absent"), "{}", ran.stdout);
}

#[test]
fn containers_that_fail_for_different_reasons_are_each_explained() {
    let tls = "failed to do request: Head \"https://registry.example:5000/v2/team/app/manifests/v1\": tls: failed to \
               verify certificate: x509: certificate signed by unknown authority";
    let pod = pod("web", &[("web", waiting(NO_BASIC_AUTH)), ("side", waiting(tls))], &["regcred"]);
    let ran = Api::serve(answers(pod)).explain(&["web"]).with_status(0);
    assert!(ran.stdout.contains("cause: key-mismatch"), "{}", ran.stdout);
    assert!(ran.stdout.contains("cause: tls-unknown-ca"), "{}", ran.stdout);
}

#[test]
fn a_pod_that_runs_by_now_fails_nothing_whatever_its_events_say() {
    let running = pod("web", &[("web", json!({"running": {}}))], &["regcred"]);
    let mut answers = answers(running);
    let event = json!({"metadata": {"name": "e", "namespace": "shop"}, "reason": "Failed", "type": "Warning",
        "message": format!("Failed to pull image: {NO_BASIC_AUTH}"), "involvedObject": {"uid": "web"}});
    answers.insert("/api/v1/namespaces/shop/events".to_owned(), list(vec![event]));
    let ran = Api::serve(answers).explain(&["web"]).with_status(1);
    assert!(ran.stderr.contains("nothing fails to pull"), "{}", ran.stderr);
}

#[test]
fn the_last_of_many_events_has_the_cause_that_a_back_off_lacks() {
    let back_off = json!({"waiting": {"reason": "ImagePullBackOff",
        "message": format!("Back-off pulling image \"{IMAGE}\"")}});
    let mut answers = answers(pod("web", &[("web", back_off)], &["regcred"]));
    let event = |number: usize, message: &str| {
        let time = format!("2026-11-26T{:02}:{:02}:00Z", number / 60 % 24, number % 60);
        json!({"metadata": {"name": number.to_string(), "namespace": "shop"}, "reason": "Failed",
            "type": "Warning", "message": message, "lastTimestamp": time,
            "involvedObject": {"uid": "web", "fieldPath": "spec.containers{web}"}})
    };
    let full =
        format!("Failed to pull image \"{IMAGE}\": write /var/lib/x: no space left on device");
    let mut events: Vec<Value> = (0..1400).map(|number| event(number, &full)).collect();
    events.extend((0..3600).map(|_| event(3, &full)));
    events.push(event(1439, &format!("Failed to pull image \"{IMAGE}\": {NO_BASIC_AUTH}")));
    events.extend((0..100).map(|_| event(5, "Error: ErrImagePull")));
    answers.insert("/api/v1/namespaces/shop/events".to_owned(), list(events));
    let ran = Api::serve(answers).explain(&["web"]).with_status(0);
    assert!(ran.stdout.contains("cause: key-mismatch"), "{}", ran.stdout);
}

#[test]
fn every_pod_of_a_cluster_is_grouped_by_cause() {
    let mut answers = answers(failing());
    let pods = (0..20)
        .map(|at| pod(&format!("web-{at}"), &[("web", waiting(NO_BASIC_AUTH))], &["regcred"]));
    answers.insert("/api/v1/pods".to_owned(), list(pods.collect()));
    let ran = Api::serve(answers).explain(&["-A"]).with_status(0);
    assert!(
        ran.stdout.contains("20 containers of the namespace shop cannot pull"),
        "{}",
        ran.stdout
    );
    assert_eq!(ran.stdout.matches("cause: key-mismatch").count(), 1, "{}", ran.stdout);
}

#[test]
fn the_pods_of_a_workload_are_found_by_its_selector() {
    let mut answers = answers(failing());
    let deployment = json!({"metadata": {"name": "web", "namespace": "shop"}, "spec": {
        "selector": {"matchLabels": {"app": "web"}}, "template": {}}});
    answers.insert("/apis/apps/v1/namespaces/shop/deployments/web".to_owned(), (200, deployment));
    let api = Api::serve(answers);
    let ran = api.explain(&["deployment/web"]).with_status(0);
    assert!(ran.stdout.contains("cause: key-mismatch"), "{}", ran.stdout);
    assert!(
        api.asked().iter().any(|asked| asked.contains("labelSelector=app%3Dweb")),
        "{:?}",
        api.asked()
    );
}

#[test]
fn a_pod_that_is_not_there_names_the_nearest() {
    let api = Api::serve(answers(failing()));
    let ran = api.explain(&["webb"]).with_status(3);
    assert!(
        ran.stderr.contains("pod webb not found in the namespace shop; did you mean `web`?"),
        "{}",
        ran.stderr
    );
    let ran = api.explain(&["service/web"]).with_status(2);
    assert!(ran.stderr.contains("is not a kind with pods"), "{}", ran.stderr);
}

#[test]
fn a_cluster_that_does_not_answer_could_not_be_looked_at() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("kubeconfig");
    // A port that was free a moment ago.
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let text = format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: a\nclusters: [{{name: a, cluster: {{server: 'http://{address}'}}}}]\n\
         contexts: [{{name: a, context: {{cluster: a, user: a}}}}]\nusers: [{{name: a, user: {{}}}}]\n"
    );
    fs::write(&file, text).unwrap();
    let ran = run(pullproof(&["explain", "web", "--kubeconfig"]).arg(&file)).with_status(3);
    assert!(ran.stderr.contains("the pod web cannot be read"), "{}", ran.stderr);
    let ran = run(&mut pullproof(&["explain", "web", "--kubeconfig", "/nowhere"])).with_status(3);
    assert!(ran.stderr.contains("/nowhere"), "{}", ran.stderr);
}

#[test]
fn control_characters_of_a_registrys_answer_are_not_printed() {
    let message = format!("{NO_BASIC_AUTH}: \u{1b}[31mred\u{7}\u{202e}");
    let api = Api::serve(answers(pod("web", &[("web", waiting(&message))], &["regcred"])));
    for words in [&["web"][..], &["web", "--output", "json"]] {
        let ran = api.explain(words).with_status(0);
        assert!(!ran.stdout.contains(['\u{1b}', '\u{7}', '\u{202e}']), "{:?}", ran.stdout);
    }
}

#[test]
fn a_secret_of_a_megabyte_and_one_that_is_no_text_are_read() {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    let auths: BTreeMap<String, Value> = (0..17_000)
        .map(|at| (format!("host-{at}.test"), json!({"auth": "YTpiYWJhYmFiYWJhYmFiYWI="})))
        .collect();
    let large = json!({"auths": auths}).to_string();
    assert!(large.len() > 900_000);
    let broken = b"{\"auths\": {\"registry.example:5000\xff\": {\"auth\": \"\xfe\xff\"}}}".to_vec();
    for (config, cause) in [(large.into_bytes(), "no-credentials"), (broken, "secret-")] {
        let mut answers = answers(failing());
        let mut secret = secret("regcred", "registry.example");
        secret["data"][".dockerconfigjson"] = json!(STANDARD.encode(config));
        let path = "/api/v1/namespaces/shop/secrets/regcred".to_owned();
        answers.insert(path, (200, secret));
        let api = Api::serve(answers);
        let ran = api.explain(&["web", "--output", "json"]).with_status(0);
        assert!(ran.stdout.contains(cause), "{:.400}", ran.stdout);
        assert!(api.explain(&["web"]).with_status(0).stdout.lines().count() < 40);
    }
}

#[test]
fn as_a_plugin_of_kubectl_it_is_the_same_command() {
    let folder = tempfile::tempdir().unwrap();
    let plugin = folder.path().join("kubectl-pullproof");
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_pullproof"), &plugin).unwrap();
    let ran = run(Command::new(&plugin).args(["explain", "--message", "pull QPS exceeded"]));
    assert!(ran.with_status(0).stdout.contains("cause: qps"));
}

fn piped(words: &[&str], input: &[u8]) -> Ran {
    let mut command: Command = pullproof(words);
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    let writer = thread::spawn(move || stdin.write_all(&input).ok());
    let (mut stdout, mut stderr) = (String::new(), String::new());
    child.stdout.take().unwrap().read_to_string(&mut stdout).unwrap();
    child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
    writer.join().unwrap();
    Ran { status: child.wait().unwrap().code(), stdout, stderr }
}

#[test]
fn messages_are_answered_line_by_line() {
    let message = ["explain", "--message", "-", "--output", "json"];
    let input = concat!(
        "{\"message\": \"x509: certificate signed by unknown authority\", \"other\": 1}\n",
        "\n",
        "{\"message\": \"\\ufffd nobody knows this\"}\n"
    );
    let ran = piped(&message, input.as_bytes()).with_status(0);
    let answers: Vec<Value> =
        ran.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(answers.len(), 2);
    assert_eq!(answers[0]["cause"], "tls-unknown-ca");
    assert_eq!(answers[0]["candidates"][0]["id"], "tls-unknown-ca");
    assert_eq!(answers[1]["cause"], Value::Null);

    let ran = piped(&message, b"{\"message\": \"a\"}\nnot json\n").with_status(2);
    assert!(ran.stderr.contains("standard input, line 2"), "{}", ran.stderr);
    let ran = piped(&["explain", "--message", "-"], b"pull QPS exceeded\xff\n").with_status(0);
    assert!(ran.stdout.contains("cause: qps"), "{}", ran.stdout);
    piped(&["explain", "--message", "-"], b"\n").with_status(2);
    let ran = run(&mut pullproof(&["explain"])).with_status(2);
    assert!(ran.stderr.contains("<POD>"), "{}", ran.stderr);
}
