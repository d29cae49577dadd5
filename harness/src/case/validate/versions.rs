//! Versions: ranges that hold for something, and a step that proves something on each version.

use std::{collections::BTreeSet, sync::LazyLock};

use semver::Version;

use crate::{
    case::{
        error::CaseError,
        model::{Step, Text, Texts, Verb, When},
        range::{VersionRange, version_of},
        source::{Source, at, below},
        tree::Key,
    },
    versions::Versions,
};

static MATRIX: LazyLock<Versions> = LazyLock::new(Versions::built_in);

pub(super) fn check(source: Source<'_>) -> Result<(), CaseError> {
    ranges(source, at!["when"], &source.file.case.when)?;
    for (index, step) in source.file.steps() {
        ranges(source, at!["steps", index, "when"], &step.when)?;
    }
    proves_something(source)
}

/// A range must hold for a version of the matrix: a typo would otherwise switch the step off for ever.
fn ranges(source: Source<'_>, path: &[Key<'_>], when: &When) -> Result<(), CaseError> {
    let versions = &*MATRIX;
    let check = |key: &str, range: &Option<VersionRange>, of: &str, known: Vec<String>| match range
    {
        Some(range) if !known.iter().any(|known| holds_for_minor(range, known)) => {
            let problem = format!("no known {of} version matches `{range}`");
            Err(source.error(&below(path, key), problem).among(&range.to_string(), known))
        }
        _ => Ok(()),
    };
    check("kubernetes", &when.kubernetes, "Kubernetes", versions.kubernetes_minors())?;
    check("containerd", &when.containerd, "containerd", versions.containerd_minors())
}

/// The ranges of texts, each of which says for which versions it holds.
pub(in crate::case) fn texts(
    source: Source<'_>,
    path: &[Key<'_>],
    texts: &Texts,
) -> Result<(), CaseError> {
    for (at, text) in texts.0.iter().enumerate() {
        ranges(source, &below(path, at), &text.when)?;
    }
    Ok(())
}

/// The first and a late patch of a minor: a range may begin or end within it.
fn patches(minor: &str) -> impl Iterator<Item = Version> {
    [0, 99].into_iter().filter_map(move |patch| version_of(&format!("{minor}.{patch}")))
}

fn holds_for_minor(range: &VersionRange, minor: &str) -> bool {
    patches(minor).any(|version| range.contains(&version))
}

/// On every version that the case is about, at least one step has to prove something, and no text may
/// be looked for that is for other versions only.
fn proves_something(source: Source<'_>) -> Result<(), CaseError> {
    let case = &source.file.case;
    if !source.file.steps().any(|(_, step)| step.proves()) {
        let problem =
            "the case expects nothing: it needs a step with `expect`, `run` or `node: {record: …}`";
        return Err(source.error(at!["steps"], problem));
    }
    let versions = &*MATRIX;
    let (kubernetes, containerd) = (versions.kubernetes_minors(), versions.containerd_minors());
    let mut about = 0;
    let mut without = BTreeSet::new();
    for (at, minor) in kubernetes.iter().enumerate() {
        for (of, runtime) in containerd.iter().enumerate() {
            let both =
                patches(minor).flat_map(|one| patches(runtime).map(move |two| (one.clone(), two)));
            for (one, two) in both.filter(|(one, two)| case.when.applies(one, two)) {
                about += 1;
                let applied =
                    || source.file.steps().filter(|(_, step)| step.when.applies(&one, &two));
                if !applied().any(|(_, step)| step.proves()) {
                    without.insert((at, of));
                }
                for (index, step) in applied() {
                    texts_for(source, index, step, &one, &two)?;
                }
            }
        }
    }
    if about == 0 {
        let problem = "the case applies to no known version: its ranges exclude each other";
        return Err(source.error(at!["when"], problem));
    }
    if without.is_empty() {
        return Ok(());
    }
    let problem = format!(
        "the case proves nothing on {}: no step with `expect`, `run` or `record` applies there; add one, or \
         limit the case with `when`",
        minors(&without, &kubernetes, &containerd)
    );
    Err(source.error(at!["steps"], problem))
}

/// Texts for versions, none of which is this one.
fn texts_for(
    source: Source<'_>,
    index: usize,
    step: &Step,
    kubernetes: &Version,
    containerd: &Version,
) -> Result<(), CaseError> {
    let Verb::Expect(expect) = &step.verb else { return Ok(()) };
    let gap = |path: &[Key<'_>], texts: &Texts| {
        let applies = |text: &Text| text.when.applies(kubernetes, containerd);
        if texts.0.is_empty() || texts.0.iter().any(applies) {
            return Ok(());
        }
        let problem = format!(
            "none of these texts is for Kubernetes {}.{} with containerd {}.{}",
            kubernetes.major, kubernetes.minor, containerd.major, containerd.minor
        );
        Err(source.error(path, problem))
    };
    gap(at!["steps", index, "expect", "message"], &expect.message)?;
    for (event, expected) in expect.events.iter().enumerate() {
        gap(at!["steps", index, "expect", "events", event, "message"], &expected.message)?;
    }
    Ok(())
}

/// Returns Kubernetes minors, each with containerd minors unless it is all of them.
fn minors(
    cells: &BTreeSet<(usize, usize)>,
    kubernetes: &[String],
    containerd: &[String],
) -> String {
    let mut words: Vec<String> = Vec::new();
    for (at, minor) in kubernetes.iter().enumerate() {
        let runtimes: Vec<&str> = (0..containerd.len())
            .filter(|of| cells.contains(&(at, *of)))
            .map(|of| containerd[of].as_str())
            .collect();
        match runtimes.len() {
            0 => {}
            all if all == containerd.len() => words.push(minor.clone()),
            _ => words.push(format!("{minor} with containerd {}", runtimes.join(", "))),
        }
    }
    let and = if words.iter().any(|one| one.contains("with")) { "; " } else { ", " };
    format!("Kubernetes {}", words.join(and))
}
