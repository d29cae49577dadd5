//! A misspelt `$NAME` would be taken as it stands.

use super::{Source, at};
use crate::case::{
    error::CaseError,
    manifest::ManifestFile,
    model::{Step, node_variable},
    tree::{Content, Node, Place},
    variables::{Part, parts, variable_name},
};

pub(super) fn check(
    source: Source<'_>,
    manifests: &[(usize, ManifestFile)],
) -> Result<(), CaseError> {
    let known = known(source);
    let unknown = |node: &Node| {
        let mut found: Option<(String, Place)> = None;
        node.scalars(&mut |text, place| {
            let name = parts(text).find_map(|part| match part {
                Part::Name(name) if !known.iter().any(|known| known == name) => Some(name),
                _ => None,
            });
            if let (None, Some(name)) = (&found, name) {
                found = Some((name.to_owned(), place));
            }
        });
        found
    };
    let error = |file: &std::path::Path, (name, place): (String, Place)| {
        let problem = format!(
            "`${name}` is not defined in this case; a `$` that is meant as it stands is written `$${name}`"
        );
        CaseError::at(file, Some(place), problem).among(&name, known.iter())
    };
    for (_, manifest) in manifests {
        if let Some(found) = manifest.documents.iter().find_map(unknown) {
            return Err(error(&manifest.path, found));
        }
    }
    let hosts = source.tree.get("hosts").into_iter().flat_map(Node::entries).map(|(host, _)| host);
    let steps = source
        .file
        .steps()
        .filter_map(|(index, step)| Some((source.tree.value_of(at!["steps", index])?, step)));
    let filled = steps.flat_map(|(written, step)| filled(written, step));
    match hosts.chain(filled).find_map(unknown) {
        Some(found) => Err(error(&source.file.path, found)),
        None => hosts_have_values(source),
    }
}

/// A host has to be one after its variables are replaced: they are hosts, namespaces and digests.
fn hosts_have_values(source: Source<'_>) -> Result<(), CaseError> {
    let digests: Vec<&String> = digests(source).collect();
    for host in source.file.case.hosts.keys() {
        let mut names = parts(host).filter_map(|part| match part {
            Part::Name(name) => Some(name),
            _ => None,
        });
        if let Some(name) = names.find(|name| digests.iter().any(|digest| digest == name)) {
            let problem = format!("`{host}` is not a host name: `${name}` is a digest");
            return Err(source.error(at!["hosts", host], problem));
        }
    }
    Ok(())
}

/// The parts of a step in which variables are replaced. In a command a `$NAME` belongs to the shell, and
/// users and repositories of a registry are what they are.
fn filled<'a>(written: &'a Node, step: &Step) -> Vec<&'a Node> {
    let mut parts = Vec::new();
    for (key, value) in written.entries() {
        match key.text().unwrap_or_default() {
            "apply" => parts.extend(
                value.each().iter().filter(|manifest| matches!(manifest.content, Content::Map(_))),
            ),
            "expect" => {
                let seen = value.entries().iter().filter(|(key, _)| key.text() != Some("registry"));
                parts.extend(seen.map(|(_, value)| value));
            }
            "run"
                if step
                    .run
                    .as_ref()
                    .is_some_and(|run| run.command != value.text().unwrap_or_default()) =>
            {
                parts.extend(
                    ["stdin", "stdout", "stderr"].into_iter().filter_map(|key| value.get(key)),
                );
            }
            "patch" | "delete" | "node" => parts.push(value),
            _ => {}
        }
    }
    parts
}

/// The names that stand for something.
fn known(source: Source<'_>) -> Vec<String> {
    let case = &source.file.case;
    let names = case.registries.keys().chain(&case.namespaces).map(|name| variable_name(name));
    ["NAMESPACE".to_owned(), "NODE".to_owned()]
        .into_iter()
        .chain(names)
        .chain(case.registries.keys().map(|name| node_variable(name)))
        .chain(digests(source).cloned())
        .collect()
}

/// What the case calls the digests of its images.
fn digests<'a>(source: Source<'a>) -> impl Iterator<Item = &'a String> {
    let before = source.file.case.registries.values().flat_map(|registry| &registry.images);
    let later = source.file.case.steps.iter().filter_map(|step| step.value.registry.as_ref());
    let images = before.chain(later.flat_map(|change| &change.push));
    images.filter_map(|image| image.digest.as_ref())
}
