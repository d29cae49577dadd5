//! What serde cannot say of a case: one verb per step, names that exist, a reason for every failure.

use super::{
    error::CaseError,
    file::CaseFile,
    manifest::ManifestFile,
    model::{Auth, Step},
    tree::{Key, Node},
};

mod expectation;
mod images;
mod names;
mod node;
mod objects;
mod pods;
mod variables;
mod versions;

/// A case and its text, so that an error can point at the very words.
#[derive(Clone, Copy)]
struct Source<'a> {
    file: &'a CaseFile,
    tree: &'a Node,
}

impl Source<'_> {
    /// An error about what a path leads to.
    fn error(&self, path: &[Key<'_>], problem: impl Into<String>) -> CaseError {
        CaseError::at(&self.file.path, Some(self.tree.place_of(path)), problem)
    }
}

/// A path to a value of the case: `at!["steps", index, "expect"]`.
macro_rules! at {
    ($($key:expr),+ $(,)?) => { &[$($crate::case::tree::Key::from($key)),+][..] };
}
use at;

/// Checks a case as a whole. `tree` is its text, `manifests` are the files its steps apply.
pub(super) fn check(
    file: &CaseFile,
    tree: &Node,
    manifests: &[(usize, ManifestFile)],
) -> Result<(), CaseError> {
    let source = Source { file, tree };
    if file.case.steps.is_empty() {
        return Err(source.error(at!["steps"], "the case has no steps"));
    }
    names::check(source)?;
    images::check(source)?;
    registries(source)?;
    for (index, step) in file.steps() {
        one_verb(source, index, step)?;
        if let Some(expect) = &step.expect {
            expectation::check(source, index, expect)?;
            pods::check(source, index, expect)?;
        }
        if let Some(run) = &step.run {
            expectation::command(source, index, run)?;
        }
        if let Some(change) = &step.registry {
            names::registry_of(source, at!["steps", index, "registry"], change.of.as_deref())?;
        }
        if let Some(change) = &step.node {
            node::check(source, index, change)?;
        }
        objects::check(source, index, step)?;
    }
    variables::check(source, manifests)?;
    versions::check(source)
}

fn one_verb(source: Source<'_>, index: usize, step: &Step) -> Result<(), CaseError> {
    let given = step.verbs();
    let problem = match given.as_slice() {
        [_] => return Ok(()),
        [] => {
            let known: Vec<&str> = Step::known_verbs().collect();
            format!("a step without a verb; expected one of {}", known.join(", "))
        }
        many => format!(
            "a step with {} verbs ({}); make each a step of its own",
            many.len(),
            many.join(", ")
        ),
    };
    Err(source.error(at!["steps", index], problem))
}

/// Token servers have someone to serve. Users are checked when they are read.
fn registries(source: Source<'_>) -> Result<(), CaseError> {
    for (name, registry) in &source.file.case.registries {
        if let Auth::Token(token) = &registry.auth
            && token.users.is_empty()
            && token.public.is_empty()
        {
            let problem =
                format!("the token server of `{name}` has neither users nor public repositories");
            let path = at!["registries", name, "auth", "token", "users"];
            return Err(source.error(path, problem));
        }
    }
    Ok(())
}
