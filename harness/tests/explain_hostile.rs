//! `pullproof explain` of a cluster that changes meanwhile, and of one whose objects hold anything.

mod support;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use support::{
    api::{Answers, Api, list, status},
    shop::{CANARY, answers, failing, pod, secret},
};

/// What is left of a text that was not UTF-8, with what a terminal would act on.
const ANYTHING: &str = "x\u{fffd}\u{1b}[31m\u{7}\u{9b}2J\u{202e}\u{0}\n";

fn is_hidden(letter: char) -> bool {
    letter != '\n' && pullproof_diagnosis::message::is_hidden(letter)
}

#[test]
fn a_pod_that_is_deleted_after_it_was_read_is_explained_by_what_was_read() {
    let whole = answers(failing());
    // It is gone with its namespace: nothing else is there any more.
    let alone = |path: &String| path.ends_with("/pods/web") || path == "/api/v1/pods";
    let left: Answers = whole.into_iter().filter(|(path, _)| alone(path)).collect();
    for words in [&["web"][..], &["-A"]] {
        let ran = Api::serve(left.clone()).explain(words).with_status(0);
        assert!(ran.stdout.contains("shop/web: container web cannot pull"), "{}", ran.stdout);
        assert!(ran.stdout.contains("cause: secret-absent"), "{}", ran.stdout);
        assert!(!ran.stdout.contains("warning:"), "{}", ran.stdout);
    }
}

#[test]
fn a_pod_that_is_deleted_before_it_is_read_is_not_found() {
    let ran = Api::serve(Answers::new()).explain(&["web"]).with_status(3);
    let said = "pod web not found in the namespace shop\n";
    assert!(ran.stderr.contains(said), "{}", ran.stderr);
}

#[test]
fn a_service_account_that_is_gone_leaves_out_its_note() {
    let mut answers = answers(pod("web", &[("web", refused())], &[]));
    let read = Api::serve(answers.clone()).explain(&["web"]).with_status(0);
    assert!(read.stdout.contains("neither does its service account default"), "{}", read.stdout);
    answers.remove("/api/v1/namespaces/shop/serviceaccounts/default");
    let ran = Api::serve(answers).explain(&["web"]).with_status(0);
    assert!(ran.stdout.contains("cause: no-credentials"), "{}", ran.stdout);
    assert!(!ran.stdout.contains("service account default"), "{}", ran.stdout);
}

fn refused() -> Value {
    support::shop::waiting(support::shop::NO_BASIC_AUTH)
}

#[test]
fn any_text_in_any_field_is_read_and_shown_without_what_a_terminal_acts_on() {
    let mut pod = pod("web", &[("web", refused())], &["regcred", ANYTHING]);
    pod["spec"]["nodeName"] = json!(ANYTHING);
    pod["spec"]["serviceAccountName"] = json!(ANYTHING);
    pod["spec"]["containers"][0]["image"] = json!(format!("registry.example:5000/{ANYTHING}"));
    pod["spec"]["containers"][0]["imagePullPolicy"] = json!(ANYTHING);
    let reason = format!("illegal {ANYTHING}");
    for (message, reason) in
        [("", &reason), (ANYTHING, &reason), (support::shop::NO_BASIC_AUTH, &reason)]
    {
        let mut pod = pod.clone();
        pod["status"]["containerStatuses"][0]["state"] =
            json!({"waiting": {"reason": reason, "message": message}});
        let mut answers = answers(pod);
        let event = json!({"metadata": {"name": "e", "namespace": "shop"}, "reason": ANYTHING, "type": ANYTHING,
            "message": ANYTHING, "involvedObject": {"uid": "web", "fieldPath": ANYTHING}});
        answers.insert("/api/v1/namespaces/shop/events".to_owned(), list(vec![event]));
        for kind in [ANYTHING, "kubernetes.io/dockerconfigjson"] {
            let mut secret = secret("regcred", &format!("registry.example{ANYTHING}"));
            secret["type"] = json!(kind);
            let path = "/api/v1/namespaces/shop/secrets/regcred".to_owned();
            answers.insert(path, (200, secret));
            let api = Api::serve(answers.clone());
            let ran = api.explain(&["web"]).with_status(0);
            assert!(!ran.stdout.contains(is_hidden), "{:?}", ran.stdout);
            assert!(!ran.stdout.contains(CANARY), "{:?}", ran.stdout);
            api.explain(&["web", "--output", "json"]).with_status(0);
        }
    }
}

#[test]
fn a_name_that_no_secret_can_have_is_not_requested() {
    for name in ["../configmaps/x", "?watch=true", "a/b", "A", "..", " "] {
        let api = Api::serve(answers(pod("web", &[("web", refused())], &[name])));
        let ran = api.explain(&["web"]).with_status(0);
        assert!(ran.stdout.contains("cause: secret-absent"), "{}", ran.stdout);
        let asked = api.asked();
        let one = asked.iter().find(|asked| asked.starts_with("/api/v1/namespaces/shop/secrets/"));
        assert_eq!(one, None, "{asked:?}");
    }
}

#[test]
fn an_answer_that_is_not_utf8_could_not_be_read() {
    let api = Api::serve_with(answers(failing()), |asked| {
        asked.contains("/pods/web").then(|| b"{\"metadata\": {\"name\": \"\xff\"}}".to_vec())
    });
    let ran = api.explain(&["web"]).with_status(3);
    assert!(ran.stderr.contains("the pod web cannot be read"), "{}", ran.stderr);
}

#[test]
fn secret_data_of_any_bytes_is_said_to_be_undecodable() {
    let mut answers = answers(failing());
    let mut secret = secret("regcred", "registry.example");
    secret["data"][".dockerconfigjson"] = json!(STANDARD.encode(b"\xff\xfe\x00{}"));
    answers.insert("/api/v1/namespaces/shop/secrets/regcred".to_owned(), (200, secret));
    let ran = Api::serve(answers).explain(&["web"]).with_status(0);
    assert!(ran.stdout.contains("secret-undecodable"), "{}", ran.stdout);
}

#[test]
fn no_right_to_read_anything_but_the_pod_leaves_candidates() {
    let mut answers = answers(failing());
    for (path, answer) in &mut answers {
        if !path.ends_with("/pods/web") {
            *answer = (403, status(403, "Forbidden"));
        }
    }
    let ran = Api::serve(answers).explain(&["web"]).with_status(0);
    assert!(ran.stdout.contains("candidate: "), "{}", ran.stdout);
    for what in ["events of the pod", "the node node-1", "the secret regcred of the namespace shop"]
    {
        assert!(ran.stdout.contains(&format!("warning: {what}")), "{what}: {}", ran.stdout);
    }
}

#[test]
fn a_pod_with_several_secrets_takes_few_requests() {
    let names = ["regcred", "second", "third"];
    let api = Api::serve(answers(pod("web", &[("web", refused())], &names)));
    api.explain(&["web"]).with_status(0);
    assert!(api.asked().len() <= 10, "{:#?}", api.asked());
}
