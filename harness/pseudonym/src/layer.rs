//! A text as it reads without its escapes, each byte with its origin.
//!
//! The escapes of JSON and Go, percent encoding and that of HTML may be nested in any order: they
//! are taken off one layer at a time. Line wrapping and indentation, collapsed white space, doubled
//! quotes of YAML and those of a shell vanish with the white space and the quotes, in a [`View`].

use std::ops::Range;

/// How many layers there are at most.
const LAYERS: usize = 7;

/// A layer of a text: its bytes, and the part of the text that each stands for.
#[derive(Debug, Clone)]
pub struct Layer {
    /// Without the escapes of the layers above.
    pub bytes: Vec<u8>,
    from: Vec<(usize, usize)>,
}

/// A layer without white space and quotes.
#[derive(Debug)]
pub struct View {
    /// What is left.
    pub bytes: Vec<u8>,
    /// Where each byte stands in the layer.
    places: Vec<usize>,
}

impl View {
    /// The part of the layer that a range of this view, which is not empty, stands for.
    pub fn place(&self, range: &Range<usize>) -> Range<usize> {
        self.places[range.start]..self.places[range.end - 1] + 1
    }

    /// Whether neither end of a range is within a word.
    pub fn is_word(&self, range: &Range<usize>) -> bool {
        !self.is_within(range.start) && !self.is_within(range.end)
    }

    /// Whether a word goes on from the byte before a position to the one there.
    fn is_within(&self, at: usize) -> bool {
        (1..self.bytes.len()).contains(&at)
            && self.places[at - 1] + 1 == self.places[at]
            && self.bytes[at - 1..=at].iter().all(u8::is_ascii_alphanumeric)
    }
}

impl Layer {
    /// A text as it is, then with one layer of escapes less at a time.
    pub fn all(text: &[u8]) -> impl Iterator<Item = Self> {
        let from = (0..text.len()).map(|at| (at, at + 1)).collect();
        let first = Self { bytes: text.to_vec(), from };
        std::iter::successors(Some(first), Self::decoded).take(LAYERS)
    }

    /// The part of the original text that a range, which is not empty, stands for.
    pub fn origin(&self, range: &Range<usize>) -> Range<usize> {
        self.from[range.start].0..self.from[range.end - 1].1
    }

    /// What is left to compare.
    pub fn view(&self) -> View {
        let plain = |byte: &u8| *byte > b' ' && !matches!(byte, b'"' | b'\'' | b'\\' | 0x7f);
        let places: Vec<usize> =
            (0..self.bytes.len()).filter(|at| plain(&self.bytes[*at])).collect();
        View { bytes: places.iter().map(|at| self.bytes[*at]).collect(), places }
    }

    /// The layer below: escapes replaced by what they stand for. None if there are none.
    fn decoded(&self) -> Option<Self> {
        let mut layer = Self { bytes: Vec::new(), from: Vec::new() };
        let mut changed = false;
        let mut at = 0;
        while at < self.bytes.len() {
            let rest = &self.bytes[at..];
            let plain = rest.iter().position(|byte| matches!(byte, b'\\' | b'%' | b'&'));
            let plain = plain.unwrap_or(rest.len());
            layer.copy(self, at..at + plain);
            at += plain;
            let Some(first) = self.bytes.get(at) else { break };
            match escape(&self.bytes[at..]) {
                Some((text, length)) => {
                    changed = true;
                    let from = (self.from[at].0, self.from[at + length - 1].1);
                    for byte in text.bytes() {
                        layer.bytes.push(byte);
                        layer.from.push(from);
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
        self.from.extend_from_slice(&other.from[range]);
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
                b'n' => Some((Unescaped::Char('\n'), run + 1)),
                b'r' | b't' => Some((Unescaped::Char(' '), run + 1)),
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
        let layer = Layer::all(text.as_bytes()).last().unwrap();
        String::from_utf8_lossy(&layer.view().bytes).into_owned()
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
        assert_eq!(Layer::all(b"no escape at all").count(), 1);
    }

    #[test]
    fn each_byte_knows_its_origin() {
        let text = r"ab \u0026%2526 ä";
        let layer = Layer::all(text.as_bytes()).last().unwrap();
        let at = layer.bytes.iter().position(|byte| *byte == b'&').unwrap();
        assert_eq!(&text[layer.origin(&(at..at + 1))], r"\u0026");
        assert_eq!(&text[layer.origin(&(at + 1..at + 2))], "%2526");
        let view = layer.view();
        assert_eq!(&text[layer.origin(&view.place(&(0..view.bytes.len())))], text);
    }

    #[test]
    fn words_end_at_what_was_left_out() {
        let view = Layer::all(b"ab cd=ef").next().unwrap().view();
        assert_eq!(view.bytes, b"abcd=ef");
        assert!(view.is_word(&(0..2)) && view.is_word(&(2..4)) && view.is_word(&(5..7)));
        assert!(!view.is_word(&(0..1)) && !view.is_word(&(1..4)));
    }
}
