//! The file in which `matrix` notes outcomes, so that it goes on where it was interrupted.

use std::{
    collections::HashMap,
    fs::{self, File, OpenOptions},
    io::{BufRead, BufReader, Write},
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use crate::{
    case::CaseFile,
    error::EnvironmentError,
    outcome::{Outcome, Result as CaseResult},
};

/// What each line begins with.
const BEGINNING: &str = "{\"version\":";

/// A line of the file.
#[derive(Serialize, Deserialize)]
struct Entry {
    /// The version's label.
    version: String,
    /// What the case was then, see [`CaseFile::digest`].
    digest: String,
    outcome: Outcome,
}

/// Outcomes that were noted, by version and the case's digest.
pub struct Journal {
    path: PathBuf,
    file: File,
    known: HashMap<(String, String), Outcome>,
}

impl Journal {
    /// Opens the file, and makes it if there is none. A last line that was cut off is passed over.
    ///
    /// # Errors
    /// The file cannot be read or written, or is not such a file.
    pub fn open(path: &Path) -> Result<Self, EnvironmentError> {
        let failed = |what: &str| EnvironmentError::other(format!("{} {what}", path.display()));
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(|error| failed("cannot be made")(error.into()))?;
        }
        let opened = OpenOptions::new().read(true).append(true).create(true).open(path);
        let file = opened.map_err(|error| failed("cannot be opened")(error.into()))?;
        let mut known = HashMap::new();
        let mut reader = BufReader::new(&file);
        let (mut line, mut number, mut whole) = (String::new(), 0, 0);
        while reader.read_line(&mut line).map_err(|error| failed("cannot be read")(error.into()))?
            > 0
        {
            number += 1;
            // A run that was killed may have written half of a line.
            if !line.ends_with('\n') && line.starts_with(BEGINNING) {
                file.set_len(whole).map_err(|error| failed("cannot be cut")(error.into()))?;
                break;
            }
            let entry: Entry = serde_json::from_str(&line).map_err(|error| {
                failed(&format!("has no outcome of `matrix` in line {number}"))(error.into())
            })?;
            known.insert((entry.version, entry.digest), entry.outcome);
            whole += line.len() as u64;
            line.clear();
        }
        Ok(Self { path: path.to_owned(), file, known })
    }

    /// Returns the outcome of a case that has not changed since. A case that failed, or that could not
    /// be run, is run again.
    pub fn known(&self, version: &str, case: &CaseFile) -> Option<&Outcome> {
        self.known.get(&(version.to_owned(), case.digest().to_owned())).filter(|one| one.is_good())
    }

    /// Notes an outcome.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn note(
        &mut self,
        version: &str,
        case: &CaseFile,
        outcome: &Outcome,
    ) -> Result<(), EnvironmentError> {
        if matches!(outcome.result, CaseResult::Broken { .. }) {
            return Ok(());
        }
        let (version, digest) = (version.to_owned(), case.digest().to_owned());
        let entry = Entry { version, digest, outcome: outcome.clone() };
        let what = || EnvironmentError::other(format!("{} cannot be written", self.path.display()));
        let mut line = serde_json::to_string(&entry).map_err(|error| what()(error.into()))?;
        line.push('\n');
        self.file.write_all(line.as_bytes()).map_err(|error| what()(error.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    const CASE: &str = "title: t\nsource: s\nsteps: [{run: 'true'}]\n";

    fn case(text: &str) -> CaseFile {
        CaseFile::parse(Path::new("theme/case.yaml"), text).unwrap()
    }

    #[test]
    fn what_was_seen_is_known_until_the_case_changes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new/outcomes.jsonl");
        let one = case(CASE);
        let mut journal = Journal::open(&path).unwrap();
        journal.note("1.37", &one, &sample::outcome(CaseResult::Passed)).unwrap();
        journal.note("1.34", &one, &sample::outcome(sample::failed())).unwrap();

        let journal = Journal::open(&path).unwrap();
        let known = journal.known("1.37", &one).unwrap();
        assert_eq!(known.observed, sample::outcome(CaseResult::Passed).observed);
        assert!(journal.known("1.34", &one).is_none(), "it failed");
        assert!(journal.known("1.36", &one).is_none());
        let changed = case(&CASE.replace("'true'", "'true '"));
        assert!(journal.known("1.37", &changed).is_none());
    }

    #[test]
    fn another_file_is_left_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        for text in ["{\"columns\": []}", "{}\n", "# What happens\n", "{\"version\": 1}\n"] {
            let path = folder.path().join("other");
            fs::write(&path, text).unwrap();
            let error = Journal::open(&path).err().unwrap().to_string();
            assert!(error.ends_with("has no outcome of `matrix` in line 1"), "{error}");
            assert_eq!(fs::read_to_string(&path).unwrap(), text);
        }
    }

    #[test]
    fn a_line_that_was_cut_off_is_written_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("outcomes.jsonl");
        let one = case(CASE);
        let outcome = sample::outcome(CaseResult::Passed);
        Journal::open(&path).unwrap().note("1.37", &one, &outcome).unwrap();
        let text = fs::read_to_string(&path).unwrap();
        fs::write(&path, &text[..text.len() / 2]).unwrap();
        let mut journal = Journal::open(&path).unwrap();
        assert!(journal.known("1.37", &one).is_none());
        journal.note("1.37", &one, &outcome).unwrap();
        assert!(Journal::open(&path).unwrap().known("1.37", &one).is_some());
    }
}
