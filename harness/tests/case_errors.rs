//! What is wrong with a case file is said with file, place, what is known and the nearest of it.

use std::path::Path;

use pullproof::case::CaseFile;

const HEAD: &str = "title: t\nsource: s\nregistries:\n  registry:\n    auth: {basic: {janedoe: x}}\n    images: [team/app:v1]\n";
const POD: &str = "steps:\n- apply: {apiVersion: v1, kind: Pod, metadata: {name: app}, spec: {containers: [{name: app, image: $REGISTRY/team/app:v1}]}}\n";

fn error(text: &str) -> String {
    let path = Path::new("theme/case.yaml");
    CaseFile::parse(path, text).expect_err("the case was accepted").to_string()
}

fn with(steps: &str) -> String {
    error(&format!("{HEAD}{POD}{steps}"))
}

#[test]
fn a_good_case_is_accepted() {
    let text = format!("{HEAD}{POD}- expect: {{pod: app, phase: Running}}\n");
    CaseFile::parse(Path::new("theme/case.yaml"), &text).unwrap();
}

#[test]
fn an_unknown_key() {
    let error = with("- expect:\n    pod: app\n    phse: Running\n");
    assert!(
        error.starts_with("theme/case.yaml:11:5: unknown key `phse`; did you mean `phase`?\n"),
        "{error}"
    );
    assert!(error.contains("known here: pod, namespace, container, phase"), "{error}");
}

#[test]
fn an_unknown_step() {
    let error = with("- aply: pod.yaml\n");
    assert!(error.contains("case.yaml:9:3: unknown key `aply`; did you mean `apply`?"), "{error}");
}

#[test]
fn a_step_with_two_verbs_or_none() {
    let error = with("- delete: pod/app\n  expect: {pod: app, phase: Running}\n");
    assert!(error.contains("case.yaml:9:3: a step with 2 verbs (expect, delete)"), "{error}");
    let error = with("- when: {kubernetes: '1.37'}\n");
    assert!(error.contains("case.yaml:9:3: a step without a verb"), "{error}");
}

#[test]
fn a_phase_that_is_none() {
    let error = with("- expect: {pod: app, phase: Runing}\n");
    assert!(error.contains("unknown value `Runing`; did you mean `Running`?"), "{error}");
    assert!(error.contains("case.yaml:9:"), "{error}");
}

#[test]
fn malformed_yaml() {
    let error = with("- expect: {pod: app, phase: Running\n");
    assert!(error.starts_with("theme/case.yaml:"), "{error}");
    let error = with("- expect:\n\tpod: app\n");
    assert!(error.starts_with("theme/case.yaml:10:"), "{error}");
}

#[test]
fn a_version_that_is_not_in_the_matrix() {
    let error = with("- when: {kubernetes: '>=1.99'}\n  expect: {pod: app, phase: Running}\n");
    assert!(
        error.contains("case.yaml:9:3: no Kubernetes version there is lies in `>=1.99`"),
        "{error}"
    );
    assert!(error.contains("known here: 1.31, 1.32"), "{error}");
    let error = with("- when: {kubernetes: newest}\n  expect: {pod: app, phase: Running}\n");
    assert!(error.contains("`newest` is not a range of versions"), "{error}");
    assert!(error.contains("case.yaml:9:"), "{error}");
}

#[test]
fn a_failing_pull_without_a_reason() {
    let error = with("- expect: {pod: app, reasons: [ErrImagePull]}\n");
    assert!(error.contains("case.yaml:9:3: expects a failing pull without saying why"), "{error}");
    let error = with("- expect: {pod: app, phase: Pending}\n");
    assert!(error.contains("without saying why"), "{error}");
}

#[test]
fn a_manifest_without_the_pod() {
    let error = with("- expect: {pod: ap, phase: Running}\n");
    assert!(error.contains("case.yaml:9:3: no manifest applied before this step holds the pod `ap`; did you mean `app`?"), "{error}");
    let secret = format!(
        "{HEAD}steps:\n- apply: {{apiVersion: v1, kind: Secret, metadata: {{name: s}}}}\n- expect: {{pod: app, phase: Running}}\n"
    );
    let error = self::error(&secret);
    assert!(error.contains("holds a pod, so there is no `app` to look at"), "{error}");
}

#[test]
fn a_manifest_that_is_not_there_or_is_none() {
    let error = with("- apply: no-such-pod.yaml\n- expect: {pod: app, phase: Running}\n");
    assert!(
        error.contains("case.yaml:9:3: the manifest `no-such-pod.yaml` is neither beside"),
        "{error}"
    );
    let error = with("- apply: {kind: Pod}\n- expect: {pod: app, phase: Running}\n");
    assert!(error.contains("lacks `apiVersion`"), "{error}");
}

#[test]
fn a_variable_that_stands_for_nothing() {
    let pod = POD.replace("$REGISTRY", "$REGSITRY");
    let error = error(&format!("{HEAD}{pod}- expect: {{pod: app, phase: Running}}\n"));
    assert!(
        error.contains("`$REGSITRY`, which stands for nothing here; did you mean `REGISTRY`?"),
        "{error}"
    );
}

#[test]
fn a_registry_that_is_not_there() {
    let error =
        with("- expect: {pod: app, phase: Running, registry: {of: mirror, anonymous: 401}}\n");
    assert!(
        error.contains("the registry `mirror`, named by this step, is not among `registries`"),
        "{error}"
    );
}

#[test]
fn a_case_that_expects_nothing() {
    assert!(error(&format!("{HEAD}{POD}")).contains("expects nothing"));
    assert!(error(&format!("{HEAD}steps: []\n")).contains("has no steps"));
    assert!(with("- expect: {pod: app}\n").contains("an empty expectation holds for anything"));
}

#[test]
fn a_missing_key_and_a_wrong_type() {
    let error = error("title: t\nsteps: []\n");
    assert!(error.contains("the key `source` is missing"), "{error}");
    let error = with("- expect: {pod: app, phase: Running, registry: {anonymous: 4o1}}\n");
    assert!(
        error.contains("case.yaml:9:")
            && error.contains("`4o1` is neither an HTTP status nor `none`"),
        "{error}"
    );
}

#[test]
fn a_password_is_in_no_error() {
    let text = format!("{HEAD}{POD}- expect: {{pod: app, phse: Running}}\n")
        .replace("janedoe: x", "janedoe: c4n4ry");
    assert!(!error(&text).contains("c4n4ry"));
    let text = text.replace("basic: {janedoe: c4n4ry}", "basic: c4n4ry");
    assert!(!error(&text).contains("c4n4ry"), "{}", error(&text));
}

#[test]
fn the_schema_in_the_repository_is_the_schema_of_the_code() {
    let kept = concat!(env!("CARGO_MANIFEST_DIR"), "/../scenarios/case.schema.json");
    let kept = std::fs::read_to_string(kept).unwrap_or_default();
    assert_eq!(
        kept,
        pullproof::case::schema(),
        "repair it with: cargo run -q -- schema > scenarios/case.schema.json"
    );
}

/// A case whose registry is written out.
fn registry(fields: &str) -> String {
    error(&format!("title: t\nsource: s\nregistries:\n  registry: {{{fields}}}\nsteps: []\n"))
}

#[test]
fn values_that_a_registry_cannot_use() {
    let faulty = |fault: &str| registry(&format!("auth: none, faults: [{fault}]"));
    for (error, expected) in [
        (faulty("{nth: 0, do: reset}"), "`0` is out of range; expected which of the matching"),
        (faulty("{do: {status: 99}}"), "`99` is out of range; expected the status of an HTTP"),
        (faulty("{do: {status: 9999}}"), "`9999` is out of range; expected the status of an HTTP"),
        (faulty("{do: {unchallenged: 600}}"), "`600` is out of range; expected the status"),
        (
            registry("auth: none, images: [{name: 'a:v1', padding: 10000000000000}]"),
            "`10000000000000` is out of range; expected at most 1073741824 bytes (1 GiB)",
        ),
        (
            registry("auth: {token: {public: [a], expires: 9223372036854775807}}"),
            "`9223372036854775807` is out of range; expected at most 31536000 seconds",
        ),
        (faulty("{do: {ignore: ['a b']}}"), "\"a b\" is not the name of a header"),
        (faulty("{do: {headers: {Connection: x}}}"), "`Connection` is the connection's own"),
        (
            faulty("{do: {headers: {X: {a: b}}}}"),
            "cannot be the value of a header; expected a text",
        ),
        (
            faulty("{do: {headers: {X: \"a\\nb\"}}}"),
            "cannot be the value of a header; expected one",
        ),
        (faulty("{kind: manifst, do: reset}"), "unknown value `manifst`; did you mean `manifest`?"),
        (registry("auth: {htpasswd: \"a:b\\nc\"}"), "a line of the htpasswd file has no colon"),
        (registry("auth: {basic: {'a:b': x}}"), "\"a:b\" cannot be a user name; expected one"),
        (registry("auth: {basic: {'': x}}"), "\"\" cannot be a user name"),
        (
            registry("auth: {token: {users: {'a:b': {password: x}}}}"),
            "\"a:b\" cannot be a user name",
        ),
        (registry("auth: none, images: [app]"), "\"app\" is not an image of a registry; expected"),
        (registry("auth: none, images: ['App:v1']"), "\"App:v1\" is not an image of a registry"),
        (registry("auth: none, images: ['app:']"), "\"app:\" is not an image of a registry"),
        (with("- registry: {users: {'a:b': x}}\n"), "\"a:b\" cannot be a user name"),
        (with("- registry: {push: [team/app]}\n"), "\"team/app\" is not an image of a registry"),
    ] {
        assert!(error.contains(expected), "{error}");
        assert!(error.starts_with("theme/case.yaml:"), "{error}");
    }
}

#[test]
fn a_redirect_to_nowhere() {
    let error = with("- registry: {faults: [{do: {redirect-away: registy}}]}\n");
    assert!(
        error.contains("the registry `registy`, named by a redirect, is not among `registries`; did you mean `registry`?"),
        "{error}"
    );
}

#[test]
fn a_hosts_toml_of_the_cases_own() {
    let hosts = |fields: &str| {
        error(&format!(
            "{HEAD}hosts:\n  a.example.com: {{{fields}}}\n{POD}- expect: {{pod: app, phase: Running}}\n"
        ))
    };
    let error = hosts("server: registry, toml: x");
    assert!(error.contains("hosts of `a.example.com` have `toml` beside `server`"), "{error}");
    let error = hosts("toml: 'server = \"http://$REGISTY_NODE\"'");
    assert!(
        error.contains("hosts of `a.example.com` use `$REGISTY_NODE`, which stands for nothing here; did you mean `REGISTRY_NODE`?"),
        "{error}"
    );
}
