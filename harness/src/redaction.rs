//! Hiding secrets in whatever is shown or written.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    fmt,
    ops::Range,
    sync::{Arc, LazyLock, Mutex},
};

use aho_corasick::AhoCorasick;
use pullproof_pseudonym::{
    encoding,
    layer::{Layer, View},
};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use crate::mutex::locked;

/// What stands where a secret stood.
const HIDDEN: &str = "[redacted]";
/// A part of a secret of so many bytes is one itself: programs cut off what they print.
const PART: usize = 12;
/// How often base64 may be nested: `kubectl get secret -o json | base64` is three times.
const NESTED: u8 = 4;

/// Secrets in every form in which they may come back. Clones share them.
///
/// Hidden is a secret, and any twelve bytes of one: as it is, with the escapes of JSON, Go, YAML, HTML
/// and URLs, in base64, which is hidden whole, and in hexadecimal, nested in any order. White space and
/// quotes make no difference. A secret of less than eight bytes has to be a word of its own, one
/// of less than four has to stand after `:` or `=` as well: nothing could be read otherwise. JSON Web
/// Tokens are made while a case runs and hidden without being known.
#[derive(Clone)]
pub struct Redaction(Arc<Matcher>);

/// One search for all secrets.
struct Matcher {
    search: Option<AhoCorasick>,
    /// Of each pattern.
    kinds: Vec<Kind>,
    /// The secrets themselves, for numbers.
    secrets: BTreeSet<String>,
}

/// What has to be around a pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Anywhere,
    /// It is a word of its own.
    Word,
    /// It is one after `:` or `=`.
    Value,
}

impl Redaction {
    /// Hides these from now on.
    pub fn new(secrets: impl IntoIterator<Item = SecretString>) -> Self {
        let secrets: BTreeSet<String> =
            secrets.into_iter().map(|secret| secret.expose_secret().to_owned()).collect();
        let patterns = patterns(&secrets);
        // It fails with more than 2^31 states alone.
        let search = AhoCorasick::new(patterns.keys()).ok();
        let kinds = patterns.into_values().collect();
        Self(Arc::new(Matcher { search, kinds, secrets }))
    }

    /// Returns the text without the secrets.
    ///
    /// ```
    /// use pullproof::redaction::Redaction;
    /// let redaction = Redaction::new(["hunter22".into()]);
    /// assert_eq!(redaction.hide("kubectl -p=hunter22"), "kubectl -p=[redacted]");
    /// // base64 of "janedoe:hunter22"
    /// assert_eq!(redaction.hide("auth: amFuZWRvZTpodW50ZXIyMg=="), "auth: [redacted]");
    /// ```
    pub fn hide(&self, text: &str) -> String {
        replaced(text, self.0.find(text.as_bytes(), NESTED))
    }

    /// Returns a value without the secrets in its texts, keys and numbers.
    pub fn hide_value(&self, value: &Value) -> Value {
        match value {
            Value::String(text) => Value::String(self.hide(text)),
            Value::Array(all) => all.iter().map(|one| self.hide_value(one)).collect(),
            Value::Object(map) => {
                map.iter().map(|(key, value)| (self.hide(key), self.hide_value(value))).collect()
            }
            Value::Number(number) if self.0.secrets.contains(&number.to_string()) => HIDDEN.into(),
            other => other.clone(),
        }
    }
}

impl Default for Redaction {
    fn default() -> Self {
        static WITHOUT_SECRETS: LazyLock<Redaction> = LazyLock::new(|| Redaction::new([]));
        WITHOUT_SECRETS.clone()
    }
}

impl fmt::Debug for Redaction {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(to, "Redaction of {} secrets", self.0.secrets.len())
    }
}

/// What is looked for. A secret may hold what reads like an escape: it is looked for in every reading.
fn patterns(secrets: &BTreeSet<String>) -> BTreeMap<Vec<u8>, Kind> {
    let mut patterns = BTreeMap::new();
    for secret in secrets {
        // A form has `+` for a space.
        for text in [secret, &secret.replace(' ', "+")] {
            for layer in Layer::all(text.as_bytes()) {
                let text = layer.view().bytes;
                let kind = match text.len() {
                    0 => continue,
                    1..4 => Kind::Value,
                    4..8 => Kind::Word,
                    _ => Kind::Anywhere,
                };
                let parts = text.windows(PART).map(|part| (part.to_vec(), Kind::Anywhere));
                patterns.extend(parts);
                patterns.insert(text, kind);
            }
        }
    }
    patterns
}

impl Matcher {
    /// Where secrets stand in a text, at most so deep in base64.
    fn find(&self, text: &[u8], depth: u8) -> Vec<Range<usize>> {
        let mut found = Vec::new();
        // Words come again and again.
        let mut known: HashMap<Vec<u8>, bool> = HashMap::new();
        for layer in Layer::all(text) {
            let mut hits = self.search(&layer.view());
            hits.extend(encoding::tokens(&layer.bytes));
            for run in encoding::runs(&layer.bytes).filter(|_| depth > 0) {
                let encoded = &layer.bytes[run.clone()];
                let holds = known.get(encoded).copied().unwrap_or_else(|| {
                    let mut inner = encoding::decodings(encoded);
                    let holds = inner.any(|inner| !self.find(&inner, depth - 1).is_empty());
                    known.insert(encoded.to_vec(), holds);
                    holds
                });
                hits.extend(holds.then_some(run));
            }
            found.extend(hits.iter().map(|range| layer.origin(range)));
        }
        found
    }

    /// Where secrets stand in a layer.
    fn search(&self, view: &View) -> Vec<Range<usize>> {
        let all = 0..view.bytes.len();
        let Some(search) = &self.search else {
            return Some(all)
                .filter(|all| !all.is_empty())
                .map(|all| view.place(&all))
                .into_iter()
                .collect();
        };
        let hits = search.find_overlapping_iter(&view.bytes).filter(|hit| {
            let range = hit.range();
            match self.kinds[hit.pattern().as_usize()] {
                Kind::Anywhere => true,
                Kind::Word => view.is_word(&range),
                Kind::Value => {
                    let before = range.start.checked_sub(1).map(|at| view.bytes[at]);
                    view.is_word(&range) && matches!(before, Some(b':' | b'='))
                }
            }
        });
        hits.map(|hit| view.place(&hit.range())).collect()
    }
}

fn replaced(text: &str, mut found: Vec<Range<usize>>) -> String {
    found.sort_by_key(|range| range.start);
    let mut hidden = String::with_capacity(text.len());
    let mut end = 0;
    for range in found {
        let begin = text.floor_char_boundary(range.start);
        if begin > end || hidden.is_empty() {
            hidden.push_str(&text[end..begin.max(end)]);
            hidden.push_str(HIDDEN);
        }
        end = end.max(text.ceil_char_boundary(range.end));
    }
    hidden.push_str(&text[end..]);
    hidden
}

/// The secrets of all cases of a run: what a node or a registry writes may hold any of them.
#[derive(Debug, Default)]
pub struct KnownSecrets(Mutex<Known>);

#[derive(Default)]
struct Known {
    secrets: BTreeSet<String>,
    /// Of all of them; none since one was added.
    redaction: Option<Redaction>,
}

impl fmt::Debug for Known {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(to, "{} secrets", self.secrets.len())
    }
}

impl KnownSecrets {
    /// Adds the secrets of a case.
    pub fn add<'a>(&self, secrets: impl IntoIterator<Item = &'a SecretString>) {
        let mut known = locked(&self.0);
        for secret in secrets {
            if known.secrets.insert(secret.expose_secret().to_owned()) {
                known.redaction = None;
            }
        }
    }

    /// Hides all that were added so far.
    pub fn redaction(&self) -> Redaction {
        let mut known = locked(&self.0);
        let Known { secrets, redaction } = &mut *known;
        let all = || Redaction::new(secrets.iter().map(|secret| secret.clone().into()));
        redaction.get_or_insert_with(all).clone()
    }
}

#[cfg(test)]
mod tests;
