//! A text that has escapes, unit by unit: what each stands for, and in which form it is written.

use std::ops::Range;

/// A text as it reads, with the units that it is written in.
pub(crate) struct Units<'a> {
    raw: &'a [u8],
    /// What it stands for.
    pub(crate) decoded: Vec<u8>,
    units: Vec<Unit>,
}

struct Unit {
    raw: Range<usize>,
    decoded: Range<usize>,
    form: Form,
}

#[derive(Clone, Copy)]
enum Form {
    /// As it is, or a backslash before it.
    Plain,
    /// `\u00e4`, or two of them.
    Utf16 { upper: bool },
    /// `%c3`.
    Percent { upper: bool },
    /// A fault, or what stands for U+FFFD: it stays.
    Fixed,
}

impl<'a> Units<'a> {
    /// Reads what stands between the quotes of a JSON string.
    pub(crate) fn of_json(raw: &'a [u8]) -> Self {
        Self::read(raw, |rest| match rest {
            [b'\\', ..] => escape(rest),
            _ => letter(rest),
        })
    }

    /// Reads a part of a URL.
    pub(crate) fn of_url(raw: &'a [u8]) -> Self {
        Self::read(raw, |rest| match rest {
            [b'%', high, low, ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                let byte = hex(&rest[1..3]).and_then(|byte| u8::try_from(byte).ok());
                let form = Form::Percent { upper: is_upper(&rest[1..3]) };
                (3, vec![byte.unwrap_or_default()], form)
            }
            [b'%', ..] => (rest.len().min(3), Vec::new(), Form::Fixed),
            _ => letter(rest),
        })
    }

    fn read(raw: &'a [u8], unit: impl Fn(&[u8]) -> (usize, Vec<u8>, Form)) -> Self {
        let mut read = Self { raw, decoded: Vec::with_capacity(raw.len()), units: Vec::new() };
        let mut place = 0;
        while place < raw.len() {
            let (length, decoded, form) = unit(&raw[place..]);
            let start = read.decoded.len();
            read.decoded.extend(decoded);
            let decoded = start..read.decoded.len();
            read.units.push(Unit { raw: place..place + length, decoded, form });
            place += length;
        }
        read
    }

    /// Writes another text of the same length in the same units. The result is shorter where a letter
    /// stands for `\/`.
    pub(crate) fn write(&self, text: &[u8]) -> Vec<u8> {
        let mut written = Vec::with_capacity(self.raw.len());
        for unit in &self.units {
            let new = text.get(unit.decoded.clone()).unwrap_or_default();
            let same = new == &self.decoded[unit.decoded.clone()];
            match unit.form {
                _ if same => written.extend(&self.raw[unit.raw.clone()]),
                Form::Fixed => written.extend(&self.raw[unit.raw.clone()]),
                Form::Plain => written.extend(new),
                Form::Utf16 { upper } => written.extend(utf16(new, upper).bytes()),
                Form::Percent { upper: true } => {
                    new.iter().for_each(|byte| written.extend(format!("%{byte:02X}").bytes()));
                }
                Form::Percent { upper: false } => {
                    new.iter().for_each(|byte| written.extend(format!("%{byte:02x}").bytes()));
                }
            }
        }
        written
    }
}

/// The first character; U+FFFD for a byte that is not UTF-8, as `encoding/json` reads it.
fn letter(rest: &[u8]) -> (usize, Vec<u8>, Form) {
    let width = (1..=rest.len().min(4)).find(|&width| std::str::from_utf8(&rest[..width]).is_ok());
    match width {
        Some(width) => (width, rest[..width].to_vec(), Form::Plain),
        None => (1, "\u{fffd}".into(), Form::Fixed),
    }
}

/// The escape that a text begins with. One that JSON does not have stays, with the byte at fault.
fn escape(rest: &[u8]) -> (usize, Vec<u8>, Form) {
    let simple = |byte: u8| (2, vec![byte], Form::Plain);
    match rest.get(1) {
        Some(b'b') => simple(8),
        Some(b'f') => simple(0xc),
        Some(b'n') => simple(b'\n'),
        Some(b'r') => simple(b'\r'),
        Some(b't') => simple(b'\t'),
        Some(byte @ (b'"' | b'\\' | b'/')) => simple(*byte),
        Some(b'u') => code_units(rest),
        Some(_) => (2, Vec::new(), Form::Fixed),
        None => (1, Vec::new(), Form::Fixed),
    }
}

fn code_units(rest: &[u8]) -> (usize, Vec<u8>, Form) {
    let Some(first) = rest.get(2..6).and_then(hex) else {
        let digits = rest[2..].iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
        return (rest.len().min(2 + digits + 1), Vec::new(), Form::Fixed);
    };
    let form = Form::Utf16 { upper: is_upper(&rest[2..6]) };
    if let Some(letter) = char::from_u32(first) {
        return (6, letter.to_string().into_bytes(), form);
    }
    let second = rest[6..].strip_prefix(b"\\u").and_then(|rest| hex(rest.get(..4)?));
    let units = [Some(first), second].into_iter().flatten().filter_map(|unit| unit.try_into().ok());
    match char::decode_utf16(units).next() {
        Some(Ok(letter)) => (12, letter.to_string().into_bytes(), form),
        _ => (6, "\u{fffd}".into(), Form::Fixed),
    }
}

fn hex(digits: &[u8]) -> Option<u32> {
    let all = digits.iter().all(u8::is_ascii_hexdigit);
    u32::from_str_radix(std::str::from_utf8(digits).ok().filter(|_| all)?, 16).ok()
}

fn is_upper(digits: &[u8]) -> bool {
    digits.iter().any(u8::is_ascii_uppercase)
}

fn utf16(text: &[u8], upper: bool) -> String {
    let text = String::from_utf8_lossy(text);
    let units = text.encode_utf16().map(|unit| match upper {
        true => format!("\\u{unit:04X}"),
        false => format!("\\u{unit:04x}"),
    });
    units.collect()
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(b"jane", b"jane", b"mark", b"mark")]
    #[case(b"\\u006aane", b"jane", b"mark", b"\\u006dark")]
    #[case(b"a\\/b", b"a/b", b"x/y", b"x\\/y")]
    #[case(b"\\u00E4\xe4\\q", "\u{e4}\u{fffd}".as_bytes(), "\u{f6}\u{fffd}".as_bytes(), b"\\u00F6\xe4\\q")]
    #[case(b"\\ud83d\\ude00", "\u{1f600}".as_bytes(), "\u{1f601}".as_bytes(), b"\\ud83d\\ude01")]
    #[case(b"\\ud83d\\u12g4", "\u{fffd}4".as_bytes(), "\u{fffd}5".as_bytes(), b"\\ud83d\\u12g5")]
    fn json_keeps_its_escapes(
        #[case] raw: &[u8],
        #[case] decoded: &[u8],
        #[case] text: &[u8],
        #[case] written: &[u8],
    ) {
        let units = Units::of_json(raw);
        assert_eq!(units.decoded, decoded);
        assert_eq!(units.write(text), written);
    }

    #[test]
    fn urls_keep_theirs() {
        let units = Units::of_url(b"p%61ss%C3%a4%zz");
        assert_eq!(units.decoded, "pass\u{e4}".as_bytes());
        assert_eq!(units.write("word\u{f6}".as_bytes()), b"w%6frd%C3%b6%zz");
    }
}
