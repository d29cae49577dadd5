//! Whether a document is JSON, and at which byte it stops being so, as Go counts
//! (encoding/json/scanner.go).

use std::fmt;

/// How deep objects and arrays may be nested.
const DEPTH: usize = 10_000;

/// A document that is not JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SyntaxError {
    /// How many bytes were read when it was found, as Go counts them.
    pub offset: usize,
    /// What was found.
    pub kind: SyntaxKind,
}

/// In which way a document is not JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SyntaxKind {
    /// It ends too early.
    End,
    /// A byte that cannot stand where it does.
    Byte,
    /// Something follows after the end of the document.
    Trailing,
    /// It begins with a byte order mark.
    ByteOrderMark,
    /// Objects and arrays are nested more than 10,000 deep.
    Depth,
}

impl std::error::Error for SyntaxError {}

impl fmt::Display for SyntaxError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            SyntaxKind::End => f.write_str("the JSON ends too early"),
            SyntaxKind::ByteOrderMark => f.write_str("the JSON begins with a byte order mark"),
            SyntaxKind::Depth => f.write_str("the JSON is nested too deep"),
            SyntaxKind::Byte => write!(f, "byte {} is not JSON", self.offset),
            SyntaxKind::Trailing => {
                write!(f, "something follows the JSON at byte {}", self.offset)
            }
        }
    }
}

/// Checks a whole document.
pub(crate) fn check(document: &[u8]) -> Result<(), SyntaxError> {
    Checker { document, place: 0 }.document()
}

/// Reads a document without recursion, for it may be nested deep.
struct Checker<'a> {
    document: &'a [u8],
    place: usize,
}

impl Checker<'_> {
    fn document(&mut self) -> Result<(), SyntaxError> {
        if self.document.starts_with(b"\xef\xbb\xbf") {
            return Err(SyntaxError { offset: 1, kind: SyntaxKind::ByteOrderMark });
        }
        self.value_and_what_it_holds()?;
        self.space();
        match self.place == self.document.len() {
            true => Ok(()),
            false => Err(SyntaxError { offset: self.place + 1, kind: SyntaxKind::Trailing }),
        }
    }

    fn value_and_what_it_holds(&mut self) -> Result<(), SyntaxError> {
        // What closes each object and array that is open.
        let mut open: Vec<u8> = Vec::new();
        loop {
            self.space();
            let byte = self.next()?;
            let empty = match byte {
                b'{' | b'[' => {
                    open.push(if byte == b'{' { b'}' } else { b']' });
                    if open.len() > DEPTH {
                        return Err(SyntaxError { offset: self.place, kind: SyntaxKind::Depth });
                    }
                    self.space();
                    self.document.get(self.place) == open.last()
                }
                _ => {
                    self.scalar(byte)?;
                    true
                }
            };
            if !empty {
                if open.last() == Some(&b'}') {
                    self.name()?;
                }
                continue;
            }
            if !self.next_value(&mut open)? {
                return Ok(());
            }
        }
    }

    /// After a value: closes what ends with it, and goes to the value after it, if there is one.
    fn next_value(&mut self, open: &mut Vec<u8>) -> Result<bool, SyntaxError> {
        loop {
            let Some(&closing) = open.last() else { return Ok(false) };
            self.space();
            match self.next()? {
                b',' if closing == b'}' => return self.name().map(|()| true),
                b',' => return Ok(true),
                byte if byte == closing => open.pop(),
                _ => return Err(self.wrong()),
            };
        }
    }

    /// The name of a member and its colon.
    fn name(&mut self) -> Result<(), SyntaxError> {
        self.space();
        match self.next()? {
            b'"' => self.string()?,
            _ => return Err(self.wrong()),
        }
        self.space();
        if self.next()? == b':' { Ok(()) } else { Err(self.wrong()) }
    }

    fn scalar(&mut self, first: u8) -> Result<(), SyntaxError> {
        match first {
            b'"' => self.string(),
            b't' => self.word(b"rue"),
            b'f' => self.word(b"alse"),
            b'n' => self.word(b"ull"),
            b'-' => {
                let digit = self.next()?;
                self.number(digit)
            }
            _ => self.number(first),
        }
    }

    fn word(&mut self, rest: &[u8]) -> Result<(), SyntaxError> {
        for &expected in rest {
            if self.next()? != expected {
                return Err(self.wrong());
            }
        }
        Ok(())
    }

    fn string(&mut self) -> Result<(), SyntaxError> {
        loop {
            match self.next()? {
                b'"' => return Ok(()),
                b'\\' => match self.next()? {
                    b'b' | b'f' | b'n' | b'r' | b't' | b'\\' | b'/' | b'"' => {}
                    b'u' => {
                        for _ in 0..4 {
                            if !self.next()?.is_ascii_hexdigit() {
                                return Err(self.wrong());
                            }
                        }
                    }
                    _ => return Err(self.wrong()),
                },
                ..b' ' => return Err(self.wrong()),
                _ => {}
            }
        }
    }

    fn number(&mut self, first: u8) -> Result<(), SyntaxError> {
        match first {
            b'0' => {}
            b'1'..=b'9' => self.digits(),
            _ => return Err(self.wrong()),
        }
        if self.document.get(self.place) == Some(&b'.') {
            self.place += 1;
            self.some_digits()?;
        }
        if matches!(self.document.get(self.place), Some(b'e' | b'E')) {
            self.place += 1;
            if matches!(self.document.get(self.place), Some(b'+' | b'-')) {
                self.place += 1;
            }
            self.some_digits()?;
        }
        Ok(())
    }

    fn some_digits(&mut self) -> Result<(), SyntaxError> {
        if !self.next()?.is_ascii_digit() {
            return Err(self.wrong());
        }
        self.digits();
        Ok(())
    }

    fn digits(&mut self) {
        while self.document.get(self.place).is_some_and(u8::is_ascii_digit) {
            self.place += 1;
        }
    }

    fn space(&mut self) {
        while matches!(self.document.get(self.place), Some(b' ' | b'\t' | b'\r' | b'\n')) {
            self.place += 1;
        }
    }

    fn next(&mut self) -> Result<u8, SyntaxError> {
        let end = SyntaxError { offset: self.document.len(), kind: SyntaxKind::End };
        let byte = *self.document.get(self.place).ok_or(end)?;
        self.place += 1;
        Ok(byte)
    }

    /// The byte that was read last is wrong.
    fn wrong(&self) -> SyntaxError {
        SyntaxError { offset: self.place, kind: SyntaxKind::Byte }
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn error(document: &[u8]) -> Option<(usize, SyntaxKind)> {
        check(document).err().map(|error| (error.offset, error.kind))
    }

    #[rstest]
    fn documents_are_accepted(
        #[values(
            " {\"a\" : [ 1 , -0.5e+3 , true , { } , [ ] ] , \"b\":null } \n",
            "0",
            "\"\\u00e9\\\\\"",
            "[[],{}]",
            "false",
            "-1E5",
            "{\"\":\"\x7f\"}"
        )]
        document: &str,
    ) {
        assert_eq!(error(document.as_bytes()), None);
    }

    #[rstest]
    #[case(b"", 0, SyntaxKind::End)]
    #[case(b"{\"a\"", 4, SyntaxKind::End)]
    #[case(b"{} {}", 4, SyntaxKind::Trailing)]
    #[case(b"{\"a\":01}", 7, SyntaxKind::Byte)]
    #[case(b"{\"a\":1,}", 8, SyntaxKind::Byte)]
    #[case(b"[1,]", 4, SyntaxKind::Byte)]
    #[case(b"{'a':1}", 2, SyntaxKind::Byte)]
    #[case(b"\"a\nb\"", 3, SyntaxKind::Byte)]
    #[case(b"\"\\x\"", 3, SyntaxKind::Byte)]
    #[case(b"\"\\u12g4\"", 6, SyntaxKind::Byte)]
    #[case(b"nul", 3, SyntaxKind::End)]
    #[case(b"1.", 2, SyntaxKind::End)]
    #[case(b"-a", 2, SyntaxKind::Byte)]
    #[case(b"[}", 2, SyntaxKind::Byte)]
    #[case(b"\xef\xbb\xbf{}", 1, SyntaxKind::ByteOrderMark)]
    fn the_byte_of_an_error_is_named(
        #[case] document: &[u8],
        #[case] offset: usize,
        #[case] kind: SyntaxKind,
    ) {
        assert_eq!(error(document), Some((offset, kind)));
    }

    #[test]
    fn nesting_has_a_limit() {
        let nested = |depth: usize| ["[".repeat(depth), "]".repeat(depth)].concat();
        assert_eq!(error(nested(DEPTH).as_bytes()), None);
        assert_eq!(error(nested(DEPTH + 1).as_bytes()), Some((DEPTH + 1, SyntaxKind::Depth)));
    }
}
