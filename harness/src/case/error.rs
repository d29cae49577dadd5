//! What is wrong with a case file, and where.

use std::{fmt, path::PathBuf};

use secrecy::{ExposeSecret, SecretString};

use crate::evidence::Redaction;

/// A case file that cannot be used: a usage error, never a failed expectation.
///
/// Displays as `file:line:column: problem`, then what is known there and the nearest of it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct CaseError {
    /// The file.
    pub file: PathBuf,
    /// Line and column, counted from 1, where the reader can tell them.
    pub place: Option<(u64, u64)>,
    /// What is wrong and what was expected.
    pub problem: String,
    /// The words that would have been right, where it is a matter of words.
    pub known: Vec<String>,
    /// The word that was written, where it is a matter of words.
    pub word: Option<String>,
}

impl CaseError {
    /// An error about a place in a file.
    pub fn at(
        file: impl Into<PathBuf>,
        place: Option<(u64, u64)>,
        problem: impl Into<String>,
    ) -> Self {
        Self { file: file.into(), place, problem: problem.into(), known: Vec::new(), word: None }
    }

    /// Adds the words that would have been right.
    pub fn among<S: Into<String>>(
        mut self,
        word: &str,
        known: impl IntoIterator<Item = S>,
    ) -> Self {
        self.word = Some(word.to_owned());
        self.known = known.into_iter().map(Into::into).collect();
        self
    }

    /// Reads what serde-saphyr found.
    pub(super) fn from_yaml(file: impl Into<PathBuf>, error: &serde_saphyr::Error) -> Self {
        use serde_saphyr::Error as Yaml;
        let place = error.location().map(|place| (place.line(), place.column()));
        match error.without_snippet() {
            Yaml::SerdeUnknownField { field, expected, .. } => {
                Self::at(file, place, format!("unknown key `{field}`"))
                    .among(field, expected.iter().copied())
            }
            // Here a password may stand by mistake: `auth: hunter22`.
            Yaml::SerdeUnknownVariant { variant, expected, .. } if expected.contains(&"basic") => {
                let near = nearest(variant, expected).unwrap_or_default();
                Self::at(file, place, "unknown value for `auth`")
                    .among(near, expected.iter().copied())
            }
            Yaml::SerdeUnknownVariant { variant, expected, .. } => {
                Self::at(file, place, format!("unknown value `{variant}`"))
                    .among(variant, expected.iter().copied())
            }
            Yaml::SerdeMissingField { field, .. } => {
                Self::at(file, place, format!("the key `{field}` is missing"))
            }
            other => Self::at(file, place, first_line(&other.to_string())),
        }
    }

    /// The error without the secrets of the texts that it is about.
    pub(super) fn without_secrets(mut self, secrets: Vec<SecretString>) -> Self {
        let quoted: Vec<[String; 2]> = secrets
            .iter()
            .map(|secret| secret.expose_secret())
            .map(|secret| [format!("`{secret}`"), format!("{secret:?}")])
            .collect();
        let redaction = Redaction::new(secrets);
        let hide = |text: &String| {
            // What is quoted is a value, however short.
            let text = quoted
                .iter()
                .flatten()
                .fold(text.clone(), |text, quoted| text.replace(quoted, "`[redacted]`"));
            redaction.hide(&text)
        };
        self.problem = hide(&self.problem);
        self.word = self.word.as_ref().map(hide);
        self.known = self.known.iter().map(hide).collect();
        self
    }
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().to_owned()
}

impl fmt::Display for CaseError {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(to, "{}", self.file.display())?;
        if let Some((line, column)) = self.place {
            write!(to, ":{line}:{column}")?;
        }
        write!(to, ": {}", self.problem)?;
        if let Some(word) = &self.word
            && let Some(near) = nearest(word, &self.known)
        {
            write!(to, "; did you mean `{near}`?")?;
        }
        if !self.known.is_empty() {
            write!(to, "\n  known here: {}", self.known.join(", "))?;
        }
        Ok(())
    }
}

/// The known word that a written one was probably meant to be.
pub fn nearest<'a, S: AsRef<str>>(word: &str, known: &'a [S]) -> Option<&'a str> {
    known
        .iter()
        .map(|known| (strsim::jaro_winkler(word, known.as_ref()), known.as_ref()))
        .filter(|(likeness, _)| *likeness > 0.75)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, known)| known)
}
