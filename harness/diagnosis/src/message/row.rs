//! Rows of the table of wordings, and finding them in a text.

use std::sync::LazyLock;

use aho_corasick::{AhoCorasick, MatchKind};

use crate::message::table;
use crate::sign::Sign;

/// Whose wording a row holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Origin {
    /// containerd and its CRI plugin.
    Containerd,
    /// CRI-O and the libraries it pulls with.
    Crio,
    /// Docker's engine behind dockershim or cri-dockerd.
    Docker,
    /// The kubelet.
    Kubelet,
    /// A registry's or token server's own answer.
    Registry,
    /// Go's network and TLS libraries, which all of them use.
    Go,
    /// The kernel, file systems and archive formats.
    System,
}

/// One wording: where it comes from, how it is found, and what it says.
#[derive(Debug)]
pub struct Row {
    /// The source file, or the registry that answers so.
    pub source: &'static str,
    /// Whose wording it is.
    pub origin: Origin,
    /// What of it never varies; ASCII case does not count.
    pub words: &'static str,
    /// A text with it, as it stands in a message.
    pub sample: &'static str,
    pub(crate) reads: Reads,
}

/// How a row's words become a sign.
#[derive(Debug)]
pub(crate) enum Reads {
    /// The words alone say it.
    Is(Sign),
    /// What stands around them says it, or that it is not meant.
    With(fn(Spot<'_>) -> Option<Sign>),
}

/// Words found in a text, with what stands around them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Spot<'a> {
    /// Up to [`AROUND`] bytes before the words.
    pub before: &'a str,
    /// Up to [`AROUND`] bytes after the words.
    pub after: &'a str,
}

/// How far around its words a row may look.
const AROUND: usize = 800;

/// How often one row is read in a text; a registry's answer could repeat its words without end.
const REPEATED: usize = 4;

/// Finds the wordings of a list of rows.
pub(crate) struct Matcher<'r> {
    rows: Vec<&'r Row>,
    words: Option<AhoCorasick>,
}

impl<'r> Matcher<'r> {
    pub(crate) fn new(rows: impl IntoIterator<Item = &'r Row>) -> Self {
        let rows: Vec<_> = rows.into_iter().collect();
        let words = AhoCorasick::builder()
            .ascii_case_insensitive(true)
            .match_kind(MatchKind::Standard)
            .build(rows.iter().map(|row| row.words))
            .ok();
        Self { rows, words }
    }

    /// Returns the signs in the text in the order they stand, each once.
    pub(crate) fn signs(&self, text: &str) -> Vec<Sign> {
        let mut seen = vec![0_usize; self.rows.len()];
        let mut signs = Vec::new();
        let Some(words) = &self.words else { return signs };
        for found in words.find_overlapping_iter(text) {
            let index = found.pattern().as_usize();
            let (Some(count), Some(row)) = (seen.get_mut(index), self.rows.get(index)) else {
                continue;
            };
            *count += 1;
            if *count > REPEATED {
                continue;
            }
            let spot = Spot {
                before: &text
                    [text.ceil_char_boundary(found.start().saturating_sub(AROUND))..found.start()],
                after: &text
                    [found.end()..text.floor_char_boundary((found.end() + AROUND).min(text.len()))],
            };
            let sign = match &row.reads {
                Reads::Is(sign) => Some(sign.clone()),
                Reads::With(read) => read(spot),
            };
            if let Some(sign) = sign
                && !signs.contains(&sign)
            {
                signs.push(sign);
            }
        }
        signs
    }
}

/// The matcher of the whole table.
pub(crate) static ALL: LazyLock<Matcher<'static>> = LazyLock::new(|| Matcher::new(table::rows()));
