//! Base64 as Go's `encoding/base64` reads it. The kubelet shows the place of the error, so this
//! counts as Go does, which no library does.

/// The place of the byte at which decoding failed, as in "illegal base64 data at input byte 4".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct IllegalByte(pub(crate) usize);

/// Decodes a text with padding or without, whose last bits need not be zero. Line breaks are skipped.
pub(crate) fn decode(text: &[u8], padded: bool) -> Result<Vec<u8>, IllegalByte> {
    let mut decoded = Vec::with_capacity(text.len() / 4 * 3 + 3);
    let mut place = 0;
    while place < text.len() {
        let (bits, digits, after) = quantum(text, place, padded)?;
        decoded.extend_from_slice(&bits.to_be_bytes()[1..][..digits.saturating_sub(1)]);
        place = after;
    }
    Ok(decoded)
}

/// Up to four digits from `place` on: their bits, how many they are, and the place after them.
fn quantum(
    text: &[u8],
    mut place: usize,
    padded: bool,
) -> Result<(u32, usize, usize), IllegalByte> {
    let mut bits = 0;
    let mut digits = 0;
    while digits < 4 {
        let Some(&byte) = text.get(place) else {
            return match digits {
                0 => Ok((0, 0, place)),
                1 => Err(IllegalByte(place - digits)),
                _ if padded => Err(IllegalByte(place - digits)),
                _ => Ok((bits, digits, place)),
            };
        };
        place += 1;
        match digit(byte) {
            Some(value) => {
                bits |= value << (18 - 6 * digits);
                digits += 1;
            }
            None if is_break(byte) => {}
            None if byte == b'=' && padded => {
                return Ok((bits, digits, padding(text, place, digits)?));
            }
            None => return Err(IllegalByte(place - 1)),
        }
    }
    Ok((bits, digits, place))
}

/// The end of the text, after the first `=`, which `place` is behind.
fn padding(text: &[u8], mut place: usize, digits: usize) -> Result<usize, IllegalByte> {
    let skip =
        |place: usize| place + text[place..].iter().take_while(|&&byte| is_break(byte)).count();
    match digits {
        0 | 1 => return Err(IllegalByte(place - 1)),
        2 => {
            place = skip(place);
            match text.get(place) {
                None => return Err(IllegalByte(text.len())),
                Some(b'=') => place += 1,
                Some(_) => return Err(IllegalByte(place - 1)),
            }
        }
        _ => {}
    }
    place = skip(place);
    if place < text.len() { Err(IllegalByte(place)) } else { Ok(place) }
}

fn is_break(byte: u8) -> bool {
    matches!(byte, b'\r' | b'\n')
}

fn digit(byte: u8) -> Option<u32> {
    let value = match byte {
        b'A'..=b'Z' => byte - b'A',
        b'a'..=b'z' => byte - b'a' + 26,
        b'0'..=b'9' => byte - b'0' + 52,
        b'+' => 62,
        b'/' => 63,
        _ => return None,
    };
    Some(u32::from(value))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("dTpw", true, b"u:p")]
    #[case("dTpw", false, b"u:p")]
    #[case("dTpwdw==", true, b"u:pw")]
    #[case("dTpwdx==", true, b"u:pw")]
    #[case("dTpwdw", false, b"u:pw")]
    #[case("dT\npw\r\ndw=\n=\n", true, b"u:pw")]
    #[case("\n", false, b"")]
    #[case("", true, b"")]
    fn texts_are_decoded(#[case] text: &str, #[case] padded: bool, #[case] decoded: &[u8]) {
        assert_eq!(decode(text.as_bytes(), padded).as_deref(), Ok(decoded));
    }

    #[rstest]
    #[case("dTpwd", false, 4)]
    #[case("dTpw dw", false, 4)]
    #[case("dTp_", false, 3)]
    #[case("dTpwdw==", false, 6)]
    #[case("dTpwdw=", true, 7)]
    #[case("dTpwd===", true, 5)]
    #[case("dTpwdw==dw==", true, 8)]
    #[case("dTpwdw=a", true, 6)]
    #[case("dTpw\ndw", true, 5)]
    #[case("=", true, 0)]
    fn the_place_of_an_error_is_gos(
        #[case] text: &str,
        #[case] padded: bool,
        #[case] place: usize,
    ) {
        assert_eq!(decode(text.as_bytes(), padded), Err(IllegalByte(place)));
    }
}
