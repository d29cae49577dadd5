//! Expectations that hold for something: each says what must be seen, and an absence has an outcome
//! after which it counts.

use super::{Source, at, names, versions};
use crate::case::{
    error::CaseError,
    model::{Expect, Phase, Run},
    tree::{Content, Key, Node},
};

/// The longest that an expectation may take, settle or stay, in seconds.
const LONGEST: u64 = 3600;

/// Keys of an expectation that say whom it means and how it is watched, and not what must be seen.
const WHOM_AND_HOW: [&str; 9] = [
    "pod",
    "namespace",
    "container",
    "sync",
    "within",
    "privacyCheck",
    "settle",
    "staysFor",
    "inOrder",
];

/// Keys whose value is compared as a whole: nothing is a value as well.
const EXACT: [&str; 2] = ["equals", "json"];

pub(super) fn check(source: Source<'_>, index: usize, expect: &Expect) -> Result<(), CaseError> {
    let here = at!["steps", index, "expect"];
    if let Some(written) = source.tree.value_of(here) {
        if says_nothing(written, &WHOM_AND_HOW) {
            let problem = "an empty expectation holds for anything; say `phase`, `reasons`, `message`, \
                           `events` or `registry`";
            return Err(source.error(here, problem));
        }
        not_empty(source, written)?;
        for witness in written.get("registry").into_iter().flat_map(Node::each) {
            if says_nothing(witness, &["registry", "inOrder"]) {
                let problem = "says nothing of the registry; add `anonymous`, `authenticated`, `bearer`, \
                               `tokens`, `requests` or `order`";
                return Err(CaseError::at(&source.file.path, Some(witness.place), problem));
            }
        }
    }
    for (key, seconds) in
        [("within", expect.within), ("settle", expect.settle), ("staysFor", expect.stays_for)]
    {
        if seconds.is_some_and(|seconds| !(1..=LONGEST).contains(&seconds)) {
            let problem = format!("`{key}` is in seconds, from 1 to {LONGEST}");
            return Err(source.error(at!["steps", index, "expect", key], problem));
        }
    }
    failing(source, index, expect)?;
    if matches!(expect.phase, Some(Phase::Running | Phase::Succeeded)) && !expect.reasons.is_empty()
    {
        let problem = "what runs has no waiting reasons: with `container`, `phase` is that container's; \
                       expect the pod and the container that waits in a step each";
        return Err(source.error(here, problem));
    }
    for (at, event) in expect.events.iter().enumerate() {
        if let Some(kind) = &event.kind
            && !["Normal", "Warning"].contains(&kind.as_str())
        {
            let problem = format!("`{kind}` is not a type of events");
            let path = at!["steps", index, "expect", "events", at, "type"];
            return Err(source.error(path, problem).among(kind, ["Normal", "Warning"]));
        }
        versions::texts(
            source,
            at!["steps", index, "expect", "events", at, "message"],
            &event.message,
        )?;
    }
    versions::texts(source, at!["steps", index, "expect", "message"], &expect.message)?;
    for (at, registry) in expect.registry.0.iter().enumerate() {
        names::registry_of(
            source,
            at!["steps", index, "expect", "registry", at],
            registry.of.as_deref(),
        )?;
    }
    absences(source, index, expect)?;
    let pod_needed = expect.phase.is_some()
        || !expect.reasons.is_empty()
        || !expect.message.0.is_empty()
        || !expect.events.is_empty()
        || !expect.no_events.is_empty()
        || expect.cause.is_some();
    if pod_needed && expect.pod.is_none() {
        return Err(source.error(here, "the key `pod` is missing"));
    }
    Ok(())
}

/// A failing pull has to say why. The texts and registries that say it are not empty.
fn failing(source: Source<'_>, index: usize, expect: &Expect) -> Result<(), CaseError> {
    let because = expect.events.iter().any(|event| !event.message.0.is_empty());
    if expect.fails() && expect.message.0.is_empty() && expect.registry.0.is_empty() && !because {
        let problem = "expects a failing pull without saying why: any error would satisfy it. \
                       Add `message`, `registry` or `events` with a message";
        return Err(source.error(at!["steps", index, "expect"], problem));
    }
    Ok(())
}

/// What is absent now may come a moment later, so an absence needs an outcome after which it counts.
fn absences(source: Source<'_>, index: usize, expect: &Expect) -> Result<(), CaseError> {
    let outcome = expect.phase.is_some() || !expect.reasons.is_empty();
    if expect.pod.is_some() && outcome {
        return Ok(());
    }
    let error = |path: &[Key<'_>], what: &str| {
        let problem = format!(
            "`{what}` is an absence, which holds before anything has happened: give the same expectation \
             a `pod` with `phase` or `reasons`, so that it is looked for after the pull"
        );
        Err(source.error(path, problem))
    };
    if !expect.no_events.is_empty() {
        return error(at!["steps", index, "expect", "noEvents"], "noEvents");
    }
    if let Some(at) = expect.events.iter().position(|event| event.count.is_bounded()) {
        let path = at!["steps", index, "expect", "events", at, "count"];
        return error(path, "count");
    }
    for (at, registry) in expect.registry.0.iter().enumerate() {
        if let Some(key) = registry.absence() {
            let path = at!["steps", index, "expect", "registry", at, key];
            return error(path, &format!("{key}: none"));
        }
    }
    Ok(())
}

/// A command exits with what a process can exit with, and what it prints is looked at.
pub(super) fn command(source: Source<'_>, index: usize, run: &Run) -> Result<(), CaseError> {
    let here = at!["steps", index, "run"];
    if run.command.trim().is_empty() {
        return Err(source.error(here, "the command is empty"));
    }
    if !(0..=255).contains(&run.exit) {
        let problem = format!("{} is not an exit status; write one from 0 to 255", run.exit);
        return Err(source.error(at!["steps", index, "run", "exit"], problem));
    }
    for (key, wanted) in [("stdout", &run.stdout), ("stderr", &run.stderr)] {
        if let Some(wanted) = wanted {
            let path = at!["steps", index, "run", key];
            output(source, path)?;
            versions::texts(source, path, &wanted.contains)?;
        }
    }
    Ok(())
}

/// What a command prints or a record holds has to be looked at for something.
pub(super) fn output(source: Source<'_>, path: &[Key<'_>]) -> Result<(), CaseError> {
    match source.tree.value_of(path) {
        Some(written) if says_nothing(written, &[]) => {
            let problem = "says nothing; add `contains`, `equals`, `json` or `notContains`";
            Err(source.error(path, problem))
        }
        Some(written) => not_empty(source, written),
        None => Ok(()),
    }
}

/// Whether a mapping holds nothing beside some keys.
fn says_nothing(node: &Node, beside: &[&str]) -> bool {
    let keys = node.entries().iter().filter_map(|(key, _)| key.text());
    matches!(&node.content, Content::Map(_))
        && keys.filter(|key| !beside.contains(key)).count() == 0
}

/// An empty text is in every text, and an empty list asks for nothing.
fn not_empty(source: Source<'_>, node: &Node) -> Result<(), CaseError> {
    for (key, value) in node.entries() {
        let name = key.text().unwrap_or_default();
        if EXACT.contains(&name) {
            continue;
        }
        if let Some(empty) = empty(value) {
            let problem = format!(
                "`{name}` is empty here, which holds for anything; say what must be seen, or leave it out"
            );
            return Err(CaseError::at(&source.file.path, Some(empty.place), problem));
        }
        for value in value.each() {
            not_empty(source, value)?;
        }
    }
    Ok(())
}

fn empty(value: &Node) -> Option<&Node> {
    match &value.content {
        Content::Scalar { text, plain } => {
            let null = *plain && matches!(text.as_str(), "~" | "null" | "Null" | "NULL");
            (text.trim().is_empty() || null).then_some(value)
        }
        Content::List(list) if list.is_empty() => Some(value),
        Content::List(list) => list.iter().find_map(empty),
        Content::Map(entries) => entries.is_empty().then_some(value),
        Content::Alias(_) => None,
    }
}
