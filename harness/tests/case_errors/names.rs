//! Names that cannot be used, or that nothing in the case has.

use pullproof::case::CaseFile;
use rstest::rstest;

use super::{HEAD, POD, with};

#[test]
fn a_manifest_without_the_pod() {
    let error = with("- expect: {pod: ap, phase: Running}\n");
    assert!(error.contains("case.yaml:9:12: no manifest applied before this step holds the pod `ap`; did you mean `app`?"), "{error}");
    let secret = format!(
        "{HEAD}steps:\n- apply: {{apiVersion: v1, kind: Secret, metadata: {{name: s}}}}\n- expect: {{pod: app, phase: Running}}\n"
    );
    let error = super::error(&secret);
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
    let error = super::error(&format!("{HEAD}{pod}- expect: {{pod: app, phase: Running}}\n"));
    assert!(error.contains("case.yaml:8:100: `$REGSITRY` is not defined in this case"), "{error}");
}

#[test]
fn a_registry_that_is_not_there() {
    let error = with(
        "- expect: {pod: app, phase: Running, registry: {registry: mirror, anonymous: 401}}\n",
    );
    assert!(error.contains("the registry `mirror` is not among `registries`"), "{error}");
}

/// The parts of a case before its steps, which begin at line 3, and a part of their error.
#[rstest]
#[case::tagless(
    "registries: {r: {auth: none, images: [team/app]}}",
    "3:39: \"team/app\" is not an image of a registry"
)]
#[case::repository(
    "registries: {r: {auth: none, images: ['Team/App:v1']}}",
    "\"Team/App:v1\" is not an image of a registry"
)]
#[case::tag(
    "registries: {r: {auth: none, images: ['app:-x']}}",
    "\"app:-x\" is not an image of a registry"
)]
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
    "3:32: expected a user name without colon"
)]
#[case::no_user("registries: {r: {auth: {basic: {'': x}}}}", "expected a user name without colon")]
#[case::token_user(
    "registries: {r: {auth: {token: {users: {'a:b': {password: x}}}}}}",
    "expected a user name without colon"
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
    let error = super::error(&format!("title: t\nsource: s\n{head}\nsteps:\n- run: 'true'\n"));
    assert!(error.contains("theme/case.yaml:") && error.contains(part), "{error}");
}

#[test]
fn two_registries_of_one_variable() {
    let text = "title: t\nsource: s\nregistries:\n  a-b: {auth: none}\n  a.b: {auth: none}\nsteps:\n- run: 'true'\n";
    // A literal host may have the name: it is one wherever it is written.
    let error = super::error(text);
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
    super::accept(&text);
}

#[rstest]
#[case("- run: echo $HOME $TAG")]
#[case("- run: {command: echo $HOME $TAG}")]
#[case("- expect: {pod: app, phase: Running, message: 'on $NODE in $NAMESPACE'}")]
#[case("- expect: {pod: app, phase: Running, registry: {authenticated: {robot$CI: 200}}}")]
fn a_variable_of_the_shell_or_the_harness(#[case] step: &str) {
    let text = format!("{HEAD}{POD}{step}\n- expect: {{pod: app, phase: Running}}\n");
    super::accept(&text);
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
    super::accept(&run);
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
    let error = super::error(&text);
    assert!(
        error.contains("the pod `app` is applied in the namespace `$NAMESPACE`, not in `$OTHER`"),
        "{error}"
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
