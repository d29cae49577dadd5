use std::path::Path;

use serde_json::json;

use super::*;
use crate::redaction::Redaction;

fn of(case: &str) -> Vec<String> {
    let file = CaseFile::parse(Path::new("theme/case.yaml"), case).unwrap();
    plain(secrets(&file))
}

fn plain(secrets: Vec<SecretString>) -> Vec<String> {
    secrets.iter().map(|secret| secret.expose_secret().to_owned()).collect()
}

fn in_text(text: &str) -> Vec<String> {
    let mut found = Found::default();
    found.text(text, DEPTH);
    plain(found.into_secrets())
}

fn base64(text: &str) -> String {
    base64::engine::general_purpose::STANDARD.encode(text)
}

const HEAD: &str = "title: t\nsource: s\nregistries:\n  registry:\n    auth: {basic: {janedoe: of-basic}}\n    images: [team/app:v1]\n";

#[test]
fn registries_and_steps_have_passwords() {
    let token = "auth: {token: {users: {janedoe: {password: of-token}}}}";
    let case = format!(
        "{HEAD}  other:\n    {token}\nsteps:\n- registry: {{registry: registry, users: {{janedoe: of-step}}}}\n- expect: {{registry: {{registry: other, requests: [{{user: janedoe, password: of-request}}]}}}}\n"
    );
    assert_eq!(of(&case), ["of-basic", "of-request", "of-step", "of-token"]);
}

#[test]
fn manifests_patches_files_and_input_have_passwords() {
    let auth = base64("janedoe:of-auth");
    let data = base64(&json!({"auths": {"r": {"auth": base64("janedoe:of-data")}}}).to_string());
    let applied = json!({"kind": "Secret", "data": {"token": base64("of-annotation")}});
    let case = format!(
        r#"{HEAD}steps:
- apply:
  - apiVersion: v1
    kind: Secret
    metadata: {{name: a, annotations: {{last-applied: '{applied}'}}}}
    data: {{.dockerconfigjson: {data}, username: {user}}}
    stringData:
      .dockerconfigjson: '{{"auths":{{"$REGISTRY":{{"username":"janedoe","auth":"{auth}"}}}}}}'
      key: of-entry
- patch:
    object: secret/a
    merge: {{data: {{.dockerconfigjson: {patched}}}, stringData: {{any: of-merge}}}}
- run:
    command: docker login --username janedoe --password-stdin $REGISTRY
    stdin: |
      of-stdin
- node:
    files:
      /etc/provider: |
        #!/bin/sh
        echo '{{"kind":"CredentialProviderResponse","auth":{{"$REGISTRY":
          {{"username":"'$user'","password":"of-provider"}}}}}}'
"#,
        user = base64("janedoe"),
        patched = base64(r#"{"auths":{"r":{"password":"of-patch"}}}"#),
    );
    let found = of(&case);
    for secret in [
        "of-auth",
        "of-data",
        "of-annotation",
        "of-entry",
        "of-patch",
        "of-merge",
        "of-stdin",
        "of-provider",
        "of-basic",
    ] {
        assert!(found.iter().any(|one| one == secret), "{secret} is not in {found:?}");
    }
    assert!(!found.iter().any(|one| one == "janedoe"), "{found:?}");
}

#[test]
fn commands_have_passwords() {
    for (command, secrets) in [
        (
            "kubectl create secret docker-registry r --docker-password=p-1 --docker-email=a@b",
            &["p-1"][..],
        ),
        ("kubectl create secret docker-registry r --docker-password 'p 1' x", &["p 1"]),
        ("docker login -u janedoe -p p-1 $REGISTRY", &["p-1"]),
        ("docker login -u janedoe -pp-1 $REGISTRY", &["p-1"]),
        ("docker login --password=\"p\\$1\" r; echo done", &["p$1"]),
        ("echo 'p;1' | docker login --password-stdin r && echo done", &["p;1"]),
        ("printf '%s' p-1 | \\\n  docker login --password-stdin r", &["p-1"]),
        ("docker login --password-stdin r <<< p-1", &["p-1"]),
        ("docker login --password-stdin r <<EOF\np-1\np-2\nEOF\necho p-3", &["p-1\np-2"]),
        ("echo -n janedoe:p-1 | base64", &["p-1"]),
        ("echo -n p-1 | base64", &["p-1"]),
        ("echo no config at all | base64", &[]),
        ("curl -u janedoe:p-1 http://r", &["p-1"]),
        ("curl -H 'Authorization: Bearer p-1' http://r", &["p-1"]),
        ("curl -H 'authorization: Basic amFuZWRvZTpwLTE=' http://r", &["p-1"]),
        ("skopeo copy --src-creds janedoe:p-1 a b", &["p-1"]),
        ("curl https://janedoe:p-1@r/v2/", &["p-1"]),
        ("REGISTRY_PASSWORD=p-1 sh login.sh", &["p-1"]),
        ("docker login -p $PASSWORD --username janedoe", &[]),
        (
            "kubectl create secret generic r --from-literal=key=p-1 --from-literal=username=jane",
            &["p-1"],
        ),
        ("kubectl patch secret r -p '{\"data\":{\"password\":\"cC0x\"}}'", &["cC0x"]),
        ("cat >f <<EOF\n{\"auths\":{\"r\":{\"auth\":\"amFuZWRvZTpwLTE=\"}}}\nEOF", &["p-1"]),
        ("docker pull -p x; kubectl get pods -p y", &[]),
    ] {
        let found = in_text(command);
        for secret in secrets {
            assert!(found.iter().any(|one| one == secret), "{command}: {found:?}");
        }
        assert!(!secrets.is_empty() || found.is_empty(), "{command}: {found:?}");
        assert!(!found.iter().any(|one| one == "done" || one == "janedoe"), "{found:?}");
    }
}

#[test]
fn nested_texts_have_passwords() {
    let config = json!({"auths": {"r": {"username": "janedoe", "password": "p\"1ü"}}}).to_string();
    let quoted = json!({"text": json!({ "text": config }).to_string()}).to_string();
    for text in [
        config.clone(),
        quoted.clone(),
        format!("kubectl annotate pod a x='{quoted}'"),
        format!(
            "apiVersion: v1\nkind: List\nitems:\n- kind: Secret\n  data: {{x: {}}}",
            base64(&config)
        ),
        format!("echo {} | base64 -d >config.json", base64(&config)),
        "a:\n  password: p\"1ü\n".to_owned(),
        "- {username: janedoe, password: p\"1ü}".to_owned(),
        r#"# { "password" : "p\"1\u00fc" } and more"#.to_owned(),
    ] {
        let found = in_text(&text);
        assert!(found.iter().any(|one| one == "p\"1ü"), "{text}: {found:?}");
    }
    assert_eq!(in_text("{\"password\":12345678}"), ["12345678"]);
    // Latin-1, which is no text, and no base64 at all.
    assert_eq!(in_text(r#"{"auth":"amFuZTpw5A=="}"#), ["amFuZTpw5A=="]);
    assert_eq!(in_text(r#"{"auth":"janedoe:p-1"}"#), ["janedoe:p-1", "p-1"]);
}

#[test]
fn ordinary_text_has_none() {
    for text in [
        "# The secret with a wrong password\nkind: Pod\nspec: {serviceAccountName: default}",
        "a password that is wrong, a token of a user, an auth without colon",
        "kubectl get secret regcred --output='jsonpath={.data.\\.dockerconfigjson}' | base64 --decode",
        "sed -n 's/.*\"auth\":[^\"]*\"\\(.*\\)\".*/\\1/p' ~/.docker/config.json | base64 --decode",
        "volumes: [{name: token, projected: {sources: [{serviceAccountToken: {path: token}}]}}]",
        "http://127.0.0.1:5000/v2/janedoe/jdoe-private/manifests/v1",
    ] {
        assert_eq!(in_text(text), Vec::<String>::new(), "{text}");
    }
}

#[test]
fn what_the_catalogue_says_is_no_secret() {
    let scenarios = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../scenarios"));
    for path in crate::case::find_cases(scenarios).unwrap() {
        let file = CaseFile::read(&path).unwrap();
        let redaction = Redaction::new(secrets(&file));
        let case = &file.case;
        for text in [&case.title, &case.source].into_iter().chain(&case.note) {
            assert_eq!(redaction.hide(text), *text, "{}", file.name);
        }
    }
}
