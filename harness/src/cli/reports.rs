//! Writing the reports that a command is asked for.

use std::{fs, path::Path};

use crate::error::EnvironmentError;

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
