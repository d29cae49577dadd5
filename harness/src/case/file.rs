//! Reading a case from its file, with the manifests it names.

use std::{
    collections::BTreeMap,
    fs,
    hash::{DefaultHasher, Hash, Hasher},
    path::{Path, PathBuf},
};

use serde_json::Value;

use super::{
    error::CaseError,
    manifest::Manifest,
    model::{Case, Step},
    secrets::secrets_of_text,
    validate,
};

/// A case that was read and found in order.
#[derive(Debug, Clone)]
pub struct CaseFile {
    /// Folder and name without ending: `documentation/missing-secret`.
    pub name: String,
    /// The file.
    pub path: PathBuf,
    /// What it says.
    pub case: Case,
    /// The objects each step applies, by the step's index, variables not yet replaced.
    pub objects: BTreeMap<usize, Vec<Value>>,
    /// The fixtures folder that the case's commands see, if there is one.
    pub fixtures: Option<PathBuf>,
}

impl CaseFile {
    /// Reads and checks a case.
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
        let text = fs::read_to_string(path)
            .map_err(|error| CaseError::at(path, None, format!("cannot be read: {error}")))?;
        Self::parse(path, &text)
    }

    /// Checks the text of a case as if it stood in `path`.
    ///
    /// # Errors
    /// As [`CaseFile::read`].
    pub fn parse(path: &Path, text: &str) -> Result<Self, CaseError> {
        Self::checked(path, text).map_err(|error| {
            let mut secrets = secrets_of_text(text);
            if error.file != path
                && let Ok(manifest) = fs::read_to_string(&error.file)
            {
                secrets.extend(secrets_of_text(&manifest));
            }
            error.without_secrets(secrets)
        })
    }

    fn checked(path: &Path, text: &str) -> Result<Self, CaseError> {
        let case: Case =
            serde_saphyr::from_str(text).map_err(|error| CaseError::from_yaml(path, &error))?;
        let fixtures = fixtures_of(path);
        let mut objects = BTreeMap::new();
        for (index, step) in case.steps.iter().enumerate() {
            let Some(manifests) = &step.value.apply else { continue };
            let place = Some((step.referenced.line(), step.referenced.column()));
            let mut all = Vec::new();
            for manifest in &manifests.0 {
                match manifest {
                    Manifest::Object(object) => all.push(object.clone()),
                    Manifest::File(name) => {
                        let file =
                            find(path, fixtures.as_deref(), name).map_err(|(problem, known)| {
                                CaseError::at(path, place, problem).among(name, known)
                            })?;
                        all.extend(read_manifest(&file)?);
                    }
                }
            }
            objects.insert(index, all);
        }
        let file = Self { name: name_of(path), path: path.to_owned(), case, objects, fixtures };
        validate::check(&file)?;
        Ok(file)
    }

    /// The steps, without their places.
    pub fn steps(&self) -> impl Iterator<Item = (usize, &Step)> {
        self.case.steps.iter().map(|step| &step.value).enumerate()
    }

    /// Whether a step changes what other cases on the node would notice, so that it needs the node alone.
    pub fn needs_node_alone(&self) -> bool {
        self.steps().any(|(_, step)| step.node.as_ref().is_some_and(|node| node.concerns_others()))
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
        let patient = |(_, step): (usize, &Step)| {
            step.expect.as_ref().is_some_and(|expect| expect.within.is_some())
        };
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

/// The case files of a file or folder, sorted; a folder is searched to any depth.
///
/// # Errors
/// A path that does not exist, or a folder without a case.
pub fn find_cases(path: &Path) -> Result<Vec<PathBuf>, CaseError> {
    fn walk(folder: &Path, found: &mut Vec<PathBuf>) -> std::io::Result<()> {
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            if path.is_dir() {
                // Build output and hidden folders hold no cases.
                let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
                if !name.starts_with('.') && name != "target" {
                    walk(&path, found)?;
                }
            } else if path.extension().is_some_and(|end| end == "yaml" || end == "yml") {
                found.push(path);
            }
        }
        Ok(())
    }
    if path.is_file() {
        return Ok(vec![path.to_owned()]);
    }
    let mut found = Vec::new();
    walk(path, &mut found)
        .map_err(|error| CaseError::at(path, None, format!("cannot be read: {error}")))?;
    found.sort();
    if found.is_empty() {
        return Err(CaseError::at(path, None, "holds no case: no .yaml file below it"));
    }
    Ok(found)
}

fn name_of(path: &Path) -> String {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    match path.parent().and_then(Path::file_name) {
        Some(folder) => format!("{}/{stem}", folder.to_string_lossy()),
        None => stem.into_owned(),
    }
}

/// The nearest `fixtures` folder in or above the case's folder.
fn fixtures_of(path: &Path) -> Option<PathBuf> {
    let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    path.ancestors().skip(1).map(|folder| folder.join("fixtures")).find(|folder| folder.is_dir())
}

fn find(
    case: &Path,
    fixtures: Option<&Path>,
    name: &str,
) -> Result<PathBuf, (String, Vec<String>)> {
    let folders: Vec<&Path> = case.parent().into_iter().chain(fixtures).collect();
    if let Some(found) = folders.iter().map(|folder| folder.join(name)).find(|file| file.is_file())
    {
        return Ok(found);
    }
    let mut known: Vec<String> = folders
        .iter()
        .filter_map(|folder| fs::read_dir(folder).ok())
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.file_name().to_string_lossy().into_owned()))
        .filter(|name| {
            name.ends_with(".yaml")
                && Some(name.as_ref()) != case.file_name().and_then(|n| n.to_str())
        })
        .collect();
    known.sort();
    Err((
        format!(
            "the manifest `{name}` is neither beside the case nor in a folder fixtures/ above it"
        ),
        known,
    ))
}

/// All objects of a manifest file.
fn read_manifest(file: &Path) -> Result<Vec<Value>, CaseError> {
    let text = fs::read_to_string(file)
        .map_err(|error| CaseError::at(file, None, format!("cannot be read: {error}")))?;
    let objects: Vec<Value> =
        serde_saphyr::from_multiple(&text).map_err(|error| CaseError::from_yaml(file, &error))?;
    for object in &objects {
        if let Some(key) = ["apiVersion", "kind"].into_iter().find(|key| !object[*key].is_string())
        {
            return Err(CaseError::at(file, None, format!("an object lacks `{key}`")));
        }
    }
    if objects.is_empty() {
        return Err(CaseError::at(file, None, "holds no object"));
    }
    Ok(objects)
}
