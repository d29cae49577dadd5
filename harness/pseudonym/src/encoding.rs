//! Texts that stand for others: base64 and hexadecimal. And tokens, which are secrets themselves.

use std::{ops::Range, sync::LazyLock};

use base64::{
    Engine, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use regex::bytes::Regex;

/// In either alphabet, wrapped to lines or not.
const BASE64: &str = r"(?-u)(?:[A-Za-z0-9+/_-]{40,}[ \t]*\r?\n[ \t]*)*[A-Za-z0-9+/_-]{6,}={0,2}";
/// In one piece or as a dump.
const HEXADECIMAL: &str =
    r"(?-u)[0-9A-Fa-f]{8,}|[0-9A-Fa-f]{2,}(?:[\s:]+(?:[0-9A-Fa-f]{2})+\b){3,}";
/// A JSON Web Token: header, claims and, if it was not cut off, signature.
const TOKEN: &str = r"(?-u)eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*)?";

// Each is compiled by a test.
static RUNS: LazyLock<Vec<Regex>> = LazyLock::new(|| {
    [BASE64, HEXADECIMAL].into_iter().filter_map(|one| Regex::new(one).ok()).collect()
});
static TOKENS: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(TOKEN).ok());

/// Where a text may stand for another.
pub fn runs(text: &[u8]) -> impl Iterator<Item = Range<usize>> {
    RUNS.iter().flat_map(|pattern| pattern.find_iter(text)).map(|found| found.range())
}

/// Where JSON Web Tokens stand.
pub fn tokens(text: &[u8]) -> impl Iterator<Item = Range<usize>> {
    TOKENS.iter().flat_map(|pattern| pattern.find_iter(text)).map(|found| found.range())
}

/// What a run may stand for; its beginning may be cut off, or another text's.
pub fn decodings(run: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    const WHATEVER: GeneralPurposeConfig = GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true);
    const ENGINE: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, WHATEVER);
    let letters: Vec<u8> = run
        .iter()
        .filter(|byte| !byte.is_ascii_whitespace() && !matches!(byte, b'=' | b':'))
        .map(|byte| match byte {
            b'-' => b'+',
            b'_' => b'/',
            other => *other,
        })
        .collect();
    let hexadecimal = (0..2).filter_map({
        let letters = letters.clone();
        move |cut| {
            let pairs = letters[cut..].chunks_exact(2);
            pairs.map(|pair| u8::from_str_radix(str::from_utf8(pair).ok()?, 16).ok()).collect()
        }
    });
    let base64 = (0..4).filter_map(move |cut| {
        let rest = &letters[cut..];
        // One letter alone is no byte.
        ENGINE.decode(&rest[..rest.len() - usize::from(rest.len() % 4 == 1)]).ok()
    });
    hexadecimal.chain(base64).filter(|bytes| is_text(bytes))
}

/// Whether more than a half reads as text: what stands around base64 may have been decoded with it.
fn is_text(bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes);
    let strange = |c: &char| *c == '\u{fffd}' || (c.is_control() && !c.is_whitespace());
    text.chars().filter(strange).count() * 2 < text.chars().count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_patterns_are_patterns() {
        assert_eq!(RUNS.len(), 2);
        assert!(TOKENS.is_some());
    }

    #[test]
    fn what_stands_around_base64_does_not_matter() {
        for text in ["aHVudGVyMg", "/var/aHVudGVyMg==", "68 75 6e\n74 65 72 32", "068756E74657232"]
        {
            let run = runs(text.as_bytes()).next().unwrap();
            let mut all = decodings(&text.as_bytes()[run]);
            assert!(all.any(|bytes| bytes.ends_with(b"hunter2")), "{text}");
        }
    }
}
