//! What is wrong with a case file is said with file, place, what is known and the nearest of it.

use std::path::Path;

use pullproof::case::CaseFile;
use rstest::rstest;

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
fn a_failing_pull_without_a_reason() {
    let error = with("- expect: {pod: app, reasons: [ErrImagePull]}\n");
    assert!(error.contains("case.yaml:9:3: expects a failing pull without saying why"), "{error}");
    let error = with("- expect: {pod: app, phase: Pending}\n");
    assert!(error.contains("without saying why"), "{error}");
}

#[test]
fn a_manifest_without_the_pod() {
    let error = with("- expect: {pod: ap, phase: Running}\n");
    assert!(error.contains("case.yaml:9:12: no manifest applied before this step holds the pod `ap`; did you mean `app`?"), "{error}");
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
    assert!(error.contains("case.yaml:8:100: `$REGSITRY` is not defined in this case"), "{error}");
}

#[test]
fn a_registry_that_is_not_there() {
    let error = with(
        "- expect: {pod: app, phase: Running, registry: {registry: mirror, anonymous: 401}}\n",
    );
    assert!(error.contains("the registry `mirror` is not among `registries`"), "{error}");
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

/// What must be seen, under `expect` of a step at line 9, and a part of its error.
#[rstest]
#[case::no_message("{pod: app, phase: Pending, message: ''}", "9:47: `message` is empty here")]
#[case::blank_message("{pod: app, phase: Pending, message: ' '}", "`message` is empty here")]
#[case::no_text("{pod: app, phase: Pending, message: [a, '']}", "9:51: `message` is empty here")]
#[case::no_contains(
    "{pod: app, phase: Pending, message: {contains: ''}}",
    "`contains` is empty here"
)]
#[case::no_messages("{pod: app, phase: Pending, message: []}", "`message` is empty here")]
#[case::no_reason("{pod: app, reasons: [''], message: a}", "`reasons` is empty here")]
#[case::no_event("{pod: app, phase: Running, events: [{reason: ''}]}", "`reason` is empty here")]
#[case::empty_event("{pod: app, phase: Running, events: [{}]}", "the key `reason` is missing")]
#[case::no_events("{pod: app, phase: Running, events: []}", "`events` is empty here")]
#[case::no_absent_event("{pod: app, phase: Running, noEvents: []}", "`noEvents` is empty here")]
#[case::event_without_text(
    "{pod: app, phase: Pending, events: [{reason: Failed, message: ''}]}",
    "`message` is empty here"
)]
#[case::registry_of_nothing(
    "{pod: app, phase: Pending, registry: {registry: registry}}",
    "9:48: says nothing of the registry"
)]
#[case::registries("{pod: app, phase: Pending, registry: []}", "`registry` is empty here")]
#[case::no_user(
    "{pod: app, phase: Running, registry: {authenticated: {}}}",
    "`authenticated` is empty here"
)]
#[case::no_order("{pod: app, phase: Running, registry: {order: []}}", "`order` is empty here")]
#[case::nothing("{pod: app, within: 5}", "9:3: an empty expectation holds for anything")]
#[case::empty("{}", "an empty expectation holds for anything")]
fn an_expectation_that_holds_for_anything(#[case] expect: &str, #[case] part: &str) {
    let error = with(&format!("- expect: {expect}\n"));
    assert!(error.contains(part), "{error}");
}

#[rstest]
#[case("{registry: {requests: none}, within: 30}", "requests: none")]
#[case("{registry: {anonymous: none}}", "anonymous: none")]
#[case("{registry: {authenticated: none}}", "authenticated: none")]
#[case("{registry: {anonymous: 401, bearer: none}}", "bearer: none")]
#[case("{registry: [{tokens: none}]}", "tokens: none")]
#[case("{registry: {authenticated: {janedoe: none}}}", "authenticated: none")]
#[case("{pod: app, noEvents: [Pulling]}", "noEvents")]
#[case("{pod: app, events: [{reason: Pulled}], noEvents: [Pulling]}", "noEvents")]
fn an_absence_without_an_outcome(#[case] expect: &str, #[case] what: &str) {
    let error = with(&format!("- expect: {expect}\n"));
    assert!(error.contains("case.yaml:9:"), "{error}");
    assert!(error.contains(&format!("`{what}` is an absence")), "{error}");
    assert!(error.contains("`pod` with `phase` or `reasons`"), "{error}");
}

#[rstest]
#[case("{pod: app, phase: Pending, registry: {authenticated: none}}")]
#[case("{pod: app, phase: Pending, registry: {anonymous: 401}}")]
#[case("{pod: app, reasons: [ErrImagePull], noEvents: [Pulling], message: a}")]
#[case("{pod: app, phase: Running, registry: {bearer: {'': 200}}}")]
#[case("{registry: {anonymous: 401}, within: 60}")]
fn an_absence_with_an_outcome_and_a_reason_of_any_kind(#[case] expect: &str) {
    let text = format!("{HEAD}{POD}- expect: {expect}\n");
    CaseFile::parse(Path::new("theme/case.yaml"), &text).unwrap();
}

/// Steps that begin at line 9, and a part of their error.
#[rstest]
#[case::exit("- run: {command: a, exit: 256}", "9:21: 256 is not an exit status")]
#[case::no_command("- run: ''", "the command is empty")]
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
#[case::no_status(
    "- expect: {pod: app, phase: Running, registry: {anonymous: [0]}}",
    "0 is not an HTTP status"
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
#[case::user("- registry: {users: {'a:b': x}}", "9:22: `a:b` cannot be a user")]
#[case::pushed(
    "- registry: {push: [team/app]}",
    "9:21: the image `team/app` lacks a tag; write for example `team/app:v1`"
)]
#[case::copied(
    "- registry: {push: [{name: 'a:v1', sameAs: 'team/other:v1'}]}",
    "`team/other:v1` is not an image pushed before `a:v1`"
)]
fn a_step_that_could_not_be_taken(#[case] step: &str, #[case] part: &str) {
    let error = with(&format!("{step}\n- expect: {{pod: app, phase: Running}}\n"));
    assert!(error.contains("theme/case.yaml:9:") && error.contains(part), "{error}");
}

/// The parts of a case before its steps, which begin at line 3, and a part of their error.
#[rstest]
#[case::tagless(
    "registries: {r: {auth: none, images: [team/app]}}",
    "3:39: the image `team/app` lacks a tag"
)]
#[case::repository(
    "registries: {r: {auth: none, images: ['Team/App:v1']}}",
    "`Team/App` is not a repository"
)]
#[case::tag("registries: {r: {auth: none, images: ['app:-x']}}", "`-x` is not a tag")]
#[case::twice(
    "registries: {r: {auth: none, images: ['a:v1', 'a:v1']}}",
    "3:47: `a:v1` is listed twice"
)]
#[case::same_as(
    "registries: {r: {auth: none, images: [{name: 'a:v1', sameAs: 'b:v1'}]}}",
    "3:54: `b:v1` is not an image"
)]
#[case::digest(
    "registries: {r: {auth: none, images: [{name: 'a:v1', digest: digest}]}}",
    "`digest` cannot be a variable"
)]
#[case::digest_taken(
    "registries: {r: {auth: none, images: [{name: 'a:v1', digest: R}]}}",
    "`$R` has a meaning already"
)]
#[case::user(
    "registries: {r: {auth: {basic: {'jane:doe': x}}}}",
    "3:33: `jane:doe` cannot be a user"
)]
#[case::no_user("registries: {r: {auth: {basic: {'': x}}}}", "cannot be a user")]
#[case::token_user(
    "registries: {r: {auth: {token: {users: {'a:b': {password: x}}}}}}",
    "`a:b` cannot be a user"
)]
#[case::search_path(
    "registries: {path: {auth: none}}",
    "3:14: the registry `path` would be `$PATH`, which has a meaning already"
)]
#[case::home("registries: {home: {auth: none}}", "would be `$HOME`")]
#[case::kubeconfig("registries: {kubeconfig: {auth: none}}", "would be `$KUBECONFIG`")]
#[case::lang("registries: {lang: {auth: none}}", "would be `$LANG`")]
#[case::node("registries: {node: {auth: none}}", "would be `$NODE`")]
#[case::preloaded_library("registries: {ld-preload: {auth: none}}", "would be `$LD_PRELOAD`")]
#[case::capitals("registries: {Mirror: {auth: none}}", "`Mirror` cannot be a registry's name")]
#[case::spaces("registries: {'a b': {auth: none}}", "cannot be a registry's name")]
#[case::digit("registries: {1st: {auth: none}}", "cannot be a registry's name")]
#[case::outside("registries: {../../x.y: {auth: none}}", "3:14: `../../x.y` is not a host name")]
#[case::port("registries: {'x.y:port': {auth: none}}", "`x.y:port` is not a host name")]
#[case::collision(
    "registries: {mirror: {auth: none}}\nnamespaces: [mirror]",
    "would both be `$MIRROR`"
)]
#[case::namespaces_collide(
    "namespaces: [a, a]",
    "3:17: the namespace `a` and the namespace `a` would both be `$A`"
)]
#[case::namespace("namespace: Bad_Name", "3:1: `Bad_Name` cannot be a namespace")]
#[case::of_the_cluster(
    "namespace: kube-system",
    "the namespace `kube-system` belongs to the cluster"
)]
#[case::further_namespace("namespaces: [Other]", "3:14: `Other` cannot name a namespace")]
#[case::long_namespace("namespaces: [a-name-that-is-too-long]", "at most 15")]
#[case::host_outside(
    "registries: {r: {auth: none}}\nhosts: {../../x.y: {server: r}}",
    "4:9: `../../x.y` is not a host name"
)]
#[case::host(
    "registries: {r: {auth: none}}\nhosts: {s: {server: r}}",
    "`s` is neither a registry of the case nor a host name"
)]
#[case::mirror(
    "registries: {r: {auth: none}}\nhosts: {r: {mirrors: [s]}}",
    "4:23: the registry `s` is not among `registries`"
)]
#[case::host_variable(
    "registries: {r: {auth: none}}\nhosts: {$S: {server: r}}",
    "4:9: `$S` is not defined in this case"
)]
fn a_name_that_could_not_be_used(#[case] head: &str, #[case] part: &str) {
    let error = error(&format!("title: t\nsource: s\n{head}\nsteps:\n- run: 'true'\n"));
    assert!(error.contains("theme/case.yaml:") && error.contains(part), "{error}");
}

#[test]
fn two_registries_of_one_variable() {
    let text = "title: t\nsource: s\nregistries:\n  a-b: {auth: none}\n  a.b: {auth: none}\nsteps:\n- run: 'true'\n";
    // A literal host may have the name: it is one wherever it is written.
    let error = error(text);
    assert!(
        error.contains("the registry `a.b` and the registry `a-b` would both be `$A_B`"),
        "{error}"
    );
}

/// Steps at line 9 that use `$REGG`, which nothing stands for.
#[rstest]
#[case::message("- expect: {pod: app, phase: Pending, message: $REGG/team}")]
#[case::event("- expect: {pod: app, phase: Running, events: [{reason: a, message: $REGG}]}")]
#[case::stdin("- run: {command: cat, stdin: $REGG}")]
#[case::stdout("- run: {command: cat, stdout: {contains: $REGG}}")]
#[case::json("- run: {command: cat, stdout: {json: {$REGG: {}}}}")]
#[case::patch("- patch: {object: pod/app, merge: {metadata: {labels: {a: $REGG}}}}")]
#[case::delete("- delete: pod/$REGG")]
#[case::node_file("- node: {files: {/etc/a/b: 'x $REGG'}}")]
#[case::record("- node: {record: {image: $REGG/team/app, matches: {equals: ''}}}")]
#[case::manifest("- apply: {apiVersion: v1, kind: Secret, metadata: {name: $REGG}}")]
fn a_variable_that_is_not_defined(#[case] step: &str) {
    let error = with(&format!("{step}\n- expect: {{pod: app, phase: Running}}\n"));
    assert!(error.contains("theme/case.yaml:9:"), "{error}");
    assert!(error.contains("`$REGG` is not defined in this case"), "{error}");
    assert!(error.contains("written `$$REGG`"), "{error}");
    let literal = step.replace("$REGG", "$$REGG").replace("pod/$$REGG", "pod/app");
    let text = format!("{HEAD}{POD}{literal}\n- expect: {{pod: app, phase: Running}}\n");
    CaseFile::parse(Path::new("theme/case.yaml"), &text).unwrap();
}

#[rstest]
#[case("- run: echo $HOME $TAG")]
#[case("- run: {command: echo $HOME $TAG}")]
#[case("- expect: {pod: app, phase: Running, message: 'on $NODE in $NAMESPACE'}")]
#[case("- expect: {pod: app, phase: Running, registry: {authenticated: {robot$CI: 200}}}")]
fn a_variable_of_the_shell_or_the_harness(#[case] step: &str) {
    let text = format!("{HEAD}{POD}{step}\n- expect: {{pod: app, phase: Running}}\n");
    CaseFile::parse(Path::new("theme/case.yaml"), &text).unwrap();
}

#[test]
fn a_variable_of_a_manifest_file_is_named_with_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: app}\nspec:\n  containers:\n  - {name: a, image: $REGG/a}\n";
    std::fs::write(folder.path().join("pod.yaml"), pod).unwrap();
    let text = format!("{HEAD}steps:\n- apply: pod.yaml\n- expect: {{pod: app, phase: Running}}\n");
    let error = CaseFile::parse(&folder.path().join("case.yaml"), &text).unwrap_err().to_string();
    assert!(error.contains("/pod.yaml:6:22: `$REGG` is not defined"), "{error}");
}

const WORKLOAD: &str = "- apply: {apiVersion: apps/v1, kind: Deployment, metadata: {name: web}, spec: {template: {spec: {containers: [{name: web, image: a}]}}}}\n";
const CRON: &str = "- apply: {apiVersion: batch/v1, kind: CronJob, metadata: {name: web}, spec: {jobTemplate: {spec: {template: {spec: {containers: [{name: web, image: a}]}}}}}}\n";

#[rstest]
#[case::of_a_pod("", "app", "the pod `app` has no container `wbe`")]
#[case::of_a_workload(WORKLOAD, "web-1", "expected one of: web")]
#[case::of_a_cron_job(CRON, "web-1", "expected one of: web")]
fn a_container_that_the_pod_does_not_have(
    #[case] before: &str,
    #[case] pod: &str,
    #[case] part: &str,
) {
    let error =
        with(&format!("{before}- expect: {{pod: {pod}, container: wbe, phase: Running}}\n"));
    assert!(error.contains(part), "{error}");
    let run = format!(
        "{HEAD}{POD}{before}- run: kubectl debug {pod}\n- expect: {{pod: {pod}, container: wbe, phase: Running}}\n"
    );
    CaseFile::parse(Path::new("theme/case.yaml"), &run).unwrap();
}

#[test]
fn a_namespace_that_is_not_one_of_the_case() {
    let error = with("- expect: {pod: app, namespace: other, phase: Running}\n");
    assert!(
        error.contains("case.yaml:9:22: the namespace `other` is not one of the case"),
        "{error}"
    );
    assert!(error.contains("expected one of: $NAMESPACE"), "{error}");
    let text = format!(
        "namespaces: [other]\n{HEAD}{POD}- expect: {{pod: app, namespace: $OTHER, phase: Running}}\n"
    );
    let error = self::error(&text);
    assert!(
        error.contains("the pod `app` is applied in the namespace `$NAMESPACE`, not in `$OTHER`"),
        "{error}"
    );
}

#[test]
fn a_case_that_proves_nothing_on_a_version() {
    let error = with("- when: {kubernetes: '<1.33'}\n  expect: {pod: app, phase: Running}\n");
    assert!(
        error.contains("case.yaml:7:1: the case proves nothing on Kubernetes 1.33, 1.34"),
        "{error}"
    );
    assert!(!error.contains("1.32"), "{error}");
    let error = with("- when: {containerd: '>=2.0'}\n  expect: {pod: app, phase: Running}\n");
    assert!(error.contains("1.31 with containerd 1.7; 1.32 with containerd 1.7"), "{error}");
    let gap = "- expect: {pod: app, phase: Pending, message: {kubernetes: '<1.33', contains: a}}\n";
    let error = with(gap);
    assert!(error.contains("9:38: none of these texts is for Kubernetes 1.33"), "{error}");
    // Where the case itself does not apply, nothing has to be proved.
    let text = format!("when: {{kubernetes: '<1.33'}}\n{HEAD}{POD}{gap}");
    CaseFile::parse(Path::new("theme/case.yaml"), &text).unwrap();
    let text = format!("when: {{kubernetes: '>=1.33, <1.33'}}\n{HEAD}{POD}{gap}");
    assert!(
        self::error(&text).contains("no known Kubernetes version matches"),
        "{}",
        self::error(&text)
    );
}

#[test]
fn a_fixture_of_the_documentation_is_found_anywhere() {
    let folder = tempfile::tempdir().unwrap();
    let text = format!(
        "{HEAD}steps:\n- apply: private-reg-pod-any.yaml\n- expect: {{pod: private-reg, container: private-reg-container, phase: Running}}\n"
    );
    let file = CaseFile::parse(&folder.path().join("case.yaml"), &text).unwrap();
    assert_eq!(file.objects[&0][0]["metadata"]["name"], "private-reg");
    let names: Vec<String> = file.fixtures.files().into_iter().map(|(name, _)| name).collect();
    assert!(names.contains(&"docker-credential-demo".to_owned()), "{names:?}");
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

/// A case whose registry is written out.
fn registry(fields: &str) -> String {
    error(&format!("title: t\nsource: s\nregistries:\n  registry: {{{fields}}}\nsteps: []\n"))
}

#[test]
fn values_that_a_registry_cannot_use() {
    let faulty = |fault: &str| registry(&format!("auth: none, faults: [{fault}]"));
    for (error, expected) in [
        (
            faulty("{nth: 0, action: resetPeer}"),
            "`0` is out of range; expected which of the matching",
        ),
        (faulty("{action: {status: 99}}"), "`99` is out of range; expected the status of an HTTP"),
        (
            faulty("{action: {status: 9999}}"),
            "`9999` is out of range; expected the status of an HTTP",
        ),
        (faulty("{action: {withoutChallenge: 600}}"), "`600` is out of range; expected the status"),
        (
            registry("auth: none, images: [{name: 'a:v1', padding: 10000000000000}]"),
            "`10000000000000` is out of range; expected at most 1073741824 bytes (1 GiB)",
        ),
        (
            registry("auth: {token: {public: [a], expires: 9223372036854775807}}"),
            "`9223372036854775807` is out of range; expected at most 31536000 seconds",
        ),
        (faulty("{action: {ignore: ['a b']}}"), "\"a b\" is not the name of a header"),
        (faulty("{action: {headers: {Connection: x}}}"), "`Connection` is the connection's own"),
        (
            faulty("{action: {headers: {X: {a: b}}}}"),
            "cannot be the value of a header; expected a text",
        ),
        (
            faulty("{action: {headers: {X: \"a\\nb\"}}}"),
            "cannot be the value of a header; expected one",
        ),
        (
            faulty("{kind: manifst, action: resetPeer}"),
            "unknown value `manifst`; did you mean `manifest`?",
        ),
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
    let error = with("- registry: {faults: [{action: {redirectToOtherHost: registy}}]}\n");
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
