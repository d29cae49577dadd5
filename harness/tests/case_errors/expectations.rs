//! Expectations that hold for anything, and cases that prove nothing.

use rstest::rstest;

use super::{HEAD, POD, with};

#[test]
fn a_failing_pull_without_a_reason() {
    let error = with("- expect: {pod: app, reasons: [ErrImagePull]}\n");
    assert!(error.contains("case.yaml:9:3: expects a failing pull without saying why"), "{error}");
    let error = with("- expect: {pod: app, phase: Pending}\n");
    assert!(error.contains("without saying why"), "{error}");
}

#[test]
fn a_case_that_expects_nothing() {
    assert!(super::error(&format!("{HEAD}{POD}")).contains("expects nothing"));
    assert!(super::error(&format!("{HEAD}steps: []\n")).contains("has no steps"));
    assert!(with("- expect: {pod: app}\n").contains("an empty expectation holds for anything"));
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
    super::accept(&text);
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
    super::accept(&text);
    let text = format!("when: {{kubernetes: '>=1.33, <1.33'}}\n{HEAD}{POD}{gap}");
    assert!(
        super::error(&text).contains("no known Kubernetes version matches"),
        "{}",
        super::error(&text)
    );
}

#[rstest]
#[case::count(
    "events: [{reason: Failed, count: many}]",
    "`many` is not a count; write `2`, `>=2` or `<=2`"
)]
#[case::signed_count(
    "events: [{reason: Failed, count: '+2'}]",
    "`+2` is not a count; write `2`, `>=2` or `<=2`"
)]
#[case::null_text("message: {contains: null}", "expected a text for `contains`, found nothing")]
#[case::any_count("events: [{reason: Failed, count: '>=0'}]", "`>=0` holds for any count")]
#[case::two_ways(
    "message: {contains: a, equals: b}",
    "exactly one of `contains`, `equals`, `notContains`"
)]
#[case::requests("registry: {requests: some}", "`some` is neither `none` nor a list of requests")]
#[case::kind(
    "registry: {requests: [{kind: manifst}]}",
    "unknown value `manifst`; did you mean `manifest`?"
)]
#[case::status(
    "registry: {anonymous: [999]}",
    "999 is not an HTTP status; expected 100 to 599, or 0"
)]
#[case::settle("settle: 0", "`settle` is in seconds, from 1 to 3600")]
#[case::stays("staysFor: 4000", "`staysFor` is in seconds, from 1 to 3600")]
#[case::container(
    "events: [{reason: Failed, container: ap}]",
    "the pod `app` has no container `ap`; did you mean `app`?"
)]
fn words_of_expectations(#[case] words: &str, #[case] expected: &str) {
    let error = with(&format!("- expect: {{pod: app, phase: Running, {words}}}\n"));
    assert!(error.contains(expected), "{error}");
    assert!(error.starts_with("theme/case.yaml:9:"), "{error}");
}

#[rstest]
#[case("service/web", "`service` is not a workload; expected one of: deployment, replicaset")]
#[case("deployment/", "a pod's name is missing")]
#[case("=web", "`=web` is not a label; write name=value")]
fn a_pod_that_cannot_be_meant(#[case] pod: &str, #[case] expected: &str) {
    let error = with(&format!("- expect: {{pod: '{pod}', phase: Running}}\n"));
    assert!(error.contains(expected), "{error}");
}

#[test]
fn an_upper_bound_is_an_absence_and_needs_an_outcome() {
    let error = with("- expect: {pod: app, events: [{reason: Failed, message: a, count: 1}]}\n");
    assert!(
        error.contains("`count` is an absence, which holds before anything has happened"),
        "{error}"
    );
    let error = with("- expect: {registry: {requests: [{kind: blob, count: '<=2'}]}}\n");
    assert!(error.contains("is an absence"), "{error}");
}
