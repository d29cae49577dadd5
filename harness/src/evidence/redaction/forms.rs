//! The forms of a secret that are looked for, as patterns for one search.

use std::collections::{BTreeMap, BTreeSet};

use base64::{Engine, engine::general_purpose::STANDARD_NO_PAD};

use super::view::views;

/// A piece of a secret of so many bytes is a leak.
pub const PIECE: usize = 8;
/// A piece that reads like a word of a language is one only when it is so long.
const WORDY_PIECE: usize = 16;
/// A shorter value is hidden only where the text around it says that it is a password.
const SHORTEST: usize = 4;
/// A piece in base64 has at least ten characters of its own, in base64 of that thirteen.
const ENCODED_PIECE: (usize, usize) = (10, 1);
const ENCODED_TWICE_PIECE: (usize, usize) = (12, 2);

/// What a pattern is and so what has to stand around it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A secret or a piece of one.
    Plain,
    /// A part of base64 text, all of which is hidden.
    Encoded,
    /// The end of base64 text, all of which is hidden.
    EncodedEnd,
    /// A short secret or a number: a word of its own.
    Word,
    /// A very short or ordinary one: a word of its own, directly after `:` or `=`.
    Value,
    /// The first bytes of a wordy secret: where the text is cut off after any more of it.
    Beginning,
}

/// Words that ordinary output is made of. Who chose one as a password sees it hidden only where the
/// text around it says that it is one: reports without these words could not be read.
const ORDINARY: [&str; 95] = [
    "access",
    "account",
    "admin",
    "after",
    "again",
    "always",
    "anonymous",
    "apply",
    "auth",
    "authorization",
    "back-off",
    "basic",
    "bearer",
    "before",
    "blob",
    "blobs",
    "container",
    "containerd",
    "containers",
    "credential",
    "credentials",
    "data",
    "default",
    "denied",
    "docker",
    "error",
    "errors",
    "event",
    "events",
    "expected",
    "failed",
    "false",
    "file",
    "files",
    "first",
    "from",
    "good",
    "host",
    "hosts",
    "http",
    "https",
    "image",
    "images",
    "kind",
    "kube",
    "kubectl",
    "kubelet",
    "kubernetes",
    "latest",
    "layer",
    "local",
    "login",
    "manifest",
    "manifests",
    "message",
    "mirror",
    "name",
    "namespace",
    "node",
    "none",
    "null",
    "other",
    "pass",
    "password",
    "phase",
    "pull",
    "pulling",
    "push",
    "reason",
    "registry",
    "request",
    "requests",
    "right",
    "root",
    "running",
    "scope",
    "second",
    "secret",
    "secrets",
    "seen",
    "server",
    "service",
    "some",
    "status",
    "team",
    "test",
    "that",
    "this",
    "token",
    "true",
    "user",
    "username",
    "version",
    "with",
    "wrong",
];

/// What gives away a config.json or a token in base64, whoever's it is.
const MARKERS: [&str; 6] = [
    "\"auth\"",
    "\"password\"",
    "\"identitytoken\"",
    "\"registrytoken\"",
    "eyJhbGciOi",
    "eyJ0eXAi",
];

/// All patterns of some secrets, each with its kind.
#[derive(Debug, Default)]
pub struct Forms {
    /// Pattern to kind; of two kinds the one that hides more.
    pub patterns: BTreeMap<Vec<u8>, Kind>,
    /// Wordy secrets, by the pattern of their beginning.
    pub beginnings: BTreeMap<Vec<u8>, BTreeSet<Vec<u8>>>,
}

impl Forms {
    /// The forms of secrets, and of config.json as such.
    pub fn of<'a>(secrets: impl IntoIterator<Item = &'a str>) -> Self {
        let mut forms = Self::default();
        for marker in MARKERS {
            forms.marker(marker.as_bytes(), 3);
        }
        for secret in secrets {
            forms.plain(secret);
            let lines = secret.lines().map(str::trim);
            lines.filter(|line| *line != secret).for_each(|line| forms.plain(line));
            for text in spellings(secret) {
                forms.encoded(text.as_bytes());
            }
            forms.hex(secret.as_bytes());
        }
        forms
    }

    fn add(&mut self, pattern: &[u8], kind: Kind) {
        let known = self.patterns.entry(pattern.to_vec()).or_insert(kind);
        *known = kind.min(*known);
    }

    fn marker(&mut self, marker: &[u8], depth: u8) {
        for text in alignments(marker) {
            self.add(&text, Kind::Encoded);
            if depth > 1 {
                self.marker(&text, depth - 1);
            }
        }
    }

    /// The secret itself as each layer of it reads, and its pieces.
    fn plain(&mut self, secret: &str) {
        // A form has `+` for a space.
        let in_form = secret.contains(' ').then(|| secret.replace(' ', "+"));
        for text in [Some(secret.to_owned()), in_form].into_iter().flatten() {
            for reading in views(&text) {
                self.reading(&reading.bytes);
            }
        }
    }

    fn reading(&mut self, text: &[u8]) {
        if text.is_empty() {
            return;
        }
        if is_weak(text) {
            return self.add(text, Kind::Value);
        }
        let is_number = text.iter().all(u8::is_ascii_digit);
        self.add(text, if text.len() < PIECE || is_number { Kind::Word } else { Kind::Plain });
        if text.len() < PIECE {
            return;
        }
        for start in 0..=text.len() - PIECE {
            let lengths = PIECE..=WORDY_PIECE.min(text.len() - start);
            let mut pieces = lengths.map(|length| &text[start..start + length]);
            if let Some(piece) = pieces.find(|piece| !is_wordy(piece) || piece.len() == WORDY_PIECE)
            {
                self.add(piece, Kind::Plain);
            }
        }
        let first = &text[..PIECE];
        if is_wordy(first) && text.len() > PIECE {
            self.add(first, Kind::Beginning);
            self.beginnings.entry(first.to_vec()).or_default().insert(text.to_vec());
        }
    }

    /// Base64, and base64 in base64: an `auth` in a secret's data.
    fn encoded(&mut self, text: &[u8]) {
        if text.len() < SHORTEST || is_weak(text) {
            return self.encoded_value(text);
        }
        for once in alignments(text) {
            self.pieces(&once, ENCODED_PIECE);
            for twice in alignments(&once) {
                self.pieces(&twice, ENCODED_TWICE_PIECE);
            }
        }
        if text.len() < PIECE {
            self.encoded_value(text);
        }
    }

    /// A short secret after the user's name, at the end of base64 text.
    fn encoded_value(&mut self, text: &[u8]) {
        if text.len() + 1 < SHORTEST {
            return;
        }
        for before in 0..3 {
            let all = [&b"   "[..before], b":", text].concat();
            let encoded = STANDARD_NO_PAD.encode(all);
            self.base64(encoded[first_whole(before)..].as_bytes(), Kind::EncodedEnd);
        }
    }

    fn pieces(&mut self, text: &[u8], (length, stride): (usize, usize)) {
        // Shorter ones are found by chance.
        if text.len() < length {
            if text.len() >= 6 {
                self.base64(text, Kind::Encoded);
            }
            return;
        }
        let last = text.len() - length;
        for start in (0..last).step_by(stride).chain([last]) {
            self.base64(&text[start..start + length], Kind::Encoded);
        }
    }

    /// In both alphabets.
    fn base64(&mut self, text: &[u8], kind: Kind) {
        self.add(text, kind);
        let url = |byte: &u8| match byte {
            b'+' => b'-',
            b'/' => b'_',
            other => *other,
        };
        self.add(&text.iter().map(url).collect::<Vec<_>>(), kind);
    }

    fn hex(&mut self, secret: &[u8]) {
        if secret.len() < SHORTEST {
            return;
        }
        for piece in secret.windows(PIECE.min(secret.len())) {
            let lower: String = piece.iter().map(|byte| format!("{byte:02x}")).collect();
            self.add(lower.to_ascii_uppercase().as_bytes(), Kind::Plain);
            self.add(lower.as_bytes(), Kind::Plain);
        }
    }
}

/// How a secret may be written in a text that is then encoded whole.
fn spellings(secret: &str) -> BTreeSet<String> {
    let json = |text: &str| {
        let quoted = serde_json::Value::from(text).to_string();
        quoted[1..quoted.len() - 1].to_owned()
    };
    // encoding/json of Go escapes what could be read as HTML.
    let go = |text: &str| {
        let escaped = json(text).replace('&', "\\u0026").replace('<', "\\u003c");
        escaped.replace('>', "\\u003e")
    };
    let ascii = |text: &str| {
        let units = |c: char| {
            let mut buffer = [0; 2];
            let units = c.encode_utf16(&mut buffer).iter();
            units.map(|unit| format!("\\u{unit:04x}")).collect::<String>()
        };
        let escape = |c: char| if c.is_ascii() { c.to_string() } else { units(c) };
        json(text).chars().map(escape).collect::<String>()
    };
    let url: String = form_urlencoded::byte_serialize(secret.as_bytes()).collect();
    [
        secret.to_owned(),
        json(secret),
        go(secret),
        ascii(secret),
        json(&json(secret)),
        json(&go(secret)),
        url.replace('+', "%20"),
        url,
    ]
    .into()
}

/// A text's base64 as it stands in longer base64, in each of the three ways in which groups of three
/// bytes may begin, without the characters that hold bits of what stands around it.
fn alignments(text: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    (0..3).map(|before| {
        let all = [&b"   "[..before], text].concat();
        let encoded = STANDARD_NO_PAD.encode(&all).into_bytes();
        let end = encoded.len() - usize::from(all.len() % 3 != 0);
        encoded[first_whole(before).min(end)..end].to_vec()
    })
}

/// The first character that holds nothing of so many bytes before.
fn first_whole(before: usize) -> usize {
    [0, 2, 3][before]
}

/// Whether a value is too short or too ordinary to be hidden wherever it stands.
fn is_weak(text: &[u8]) -> bool {
    text.len() < SHORTEST || ORDINARY.iter().any(|word| word.as_bytes() == text)
}

/// Whether a piece could be of ordinary text: words in small letters, or a date, a number, a line.
fn is_wordy(piece: &[u8]) -> bool {
    let is_lower = |byte: &u8| byte.is_ascii_lowercase() || b".,:;-_/".contains(byte);
    let letters = piece.iter().any(|byte| byte.is_ascii_alphabetic() || !byte.is_ascii());
    !letters || piece.iter().all(is_lower)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alignment_is_found_in_whatever_stands_around_it() {
        for (before, after) in [("", ""), ("a", "b"), ("ab", ""), ("abc", "de"), ("abcd", "e")] {
            let whole = STANDARD_NO_PAD.encode(format!("{before}hunter22{after}"));
            let found = alignments(b"hunter22")
                .any(|one| whole.contains(std::str::from_utf8(&one).unwrap()) && one.len() >= 10);
            assert!(found, "{whole}");
        }
    }

    #[test]
    fn ordinary_words_are_sorted_and_are_words() {
        assert!(ORDINARY.is_sorted());
        assert!(ORDINARY.iter().all(|word| word.len() >= SHORTEST && is_wordy(word.as_bytes())));
    }

    #[test]
    fn pieces_of_words_are_longer() {
        let forms = Forms::of(["password-of-the-year-2026"]);
        let has = |piece: &str| forms.patterns.contains_key(piece.as_bytes());
        assert!(!has("password") && has("password-of-the-") && has("ear-2026"));
    }
}
