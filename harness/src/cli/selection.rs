//! Which cases a command runs, and how many at a time.

use std::{
    path::{Path, PathBuf},
    str::FromStr,
};

use clap::Args;
use globset::{GlobBuilder, GlobMatcher};

use crate::{
    case::{CaseError, CaseFile, find_cases},
    suggest::nearest,
};

/// The folder in which patterns look for cases.
const CATALOGUE: &str = "scenarios";

/// The cases that a command is given, and how many of them run at the same time.
#[derive(Debug, Args)]
pub struct Selection {
    /// Case files, folders of them, or patterns of names in scenarios/: `key-matching/*`
    #[arg(default_value = CATALOGUE, value_name = "CASE")]
    cases: Vec<PathBuf>,
    /// Run one part of the cases: 1/3 is the first of three
    #[arg(long, value_name = "N/M")]
    shard: Option<Shard>,
    /// How many cases run at the same time; with several versions, over all of them
    #[arg(long, default_value_t = 12, value_name = "N")]
    jobs: u16,
}

impl Selection {
    /// Returns how many cases run at the same time.
    pub fn jobs(&self) -> usize {
        self.jobs.into()
    }

    /// Reads the cases. All are read before anything is started: a typo shall not cost a cluster.
    ///
    /// # Errors
    /// The first case that is not in order, or a pattern that no name matches.
    pub fn read(&self) -> Result<Vec<CaseFile>, CaseError> {
        let mut cases: Vec<CaseFile> = Vec::new();
        for path in &self.cases {
            let found = match pattern(path) {
                Some(pattern) => matching(path, &pattern)?,
                None => find_cases(path)?
                    .iter()
                    .map(|file| CaseFile::read(file))
                    .collect::<Result<_, _>>()?,
            };
            for case in found {
                if !cases.iter().any(|known| known.path == case.path) {
                    cases.push(case);
                }
            }
        }
        if let Some(Shard { number, of }) = self.shard {
            let dealt = cases.into_iter().enumerate().filter(|(at, _)| at % of == number - 1);
            cases = dealt.map(|(_, case)| case).collect();
        }
        Ok(cases)
    }
}

/// The pattern that a path is, if there is no such file.
fn pattern(path: &Path) -> Option<GlobMatcher> {
    let text = path.to_str()?;
    if path.exists() || text == "-" || path.is_absolute() || path.extension().is_some() {
        return None;
    }
    let glob = GlobBuilder::new(text).literal_separator(true).build().ok()?;
    Path::new(CATALOGUE).is_dir().then(|| glob.compile_matcher())
}

fn matching(path: &Path, pattern: &GlobMatcher) -> Result<Vec<CaseFile>, CaseError> {
    let mut names = Vec::new();
    let mut found = Vec::new();
    for file in find_cases(Path::new(CATALOGUE))? {
        let name = file.strip_prefix(CATALOGUE).unwrap_or(&file).with_extension("");
        match pattern.is_match(&name) {
            true => found.push(CaseFile::read(&file)?),
            false => names.push(name.to_string_lossy().into_owned()),
        }
    }
    if found.is_empty() {
        let meant = nearest(&path.to_string_lossy(), &names);
        let meant = meant.map_or(String::new(), |name| format!("; did you mean `{name}`?"));
        let problem =
            format!("not a file or folder, and no case of {CATALOGUE}/ has such a name{meant}");
        return Err(CaseError::at(path, None, problem));
    }
    Ok(found)
}

/// One part of the cases, which are dealt out in turn: `1/3`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shard {
    number: usize,
    of: usize,
}

impl FromStr for Shard {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts = text
            .split_once('/')
            .and_then(|(number, of)| Some((number.parse().ok()?, of.parse().ok()?)));
        match parts {
            Some((number, of)) if (1..=of).contains(&number) => Ok(Self { number, of }),
            _ => Err("expected which part of how many, for example 1/3".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shard_is_a_part_of_as_many() {
        assert_eq!("2/3".parse(), Ok(Shard { number: 2, of: 3 }));
        for wrong in ["0/3", "4/3", "1", "1/0", "a/b", "1/2/3", "-1/2"] {
            assert!(wrong.parse::<Shard>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_is_there_or_looks_like_a_file_is_not_a_pattern() {
        for path in ["src", "nowhere.yaml", "-", "/nowhere/*"] {
            assert!(pattern(Path::new(path)).is_none(), "{path}");
        }
    }
}
