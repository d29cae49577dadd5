//! Secrets in texts: JSON and YAML of any nesting, command lines, headers.

use std::sync::LazyLock;

use regex::Regex;
use serde_json::Value;
use shlex::Shlex;

use super::{Found, decoded};

/// The option of a login that takes the password from standard input.
pub(super) const STDIN: &str = "--password-stdin";

/// A key that names a secret.
const KEY: &str = r"(?P<key>[\w.-]*password|passwd|[\w.-]*token|auth)";

struct Patterns {
    /// A key with its value, in JSON or YAML that stands in another text.
    keyed: [Regex; 2],
    /// What comes before a word that is a password.
    word: Regex,
    /// What comes before a word that is a user and a password.
    pair: Regex,
    /// What comes before an entry of a Secret made by kubectl.
    entry: Regex,
    /// What comes before words that are printed.
    printed: Regex,
    /// A here-document: its end and what follows.
    document: Regex,
    header: Regex,
    url: Regex,
    base64: Regex,
}

static PATTERNS: LazyLock<Option<Patterns>> = LazyLock::new(|| {
    let pattern = |text: &str| Regex::new(text).ok();
    let json = r#""(?P<json>(?:\\.|[^"\\])*)"\s*(?:[,}\]\n]|$)"#;
    Some(Patterns {
        keyed: [
            pattern(&format!(r#"(?i)["']{KEY}["']\s*:\s*(?:{json}|(?P<plain>\d+))"#))?,
            pattern(&format!(
                r#"(?im)(?:^[ \t]*(?:- )?|[{{,]\s*){KEY}:[ \t]+(?:{json}|'(?P<quoted>[^'\n]*)'|(?P<plain>[^\s"'\\{{}}\[\],|>&*][^\n,}}]*))"#
            ))?,
        ],
        word: pattern(
            r"(?i)(?:password|passwd|\bpass|token)=|--[\w-]*password[ \t]+|\blogin\b[^\n|;&]*?\s-p[ \t=]*|<<<[ \t]*",
        )?,
        pair: pattern(r"(?:--(?:src-|dest-)?creds|--user|-u|--proxy-user)(?:=|[ \t]+)")?,
        entry: pattern(r"--from-literal(?:=|[ \t]+)")?,
        printed: pattern(r"\b(?:echo|printf)[ \t]+")?,
        document: pattern(r#"(?s)<<-?[ \t]*['"]?(\w+)['"]?[^\n]*\n(.*)"#)?,
        header: pattern(r"(?i)authorization\W+(basic|bearer)\s+([A-Za-z0-9+/=_.~-]+)")?,
        url: pattern(r"[a-z]://[^/\s:@]+:([^@/\s]+)@")?,
        base64: pattern(r"[A-Za-z0-9+/_-]{16,}={0,2}")?,
    })
});

impl Found {
    /// Reads a text for secrets, and what is encoded in it, so many levels deep.
    pub(super) fn text(&mut self, text: &str, depth: u8) {
        let (Some(patterns), Some(depth)) = (PATTERNS.as_ref(), depth.checked_sub(1)) else {
            return;
        };
        // All of it may be JSON or YAML; what is not, may hold some.
        if let Ok(all) = serde_saphyr::from_multiple::<Value>(text) {
            let nested = all.iter().filter(|value| value.is_object() || value.is_array());
            nested.for_each(|value| self.value(value, depth));
        }
        for found in patterns.keyed.iter().flat_map(|pattern| pattern.captures_iter(text)) {
            if let Some(json) = found.name("json") {
                let unescaped = serde_json::from_str(&format!("\"{}\"", json.as_str()));
                self.keyed(&found["key"], &unescaped.unwrap_or_else(|_| json.as_str().to_owned()));
            }
            let plain = found.name("quoted").or(found.name("plain"));
            plain.iter().for_each(|value| self.keyed(&found["key"], value.as_str().trim_end()));
        }
        for header in patterns.header.captures_iter(text) {
            match header[1].eq_ignore_ascii_case("basic") {
                true => self.auth(&header[2]),
                false => self.secret(&header[2]),
            }
        }
        patterns.url.captures_iter(text).for_each(|url| self.secret(&url[1]));
        for encoded in patterns.base64.find_iter(text) {
            if let Some(decoded) = decoded(encoded.as_str()) {
                if is_pair(&decoded) {
                    self.auth(encoded.as_str());
                }
                self.text(&decoded, depth);
            }
        }
        self.command(&text.replace("\\\n", " "), patterns);
        // JSON in a string of JSON.
        if text.contains("\\\"") {
            self.text(&text.replace("\\\"", "\"").replace("\\\\", "\\"), depth);
        }
    }

    /// A word of a command line, with and without what may end a command after it.
    fn word(&mut self, word: &str) {
        self.secret(word);
        self.secret(without_operator(word));
    }

    /// What a command line gives programs.
    fn command(&mut self, text: &str, patterns: &Patterns) {
        let word = |pattern: &Regex| -> Vec<String> {
            let found = pattern.find_iter(text);
            found.filter_map(|found| Shlex::new(&text[found.end()..]).next()).collect()
        };
        word(&patterns.word).iter().for_each(|word| self.word(word));
        for pair in word(&patterns.pair) {
            if let Some((_, secret)) = pair.split_once(':') {
                self.word(secret);
            }
        }
        for entry in word(&patterns.entry) {
            if let Some((key, value)) = entry.split_once('=') {
                self.entry(key, without_operator(value));
            }
        }
        let (login, encoded) = (text.contains(STDIN), text.contains("base64"));
        for printed in patterns.printed.find_iter(text).filter(|_| login || encoded) {
            let words = piped(&text[printed.end()..]);
            match words.as_slice() {
                words if login => words.iter().for_each(|word| self.secret(word)),
                // Several are a sentence.
                [word] => self.secret(word.split_once(':').map_or(word, |(_, secret)| secret)),
                _ => {}
            }
        }
        if let Some(document) = patterns.document.captures(text).filter(|_| login) {
            let end = format!("\n{}", &document[1]);
            self.secret(document[2].split(&end).next().unwrap_or_default());
        }
    }
}

/// The words that a command prints into a pipe, but for options and formats.
fn piped(text: &str) -> Vec<String> {
    let mut printed = Vec::new();
    for word in Shlex::new(text) {
        match word.as_str() {
            "|" => return printed,
            "&&" | "||" | "&" | ";" => break,
            word if word.ends_with(';') => break,
            word if word.starts_with(['-', '%']) => {}
            word => printed.push(word.to_owned()),
        }
    }
    Vec::new()
}

/// A word without what ends a command after it.
fn without_operator(word: &str) -> &str {
    word.trim_end_matches([';', '|', '&', ')'])
}

/// Whether a text is a user and a password.
fn is_pair(text: &str) -> bool {
    text.split_once(':').is_some_and(|(user, _)| {
        let name = |c: char| c.is_alphanumeric() || "._@+-$".contains(c);
        !user.is_empty() && user.chars().all(name)
    })
}
