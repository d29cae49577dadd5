//! Reading a case from its file, with the manifests it names.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    hash::{DefaultHasher, Hash, Hasher},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::OnceLock,
};

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::{
    error::CaseError,
    fixtures::Fixtures,
    manifest::{Manifest, ManifestFile},
    model::{Case, FORMAT, RegistryChange, Step, Verb},
    renames,
    secrets::secrets,
    tree::{Key, Node},
    validate,
};
use crate::input::is_stdin;

/// A case that was read and found in order.
#[derive(Debug, Clone)]
pub struct CaseFile {
    /// Folder and name without ending: `documentation/missing-secret`.
    pub name: String,
    /// The file, as it was named.
    pub path: PathBuf,
    /// What it says.
    pub case: Case,
    /// The objects each step applies, by the step's index, variables not yet replaced.
    pub objects: BTreeMap<usize, Vec<Value>>,
    /// The files that its steps may name and that its commands see.
    pub fixtures: Fixtures,
    text: [u8; 32],
    digest: OnceLock<String>,
}

impl CaseFile {
    /// Reads and checks a case; `-` is standard input.
    ///
    /// # Errors
    /// Anything wrong with the file or with a manifest it names, with the place.
    ///
    /// ```
    /// # fn main() -> Result<(), pullproof::case::CaseError> {
    /// use pullproof::case::CaseFile;
    /// let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../scenarios/documentation/missing-secret.yaml");
    /// let case = CaseFile::read(path.as_ref())?;
    /// assert_eq!(case.name, "documentation/missing-secret");
    /// # Ok(()) }
    /// ```
    pub fn read(path: &Path) -> Result<Self, CaseError> {
        Self::parse(path, &CaseError::reading(path)?)
    }

    /// Checks the text of a case as if it stood in `path`.
    ///
    /// # Errors
    /// As [`CaseFile::read`].
    pub fn parse(path: &Path, text: &str) -> Result<Self, CaseError> {
        let tree = Node::documents(text).into_iter().next();
        if let Some(error) = tree.as_ref().and_then(|tree| of_newer_format(path, tree)) {
            return Err(error);
        }
        let case: Case = serde_saphyr::from_str(text).map_err(|error| {
            let old = tree.as_ref().and_then(|tree| renames::find(tree, text).into_iter().next());
            match old {
                Some(found) => found.error(path),
                None => CaseError::from_yaml(path, &error, tree.as_ref()),
            }
        })?;
        let Some(tree) = tree else { return Err(CaseError::at(path, None, "is empty")) };
        let fixtures = Fixtures::of(path);
        let mut objects = BTreeMap::new();
        let mut files = Vec::new();
        for (index, step) in case.steps.iter().enumerate() {
            let Verb::Apply(manifests) = &step.value.verb else { continue };
            let mut all = Vec::new();
            for (at, manifest) in manifests.0.iter().enumerate() {
                match manifest {
                    Manifest::Object(object) => all.push(object.clone()),
                    Manifest::File(name) => {
                        let place = tree.place_of(&[
                            Key::Name("steps"),
                            Key::Index(index),
                            Key::Name("apply"),
                            Key::Index(at),
                        ]);
                        let file = fixtures.manifest(name).map_err(|error| CaseError {
                            file: path.to_owned(),
                            place: Some(place),
                            ..error
                        })?;
                        let file = ManifestFile::parse(file.path, &file.text)?;
                        all.extend(file.objects.iter().cloned());
                        files.push((index, file));
                    }
                }
            }
            objects.insert(index, all);
        }
        let name = name_of(path);
        let (path, text, digest) = (path.to_owned(), Sha256::digest(text).into(), OnceLock::new());
        let file = Self { name, path, case, objects, fixtures, text, digest };
        validate::check(&file, &tree, &files)
            .map_err(|error| error.without_secrets(secrets(&file)))?;
        Ok(file)
    }

    /// Returns what changes with the case's text and with the files that it uses, which are read once.
    pub fn digest(&self) -> &str {
        self.digest.get_or_init(|| self.hash_of_files())
    }

    fn hash_of_files(&self) -> String {
        let mut hash = Sha256::new().chain_update(self.text);
        for object in self.objects.values().flatten() {
            hash.update(object.to_string());
        }
        if self.steps().any(|(_, step)| matches!(step.verb, Verb::Run(_))) {
            for (name, bytes) in self.fixtures.files() {
                hash.update(name);
                hash.update(bytes);
            }
        }
        format!("{:x}", hash.finalize())
    }

    /// The steps, without their places.
    pub fn steps(&self) -> impl Iterator<Item = (usize, &Step)> {
        self.case.steps.iter().map(|step| &step.value).enumerate()
    }

    /// The steps that change a registry.
    pub(super) fn registry_changes(&self) -> impl Iterator<Item = (usize, &RegistryChange)> {
        self.steps().filter_map(|(index, step)| match &step.verb {
            Verb::Registry(change) => Some((index, change)),
            _ => None,
        })
    }

    /// Whether a step changes what other cases on the node would notice, so that it needs the node alone.
    pub fn needs_node_alone(&self) -> bool {
        self.case.hosts.contains_key("_default")
            || self.steps().any(|(_, step)| step.needs_node_alone())
    }

    /// Where in a run it is best started: those that need the node alone first, then those that wait
    /// out a back-off. Themes are mixed, always in the same way: the cases of one need the
    /// same kind of registry, and would leave the containers of the theme before idle.
    pub fn start_order(&self) -> (u8, u64) {
        let mut mixed = DefaultHasher::new();
        self.name.hash(&mut mixed);
        (self.urgency(), mixed.finish())
    }

    fn urgency(&self) -> u8 {
        let patient = |(_, step): (usize, &Step)| matches!(&step.verb, Verb::Expect(expect) if expect.within.is_some());
        match (self.needs_node_alone(), self.steps().any(patient)) {
            (true, _) => 0,
            (false, true) => 1,
            (false, false) => 2,
        }
    }

    /// Line and column of a step.
    pub fn place(&self, step: usize) -> Option<(u64, u64)> {
        self.case.steps.get(step).map(|step| (step.referenced.line(), step.referenced.column()))
    }
}

/// What is wrong with a file that is of a later version of the format than is read here.
fn of_newer_format(path: &Path, tree: &Node) -> Option<CaseError> {
    let format = tree.get("format")?.text()?.parse::<u64>().ok().filter(|one| *one > FORMAT)?;
    let problem = format!(
        "is of version {format} of the format, and this pullproof reads version {FORMAT}; use a newer \
         pullproof"
    );
    Some(CaseError::at(path, Some(tree.place_of(&[Key::Name("format")])), problem))
}

/// The case files of a file or folder, sorted; a folder is searched to any depth, each folder once.
///
/// # Errors
/// A path that does not exist, or a folder without a case.
pub fn find_cases(path: &Path) -> Result<Vec<PathBuf>, CaseError> {
    if is_stdin(path) || !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let failed =
        |error: std::io::Error| CaseError::at(path, None, format!("cannot be read: {error}"));
    let mut search = Search { found: Vec::new(), seen: BTreeSet::new() };
    let device = fs::metadata(path).map_err(failed)?.dev();
    search.walk(path, device).map_err(failed)?;
    let mut found = search.found;
    found.sort();
    if found.is_empty() {
        return Err(CaseError::at(path, None, "holds no case: no .yaml file below it"));
    }
    Ok(found)
}

struct Search {
    found: Vec<PathBuf>,
    /// Folders, by device and inode: a link may lead back.
    seen: BTreeSet<(u64, u64)>,
}

impl Search {
    fn walk(&mut self, folder: &Path, device: u64) -> std::io::Result<()> {
        let metadata = fs::metadata(folder)?;
        // Another device is no part of the folder that was named: a link may lead to /proc.
        if metadata.dev() != device || !self.seen.insert((metadata.dev(), metadata.ino())) {
            return Ok(());
        }
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            if path.is_dir() {
                // Build output and hidden folders hold no cases.
                let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
                if !name.starts_with('.') && name != "target" {
                    self.walk(&path, device)?;
                }
            } else if is_yaml(&path) {
                self.found.push(path);
            }
        }
        Ok(())
    }
}

/// Whether a file's name ends as those of cases and manifests do.
pub(super) fn is_yaml(path: &Path) -> bool {
    path.extension().is_some_and(|end| end == "yaml" || end == "yml")
}

/// Folder and name without ending; the folder of a bare file name is the working folder.
fn name_of(path: &Path) -> String {
    if is_stdin(path) {
        return "stdin".to_owned();
    }
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    match path.parent().and_then(Path::file_name) {
        Some(folder) => format!("{}/{stem}", folder.to_string_lossy()),
        None => stem.into_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn each_folder_is_walked_once() {
        let folder = tempfile::tempdir().unwrap();
        let inner = folder.path().join("a/b");
        fs::create_dir_all(&inner).unwrap();
        for case in ["one.yaml", "a/two.yml", "a/b/three.yaml", "a/notes.txt"] {
            fs::write(folder.path().join(case), "").unwrap();
        }
        symlink(".", folder.path().join("again")).unwrap();
        symlink("../..", inner.join("up")).unwrap();
        symlink("/proc", folder.path().join("proc")).unwrap();
        assert_eq!(find_cases(folder.path()).unwrap().len(), 3);
    }

    #[test]
    fn a_bare_file_name_is_in_the_working_folder() {
        let here = std::env::current_dir().unwrap();
        let folder = here.file_name().unwrap().to_string_lossy().into_owned();
        assert_eq!(name_of(Path::new("case.yaml")), format!("{folder}/case"));
    }
}
