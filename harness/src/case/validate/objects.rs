//! Objects that a step names: `pod/private-reg`.

use super::{Source, at};
use crate::case::{
    error::CaseError,
    kinds::{KINDS, Kind},
    model::Step,
    names::is_subdomain,
    tree::Key,
    variables::{Part, parts, variable_name},
};

pub(super) fn check(source: Source<'_>, index: usize, step: &Step) -> Result<(), CaseError> {
    if let Some(patch) = &step.patch {
        object(source, at!["steps", index, "patch", "object"], &patch.object)?;
        if !patch.merge.is_object() {
            let problem = "a merge patch is a mapping: `merge: {spec: …}`";
            return Err(source.error(at!["steps", index, "patch", "merge"], problem));
        }
    }
    match &step.delete {
        Some(name) => object(source, at!["steps", index, "delete"], name),
        None => Ok(()),
    }
}

fn object(source: Source<'_>, path: &[Key<'_>], text: &str) -> Result<(), CaseError> {
    let Some((word, name)) = text.split_once('/') else {
        let problem = format!("`{text}` is not an object; write for example `pod/private-reg`");
        return Err(source.error(path, problem));
    };
    if Kind::named(word).is_none() {
        let problem = format!("`{word}` is not a kind that can be named here");
        return Err(source.error(path, problem).among(word, KINDS.map(|kind| kind.word)));
    }
    let literal: String = parts(name)
        .map(|part| match part {
            Part::Text(text) | Part::Literal(text) => text,
            // A variable is a part of a name.
            Part::Name(_) => "x",
        })
        .collect();
    if !is_subdomain(&literal) {
        let problem = format!("`{name}` cannot be the name of an object");
        return Err(source.error(path, problem));
    }
    if word == "namespace" {
        let case = &source.file.case;
        let mut own: Vec<String> =
            case.namespaces.iter().map(|name| format!("${}", variable_name(name))).collect();
        own.push("$NAMESPACE".to_owned());
        own.extend(case.namespace.clone());
        if !own.iter().any(|one| one == name) {
            let problem = format!("the namespace `{name}` is not one of the case");
            return Err(source.error(path, problem).among(name, own));
        }
    }
    Ok(())
}
