//! JSON as Go's `encoding/json` reads it, which is more lenient about text than serde_json.

use std::fmt;

use crate::syntax::{self, SyntaxError};

/// The kind of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `null`, which leaves a field as it is and empties an object.
    Null,
    /// `true` or `false`.
    Bool,
    /// A number.
    Number,
    /// A string.
    String,
    /// An array.
    Array,
    /// An object.
    Object,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Null => "null",
            Self::Bool => "a boolean",
            Self::Number => "a number",
            Self::String => "a string",
            Self::Array => "an array",
            Self::Object => "an object",
        })
    }
}

/// One value of a document that is JSON.
#[derive(Clone, Copy)]
pub(crate) struct Value<'a>(&'a [u8]);

impl<'a> Value<'a> {
    /// Checks a whole document.
    pub(crate) fn parse(document: &'a [u8]) -> Result<Self, SyntaxError> {
        syntax::check(document)?;
        Ok(Self(document.trim_ascii()))
    }

    pub(crate) fn kind(self) -> Kind {
        match self.0.first() {
            Some(b'n') | None => Kind::Null,
            Some(b't' | b'f') => Kind::Bool,
            Some(b'"') => Kind::String,
            Some(b'[') => Kind::Array,
            Some(b'{') => Kind::Object,
            Some(_) => Kind::Number,
        }
    }

    /// Returns the text of a string.
    pub(crate) fn text(self) -> Option<String> {
        if self.kind() == Kind::String { Some(unquote(self.0)) } else { None }
    }

    /// Returns names and values of an object in their order; nothing of another value.
    pub(crate) fn members(self) -> impl Iterator<Item = (String, Value<'a>)> {
        let object = self.kind() == Kind::Object;
        let mut rest = if object { &self.0[1..] } else { b"" };
        std::iter::from_fn(move || {
            let name;
            (name, rest) = first_value(rest)?;
            let value;
            (value, rest) = first_value(rest)?;
            Some((unquote(name.0), value))
        })
    }
}

/// The first value in the rest of an object, and what follows it; nothing at the object's end.
fn first_value(text: &[u8]) -> Option<(Value<'_>, &[u8])> {
    let start = text.iter().position(|byte| !b" \t\r\n,:".contains(byte))?;
    let text = &text[start..];
    let mut depth = 0_usize;
    let mut place = 0;
    while let Some(byte) = text.get(place) {
        match byte {
            b'"' => place = end_of_string(text, place),
            b'{' | b'[' => depth += 1,
            b'}' | b']' if depth == 0 => break,
            b'}' | b']' => depth -= 1,
            b' ' | b'\t' | b'\r' | b'\n' | b',' | b':' if depth == 0 => break,
            _ => {}
        }
        place += 1;
        if depth == 0 && matches!(text[place - 1], b'"' | b'}' | b']') {
            break;
        }
    }
    if place == 0 { None } else { Some((Value(&text[..place]), &text[place..])) }
}

/// The place of the quotation mark that ends the string that begins at `place`.
fn end_of_string(text: &[u8], mut place: usize) -> usize {
    place += 1;
    while text[place] != b'"' {
        place += if text[place] == b'\\' { 2 } else { 1 };
    }
    place
}

/// The text of a string: what is not UTF-8 becomes U+FFFD byte by byte, and so does half a surrogate
/// pair (`unquoteBytes` in encoding/json/decode.go).
fn unquote(quoted: &[u8]) -> String {
    let mut rest = &quoted[1..quoted.len() - 1];
    let mut text = String::with_capacity(rest.len());
    while !rest.is_empty() {
        let plain = rest.iter().position(|&byte| byte == b'\\').unwrap_or(rest.len());
        push_lossy(&mut text, &rest[..plain]);
        rest = &rest[plain..];
        let [_, escape, after @ ..] = rest else { break };
        rest = after;
        text.push(match escape {
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => {
                let unit = code_unit(rest).unwrap_or_default();
                rest = &rest[4..];
                let next = rest.strip_prefix(b"\\u").and_then(code_unit);
                match char::decode_utf16([unit].into_iter().chain(next)).next() {
                    Some(Ok(letter)) => {
                        rest = &rest[if letter.len_utf16() == 2 { 6 } else { 0 }..];
                        letter
                    }
                    _ => char::REPLACEMENT_CHARACTER,
                }
            }
            other => char::from(*other),
        });
    }
    text
}

fn code_unit(digits: &[u8]) -> Option<u16> {
    let digits = std::str::from_utf8(digits.get(..4)?).ok()?;
    u16::from_str_radix(digits, 16).ok()
}

fn push_lossy(text: &mut String, mut bytes: &[u8]) {
    loop {
        match std::str::from_utf8(bytes) {
            Ok(valid) => return text.push_str(valid),
            Err(error) => {
                let (valid, rest) = bytes.split_at(error.valid_up_to());
                text.push_str(std::str::from_utf8(valid).unwrap_or_default());
                text.push(char::REPLACEMENT_CHARACTER);
                bytes = &rest[1..];
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(b"\"\\u0041\\n\\/\"", "A\n/")]
    #[case(b"\"\\ud83d\\ude00!\"", "\u{1f600}!")]
    #[case(b"\"\\ud83d\\u0041\"", "\u{fffd}A")]
    #[case(b"\"\\ude00\"", "\u{fffd}")]
    #[case(b"\"\\ud83d\\ud83d\\ude00\"", "\u{fffd}\u{1f600}")]
    #[case(b"\"a\xe2\x82b\"", "a\u{fffd}\u{fffd}b")]
    #[case(b"\"\xed\xa0\x80\"", "\u{fffd}\u{fffd}\u{fffd}")]
    fn text_is_coerced_to_utf8(#[case] quoted: &[u8], #[case] text: &str) {
        assert_eq!(Value::parse(quoted).unwrap().text().as_deref(), Some(text));
    }

    #[test]
    fn members_come_in_their_order() {
        let document =
            Value::parse(b" {\"a\":{\"x\":\"}\"},\"b\\\"\":1.5 ,\"a\":[\"]\"]}").unwrap();
        let members: Vec<_> =
            document.members().map(|(name, value)| (name, value.kind())).collect();
        let expected = [("a", Kind::Object), ("b\"", Kind::Number), ("a", Kind::Array)];
        assert_eq!(members, expected.map(|(name, kind)| (name.to_owned(), kind)));
        assert_eq!(Value::parse(b"[1]").unwrap().members().count(), 0);
    }
}
