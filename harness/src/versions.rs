//! The matrix of versions, as versions.toml says it.

use std::{collections::BTreeMap, path::Path};

use serde::Deserialize;

use crate::{input, suggest::nearest};

/// What versions.toml says that the harness needs; the rest of it is for the scripts.
#[derive(Debug, Clone, Deserialize)]
pub struct Versions {
    /// The Kubernetes minor that is meant where none is named.
    pub default: String,
    /// The older minor that is tested beside the newest.
    pub older: String,
    containerd: BTreeMap<String, String>,
    kubernetes: Vec<Kubernetes>,
}

#[derive(Debug, Clone, Deserialize)]
struct Kubernetes {
    minor: String,
    containerd: String,
}

/// A Kubernetes or containerd version that is not in the matrix.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown {of} version `{version}`{}; expected one of: {}",
    nearest(version, known).map(|near| format!(", did you mean {near}?")).unwrap_or_default(),
    known.join(", "))]
pub struct UnknownVersion {
    of: &'static str,
    version: String,
    known: Vec<String>,
}

/// A versions file that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file}: {problem}")]
pub struct VersionsFileError {
    file: String,
    problem: String,
}

impl Versions {
    /// The matrix this program was built with.
    pub fn built_in() -> Self {
        // Checked by a test: the file is part of the source.
        toml::from_str(include_str!("../../versions.toml")).unwrap_or_else(|error| {
            unreachable!("versions.toml was read when this was built and tested: {error}")
        })
    }

    /// The matrix of another file.
    ///
    /// # Errors
    /// A file that cannot be read or does not have the form of versions.toml.
    pub fn read(path: &Path) -> Result<Self, VersionsFileError> {
        let file = path.display().to_string();
        let text = input::read(path).map_err(|error| {
            let problem = error.problem;
            VersionsFileError { file: file.clone(), problem }
        })?;
        toml::from_str(&text).map_err(|error| {
            let before = &text[..error.span().map_or(0, |span| span.start.min(text.len()))];
            let line = before.matches('\n').count() + 1;
            VersionsFileError {
                file: format!("{file}:{line}"),
                problem: error.message().to_owned(),
            }
        })
    }

    /// Kubernetes minors, newest last.
    pub fn kubernetes_minors(&self) -> Vec<String> {
        let mut minors: Vec<String> = self.kubernetes.iter().map(|k| k.minor.clone()).collect();
        minors.sort_by_key(|minor| order(minor));
        minors
    }

    /// containerd minors, newest last.
    pub fn containerd_minors(&self) -> Vec<String> {
        let mut minors: Vec<String> = self.containerd.keys().cloned().collect();
        minors.sort_by_key(|minor| order(minor));
        minors
    }

    /// The Kubernetes minor that `wanted` means: `1.34`, `v1.34` or `1.34.4`.
    ///
    /// # Errors
    /// [`UnknownVersion`], with the known ones.
    pub fn kubernetes(&self, wanted: &str) -> Result<String, UnknownVersion> {
        known("Kubernetes", wanted, self.kubernetes_minors())
    }

    /// The containerd minor that `wanted` means.
    ///
    /// # Errors
    /// [`UnknownVersion`], with the known ones.
    pub fn containerd(&self, wanted: &str) -> Result<String, UnknownVersion> {
        known("containerd", wanted, self.containerd_minors())
    }

    /// The containerd minor that the node image of a Kubernetes minor has without being asked.
    pub fn own_containerd(&self, kubernetes: &str) -> Option<&str> {
        let one = self.kubernetes.iter().find(|one| one.minor == kubernetes)?;
        Some(&one.containerd)
    }
}

fn known(of: &'static str, wanted: &str, known: Vec<String>) -> Result<String, UnknownVersion> {
    let plain = wanted.trim_start_matches('v');
    let minor = plain.splitn(3, '.').take(2).collect::<Vec<_>>().join(".");
    if known.contains(&minor) {
        return Ok(minor);
    }
    Err(UnknownVersion { of, version: wanted.to_owned(), known })
}

/// Returns the numbers of a version, by which versions are ordered.
pub fn order(version: &str) -> Vec<u64> {
    version.split('.').filter_map(|part| part.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_matrix_reads_and_holds_its_default() {
        let versions = Versions::built_in();
        assert_eq!(versions.kubernetes(&versions.default).as_ref(), Ok(&versions.default));
        assert!(versions.kubernetes_minors().len() > 1);
    }

    #[test]
    fn a_patch_means_its_minor() {
        assert_eq!(Versions::built_in().kubernetes("v1.34.4").unwrap(), "1.34");
    }

    #[test]
    fn a_file_of_another_form_is_named_with_its_line() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("versions.toml");
        std::fs::write(&file, "default = '1.37'\nolder = 1\n").unwrap();
        let error = Versions::read(&file).unwrap_err().to_string();
        assert!(error.contains("versions.toml:2: "), "{error}");
        let error = Versions::read(folder.path()).unwrap_err().to_string();
        assert!(error.ends_with(": is not a regular file"), "{error}");
    }

    #[test]
    fn an_unknown_version_names_the_nearest() {
        let error = Versions::built_in().kubernetes("1.73").unwrap_err().to_string();
        assert!(error.contains("`1.73`") && error.contains("did you mean 1.3"), "{error}");
    }
}
