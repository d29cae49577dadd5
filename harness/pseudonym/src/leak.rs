//! Whether anything of a secret is in a file.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use aho_corasick::AhoCorasick;
use pullproof_credentials::SecretId;

use crate::encoding;
use crate::forms::{self, forms};
use crate::layer::Layer;
use crate::shape::Kind;
use crate::values::{Field, Found};

/// A shorter value is not looked for: it would be found by chance.
pub(crate) const SHORTEST: usize = 6;
/// A shorter value has to be a word of its own, unless it is encoded.
pub(crate) const SHORTEST_PART: usize = 8;
/// How often base64 is taken off.
const NESTED: u8 = 3;

/// A value of a secret that was found where it should not be.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Leak {
    /// The secret.
    pub secret: SecretId,
    /// Which of its values: the name of the field, and the key that it stands under.
    pub field: String,
}

impl fmt::Display for Leak {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} in the secret {}", self.field, self.secret.name)
    }
}

/// Whether a value is looked for in texts. A user name that stands in the name of an image is not, and
/// neither is any short value that does.
pub(crate) fn is_searched(
    value: &[u8],
    fields: &BTreeSet<Field>,
    visible: &BTreeSet<String>,
) -> bool {
    let is_user = fields.iter().all(|field| field.kind == Kind::User);
    let is_visible =
        || std::str::from_utf8(value).is_ok_and(|value| visible.contains(&value.to_lowercase()));
    value.len() >= SHORTEST && !((is_user || value.len() < SHORTEST_PART) && is_visible())
}

/// Whether neither end of a range is within a word.
pub(crate) fn is_word(text: &[u8], start: usize, end: usize) -> bool {
    let is_letter = |at: Option<&u8>| at.is_some_and(u8::is_ascii_alphanumeric);
    let goes_on_at = |at: usize| {
        let before = at.checked_sub(1).and_then(|before| text.get(before));
        is_letter(before) && is_letter(text.get(at))
    };
    !goes_on_at(start) && !goes_on_at(end)
}

/// One search for all values.
pub(crate) struct Search<'a> {
    found: BTreeSet<Leak>,
    search: Option<AhoCorasick>,
    /// Of each pattern: whose it is, and whether it has to be a word.
    patterns: Vec<(&'a BTreeSet<Field>, bool)>,
}

impl<'a> Search<'a> {
    pub(crate) fn new(
        found: &'a Found,
        invented: &BTreeMap<Vec<u8>, Vec<u8>>,
        visible: &BTreeSet<String>,
    ) -> Self {
        let mut texts: Vec<Vec<u8>> = Vec::new();
        let mut patterns = Vec::new();
        for (value, fields) in &found.values {
            if !is_searched(value, fields, visible) || invented.get(value) == Some(value) {
                continue;
            }
            let (forms, reversed) = (forms(value), forms::reversed(value));
            // What is not UTF-8 in a document is U+FFFD in the value.
            let replacement = String::from(char::REPLACEMENT_CHARACTER);
            let value = String::from_utf8_lossy(value).into_owned();
            let parts = value.split(&replacement).filter(|part| part.len() >= SHORTEST);
            let parts = parts.map(|part| part.as_bytes().to_vec());
            for text in forms.into_iter().chain(reversed).chain(parts) {
                patterns.push((fields, text.len() < SHORTEST_PART));
                texts.push(text);
            }
        }
        for (user, password) in &found.logins {
            let Some(fields) = found.values.get(password).or(found.values.get(user)) else {
                continue;
            };
            if user.len() + password.len() >= SHORTEST {
                let logins = forms::login(user, password);
                patterns.extend(logins.iter().map(|_| (fields, false)));
                texts.extend(logins);
            }
        }
        // It fails with more than 2^31 states alone.
        let search = AhoCorasick::new(texts).ok();
        Self { found: BTreeSet::new(), search, patterns }
    }

    /// Returns what is found in a text, below its escapes, and in the base64 in it.
    pub(crate) fn leaks(mut self, text: &[u8]) -> Vec<Leak> {
        self.look(text, NESTED);
        self.found.into_iter().collect()
    }

    fn look(&mut self, text: &[u8], depth: u8) {
        for layer in Layer::all(text) {
            self.look_at(&layer.bytes, depth);
        }
    }

    fn look_at(&mut self, text: &[u8], depth: u8) {
        let Some(search) = &self.search else { return };
        for hit in search.find_overlapping_iter(text) {
            let (fields, as_word) = self.patterns[hit.pattern().as_usize()];
            if !as_word || is_word(text, hit.start(), hit.end()) {
                self.found.extend(fields.iter().map(|field| Leak {
                    secret: field.secret.clone(),
                    field: field.field.clone(),
                }));
            }
        }
        if depth == 0 {
            return;
        }
        let runs: BTreeSet<&[u8]> = encoding::runs(text).map(|run| &text[run]).collect();
        for run in runs {
            encoding::decodings(run).for_each(|inner| self.look(&inner, depth - 1));
        }
    }
}
