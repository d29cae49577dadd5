//! A case beside its text, for checks whose errors point at the very words.

use super::{
    error::CaseError,
    file::CaseFile,
    tree::{Key, Node},
};

/// A case and its text.
#[derive(Clone, Copy)]
pub(super) struct Source<'a> {
    pub(super) file: &'a CaseFile,
    pub(super) tree: &'a Node,
}

impl Source<'_> {
    /// Returns an error about what a path leads to.
    pub(super) fn error(&self, path: &[Key<'_>], problem: impl Into<String>) -> CaseError {
        CaseError::at(&self.file.path, Some(self.tree.place_of(path)), problem)
    }

    /// Checks that a registry is meant: the one that is named, or the only one.
    pub(super) fn registry_of(
        &self,
        path: &[Key<'_>],
        name: Option<&str>,
    ) -> Result<(), CaseError> {
        let registries = &self.file.case.registries;
        match name {
            Some(name) => self.registry_exists(&below(path, "registry"), name),
            None if registries.len() == 1 => Ok(()),
            None if registries.is_empty() => {
                Err(self.error(path, "the case has no registry; add it under `registries`"))
            }
            None => {
                let problem =
                    "the case has several registries; name the one that is meant with `registry`";
                Err(self.error(path, problem).among("", registries.keys()))
            }
        }
    }

    /// Checks that a registry of the case has a name.
    pub(super) fn registry_exists(&self, path: &[Key<'_>], name: &str) -> Result<(), CaseError> {
        let registries = &self.file.case.registries;
        if registries.contains_key(name) {
            return Ok(());
        }
        let problem = format!("the registry `{name}` is not among `registries`");
        Err(self.error(path, problem).among(name, registries.keys()))
    }
}

/// Returns a path that is longer by a key.
pub(super) fn below<'a>(path: &[Key<'a>], key: impl Into<Key<'a>>) -> Vec<Key<'a>> {
    path.iter().copied().chain([key.into()]).collect()
}

/// A path to a value of the case: `at!["steps", index, "expect"]`.
macro_rules! at {
    ($($key:expr),+ $(,)?) => { &[$($crate::case::tree::Key::from($key)),+][..] };
}
pub(super) use at;
