//! What is wrong with a case file is said with file, place, what is known and the nearest of it.

mod expectations;
mod json_schema;
mod names;
mod registries;
mod schema;

use std::path::Path;

use pullproof::case::CaseFile;
use rstest::rstest;

const HEAD: &str = "title: t\nsource: s\nregistries:\n  registry:\n    auth: {basic: {janedoe: x}}\n    images: [team/app:v1]\n";
const POD: &str = "steps:\n- apply: {apiVersion: v1, kind: Pod, metadata: {name: app}, spec: {containers: [{name: app, image: $REGISTRY/team/app:v1}]}}\n";

fn error(text: &str) -> String {
    let path = Path::new("theme/case.yaml");
    let error = CaseFile::parse(path, text).expect_err("the case was accepted").to_string();
    schema::refuses(text, &error);
    error
}

/// Checks that the reader and the schema accept a case.
fn accept(text: &str) {
    CaseFile::parse(Path::new("theme/case.yaml"), text)
        .unwrap_or_else(|error| panic!("{error}\n\n{text}"));
    schema::accepts("theme/case.yaml", text);
}

fn with(steps: &str) -> String {
    error(&format!("{HEAD}{POD}{steps}"))
}

#[test]
fn a_good_case_is_accepted() {
    let text = format!("{HEAD}{POD}- expect: {{pod: app, phase: Running}}\n");
    accept(&text);
}

#[test]
fn an_unknown_key() {
    let error = with("- expect:\n    pod: app\n    phse: Running\n");
    assert!(
        error.starts_with("theme/case.yaml:11:5: unknown key `phse`; did you mean `phase`?\n"),
        "{error}"
    );
    assert!(error.contains("expected one of: pod, namespace, container, phase"), "{error}");
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
        error.contains("case.yaml:9:10: no known Kubernetes version matches `>=1.99`"),
        "{error}"
    );
    assert!(error.contains("expected one of: 1.31, 1.32"), "{error}");
    let error = with("- when: {kubernetes: newest}\n  expect: {pod: app, phase: Running}\n");
    assert!(error.contains("`newest` is not a range of versions"), "{error}");
    assert!(error.contains("case.yaml:9:"), "{error}");
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

/// Steps that begin at line 9, and a part of their error.
#[rstest]
#[case::exit("- run: {command: a, exit: 256}", "9:21: 256 is not an exit status")]
#[case::no_command("- run: ''", "the command is empty")]
#[case::null_output(
    "- run: {command: a, stdout: {equals: }}",
    "9:36: expected a text for `equals`, found nothing"
)]
#[case::null_verb("- node: ~", "9:3: expected a value for `node`, found nothing")]
#[case::two_verbs_one_null("- {run: a, expect: }", "expected a value for `expect`, found nothing")]
#[case::no_output("- run: {command: a, stdout: {}}", "9:21: says nothing; add `contains`")]
#[case::empty_output("- run: {command: a, stdout: {contains: ''}}", "`contains` is empty here")]
#[case::at_once(
    "- expect: {pod: app, phase: Running, within: 0}",
    "9:38: `within` is in seconds, from 1 to 3600"
)]
#[case::for_ever(
    "- expect: {pod: app, phase: Running, within: 18446744073709551615}",
    "`within` is in seconds"
)]
#[case::event_type(
    "- expect: {pod: app, phase: Running, events: [{reason: a, type: Warnign}]}",
    "did you mean `Warning`?"
)]
#[case::status(
    "- expect: {pod: app, phase: Running, registry: {anonymous: [999]}}",
    "999 is not an HTTP status"
)]
#[case::no_object(
    "- delete: nonsense",
    "9:3: `nonsense` is not an object; write for example `pod/private-reg`"
)]
#[case::kind(
    "- delete: pods/app",
    "`pods` is not a kind that can be named here; did you mean `pod`?"
)]
#[case::object_name("- delete: pod/App", "`App` cannot be the name of an object")]
#[case::patched_kind(
    "- patch: {object: statefulst/a, merge: {}}",
    "9:11: `statefulst` is not a kind that can be named here; did you mean `statefulset`?"
)]
#[case::others_namespace(
    "- delete: namespace/kube-system",
    "the namespace `kube-system` is not one of the case"
)]
#[case::no_merge("- patch: {object: pod/app, merge: 1}", "a merge patch is a mapping")]
#[case::relative_file(
    "- node: {files: {etc/a/b: x}}",
    "9:18: `etc/a/b` cannot be written on the node: its path is not absolute"
)]
#[case::root("- node: {files: {/: x}}", "cannot be written on the node")]
#[case::folder(
    "- node: {files: {/etc: x}}",
    "`/etc` cannot be written on the node: it is a folder"
)]
#[case::parent_folder(
    "- node: {files: {/etc/a/../b: x}}",
    "cannot be written on the node: its path has an empty part, `.` or `..`"
)]
#[case::line_break("- node: {files: {\"/etc/a/b\\nc\": x}}", "line break")]
#[case::file_in_file(
    "- node: {files: {/etc/a/b: x, /etc/a/b/c: x}}",
    "`/etc/a/b` is a folder to another file of this step"
)]
#[case::preload(
    "- node: {preload: [$REGISTRY/team/ap:v1]}",
    "9:20: `$REGISTRY/team/ap:v1` is not an image of the case; did you mean `$REGISTRY/team/app:v1`?"
)]
#[case::record(
    "- node: {record: {image: '$REGISTRY/team/app:v1', matches: {equals: ''}}}",
    "the kubelet records images without tag and digest"
)]
#[case::record_of_nothing(
    "- node: {record: {image: $REGISTRY/team/app, matches: {}}}",
    "says nothing; add `contains`"
)]
#[case::given_twice(
    "- expect: {pod: app, pod: app, phase: Running}",
    "9:22: the key `pod` is given twice"
)]
#[case::user("- registry: {users: {'a:b': x}}", "9:21: expected a user name without colon")]
#[case::pushed(
    "- registry: {push: [team/app]}",
    "9:21: \"team/app\" is not an image of a registry; expected repository:tag"
)]
#[case::copied(
    "- registry: {push: [{name: 'a:v1', sameAs: 'team/other:v1'}]}",
    "`team/other:v1` is not an image pushed before `a:v1`"
)]
fn a_step_that_could_not_be_taken(#[case] step: &str, #[case] part: &str) {
    let error = with(&format!("{step}\n- expect: {{pod: app, phase: Running}}\n"));
    assert!(error.contains("theme/case.yaml:9:") && error.contains(part), "{error}");
}

/// What a library would say in its own words.
#[rstest]
#[case::no_text("- delete:", "expected")]
#[case::a_list("- expect: [a]", "expected a mapping for `expect`")]
#[case::a_text("- node: {files: a}", "expected a mapping for `files`")]
#[case::a_number("- run: {command: a, exit: x}", "expected a number without fraction for `exit`")]
#[case::another_document("- run: a\n---\na: 1", "a second document; a file holds one case")]
fn an_error_in_the_words_of_the_format(#[case] step: &str, #[case] part: &str) {
    let error = with(&format!("{step}\n"));
    assert!(error.contains(part), "{error}");
    for jargon in ["Option<", "Policy", "struct", "deserialize", "line ", "i32"] {
        assert!(!error.contains(jargon), "{error}");
    }
}

#[test]
fn a_control_character_is_never_printed() {
    let error = with("- expect: {pod: app, \"ph\\e[31mase\": Running}\n");
    assert!(error.contains("\\u{1b}[31m") && !error.contains('\x1b'), "{error:?}");
}

#[test]
fn a_password_is_in_no_error() {
    let text = format!("{HEAD}{POD}- expect: {{pod: app, phse: Running}}\n")
        .replace("janedoe: x", "janedoe: c4n4ry");
    assert!(!error(&text).contains("c4n4ry"));
    let text = text.replace("basic: {janedoe: c4n4ry}", "basic: c4n4ry");
    assert!(!error(&text).contains("c4n4ry"), "{}", error(&text));
    for auth in [
        "c4n4ry",
        "[c4n4ry]",
        "{c4n4ry: x}",
        "{basic: {janedoe: [c4n4ry]}}",
        "{basic: [c4n4ry]}",
        "{token: {users: c4n4ry}}",
        "{token: {users: {janedoe: c4n4ry}}}",
        "{basic: {c: c4n4ry, c: c4n4ry}}",
    ] {
        let error = self::error(&HEAD.replace("{basic: {janedoe: x}}", auth));
        assert!(!error.contains("c4n4ry"), "{error}");
        assert!(error.contains("case.yaml:5:"), "{error}");
    }
    let error = with("- registry: {users: c4n4ry}\n");
    assert!(!error.contains("c4n4ry"), "{error}");
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
