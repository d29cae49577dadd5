//! The files that a case may name: those beside it, those of a folder fixtures/ above it, and the
//! documentation's, which are built in.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use include_dir::{Dir, include_dir};

use super::{error::CaseError, file::is_yaml, tree::Node};
use crate::input::{self, is_stdin};

static BUILT_IN: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../fixtures");

/// Where the files of a case are looked up, in this order: its own folder, fixtures/, built in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fixtures {
    /// The case's own folder.
    beside: PathBuf,
    /// The nearest folder fixtures/ in or above it.
    folder: Option<PathBuf>,
}

/// A file that a case may name, and its text.
pub(super) struct Fixture {
    pub path: PathBuf,
    pub text: String,
}

impl Fixtures {
    /// For a case. That of standard input is in the working folder.
    pub(super) fn of(case: &Path) -> Self {
        let case = if is_stdin(case) { Path::new("stdin") } else { case };
        let path = std::path::absolute(case).unwrap_or_else(|_| case.to_owned());
        let path = path.canonicalize().unwrap_or(path);
        let beside = path.parent().unwrap_or(Path::new("/")).to_owned();
        let above = beside.ancestors().map(|folder| folder.join("fixtures"));
        let folder = above.into_iter().find(|folder| folder.is_dir());
        Self { beside, folder }
    }

    /// A manifest by its name.
    pub(super) fn manifest(&self, name: &str) -> Result<Fixture, CaseError> {
        for folder in [Some(&self.beside), self.folder.as_ref()].into_iter().flatten() {
            let path = folder.join(name);
            // What is there and cannot be read is named by the error.
            if path.exists() {
                let text = CaseError::reading(&path)?;
                return Ok(Fixture { path, text });
            }
        }
        if let Some(text) = BUILT_IN.get_file(name).and_then(|file| file.contents_utf8()) {
            let path = Path::new("built-in fixtures").join(name);
            return Ok(Fixture { path, text: text.to_owned() });
        }
        let problem = format!(
            "the manifest `{name}` is neither beside the case nor in a folder fixtures/ above it nor built in"
        );
        Err(CaseError::at(&self.beside, None, problem).among(name, self.manifests()))
    }

    /// The names of all manifests.
    fn manifests(&self) -> Vec<String> {
        self.names().into_keys().filter(|name| is_yaml(Path::new(name))).collect()
    }

    /// The files that the case's commands find in their home folder, by name. Cases are not among them:
    /// they are no input of a command, and hold passwords.
    pub fn files(&self) -> Vec<(String, Vec<u8>)> {
        self.names()
            .into_iter()
            .filter_map(|(name, found)| {
                let bytes = match found {
                    Some(path) => small(&path)?,
                    None => BUILT_IN.get_file(&name)?.contents().to_vec(),
                };
                Some((name, bytes))
            })
            .collect()
    }

    /// All names, with the file that each means; none for what is built in.
    fn names(&self) -> BTreeMap<String, Option<PathBuf>> {
        let built_in = BUILT_IN.files().filter_map(|file| file.path().to_str());
        let mut all: BTreeMap<_, _> = built_in.map(|name| (name.to_owned(), None)).collect();
        for folder in self.folder.iter().chain([&self.beside]) {
            for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
                let path = entry.path();
                if let (Ok(name), true) = (entry.file_name().into_string(), path.is_file())
                    && !is_case(&path)
                {
                    all.insert(name, Some(path));
                }
            }
        }
        all
    }
}

/// A file's bytes, unless there are too many for a file that a command is meant to read.
fn small(path: &Path) -> Option<Vec<u8>> {
    let size = fs::metadata(path).ok()?.len();
    if size > input::LARGEST { None } else { fs::read(path).ok() }
}

/// Whether a file is a case, which has a title and steps.
fn is_case(path: &Path) -> bool {
    is_yaml(path)
        && input::read(path).is_ok_and(|text| {
            Node::documents(&text)
                .first()
                .is_some_and(|tree| tree.get("title").is_some() && tree.get("steps").is_some())
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_file_of_a_name_is_the_one_that_is_meant() {
        let folder = tempfile::tempdir().unwrap();
        let theme = folder.path().join("theme");
        fs::create_dir_all(folder.path().join("fixtures")).unwrap();
        fs::create_dir_all(&theme).unwrap();
        let case = "title: t\nsource: s\nsteps: []\n";
        fs::write(theme.join("case.yaml"), case).unwrap();
        fs::write(theme.join("other.yaml"), case).unwrap();
        fs::write(theme.join("image.png"), b"\x89PNG\xff").unwrap();
        let fixtures = Fixtures::of(&theme.join("case.yaml"));
        let text = |name: &str| fixtures.manifest(name).map(|found| found.text);
        assert!(text("regcred.yaml").unwrap().contains("regcred"));
        fs::write(folder.path().join("fixtures/regcred.yaml"), "above").unwrap();
        assert_eq!(text("regcred.yaml").unwrap(), "above");
        fs::write(theme.join("regcred.yaml"), "beside").unwrap();
        assert_eq!(text("regcred.yaml").unwrap(), "beside");

        let files: BTreeMap<_, _> = fixtures.files().into_iter().collect();
        assert_eq!(files["regcred.yaml"], b"beside");
        assert_eq!(files["image.png"], b"\x89PNG\xff");
        assert!(files.contains_key("docker-hub-config.json"));
        assert!(!files.contains_key("other.yaml") && !files.contains_key("case.yaml"));
    }

    #[test]
    fn a_misspelt_manifest_names_the_nearest() {
        let folder = tempfile::tempdir().unwrap();
        let fixtures = Fixtures::of(&folder.path().join("case.yaml"));
        let error = fixtures.manifest("regcrd.yaml").err().unwrap().to_string();
        assert!(error.contains("did you mean `regcred.yaml`?"), "{error}");
    }
}
