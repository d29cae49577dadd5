//! The pieces of a document that should be JSON and need not be.

use std::ops::Range;

/// What a piece is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Piece {
    /// White space, or a byte order mark.
    Space,
    /// One of `{}[]:,`.
    Mark(u8),
    /// A string in double or single quotes, which may have no end: its line's end is its own.
    Text,
    /// A word without quotes.
    Word,
    /// A comment of other languages.
    Comment,
}

/// A piece with its place.
#[derive(Debug, Clone)]
pub(crate) struct Token {
    pub(crate) piece: Piece,
    pub(crate) range: Range<usize>,
    /// What is in it: without quotes.
    pub(crate) inside: Range<usize>,
}

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Takes a document apart. Each byte is in one piece.
pub(crate) fn tokens(document: &[u8]) -> Vec<Token> {
    let mut tokens: Vec<Token> = Vec::new();
    let mut place = 0;
    while place < document.len() {
        let after_colon = tokens.last().is_some_and(|last| last.piece == Piece::Mark(b':'));
        let (piece, length) = first(&document[place..], after_colon);
        let range = place..place + length;
        let inside = match piece {
            Piece::Text => {
                let closed = length > 1 && document[range.end - 1] == document[place];
                place + 1..(range.end - usize::from(closed && is_closed(&document[range.clone()])))
            }
            _ => range.clone(),
        };
        tokens.push(Token { piece, range, inside });
        place += length;
    }
    tokens
}

fn first(rest: &[u8], after_colon: bool) -> (Piece, usize) {
    let until = |end: fn(&[u8]) -> bool, from: usize| {
        (from..rest.len()).find(|&at| end(&rest[at..])).unwrap_or(rest.len())
    };
    let line_end = |rest: &[u8]| matches!(rest[0], b'\n' | b'\r');
    match rest {
        [b' ' | b'\t' | b'\r' | b'\n', ..] => (Piece::Space, 1),
        _ if rest.starts_with(BYTE_ORDER_MARK) => (Piece::Space, BYTE_ORDER_MARK.len()),
        [mark @ (b'{' | b'}' | b'[' | b']' | b':' | b','), ..] => (Piece::Mark(*mark), 1),
        [b'"' | b'\'', ..] => (Piece::Text, text_end(rest)),
        [b'#', ..] => (Piece::Comment, until(line_end, 0)),
        [b'/', b'/', ..] if !after_colon => (Piece::Comment, until(line_end, 0)),
        [b'/', b'*', ..] => {
            let end = until(|rest| rest.starts_with(b"*/"), 2);
            (Piece::Comment, rest.len().min(end + 2))
        }
        _ => {
            let end = |rest: &[u8]| b" \t\r\n{}[]:,\"".contains(&rest[0]);
            (Piece::Word, until(end, 1))
        }
    }
}

/// The end of a string: its quote, or its line.
fn text_end(rest: &[u8]) -> usize {
    let mut place = 1;
    while let Some(&byte) = rest.get(place) {
        match byte {
            b'\n' | b'\r' => return place,
            b'\\' if !matches!(rest.get(place + 1), None | Some(b'\n' | b'\r')) => place += 2,
            byte if byte == rest[0] => return place + 1,
            _ => place += 1,
        }
    }
    rest.len()
}

/// Whether the quote at the end of a string is not an escaped one.
fn is_closed(text: &[u8]) -> bool {
    let escapes = text[..text.len() - 1].iter().rev().take_while(|&&byte| byte == b'\\').count();
    escapes % 2 == 0
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn pieces(document: &str) -> Vec<&str> {
        let tokens = tokens(document.as_bytes());
        let whole: String = tokens.iter().map(|token| &document[token.range.clone()]).collect();
        assert_eq!(whole, document);
        let shown = tokens.iter().filter(|token| token.piece != Piece::Space);
        shown.map(|token| &document[token.inside.clone()]).collect()
    }

    #[rstest]
    #[case(r#"{"a": "b\"c" }"#, &["{", "a", ":", "b\\\"c", "}"])]
    #[case("\u{feff}{'a':1}", &["{", "a", ":", "1", "}"])]
    #[case("{\"a\": \"b\n\"c\"", &["{", "a", ":", "b", "c"])]
    #[case("// x\n{/* y */}# z", &["// x", "{", "/* y */", "}", "# z"])]
    #[case("https://reg.example", &["https", ":", "//reg.example"])]
    #[case("\"a\\\"", &["a\\\""])]
    #[case("\"", &[""])]
    #[case("{jane's}", &["{", "jane's", "}"])]
    fn documents_are_taken_apart(#[case] document: &str, #[case] expected: &[&str]) {
        assert_eq!(pieces(document), expected);
    }
}
