//! Secrets in texts: JSON and YAML of any nesting, command lines, headers.

use std::sync::LazyLock;

use regex::Regex;
use serde_json::Value;

use super::{Found, decoded};

/// Keys that have a secret or its user, in a text.
const KEYS: &str = "[\\w.-]*password|passwd|auth|identity_?token|registry_?token|access_?token|\
                    refresh_?token|bearer_?token|client_?secret|token|username";

/// The option of a login that takes the password from standard input.
pub(super) const STDIN: &str = "--password-stdin";

struct Patterns {
    /// A key with a string of JSON or YAML behind it, or in a line of its own.
    keyed: Regex,
    /// An option or a variable that is a password.
    assigned: Regex,
    /// An option that has a user and a password.
    credentials: Regex,
    /// An entry of a Secret made by kubectl.
    literal: Regex,
    header: Regex,
    url: Regex,
    private_key: Regex,
    token: Regex,
    base64: Regex,
    here_document: Regex,
}

static PATTERNS: LazyLock<Option<Patterns>> = LazyLock::new(|| {
    let pattern = |text: &str| Regex::new(text).ok();
    Some(Patterns {
        keyed: pattern(&format!(
            r#"(?im)(?:(?P<quoted>["'])|^[ \t]*(?:- )?|[{{,]\s*)(?P<key>{KEYS})\\*["']?\s*:[ \t]*(?P<value>\S)"#
        ))?,
        assigned: pattern(
            r"(?i)(?:password|passwd|\bpass|\btoken|[_-]token)=|--[\w-]*password[ \t]+",
        )?,
        credentials: pattern(r"(?:--(?:src-|dest-)?creds|--user|-u|--proxy-user)(?:=|[ \t]+)")?,
        literal: pattern(r"--from-literal(?:=|[ \t]+)")?,
        header: pattern(
            r"(?i)authorization\\*[\x22']?\s*:\s*\\*[\x22']?(basic|bearer)\s+([A-Za-z0-9+/=_.~-]+)",
        )?,
        url: pattern(r"[a-z]://([^/\s:@]+):([^@/\s]+)@")?,
        private_key: pattern(r"(?s)-----BEGIN [A-Z ]*PRIVATE KEY-----(.*?)-----END")?,
        token: pattern(r"eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*)?")?,
        base64: pattern(r"[A-Za-z0-9+/_-]{16,}={0,2}")?,
        here_document: pattern(r"(?s)(?:^|[^<])<<-?[ \t]*['\x22]?(\w+)['\x22]?[^\n]*\n(.*)")?,
    })
});

impl Found {
    /// Reads a text for secrets, and what is encoded in it, so many levels deep.
    pub(super) fn text(&mut self, text: &str, depth: u8) {
        let (Some(patterns), Some(depth)) = (PATTERNS.as_ref(), depth.checked_sub(1)) else {
            return;
        };
        // All of it may be JSON or YAML; what is not, may hold some.
        if text.contains(':')
            && let Ok(all) = serde_saphyr::from_multiple::<Value>(text)
        {
            let nested = all.iter().filter(|value| value.is_object() || value.is_array());
            nested.for_each(|value| self.value(value, depth));
        }
        for key in patterns.keyed.captures_iter(text) {
            if let Some(value) = key.name("value") {
                // Between quotes a key is JSON or YAML, whatever stands around it.
                let in_line = key.name("quoted").is_none();
                self.string_at(&key["key"], &text[value.start()..], in_line);
            }
        }
        for header in patterns.header.captures_iter(text) {
            match header[1].eq_ignore_ascii_case("basic") {
                true => self.auth(&header[2]),
                false => self.secret(&header[2]),
            }
        }
        for url in patterns.url.captures_iter(text) {
            self.user(&url[1]);
            self.secret(&url[2]);
        }
        for key in patterns.private_key.captures_iter(text) {
            self.secret(key[1].trim());
        }
        for token in patterns.token.find_iter(text) {
            self.secret(token.as_str());
        }
        for encoded in patterns.base64.find_iter(text) {
            if let Some(decoded) = decoded(encoded.as_str()) {
                if is_pair(&decoded) {
                    self.auth(encoded.as_str());
                }
                self.text(&decoded, depth);
            }
        }
        self.command(text, patterns);
    }

    /// A value that begins here, whatever encloses it.
    fn string_at(&mut self, key: &str, text: &str, in_line: bool) {
        let backslashes = text.bytes().take_while(|byte| *byte == b'\\').count();
        let rest = &text[backslashes..];
        let Some(quote) = rest.chars().next().filter(|c| matches!(c, '"' | '\'')) else {
            let end = match in_line {
                true => rest.find(['\n', '}', ',']),
                false => rest.find(['\n', '}', ',', ' ']),
            };
            let bare = rest[..end.unwrap_or(rest.len())].trim();
            if !bare.starts_with(['{', '[', '|', '>', '&', '*', '$']) {
                self.keyed(key, bare);
            }
            return;
        };
        let inner = &rest[1..];
        // As many backslashes as before the quote that opened it, or it is a part of the text.
        let closes = |at: usize| {
            inner[..at].bytes().rev().take_while(|byte| *byte == b'\\').count() == backslashes
        };
        let end = inner.match_indices(quote).map(|(at, _)| at).find(|at| closes(*at));
        let Some(end) = end else { return };
        let mut raw = inner[..end - backslashes].to_owned();
        if quote == '\'' {
            return self.keyed(key, &raw);
        }
        // One layer for the quote itself, and one for each that doubled the backslashes.
        for _ in 0..usize::BITS - backslashes.leading_zeros() + 2 {
            self.keyed(key, &raw);
            match serde_json::from_str(&format!("\"{raw}\"")) {
                Ok(text) if text != raw => raw = text,
                _ => break,
            }
        }
    }

    /// What options, variables and pipes of a command line have.
    fn command(&mut self, text: &str, patterns: &Patterns) {
        let after = |pattern: &Regex| -> Vec<String> {
            pattern.find_iter(text).flat_map(|found| words_at(&text[found.end()..])).collect()
        };
        for word in after(&patterns.assigned) {
            self.written(&word);
        }
        for pair in after(&patterns.credentials) {
            if let Some((user, secret)) = pair.split_once(':') {
                self.user(user);
                self.written(secret);
            }
        }
        for entry in after(&patterns.literal) {
            if let Some((key, value)) = entry.split_once('=') {
                self.entry(key, value);
            }
        }
        for words in pipelines(text) {
            self.pipeline(&words);
        }
        if text.contains(STDIN)
            && let Some(document) = patterns.here_document.captures(text)
        {
            let end = format!("\n{}", &document[1]);
            let body = format!("\n{}", &document[2]);
            let body = body.split(&end).next().unwrap_or_default();
            self.secret(body.trim_start_matches('\n'));
        }
    }

    /// What a login is given by `-p` or a pipe, and what is encoded as base64.
    fn pipeline(&mut self, words: &[String]) {
        if words.iter().any(|word| word == "login") {
            for (at, word) in words.iter().enumerate() {
                match word.strip_prefix("-p") {
                    Some("") => words.get(at + 1).into_iter().for_each(|word| self.written(word)),
                    Some(secret) => self.written(secret.trim_start_matches('=')),
                    None => {}
                }
            }
        }
        let encodes = words.iter().any(|word| word == "base64");
        if !encodes && !words.iter().any(|word| word == STDIN) {
            return;
        }
        let commands = words.split(|word| word == "|");
        let printed = commands.filter_map(|words| match words.split_first() {
            Some((name, words)) if name == "echo" || name == "printf" => Some(words),
            _ => None,
        });
        let given = words.windows(2).filter(|two| two[0] == "<<<").map(|two| &two[1]);
        for word in printed.flatten().chain(given) {
            match word.split_once(':').filter(|_| encodes) {
                Some((user, secret)) => {
                    self.user(user);
                    self.written(secret);
                }
                None if word.starts_with(['-', '%']) => {}
                None => self.written(word),
            }
        }
    }
}

/// The words of each pipeline, what connects its commands and feeds them among them.
fn pipelines(mut text: &str) -> Vec<Vec<String>> {
    let mut all = vec![Vec::new()];
    loop {
        text = text.trim_start_matches([' ', '\t']);
        let Some(first) = text.chars().next() else { return all };
        let length = match first {
            '|' if !text.starts_with("||") => 1,
            '<' | '>' => text.len() - text.trim_start_matches(first).len(),
            '\n' | '\r' | ';' | '&' | '|' | '(' | ')' => {
                all.push(Vec::new());
                text = &text[1..];
                continue;
            }
            _ => 0,
        };
        let (raw, read) = match length {
            0 => word_at(text),
            length => (&text[..length], text[..length].to_owned()),
        };
        text = &text[raw.len()..];
        all.last_mut().into_iter().for_each(|words| words.push(read.clone()));
    }
}

/// Whether a text is a user and a password.
fn is_pair(text: &str) -> bool {
    text.split_once(':').is_some_and(|(user, secret)| {
        let name = |c: char| c.is_alphanumeric() || "._@+-$".contains(c);
        !user.is_empty() && user.chars().all(name) && !secret.trim().is_empty()
    })
}

/// The word of a shell at the begin of a text: as it is written, and as the shell reads it.
fn words_at(text: &str) -> [String; 2] {
    let (raw, read) = word_at(text);
    [raw.to_owned(), read]
}

fn word_at(text: &str) -> (&str, String) {
    let mut read = String::new();
    let mut quote = None;
    let mut letters = text.char_indices();
    while let Some((at, c)) = letters.next() {
        match (quote, c) {
            (None, '\'' | '"') => quote = Some(c),
            (Some(open), c) if open == c => quote = None,
            (Some('\''), c) => read.push(c),
            (_, '\\') => match letters.next() {
                None | Some((_, '\n')) => {}
                // Between double quotes a backslash stays before most letters.
                Some((_, next)) => {
                    if quote.is_some() && !"\"\\$`".contains(next) {
                        read.push('\\');
                    }
                    read.push(next);
                }
            },
            (None, c) if c.is_whitespace() || ";|&()<>".contains(c) => return (&text[..at], read),
            (_, c) => read.push(c),
        }
    }
    (text, read)
}
