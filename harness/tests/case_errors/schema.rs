//! The schema accepts what the reader accepts, and refuses what it refuses, as far as a schema can know.

use std::{fs, path::Path, sync::LazyLock};

use pullproof::case::find_cases;
use rstest::rstest;
use serde_json::Value;

use super::json_schema::errors;

static SCHEMA: LazyLock<Value> =
    LazyLock::new(|| serde_json::from_str(&pullproof::case::schema()).expect("JSON"));

const NAMES: &str = "a schema does not know which names the case or its manifests have";
const TEXT: &str = "it is about the text of a file, a pattern or a command";
const VERSIONS: &str = "a schema does not know the versions of the matrix";
const SPELLING: &str = "headers are named in any spelling, which would make the pattern unreadable";
const WHOLE: &str = "it is about several steps, or about keys of the case that are far apart";

/// Parts of errors about which a schema cannot know, and why.
const BEYOND: [(&str, &str); 29] = [
    ("is not among `registries`", NAMES),
    ("is not defined in this case", NAMES),
    ("is not defined in a hosts.toml", NAMES),
    ("is neither beside the case nor", NAMES),
    ("no manifest applied before this step holds", NAMES),
    ("has no container", NAMES),
    ("is applied in the namespace", NAMES),
    ("is not one of the case", NAMES),
    ("is not an image of the case", NAMES),
    ("is not an image pushed before", NAMES),
    ("is listed twice", NAMES),
    ("which has a meaning already", NAMES),
    ("has a meaning already", NAMES),
    ("would both be `$", NAMES),
    ("is neither a registry of the case nor a host name", NAMES),
    ("belongs to the cluster", NAMES),
    ("is a folder to another file", NAMES),
    ("expected lines of the form user:hash", TEXT),
    ("version matches `", VERSIONS),
    ("none of these texts is for", VERSIONS),
    ("proves nothing on", VERSIONS),
    ("exclude each other", VERSIONS),
    ("is the connection's own", SPELLING),
    ("holds credentials, which are not recorded", SPELLING),
    ("expects nothing: it needs a step", WHOLE),
    ("expects a failing pull without saying why", WHOLE),
    ("is an absence, which holds before", WHOLE),
    ("the case has several registries", WHOLE),
    ("the case has no registry", WHOLE),
];

/// Checks that the schema refuses a text with this error as well, unless it is listed.
pub fn refuses(text: &str, error: &str) {
    // What is not one YAML document, an editor refuses before it looks at a schema.
    let Ok(case) = serde_saphyr::from_str::<Value>(text) else { return };
    let why = BEYOND.iter().find(|(part, _)| error.contains(part)).map(|(_, why)| why);
    match (why, errors(&SCHEMA, &case).is_empty()) {
        (None, true) => panic!("the schema accepts what is refused with {error}\n\n{text}"),
        (Some(why), false) => panic!("the schema knows of {error}\nthough {why}\n\n{text}"),
        _ => {}
    }
}

/// Checks that the schema accepts a text.
pub fn accepts(name: &str, text: &str) {
    let case: Value = serde_saphyr::from_str(text).expect("YAML");
    let errors = errors(&SCHEMA, &case);
    assert!(errors.is_empty(), "{name}: {}\n\n{text}", errors.join("\n"));
}

#[rstest]
#[case::catalogue("../scenarios")]
#[case::wrong("tests/wrong")]
#[case::migrated("tests/data/migration/new")]
fn every_case_is_one_of_the_schema(#[case] folder: &str) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    for file in find_cases(&folder).unwrap() {
        accepts(&file.display().to_string(), &fs::read_to_string(&file).unwrap());
    }
}

/// The keywords one of which says what a value is.
const KINDS: [&str; 6] = ["type", "$ref", "anyOf", "oneOf", "const", "enum"];

/// Finds the values of which a schema says nothing.
fn unconstrained(schema: &Value, path: &str, found: &mut Vec<String>) {
    let Some(keywords) =
        schema.as_object().filter(|map| KINDS.iter().any(|key| map.contains_key(*key)))
    else {
        return if *schema != Value::Bool(false) {
            found.push(path.to_owned())
        };
    };
    for (key, value) in keywords.get("properties").and_then(Value::as_object).into_iter().flatten()
    {
        unconstrained(value, &format!("{path}.{key}"), found);
    }
    for key in ["items", "additionalProperties"] {
        if let Some(value) = keywords.get(key) {
            unconstrained(value, &format!("{path}.*"), found);
        }
    }
}

#[test]
fn only_parts_of_objects_and_json_are_any_value() {
    let mut found = Vec::new();
    for (name, of) in SCHEMA["$defs"].as_object().unwrap() {
        unconstrained(of, name, &mut found);
    }
    unconstrained(&SCHEMA, "Case", &mut found);
    assert_eq!(found, ["Output.json", "Patch.merge.*"]);
}

/// Values in every form that their reader takes.
#[rstest]
#[case("{pod: app, phase: Running, message: a}")]
#[case("{pod: app, phase: Running, message: [a, {equals: b, kubernetes: '>=1.35, <1.37'}]}")]
#[case("{pod: app, phase: Running, message: {notContains: a, containerd: '>=1.7'}}")]
#[case("{pod: app, phase: Running, events: [{reason: Failed, type: Warning, count: '>= 2'}]}")]
#[case("{pod: app, phase: Running, events: [{reason: Failed, count: 0}]}")]
#[case("{pod: app, phase: Running, registry: {anonymous: none, tokens: {a: [401, 0]}}}")]
#[case("{pod: app, phase: Running, registry: [{registry: registry, authenticated: none}]}")]
#[case("{pod: app, phase: Running, registry: {authenticated: {janedoe: none}}}")]
#[case("{pod: app, phase: Running, registry: {requests: [{headers: {User-Agent: a}, status: 0}]}}")]
#[case("{pod: 'app=web,tier=front', phase: Running, privacyCheck: public}")]
#[case("{pod: deployment/web, phase: Running, sync: natural, within: 3600}")]
fn forms_of_an_expectation(#[case] expect: &str) {
    let web = "- apply: {apiVersion: v1, kind: Pod, metadata: {name: web, labels: {app: web, tier: front}}, spec: {containers: [{name: web, image: a}]}}\n\
               - apply: {apiVersion: apps/v1, kind: Deployment, metadata: {name: web}, spec: {template: {spec: {containers: [{name: web, image: a}]}}}}\n";
    super::accept(&format!("{}{}{web}- expect: {expect}\n", super::HEAD, super::POD));
}

#[rstest]
#[case("run: {command: a, exit: 255, stdout: {equals: '', json: null}}")]
#[case("run: {command: a, stderr: {contains: [a, {contains: b}], notContains: c}}")]
#[case(
    "registry: {users: {}, faults: [], listening: false, push: ['a:v1', {name: 'b:v1', padding: 9}]}"
)]
#[case("registry: {faults: [{nth: 1, action: {headers: {A: null, B: 1, C: [a, 2]}}}]}")]
#[case("registry: {faults: [{action: {answer: {status: 500, body: a}}}, {action: corrupt}]}")]
#[case("node: {files: {/etc/a/b: x}, removeImages: ['$REGISTRY/a:v1'], restartKubelet: true}")]
#[case("node: {record: {image: $REGISTRY/team/app, matches: {equals: ''}}}")]
#[case("patch: {object: 'secret/a-$NODE.b', merge: {data: null}}")]
#[case("delete: pod/app")]
#[case("apply: [{apiVersion: v1, kind: Secret, metadata: {name: a}}, regcred.yaml]")]
fn forms_of_other_verbs(#[case] step: &str) {
    let pod = super::POD;
    super::accept(&format!(
        "{}{pod}- when: {{kubernetes: '>=1.31'}}\n  {step}\n- expect: {{pod: app, phase: Running}}\n",
        super::HEAD
    ));
}
