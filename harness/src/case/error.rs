//! What is wrong with a case file, and where.

use std::{
    fmt,
    path::{Path, PathBuf},
};

use secrecy::{ExposeSecret, SecretString};
use serde_saphyr::{MessageFormatter, UserMessageFormatter};

use crate::redaction::Redaction;

use super::tree::Node;
use crate::{input, suggest::nearest};

/// A case file that cannot be used: a usage error, never a failed expectation.
///
/// Displays as `file:line:column: problem`, then what was expected, the nearest of it and what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct CaseError {
    /// The file.
    pub file: PathBuf,
    /// Line and column, counted from 1, if they are known.
    pub place: Option<(u64, u64)>,
    /// What is wrong and what was expected.
    pub problem: String,
    /// The words that would have been right, if it is a matter of words.
    pub known: Vec<String>,
    /// The word that was written, if it is a matter of words.
    pub word: Option<String>,
}

impl CaseError {
    /// Returns an error about a place in a file.
    pub fn at(
        file: impl Into<PathBuf>,
        place: Option<(u64, u64)>,
        problem: impl Into<String>,
    ) -> Self {
        Self { file: file.into(), place, problem: problem.into(), known: Vec::new(), word: None }
    }

    /// Reads a text that a case or a manifest is in.
    pub(super) fn reading(file: &Path) -> Result<String, Self> {
        input::read(file).map_err(|error| Self::at(file, error.place, error.problem))
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

    /// Puts what serde-saphyr found into the words of the format. `tree` is the text.
    ///
    /// A value that may be a password is in no error: what stands under `auth` or `users` is not shown.
    pub(super) fn from_yaml(
        file: impl Into<PathBuf>,
        error: &serde_saphyr::Error,
        tree: Option<&Node>,
    ) -> Self {
        use serde_saphyr::Error as Yaml;
        let place = error.location().map(|place| (place.line(), place.column()));
        let path =
            tree.zip(place).and_then(|(tree, place)| tree.path_to(place)).unwrap_or_default();
        let secret = path.iter().any(|key| ["auth", "users"].contains(key));
        let of = match path.last() {
            Some(key) if !secret => format!(" for `{key}`"),
            _ => String::new(),
        };
        match error.without_snippet() {
            Yaml::SerdeUnknownField { expected, .. }
            | Yaml::SerdeUnknownVariant { expected, .. }
                if secret =>
            {
                Self::at(file, place, "unknown word").among("", expected.iter().copied())
            }
            Yaml::SerdeUnknownField { field, expected, .. } => {
                Self::at(file, place, format!("unknown key `{field}`"))
                    .among(field, expected.iter().copied())
            }
            Yaml::SerdeUnknownVariant { variant, expected, .. } => {
                Self::at(file, place, format!("unknown value `{variant}`"))
                    .among(variant, expected.iter().copied())
            }
            Yaml::SerdeMissingField { field, .. } => {
                Self::at(file, place, format!("the key `{field}` is missing"))
            }
            Yaml::DuplicateMappingKey { key, .. } => {
                let key = key.as_ref().filter(|_| !secret).map(|key| format!(" `{key}`"));
                Self::at(file, place, format!("the key{} is given twice", key.unwrap_or_default()))
            }
            Yaml::SerdeInvalidType { unexpected, expected, .. }
            | Yaml::SerdeInvalidValue { unexpected, expected, .. } => {
                let (found, expected) = (kind_of(unexpected), yaml_kind(expected));
                Self::at(file, place, format!("expected {expected}{of}, found {found}"))
            }
            Yaml::Unexpected { expected, .. } => {
                Self::at(file, place, format!("expected {}{of}", yaml_kind(expected)))
            }
            Yaml::InvalidScalar { ty, .. } => {
                Self::at(file, place, format!("expected {}{of}", number(ty)))
            }
            Yaml::NullIntoString { .. } => {
                Self::at(file, place, format!("expected a text{of}, found nothing"))
            }
            Yaml::MultipleDocuments { .. } => {
                Self::at(file, place, "a second document; a file holds one case")
            }
            Yaml::ExternallyTaggedEnumExpectedScalarOrMapping { .. }
            | Yaml::ExpectedStringKeyForExternallyTaggedEnum { .. } => {
                Self::at(file, place, format!("expected a word, or a mapping with one key{of}"))
            }
            Yaml::UnexpectedValueForUnitEnumVariant { .. }
            | Yaml::UnexpectedValueForUnit { .. } => {
                Self::at(file, place, format!("a value that is not expected here{of}"))
            }
            Yaml::ExpectedMappingEndAfterEnumVariantValue { .. } => {
                Self::at(file, place, format!("expected one key{of}, found several"))
            }
            Yaml::Message { msg, .. } if secret => {
                // Ours, which may show the value.
                let expected = msg.rsplit_once("expected ").map(|(_, expected)| expected);
                Self::at(file, place, format!("expected {}", expected.unwrap_or("another value")))
            }
            other => {
                let text = UserMessageFormatter.format_message(other);
                Self::at(file, place, text.lines().next().unwrap_or_default())
            }
        }
    }

    /// Returns the error without a case's secrets.
    pub(super) fn without_secrets(mut self, secrets: Vec<SecretString>) -> Self {
        // What is quoted may be a part of one, as short as a variable's name.
        let is_part = |text: &str| {
            let word = text.trim_start_matches('$');
            word.len() > 3 && secrets.iter().any(|secret| secret.expose_secret().contains(word))
        };
        let quoted = |text: &str| {
            let parts = text.split('`').enumerate();
            let shown = parts.map(|(at, part)| match at % 2 == 1 && is_part(part) {
                true => "[redacted]",
                false => part,
            });
            shown.collect::<Vec<_>>().join("`")
        };
        let problem = quoted(&self.problem);
        self.word = self.word.filter(|word| !is_part(word));
        let redaction = Redaction::new(secrets);
        self.problem = redaction.hide(&problem);
        self.word = self.word.map(|word| redaction.hide(&word));
        self
    }
}

/// What serde says that it found, without the value: `string "x"` is a text.
fn kind_of(unexpected: &str) -> &'static str {
    let first = unexpected.split([' ', '`']).next().unwrap_or_default();
    match first {
        "string" | "character" => "a text",
        "integer" | "floating" => "a number",
        "boolean" => "`true` or `false`",
        "sequence" => "a list",
        "map" => "a mapping",
        "unit" | "Option" | "null" => "nothing",
        _ => "something else",
    }
}

/// Returns what serde expects in the terms of YAML instead of Rust.
fn yaml_kind(expected: &str) -> String {
    let first = expected.split(' ').next().unwrap_or_default();
    match (first, expected) {
        ("struct" | "map", _) | (_, "a map" | "mapping start") => "a mapping".to_owned(),
        (_, "a sequence" | "sequence start") => "a list".to_owned(),
        (_, "a string" | "string" | "string scalar" | "scalar") => "a text".to_owned(),
        ("enum", _) => "a word".to_owned(),
        (_, "a boolean") => "`true` or `false`".to_owned(),
        (kind, _) if number(kind) != "another value" => number(kind).to_owned(),
        _ => expected.to_owned(),
    }
}

fn number(kind: &str) -> &'static str {
    match kind {
        "u8" | "u16" | "u32" | "u64" | "usize" => "a number without sign and fraction",
        "i8" | "i16" | "i32" | "i64" | "isize" => "a number without fraction",
        "f32" | "f64" => "a number",
        "bool" | "boolean" => "`true` or `false`",
        _ => "another value",
    }
}

impl fmt::Display for CaseError {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = self.file.display().to_string();
        if let Some((line, column)) = self.place {
            text.push_str(&format!(":{line}:{column}"));
        }
        text.push_str(&format!(": {}", self.problem));
        if let Some(word) = &self.word
            && let Some(near) = nearest(word, &self.known)
        {
            text.push_str(&format!("; did you mean `{near}`?"));
        }
        if !self.known.is_empty() {
            text.push_str(&format!("\n  expected one of: {}", self.known.join(", ")));
        }
        to.write_str(&printable(&text))
    }
}

/// Control characters other than line ends would act on a terminal.
fn printable(text: &str) -> String {
    let mut printable = String::with_capacity(text.len());
    for character in text.chars() {
        match character.is_control() && character != '\n' {
            true => printable.extend(character.escape_debug()),
            false => printable.push(character),
        }
    }
    printable
}
