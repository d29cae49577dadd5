//! Reading the cases that a command is given, and writing its reports.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::{
    case::{CaseError, CaseFile, find_cases},
    error::EnvironmentError,
};

/// All cases of files and folders. They are read before anything is started: a typo shall not cost a
/// cluster.
///
/// # Errors
/// The first case that is not in order.
pub fn read(paths: &[PathBuf]) -> Result<Vec<CaseFile>, CaseError> {
    let mut cases = Vec::new();
    for path in paths {
        for file in find_cases(path)? {
            cases.push(CaseFile::read(&file)?);
        }
    }
    Ok(cases)
}

/// Writes a report where one is asked for, with the folders it lies in.
///
/// # Errors
/// The file cannot be written.
pub fn write(
    file: Option<&Path>,
    text: impl FnOnce() -> anyhow::Result<String>,
) -> anyhow::Result<()> {
    let Some(file) = file else { return Ok(()) };
    let folder = file.parent().unwrap_or(Path::new(""));
    let text = text()?;
    let written = fs::create_dir_all(folder).and_then(|()| fs::write(file, text));
    let what = format!("{} cannot be written", file.display());
    Ok(written.map_err(|error| EnvironmentError::other(what)(error.into()))?)
}
