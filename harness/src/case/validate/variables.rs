//! A misspelt `$NAME` would be taken as it stands.

use crate::case::{
    error::CaseError,
    manifest::ManifestFile,
    model::node_variable,
    source::{Source, at},
    tree::{Node, Place},
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
    let filled = source.file.steps().flat_map(|(index, step)| {
        let written = source.tree.value_of(at!["steps", index, step.verb.word()]);
        written.map(|written| step.verb.action().filled(written)).unwrap_or_default()
    });
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
    let later = source.file.registry_changes().flat_map(|(_, change)| &change.push);
    let images = before.chain(later);
    images.filter_map(|image| image.digest.as_ref())
}
