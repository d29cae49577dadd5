//! A text as it reads without its escapes, white space and quotes, each byte with its origin.
//!
//! JSON and Go escapes, percent and HTML encoding may be nested in any order: they are taken off
//! one layer at a time, and a text is looked at in every layer. Line wrapping and indentation,
//! collapsed white space, doubled quotes of YAML and quotes of a shell all vanish with the white
//! space and the quotes.

use std::ops::Range;

/// Layers that are taken off; each nested encoding is one.
const LAYERS: usize = 6;

/// A layer of a text: its bytes and the part of the original that each stands for.
#[derive(Debug, Clone)]
struct Layer {
    bytes: Vec<u8>,
    from: Vec<u32>,
    length: Vec<u8>,
}

/// A layer without white space and quotes.
#[derive(Debug)]
pub struct View {
    /// What is left.
    pub bytes: Vec<u8>,
    from: Vec<u32>,
    length: Vec<u8>,
    /// Whether something was left out before a byte.
    gap: Vec<bool>,
}

/// What a text reads as, from its own letters to the innermost layer.
pub fn views(text: &str) -> Vec<View> {
    let mut layer = Layer::of(text);
    let mut views = vec![layer.view()];
    while let Some(next) = layer.decoded() {
        views.push(next.view());
        if views.len() > LAYERS {
            break;
        }
        layer = next;
    }
    views
}

impl View {
    /// The part of the original text that a range of this view stands for.
    pub fn origin(&self, range: &Range<usize>) -> Range<usize> {
        let (first, last) = (range.start, range.end - 1);
        self.from[first] as usize..self.from[last] as usize + usize::from(self.length[last])
    }

    /// Whether the byte before a position is another word's, or none.
    pub fn begins_word(&self, at: usize) -> bool {
        at == 0 || self.gap[at] || !is_word(self.bytes[at - 1])
    }

    /// Whether the byte at a position is another word's, or none.
    pub fn ends_word(&self, at: usize) -> bool {
        at == self.bytes.len() || self.gap[at] || !is_word(self.bytes[at])
    }

    /// The byte directly before a position, with nothing left out between.
    pub fn before(&self, at: usize) -> Option<u8> {
        (at > 0 && !self.gap[at]).then(|| self.bytes[at - 1])
    }
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || !byte.is_ascii()
}

impl Layer {
    fn of(text: &str) -> Self {
        let bytes = text.as_bytes().to_vec();
        // A text of more than 4 GiB is not looked at beyond.
        let end = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        Self { from: (0..end).collect(), length: vec![1; bytes.len()], bytes }
    }

    fn view(&self) -> View {
        let kept = self.bytes.len();
        let mut view = View {
            bytes: Vec::with_capacity(kept),
            from: Vec::with_capacity(kept),
            length: Vec::with_capacity(kept),
            gap: Vec::with_capacity(kept),
        };
        let mut gap = false;
        for (at, from) in self.from.iter().enumerate() {
            let byte = self.bytes[at];
            if byte <= b' ' || matches!(byte, b'"' | b'\'' | b'\\' | 0x7f) {
                gap = true;
                continue;
            }
            view.bytes.push(byte);
            view.from.push(*from);
            view.length.push(self.length[at]);
            view.gap.push(gap);
            gap = false;
        }
        view
    }

    /// The layer below: escapes replaced by what they stand for. None if there are none.
    fn decoded(&self) -> Option<Self> {
        let mut layer = Self { bytes: Vec::new(), from: Vec::new(), length: Vec::new() };
        let mut changed = false;
        let mut at = 0;
        while at < self.from.len() {
            let rest = &self.bytes[at..];
            let plain = rest.iter().position(|byte| matches!(byte, b'\\' | b'%' | b'&'));
            let plain = plain.unwrap_or(rest.len());
            layer.copy(self, at..at + plain);
            at += plain;
            let Some(first) = self.bytes.get(at) else { break };
            match escape(&self.bytes[at..]) {
                Some((text, length)) => {
                    changed = true;
                    let from = self.from[at];
                    let last = at + length - 1;
                    let end = self.from[last] + u32::from(self.length[last]);
                    // Of a longer row of backslashes the beginning is left out.
                    let from = from.max(end.saturating_sub(u32::from(u8::MAX)));
                    for byte in text.bytes() {
                        layer.bytes.push(byte);
                        layer.from.push(from);
                        layer.length.push((end - from) as u8);
                    }
                    at += length;
                }
                None => {
                    let length = match first {
                        b'\\' => backslashes(&self.bytes[at..]),
                        _ => 1,
                    };
                    layer.copy(self, at..at + length);
                    at += length;
                }
            }
        }
        changed.then_some(layer)
    }

    fn copy(&mut self, other: &Self, range: Range<usize>) {
        self.bytes.extend_from_slice(&other.bytes[range.clone()]);
        self.from.extend_from_slice(&other.from[range.clone()]);
        self.length.extend_from_slice(&other.length[range]);
    }
}

/// What an escape stands for.
enum Unescaped {
    Char(char),
    Byte(u8),
}

impl Unescaped {
    fn bytes(self) -> impl Iterator<Item = u8> {
        let mut buffer = [0; 4];
        let length = match self {
            Self::Char(c) => c.encode_utf8(&mut buffer).len(),
            Self::Byte(byte) => {
                buffer[0] = byte;
                1
            }
        };
        buffer.into_iter().take(length)
    }
}

/// The escape that a text begins with, and its length.
fn escape(text: &[u8]) -> Option<(Unescaped, usize)> {
    match text.first()? {
        b'%' => Some((Unescaped::Byte(u8::try_from(hex(text, 1..3)?).ok()?), 3)),
        b'&' => entity(text),
        // Each JSON in JSON doubles the backslashes.
        _ => {
            let run = backslashes(text);
            let digits = run + 1;
            match text.get(run)? {
                b'n' | b'r' | b't' => Some((Unescaped::Char(' '), run + 1)),
                b'x' => {
                    let byte = u8::try_from(hex(text, digits..digits + 2)?).ok()?;
                    Some((Unescaped::Byte(byte), run + 3))
                }
                b'u' => {
                    let unit = hex(text, digits..digits + 4)?;
                    if let Some(c) = char::from_u32(unit) {
                        return Some((Unescaped::Char(c), run + 5));
                    }
                    // A character beyond U+FFFF is two units.
                    let next = text.get(run + 5..)?;
                    let run_of_next = backslashes(next);
                    if next.get(run_of_next) != Some(&b'u') {
                        return None;
                    }
                    let low = hex(next, run_of_next + 1..run_of_next + 5)?;
                    let units = [u16::try_from(unit).ok()?, u16::try_from(low).ok()?];
                    let c = char::decode_utf16(units).next()?.ok()?;
                    Some((Unescaped::Char(c), run + 5 + run_of_next + 5))
                }
                b'U' => {
                    let c = char::from_u32(hex(text, digits..digits + 8)?)?;
                    Some((Unescaped::Char(c), run + 9))
                }
                _ => None,
            }
        }
    }
}

fn backslashes(text: &[u8]) -> usize {
    text.iter().take_while(|byte| **byte == b'\\').count()
}

fn hex(text: &[u8], range: Range<usize>) -> Option<u32> {
    let digits = text.get(range)?;
    if !digits.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    u32::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

/// An entity of HTML or XML.
fn entity(text: &[u8]) -> Option<(Unescaped, usize)> {
    let end = text.iter().take(10).position(|byte| *byte == b';')?;
    let name = std::str::from_utf8(&text[1..end]).ok()?;
    let c = match name {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        "nbsp" => ' ',
        _ => {
            let number = name.strip_prefix('#')?;
            let code = match number.strip_prefix(['x', 'X']) {
                Some(digits) => u32::from_str_radix(digits, 16),
                None => number.parse(),
            };
            char::from_u32(code.ok()?)?
        }
    };
    Some((Unescaped::Char(c), end + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn innermost(text: &str) -> String {
        let view = views(text).pop().unwrap();
        String::from_utf8_lossy(&view.bytes).into_owned()
    }

    #[test]
    fn every_encoding_reads_the_same() {
        for text in [
            "pä&<$",
            r"p\u00e4\u0026\u003c$",
            r"p\\u00e4\\\\u0026\u003c$",
            r"p\xc3\xa4\x26<$",
            "p%C3%a4%26%3c%24",
            "p%25C3%25A4%2526%253C$",
            "p&#228;&amp;&lt;$",
            "p&#xe4;&amp;amp;&lt;&#36;",
            "p\\\n   ä\"\"&'\\''<$",
            r"p\n\tä\r\n&<$",
        ] {
            assert_eq!(innermost(text), "pä&<$", "{text}");
        }
        assert_eq!(innermost(r"\ud83d\ude00 \\ud83d\\ude00 \U0001f600"), "😀😀😀");
    }

    #[test]
    fn what_is_no_escape_stays() {
        for text in ["100%", "%zz", "a&b;", "&nothing;", "&#xffffffffff;", "5%;"] {
            assert_eq!(innermost(text), text);
        }
        // The backslash goes, as all do; half of a pair of units stands for nothing.
        assert_eq!(innermost(r"\ud83d\u12 \q \"), "ud83du12q");
        assert_eq!(views("no escape at all").len(), 1);
    }

    #[test]
    fn each_byte_knows_its_origin() {
        let text = r"ab \u0026%2526 ä";
        let view = views(text).pop().unwrap();
        let at = view.bytes.iter().position(|byte| *byte == b'&').unwrap();
        assert_eq!(&text[view.origin(&(at..at + 1))], r"\u0026");
        assert_eq!(&text[view.origin(&(at + 1..at + 2))], "%2526");
        assert_eq!(&text[view.origin(&(0..view.bytes.len()))], text);
        let long = format!("{}u0026", "\\".repeat(1000));
        let view = views(&long).pop().unwrap();
        assert_eq!(view.origin(&(0..1)), 1005 - 255..1005);
    }

    #[test]
    fn words_end_at_what_was_left_out() {
        let view = &views("ab cd=ef")[0];
        assert!(view.begins_word(2) && view.ends_word(2) && !view.begins_word(1));
        assert!(view.begins_word(5) && view.ends_word(7));
        assert_eq!((view.before(2), view.before(5)), (None, Some(b'=')));
    }
}
