//! Cases in older words of the format are rewritten in today's, and nothing else of them changes.

mod support;

use std::{fs, path::Path};

use pullproof::case::{CaseFile, migrate};
use rstest::rstest;
use serde_saphyr::granit_parser::{Event, Parser};
use support::{pullproof, run};

fn data(folder: &str, name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/migration").join(folder);
    fs::read_to_string(path.join(format!("{name}.yaml"))).expect("test data")
}

fn comments(text: &str) -> Vec<String> {
    let events = Parser::new_from_str(text).map(|event| event.expect("YAML").0);
    let comments = events.filter_map(|event| match event {
        Event::Comment(text, _) => Some(text.into_owned()),
        _ => None,
    });
    comments.collect()
}

#[rstest]
#[case("faults")]
#[case("commands")]
fn only_the_old_words_change(#[case] name: &str) {
    let old = data("old", name);
    let (migrated, words) = migrate(&old);
    assert_eq!(migrated, data("new", name));
    assert!(words > 5);
    assert_eq!(comments(&migrated), comments(&old));
    // Again: nothing is left to change.
    assert_eq!(migrate(&migrated), (migrated.clone(), 0));
}

#[rstest]
#[case("faults")]
#[case("commands")]
fn a_migrated_case_is_in_order(#[case] name: &str) {
    let path = Path::new("theme/case.yaml");
    CaseFile::parse(path, &migrate(&data("old", name)).0).unwrap();
    let error = CaseFile::parse(path, &data("old", name)).unwrap_err().to_string();
    assert!(error.contains("now `"), "{error}");
}

/// A step in old words at line 6, the place of its word, and the error's beginning.
#[rstest]
#[case("- expect: {pod: a, no_events: [b]}", "6:20", "`no_events` is now `noEvents`")]
#[case("- expect: {pod: a, pair: registry}", "6:20", "`pair` is now `privacyCheck`")]
#[case("- expect: {registry: {of: r}}", "6:23", "`of` is now `registry`")]
#[case("- registry: {faults: [{do: flip}]}", "6:24", "`do` is now `action`")]
#[case("- registry: {faults: [{action: flip}]}", "6:32", "`flip` is now `corrupt`")]
#[case("- node: {restart-kubelet: true}", "6:10", "`restart-kubelet` is now `restartKubelet`")]
fn an_old_word_is_named_with_the_new_one(
    #[case] step: &str,
    #[case] place: &str,
    #[case] problem: &str,
) {
    let text = format!("title: t\nsource: s\nregistries:\n  r: {{auth: none}}\nsteps:\n{step}\n");
    let error = CaseFile::parse(Path::new("case.yaml"), &text).unwrap_err().to_string();
    let expected = format!("case.yaml:{place}: {problem}; run scripts/migrate-cases case.yaml");
    assert_eq!(error, expected);
}

#[test]
fn the_command_rewrites_files_in_place_and_keeps_their_mode() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("case.yaml");
    fs::write(&file, data("old", "faults")).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
    let name = file.to_string_lossy().into_owned();
    let ran = run(&mut pullproof(&["migrate", &name])).with_status(0);
    assert!(ran.stdout.contains("old words"), "{}", ran.stdout);
    assert_eq!(fs::read_to_string(&file).unwrap(), data("new", "faults"));
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o640);
    let ran = run(&mut pullproof(&["migrate", &name])).with_status(0);
    assert!(ran.stdout.contains(": 0 old words"), "{}", ran.stdout);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn the_help_of_the_command_is_the_table() {
    let ran = run(&mut pullproof(&["migrate", "--help"])).with_status(0);
    assert!(ran.stdout.contains("steps.expect (key): no_events → noEvents"), "{}", ran.stdout);
}
