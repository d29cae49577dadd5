//! Patterns as Go's `filepath.Match` reads them, one label of a host at a time.

/// A pattern that is not well-formed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BadPattern;

/// Returns whether all of `name` matches. As in Go, an error is found only as far as the pattern is
/// read, which depends on `name` (path/filepath/match.go).
pub(crate) fn matches(mut pattern: &[u8], mut name: &[u8]) -> Result<bool, BadPattern> {
    while !pattern.is_empty() {
        let (star, chunk, rest) = first_chunk(pattern);
        pattern = rest;
        if star && chunk.is_empty() {
            return Ok(!name.contains(&b'/'));
        }
        let last = pattern.is_empty();
        let fits = |after: Option<usize>| after.filter(|&left| !last || left == 0);
        if let Some(left) = fits(remainder(chunk, name)?) {
            name = &name[name.len() - left..];
            continue;
        }
        let mut found = None;
        // A star takes the bytes before the chunk, but no slash.
        for start in 1..=if star { name.len() } else { 0 } {
            if name[start - 1] == b'/' {
                break;
            }
            found = fits(remainder(chunk, &name[start..])?);
            if found.is_some() {
                break;
            }
        }
        match found {
            Some(left) => name = &name[name.len() - left..],
            None => return Ok(false),
        }
    }
    Ok(name.is_empty())
}

/// Whether there is a star in front, what follows up to the next star, and the rest.
fn first_chunk(pattern: &[u8]) -> (bool, &[u8], &[u8]) {
    let stars = pattern.iter().take_while(|&&byte| byte == b'*').count();
    let pattern = &pattern[stars..];
    let mut in_class = false;
    let mut place = 0;
    while place < pattern.len() {
        match pattern[place] {
            b'\\' => place += 1,
            b'[' => in_class = true,
            b']' => in_class = false,
            b'*' if !in_class => break,
            _ => {}
        }
        place += 1;
    }
    let (chunk, rest) = pattern.split_at(place.min(pattern.len()));
    (stars > 0, chunk, rest)
}

/// How many bytes of `name` are left after `chunk`, if it begins with it. Once it does not, the chunk
/// is still read to its end for errors.
fn remainder(mut chunk: &[u8], mut name: &[u8]) -> Result<Option<usize>, BadPattern> {
    let mut failed = false;
    while let [first, rest @ ..] = chunk {
        failed |= name.is_empty();
        match first {
            b'[' => {
                let mut letter = None;
                if !failed {
                    let (decoded, width) = decode(name);
                    (letter, name) = (Some(decoded), &name[width..]);
                }
                let (in_class, after) = class(rest, letter.unwrap_or('\0'))?;
                failed |= !in_class;
                chunk = after;
            }
            b'?' => {
                if !failed {
                    failed = name[0] == b'/';
                    name = &name[decode(name).1..];
                }
                chunk = rest;
            }
            other => {
                let (literal, after) = match (other, rest) {
                    (b'\\', []) => return Err(BadPattern),
                    (b'\\', [escaped, after @ ..]) => (escaped, after),
                    _ => (other, rest),
                };
                if !failed {
                    failed = *literal != name[0];
                    name = &name[1..];
                }
                chunk = after;
            }
        }
    }
    Ok(if failed { None } else { Some(name.len()) })
}

/// Whether a letter is in the class whose text begins at `text`, and what follows the class.
fn class(text: &[u8], letter: char) -> Result<(bool, &[u8]), BadPattern> {
    let (negated, mut text) = match text {
        [b'^', rest @ ..] => (true, rest),
        _ => (false, text),
    };
    let mut found = false;
    let mut ranges = 0;
    loop {
        if let [b']', rest @ ..] = text
            && ranges > 0
        {
            return Ok((found != negated, rest));
        }
        let (low, rest) = bound(text)?;
        let (high, rest) = match rest {
            [b'-', rest @ ..] => bound(rest)?,
            _ => (low, rest),
        };
        found |= (low..=high).contains(&letter);
        ranges += 1;
        text = rest;
    }
}

/// One end of a range. Something must follow, for the class has yet to be closed.
fn bound(text: &[u8]) -> Result<(char, &[u8]), BadPattern> {
    let text = match text {
        [] | [b'-' | b']', ..] => return Err(BadPattern),
        [b'\\', rest @ ..] => rest,
        _ => text,
    };
    let (letter, width) = decode(text);
    let rest = text.get(width..).unwrap_or_default();
    let invalid = letter == char::REPLACEMENT_CHARACTER && width == 1;
    if text.is_empty() || invalid || rest.is_empty() { Err(BadPattern) } else { Ok((letter, rest)) }
}

/// The first letter and its width; U+FFFD and 1 where the bytes are not UTF-8.
fn decode(text: &[u8]) -> (char, usize) {
    let width = text.len().min(4);
    (1..=width)
        .find_map(|width| std::str::from_utf8(&text[..width]).ok()?.chars().next())
        .map_or((char::REPLACEMENT_CHARACTER, 1), |letter| (letter, letter.len_utf8()))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("abc", "abc", true)]
    #[case("*", "abc", true)]
    #[case("*", "", true)]
    #[case("*", "a/b", false)]
    #[case("*c", "abc", true)]
    #[case("a*", "a", true)]
    #[case("a*/b", "a/c/b", false)]
    #[case("a*b*c", "axbxxc", true)]
    #[case("a*b*c", "axbxxd", false)]
    #[case("a?c", "aéc", true)]
    #[case("a?c", "a/c", false)]
    #[case("[a-c]", "b", true)]
    #[case("[^a-c]", "b", false)]
    #[case("[^a-c]", "é", true)]
    #[case("[-]", "-", false)]
    #[case("[x\\-]", "-", true)]
    #[case("\\*", "*", true)]
    #[case("\\*", "a", false)]
    #[case("[::1]", "[::1]", false)]
    #[case("", "", true)]
    #[case("", "a", false)]
    fn patterns_match(#[case] pattern: &str, #[case] name: &str, #[case] matched: bool) {
        let read = matches(pattern.as_bytes(), name.as_bytes());
        assert_eq!(read.unwrap_or(false), matched);
    }

    #[rstest]
    fn broken_patterns_are_errors(
        #[values("[", "[]", "[]a]", "[a", "[a-", "[a-]", "[-a]", "\\", "[^", "[\\", "[^b-]", "a[")]
        pattern: &str,
    ) {
        assert_eq!(matches(pattern.as_bytes(), b"a"), Err(BadPattern));
    }

    #[test]
    fn what_comes_after_a_mismatch_and_a_star_is_not_read() {
        assert_eq!(matches(b"b*[", b"a"), Ok(false));
        assert_eq!(matches(b"b[", b"a"), Err(BadPattern));
    }
}
