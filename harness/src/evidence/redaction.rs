//! Hiding secrets in whatever is shown or written.

use std::{
    collections::BTreeSet,
    fmt,
    ops::Range,
    sync::{Arc, LazyLock, Mutex},
};

use aho_corasick::AhoCorasick;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use crate::mutex::locked;

mod context;
mod forms;
mod view;

use context::is_secret_key;
use forms::{Forms, Kind};
use view::{View, views};

/// What stands where a secret stood.
const HIDDEN: &str = "[redacted]";
/// How often base64 is decoded to look for a secret: `kubectl get secret -o json | base64` is thrice.
const NESTED: u8 = 4;

/// Secrets in every form in which they may come back. Clones share them.
///
/// Hidden is a secret as it is, with the escapes of JSON, Go, YAML, HTML and URLs in any nesting, its
/// white space kept or not, in hexadecimal, and base64 text that holds it, which is hidden whole. A piece
/// of eight bytes is hidden as well, as texts are cut off somewhere; one that reads like ordinary
/// words only from sixteen bytes on, or where the text is cut off after it. Of a secret of less than
/// eight bytes only words of their own are hidden, of one of less than four or of an ordinary word
/// (`wrong`) only those after `:` or `=`. Without knowing it, a secret is hidden that stands
/// where only secrets do: JSON Web Tokens, `Authorization` headers, values of `password` and `auth`.
#[derive(Clone)]
pub struct Redaction(Arc<Matcher>);

/// One search for all patterns.
struct Matcher {
    search: Option<AhoCorasick>,
    kinds: Vec<Kind>,
    forms: Forms,
    /// The secrets themselves, for numbers.
    secrets: BTreeSet<String>,
}

impl Redaction {
    /// Hides these from now on, and what is a secret whoever's it is.
    pub fn new(secrets: impl IntoIterator<Item = SecretString>) -> Self {
        let secrets: BTreeSet<String> =
            secrets.into_iter().map(|secret| secret.expose_secret().to_owned()).collect();
        let forms = Forms::of(secrets.iter().map(String::as_str));
        // It fails with more than 2^31 states alone.
        let search = AhoCorasick::new(forms.patterns.keys()).ok();
        let kinds = forms.patterns.values().copied().collect();
        Self(Arc::new(Matcher { search, kinds, forms, secrets }))
    }

    /// The text without the secrets.
    ///
    /// ```
    /// use pullproof::evidence::Redaction;
    /// let redaction = Redaction::new(["hunter22".into()]);
    /// assert_eq!(redaction.hide("kubectl -p=hunter22"), "kubectl -p=[redacted]");
    /// // base64 of "janedoe:hunter22"
    /// assert_eq!(redaction.hide("auth: amFuZWRvZTpodW50ZXIyMg=="), "auth: [redacted]");
    /// ```
    pub fn hide(&self, text: &str) -> String {
        replaced(text, self.found(text, NESTED))
    }

    /// Where secrets stand, in base64 of base64 so many times over.
    fn found(&self, text: &str, depth: u8) -> Vec<Range<usize>> {
        let mut found = Vec::new();
        context::secrets(text, &mut found);
        for view in views(text) {
            self.0.find(text, &view, &mut found);
        }
        if let Some(depth) = depth.checked_sub(1) {
            let mut encoded = context::encoded(text);
            encoded.retain(|range| {
                let mut inner = context::decodings(&text[range.clone()]);
                inner.any(|inner| !self.found(&inner, depth).is_empty())
            });
            found.append(&mut encoded);
        }
        found
    }

    /// A value without the secrets in its texts, keys and numbers.
    pub fn hide_value(&self, value: &Value) -> Value {
        match value {
            Value::String(text) => Value::String(self.hide(text)),
            Value::Array(all) => all.iter().map(|one| self.hide_value(one)).collect(),
            Value::Object(map) => {
                let hidden = |(key, value): (&String, &Value)| match value {
                    Value::String(_) if is_secret_key(key) => (self.hide(key), HIDDEN.into()),
                    value => (self.hide(key), self.hide_value(value)),
                };
                map.iter().map(hidden).collect()
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

impl Matcher {
    fn find(&self, text: &str, view: &View, found: &mut Vec<Range<usize>>) {
        let Some(search) = &self.search else { return found.push(0..text.len()) };
        for hit in search.find_overlapping_iter(&view.bytes) {
            let mut range = hit.range();
            let origin = view.origin(&range);
            let word = || view.begins_word(range.start) && view.ends_word(range.end);
            let hidden = match self.kinds[hit.pattern().as_usize()] {
                Kind::Plain => Some(origin),
                Kind::Encoded => Some(whole_base64(text, origin)),
                Kind::EncodedEnd => {
                    let end = text.as_bytes().get(origin.end);
                    end.is_none_or(|byte| !is_base64(*byte)).then(|| whole_base64(text, origin))
                }
                Kind::Word => word().then_some(origin),
                Kind::Value => {
                    let named = matches!(view.before(range.start), Some(b':' | b'='));
                    (named && word()).then_some(origin)
                }
                Kind::Beginning => {
                    let begun = &view.bytes[range.start..];
                    let all = self.forms.beginnings.get(&view.bytes[range.clone()]);
                    let common = |secret: &Vec<u8>| {
                        secret.iter().zip(begun).take_while(|(a, b)| a == b).count()
                    };
                    let longest = all.into_iter().flatten().map(common).max().unwrap_or(0);
                    range.end = range.end.max(range.start + longest);
                    let origin = view.origin(&range);
                    is_cut(&text[text.ceil_char_boundary(origin.end)..]).then_some(origin)
                }
            };
            found.extend(hidden);
        }
    }
}

/// Whether a text is cut off here.
fn is_cut(rest: &str) -> bool {
    let rest = rest.trim_start_matches([' ', '"', '\'', '`', '\\']);
    rest.is_empty() || rest.starts_with('…') || rest.starts_with("...")
}

/// The base64 text around a part of it, with its padding.
fn whole_base64(text: &str, part: Range<usize>) -> Range<usize> {
    let bytes = text.as_bytes();
    let before = bytes[..part.start].iter().rev().take_while(|byte| is_base64(**byte)).count();
    let after = bytes[part.end..].iter().take_while(|byte| is_base64(**byte)).count();
    let end = part.end + after;
    let padding = bytes[end..].iter().take(2).take_while(|byte| **byte == b'=').count();
    part.start - before..end + padding
}

/// In either alphabet.
fn is_base64(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'-' | b'_')
}

fn replaced(text: &str, mut found: Vec<Range<usize>>) -> String {
    if found.is_empty() {
        return text.to_owned();
    }
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

/// The secrets of all cases of a run: what one case writes may hold another's.
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
    pub fn add(&self, secrets: impl IntoIterator<Item = SecretString>) {
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
