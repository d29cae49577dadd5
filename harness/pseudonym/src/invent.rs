//! One invented value of the shape of another: as long, and in each place a character of the same class.

use std::{ops::Range, sync::LazyLock};

use rand::{Rng as _, rngs::StdRng, seq::IndexedRandom as _};
use regex::bytes::Regex;

/// What says of which kind a value is, and not which one: the lines around a key, the scheme of a URL,
/// the domain of Google's accounts, the algorithm and cost of a hash.
const MARKS: &str = r"(?x-u)
    -----(?:BEGIN|END)\x20[A-Z\x20]+-----
    | ^https?:// | https://www\.googleapis\.com/robot/v1/metadata/x509/
    | \.iam\.gserviceaccount\.com
    | ^\$(?:2[abxy]\$\d\d|apr1|[156])\$
    | ^(?:robot\$|gitlab\+deploy-token-)";

/// Punctuation that is replaced by its like in a value that is mostly punctuation. The rest means
/// something to URLs and documents.
const MARKED: &[u8] = b"-._~!$*+=&";
const SPECIAL: &[u8] = b"#%?^|<>";
const SPECIAL_INVENTED: &[u8] = b"^|<>";
/// Controls other than white space, NUL and those with a short escape of JSON.
const CONTROLS: [Range<u8>; 2] = [1..8, 14..32];

// A test compiles it.
static KEPT: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(MARKS).ok());

/// Returns a value of the same shape. It is the same where nothing can be replaced.
pub(crate) fn invent(value: &[u8], random: &mut StdRng) -> Vec<u8> {
    let kept: Vec<Range<usize>> =
        KEPT.iter().flat_map(|kept| kept.find_iter(value)).map(|found| found.range()).collect();
    let number = is_number(value);
    let words = value.iter().filter(|byte| byte.is_ascii_alphanumeric() || !byte.is_ascii());
    let mostly_marks = words.count() * 2 < value.len() && !number;
    let mut invented = Vec::with_capacity(value.len());
    for chunk in value.utf8_chunks() {
        for letter in chunk.valid().chars() {
            let place = invented.len();
            let keep = kept.iter().any(|range| range.contains(&place));
            let new = match letter {
                letter if keep || number && letter.is_ascii_alphabetic() => letter,
                '0' if place == 0 => letter,
                letter if letter.is_ascii() => ascii(letter, mostly_marks, random),
                letter => wide(letter, random),
            };
            invented.extend(new.encode_utf8(&mut [0; 4]).bytes());
        }
        // These begin no character and go on with none.
        invented.extend(chunk.invalid().iter().map(|_| random.random_range(0xf8_u8..=0xff)));
    }
    invented
}

/// Whether it reads as a number, in which `e` has a meaning.
pub(crate) fn is_number(value: &[u8]) -> bool {
    let first = value.first().is_some_and(|first| first.is_ascii_digit() || *first == b'-');
    first && value.iter().all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(byte))
}

fn ascii(letter: char, mostly_marks: bool, random: &mut StdRng) -> char {
    let byte = u8::try_from(letter).unwrap_or_default();
    let pick = |from: &[u8], random: &mut StdRng| from.choose(random).copied().unwrap_or(byte);
    let new = match byte {
        b'a'..=b'z' => random.random_range(b'a'..=b'z'),
        b'A'..=b'Z' => random.random_range(b'A'..=b'Z'),
        b'1'..=b'9' => random.random_range(b'1'..=b'9'),
        b'0' => random.random_range(b'0'..=b'9'),
        _ if mostly_marks && MARKED.contains(&byte) => pick(MARKED, random),
        _ if mostly_marks && SPECIAL.contains(&byte) => pick(SPECIAL_INVENTED, random),
        _ => {
            let class = CONTROLS.into_iter().find(|class| class.contains(&byte));
            class.map_or(byte, |class| random.random_range(class))
        }
    };
    char::from(new)
}

/// A character beyond ASCII, by one of as many bytes.
fn wide(letter: char, random: &mut StdRng) -> char {
    match letter.len_utf8() {
        4 => random.random_range('\u{1f600}'..='\u{1f64f}'),
        _ if !letter.is_alphabetic() => letter,
        3 => random.random_range('\u{4e00}'..='\u{9fa5}'),
        _ if letter.is_lowercase() => random.random_range('à'..='ö'),
        _ if letter.is_uppercase() => random.random_range('À'..='Ö'),
        _ => random.random_range('\u{5d0}'..='\u{5ea}'),
    }
}

/// Separates what surrounds a value by mistake from the value: white space, NUL, quotes, a byte order mark.
pub(crate) fn core(value: &[u8]) -> Range<usize> {
    const AROUND: [&str; 16] = [
        " ", "\t", "\n", "\r", "\0", "\"", "'", "\u{feff}", "\u{a0}", "\u{85}", "\u{201c}",
        "\u{201d}", "\u{2018}", "\u{2019}", "\u{200b}", "\u{3000}",
    ];
    let mut range = 0..value.len();
    while let Some(mark) =
        AROUND.iter().find(|mark| value[range.clone()].starts_with(mark.as_bytes()))
    {
        range.start += mark.len();
    }
    while let Some(mark) =
        AROUND.iter().find(|mark| value[range.clone()].ends_with(mark.as_bytes()))
    {
        range.end -= mark.len();
    }
    range
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng as _;
    use rstest::rstest;

    use super::*;

    fn class(letter: char) -> &'static str {
        match letter {
            'a'..='z' => "a",
            'A'..='Z' => "A",
            '0'..='9' => "0",
            _ if letter.is_ascii_punctuation() => ".",
            _ if letter.is_alphabetic() => "ä",
            _ => "other",
        }
    }

    #[rstest]
    #[case("Hunter2")]
    #[case("p ä ß Ü \u{1f600} 漢 א!")]
    #[case("$$$!!!^^^")]
    #[case("007")]
    fn length_and_classes_are_the_same(#[case] value: &str) {
        assert!(KEPT.is_some());
        let mut random = StdRng::seed_from_u64(1);
        let invented = String::from_utf8(invent(value.as_bytes(), &mut random)).unwrap();
        assert_ne!(invented, value);
        assert_eq!(invented.len(), value.len());
        let classes = |text: &str| text.chars().map(class).collect::<Vec<_>>();
        assert_eq!(classes(&invented), classes(value));
    }

    #[rstest]
    #[case("$2y$05$abcdefghijklmnopqrstuv", "$2y$05$")]
    #[case("-----BEGIN PRIVATE KEY-----\nMIIE\n", "-----BEGIN PRIVATE KEY-----\n")]
    #[case("robot$builder", "robot$")]
    fn marks_are_kept(#[case] value: &str, #[case] kept: &str) {
        let invented = invent(value.as_bytes(), &mut StdRng::seed_from_u64(1));
        assert!(invented.starts_with(kept.as_bytes()) && invented != value.as_bytes());
    }

    #[test]
    fn bytes_that_are_not_utf8_stay_such() {
        let invented = invent(b"\xe2\x82b\xff", &mut StdRng::seed_from_u64(1));
        assert_eq!(invented.len(), 4);
        assert!(invented[2].is_ascii_lowercase());
        assert!([0, 1, 3].into_iter().all(|at| invented[at] >= 0xf8));
    }

    #[test]
    fn what_surrounds_a_value_is_not_part_of_it() {
        assert_eq!(core(b"\xef\xbb\xbf\"a b\"\r\n\0"), 4..7);
        assert_eq!(core(b" \n").len(), 0);
    }
}
