//! `pullproof migrate`

use std::{fs, io::Write, path::PathBuf};

use anyhow::Context;
use clap::Args;

use crate::{
    case::{CaseError, CaseFile, RenameKind, migrate, renames},
    input,
};

use super::output;

/// What `migrate` takes.
#[derive(Debug, Args)]
#[command(after_help = words())]
pub struct Arguments {
    /// Case files, which are rewritten in place
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
}

/// Rewrites cases in today's words. Comments, layout, manifests and commands stay as they are.
pub fn main(arguments: &Arguments) -> anyhow::Result<()> {
    let mut wrong: Option<CaseError> = None;
    for file in &arguments.files {
        let text =
            input::read(file).map_err(|error| CaseError::at(file, error.place, error.problem))?;
        let (migrated, words) = migrate(&text);
        if words > 0 {
            replace(file, &migrated)
                .with_context(|| format!("{} cannot be written", file.display()))?;
        }
        let noun = if words == 1 { "word" } else { "words" };
        output::put!("{}: {words} old {noun}\n", file.display());
        // What else is wrong with it is said, and the others are migrated all the same.
        if let Err(error) = CaseFile::parse(file, &migrated) {
            output::note(&error);
            wrong.get_or_insert(error);
        }
    }
    match wrong {
        Some(error) => Err(error.into()),
        None => Ok(()),
    }
}

/// Writes a file whole or not at all.
fn replace(file: &std::path::Path, text: &str) -> std::io::Result<()> {
    // Through a link, to the file that it means.
    let file = file.canonicalize()?;
    let folder = file.parent().unwrap_or(std::path::Path::new("/"));
    let mut temporary = tempfile::NamedTempFile::new_in(folder)?;
    temporary.write_all(text.as_bytes())?;
    temporary.as_file().set_permissions(fs::metadata(&file)?.permissions())?;
    temporary.persist(&file)?;
    Ok(())
}

/// The words, by place.
fn words() -> String {
    let mut text = String::from("Old and new words, by their place (`*` is any key):\n");
    for rename in renames() {
        let kind = match rename.kind {
            RenameKind::Key => "key",
            RenameKind::Value => "value",
            RenameKind::Either => "key or value",
        };
        text.push_str(&format!("  {} ({kind}): {} → {}\n", rename.under, rename.old, rename.new));
    }
    text
}
