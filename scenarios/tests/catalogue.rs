//! The catalogue without a cluster: each case is in order and is about a version of the matrix.

use std::{collections::BTreeSet, path::Path};

use pullproof::case::model::{Phase, Verb};
use pullproof::{
    case::{CaseFile, find_cases, range::version_of},
    versions::Versions,
};

/// All cases; what is wrong with any of them is said at once.
fn cases() -> Vec<CaseFile> {
    let files = find_cases(Path::new(env!("CARGO_MANIFEST_DIR"))).expect("the catalogue");
    let read = files.iter().map(|file| CaseFile::read(file));
    let (good, bad): (Vec<_>, Vec<_>) = read.partition(Result::is_ok);
    let errors: Vec<_> =
        bad.into_iter().filter_map(Result::err).map(|error| error.to_string()).collect();
    assert!(errors.is_empty(), "{}", errors.join("\n"));
    good.into_iter().flatten().collect()
}

#[test]
fn every_case_applies_to_a_version_of_the_matrix() {
    let versions = Versions::built_in();
    let late = |minors: Vec<String>| -> Vec<_> {
        minors.iter().filter_map(|minor| version_of(&format!("{minor}.99"))).collect()
    };
    let (kubernetes, containerd) =
        (late(versions.kubernetes_minors()), late(versions.containerd_minors()));
    for case in cases() {
        let when = &case.case.when;
        let applies =
            kubernetes.iter().any(|one| containerd.iter().any(|two| when.applies(one, two)));
        assert!(applies, "{} applies to no version", case.name);
    }
}

#[test]
fn every_case_has_a_name_of_its_own() {
    let cases = cases();
    let names: BTreeSet<&str> = cases.iter().map(|case| case.name.as_str()).collect();
    assert_eq!(names.len(), cases.len());
    assert!(cases.len() > 150, "{} cases were found", cases.len());
}

/// Waiting reasons of a pull that failed and is not over by the next expectation's looks.
const PULLS: [&str; 4] =
    ["ErrImagePull", "ImagePullBackOff", "ErrImageNeverPull", "InvalidImageName"];

#[test]
fn every_pull_that_fails_states_its_cause() {
    let mut without = Vec::new();
    for case in cases() {
        // Its pull fails once and is retried at once: what is to be seen of it is gone by then.
        let once = case.name.ends_with("-once");
        for (index, step) in case.steps() {
            let Verb::Expect(expect) = &step.verb else { continue };
            let fails = expect.reasons.iter().any(|reason| PULLS.contains(&reason.as_str()));
            if fails && expect.phase != Some(Phase::Running) && expect.cause.is_none() && !once {
                without.push(format!("{} step {}", case.name, index + 1));
            }
        }
    }
    assert!(without.is_empty(), "{}", without.join("\n"));
}

#[test]
fn the_documents_have_every_case_and_no_other() {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs");
    let read = |name: &str| std::fs::read_to_string(docs.join(name)).expect("a document");
    let names: BTreeSet<String> = cases().into_iter().map(|case| case.name).collect();
    for (file, before, after) in [
        ("what-happens-when.md", "](<../scenarios/", ".yaml>)"),
        ("what-happens-when.html", "<a href=\"../scenarios/", ".yaml\">"),
    ] {
        let text = read(file);
        let parts = text.split(before).skip(1).filter_map(|rest| rest.split_once(after));
        let documented: BTreeSet<String> = parts.map(|(name, _)| name.to_owned()).collect();
        let lacks: Vec<_> = names.difference(&documented).collect();
        let knows: Vec<_> = documented.difference(&names).collect();
        assert!(
            lacks.is_empty() && knows.is_empty(),
            "docs/{file} lacks {lacks:?} and has {knows:?}, which are gone; make it again with \
             `pullproof matrix --markdown … --html …` (README, Versions)"
        );
    }
}
