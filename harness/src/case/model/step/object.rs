//! Objects that a step names: `pod/private-reg`.

use std::fmt;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::case::{
    error::CaseError,
    kinds::{KINDS, Kind},
    names::is_subdomain,
    source::Source,
    tree::Key,
    variables::{Part, parts, variable_name},
};

/// An object by kind and name, as kubectl writes it: `pod/private-reg`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(transparent)]
#[schemars(example = "pod/private-reg")]
pub struct ObjectName(#[schemars(regex(pattern = Self::pattern()))] pub String);

impl ObjectName {
    /// Returns the pattern of an object, for the schema: a name is a subdomain, of which variables are parts.
    fn pattern() -> String {
        let kinds = KINDS.map(|kind| kind.word).join("|");
        let end = r"(?:[a-z0-9]|\$[A-Z][A-Z0-9_]*)";
        let label = format!("{end}(?:(?:{end}|-)*{end})?");
        format!("^(?:{kinds})/{label}(?:\\.{label})*$")
    }

    /// Whether it is a Secret.
    pub(super) fn is_secret(&self) -> bool {
        self.0.starts_with("secret/")
    }

    /// Checks that its kind is known and that there can be an object of its name.
    pub(super) fn check(&self, source: Source<'_>, path: &[Key<'_>]) -> Result<(), CaseError> {
        let Some((word, name)) = self.0.split_once('/') else {
            let problem = format!("`{self}` is not an object; write for example `pod/private-reg`");
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
        match word {
            "namespace" => own_namespace(source, path, name),
            _ => Ok(()),
        }
    }
}

impl fmt::Display for ObjectName {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str(&self.0)
    }
}

/// A namespace that a step names is one of the case's.
fn own_namespace(source: Source<'_>, path: &[Key<'_>], name: &str) -> Result<(), CaseError> {
    let case = &source.file.case;
    let mut own: Vec<String> =
        case.namespaces.iter().map(|name| format!("${}", variable_name(name))).collect();
    own.push("$NAMESPACE".to_owned());
    own.extend(case.namespace.clone());
    if own.iter().any(|one| one == name) {
        return Ok(());
    }
    let problem = format!("the namespace `{name}` is not one of the case");
    Err(source.error(path, problem).among(name, own))
}
