//! Parts of a message that another run has otherwise.

use std::ops::Range;

use regex::Regex;

/// A pattern, and the word that stands for what it matches.
pub type Pattern = (&'static str, &'static str);

/// A digest.
pub const DIGEST: Pattern = (r"sha256:[0-9a-f]{12,64}", "sha256:…");
/// A time of RFC 3339.
pub const TIME: Pattern = (r"\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)", "<time>");
/// An IPv4 address, with or without a port.
pub const IPV4: Pattern = (r"\b\d{1,3}(\.\d{1,3}){3}((:|%3A)\d{1,5})?\b", "<address>");
/// An IPv6 address in brackets, with or without a port.
pub const IPV6: Pattern = (r"\[[0-9a-f]*(:[0-9a-f]*){2,}\](:\d{1,5})?", "<address>");
/// A duration as Go prints it.
pub const DURATION: Pattern = (r"\b(\d+h)?(\d+m)?\d+(\.\d+)?(ms|µs|ns|s)\b", "<duration>");

/// Patterns in the order in which they are replaced.
pub struct Volatile(Vec<(Regex, &'static str)>);

impl Volatile {
    /// Compiles patterns, which are constants: a test beside them compares their number.
    pub fn new(patterns: impl IntoIterator<Item = Pattern>) -> Self {
        let compiled = |(pattern, word): Pattern| Some((Regex::new(pattern).ok()?, word));
        Self(patterns.into_iter().filter_map(compiled).collect())
    }

    /// Returns a text with the words in the place of what matches.
    pub fn replace(&self, text: &str) -> String {
        let replaced = |text: String, (pattern, word): &(Regex, &'static str)| {
            pattern.replace_all(&text, *word).into_owned()
        };
        self.0.iter().fold(text.to_owned(), replaced)
    }

    /// Returns the parts of a text around what matches.
    pub fn split<'a>(&self, text: &'a str) -> Vec<&'a str> {
        let (mut parts, mut begin) = (Vec::new(), 0);
        for found in self.matches(text) {
            if found.start >= begin {
                parts.push(&text[begin..found.start]);
            }
            begin = begin.max(found.end);
        }
        parts.push(&text[begin..]);
        parts
    }

    /// Whether a pattern matches a part of a text.
    pub fn is_in(&self, text: &str) -> bool {
        self.0.iter().any(|(pattern, _)| pattern.is_match(text))
    }

    /// Returns what matches, from left to right; two patterns may overlap.
    fn matches(&self, text: &str) -> Vec<Range<usize>> {
        let all = self.0.iter().flat_map(|(pattern, _)| pattern.find_iter(text));
        let mut all: Vec<_> = all.map(|found| found.range()).collect();
        all.sort_by_key(|range| range.start);
        all
    }

    /// How many patterns there are.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}
