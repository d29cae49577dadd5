//! The texts of `pullproof check`: standard input, files, folders, and what helm and kustomize render.

use std::{
    fs,
    path::{Path, PathBuf},
};

use pullproof_manifests::Source;

use crate::{
    error::{EnvironmentError, Usage},
    input::{is_stdin, read_up_to},
    process::{Call, find},
};

/// The largest text, in bytes: 10,000 objects have some 10 MB.
const LARGEST: u64 = 32 << 20;
/// How many files of folders are read.
const FILES: usize = 20_000;
/// How deep folders are searched.
const DEPTH: usize = 32;

/// Texts, and what was left out.
#[derive(Debug, Default)]
pub(super) struct Texts {
    pub(super) texts: Vec<ManifestText>,
    pub(super) notes: Vec<String>,
}

/// A text, and the file that it is from.
#[derive(Debug)]
pub(super) struct ManifestText {
    name: String,
    text: String,
    found: bool,
}

impl ManifestText {
    pub(super) fn source(&self) -> Source<'_> {
        Source { name: &self.name, text: &self.text, found: self.found }
    }
}

/// Reads paths; `path` is where programs are looked for.
///
/// # Errors
/// A path that cannot be read; a chart or kustomization whose program is missing or fails.
pub(super) async fn read(paths: &[PathBuf], path: &str) -> anyhow::Result<Texts> {
    let mut texts = Texts::default();
    for named in paths {
        if !named.is_dir() {
            texts.add(named, false)?;
        } else if let Some(call) = renderer(named, path)? {
            let text = call.limit(std::time::Duration::from_secs(300)).check().await?.stdout;
            if text.len() as u64 > LARGEST {
                return Err(too_large(named).into());
            }
            let name = format!("{} (rendered)", named.display());
            texts.texts.push(ManifestText { name, text, found: false });
        } else {
            texts.search(named, DEPTH)?;
            if texts.texts.is_empty() {
                let problem = "has no file *.yaml, *.yml or *.json with manifests";
                return Err(Usage(format!("{}: {problem}", named.display())).into());
            }
        }
    }
    Ok(texts)
}

fn too_large(file: &Path) -> Usage {
    Usage(format!("{}: is larger than {} MiB", file.display(), LARGEST >> 20))
}

/// What is rendered before it is read.
fn rendered_by(folder: &Path) -> Option<&'static str> {
    let has = |name: &str| folder.join(name).is_file();
    if has("Chart.yaml") {
        return Some("helm");
    }
    let kustomizations = ["kustomization.yaml", "kustomization.yml", "Kustomization"];
    kustomizations.into_iter().any(has).then_some("kustomize")
}

/// The call that renders a folder.
fn renderer(folder: &Path, path: &str) -> anyhow::Result<Option<Call>> {
    let call = match rendered_by(folder) {
        None => return Ok(None),
        Some("helm") => {
            let full = fs::canonicalize(folder).unwrap_or_else(|_| folder.to_owned());
            let name = full.file_name().map_or("release".into(), |name| name.to_string_lossy());
            let helm = find("helm", path);
            helm.map(|helm| Call::new(helm).args(["template", &name]).arg(folder))
        }
        Some(_) => match (find("kustomize", path), find("kubectl", path)) {
            (Some(kustomize), _) => Some(Call::new(kustomize).arg("build").arg(folder)),
            (None, Some(kubectl)) => Some(Call::new(kubectl).arg("kustomize").arg(folder)),
            (None, None) => None,
        },
    };
    let (what, program, instead) = match rendered_by(folder) {
        Some("helm") => ("chart", "helm", "helm template NAME CHART"),
        _ => ("kustomization", "kustomize or kubectl", "kubectl kustomize FOLDER"),
    };
    let folder = folder.display().to_string();
    let missing = EnvironmentError::Renderer { folder, what, program, instead };
    Ok(Some(call.ok_or(missing)?.keep(LARGEST as usize)))
}

impl Texts {
    fn add(&mut self, file: &Path, found: bool) -> anyhow::Result<()> {
        let name = if is_stdin(file) { "-".to_owned() } else { file.display().to_string() };
        let text = read_up_to(file, LARGEST).map_err(|error| {
            let place = error.place.map(|(line, column)| format!(":{line}:{column}"));
            Usage(format!("{name}{}: {}", place.unwrap_or_default(), error.problem))
        })?;
        self.texts.push(ManifestText { name, text, found });
        Ok(())
    }

    /// Reads the files of a folder, sorted. A link to a folder is not followed, nor a hidden folder.
    fn search(&mut self, folder: &Path, depth: usize) -> anyhow::Result<()> {
        let failed = |error| Usage(format!("{}: cannot be read: {error}", folder.display()));
        let entries = fs::read_dir(folder).map_err(failed)?;
        let entries: Result<Vec<_>, _> = entries.map(|entry| entry.map(|it| it.path())).collect();
        let mut entries = entries.map_err(failed)?;
        entries.sort();
        for entry in entries {
            let hidden = entry.file_name().is_some_and(|it| it.to_string_lossy().starts_with('.'));
            if entry.is_dir() {
                match rendered_by(&entry) {
                    _ if hidden || entry.is_symlink() || depth == 0 => {}
                    Some(program) => self.notes.push(format!(
                        "{} is left out, as it has to be rendered by {program}: check it by itself",
                        entry.display()
                    )),
                    None => self.search(&entry, depth - 1)?,
                }
            } else if is_manifest(&entry) && !hidden {
                if self.texts.len() >= FILES {
                    let problem = format!("has more than {FILES} files");
                    return Err(Usage(format!("{}: {problem}", folder.display())).into());
                }
                self.add(&entry, true)?;
            }
        }
        Ok(())
    }
}

fn is_manifest(file: &Path) -> bool {
    let end = file.extension().unwrap_or_default();
    ["yaml", "yml", "json"].iter().any(|known| end == *known)
}
