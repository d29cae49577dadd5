//! What serde cannot say of a case: names that exist, a reason for every failure, a proof on every version.
//! Each verb checks its own words (`model::step`).

use super::{
    error::CaseError,
    file::CaseFile,
    manifest::ManifestFile,
    model::Auth,
    source::{Source, at},
    tree::Node,
};

mod images;
mod names;
mod variables;
pub(super) mod versions;

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
        step.verb.action().check(source, index)?;
    }
    variables::check(source, manifests)?;
    versions::check(source)
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
