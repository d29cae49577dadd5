//! The forms in which a value may stand in a text.

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD},
};

/// Returns a value in every form. Those of values of the same shape are in the same order.
pub(crate) fn forms(value: &[u8]) -> Vec<Vec<u8>> {
    let text = String::from_utf8_lossy(value);
    let json = serde_json::Value::from(text.as_ref()).to_string();
    let json = json[1..json.len() - 1].to_owned();
    let go = json.replace('&', "\\u0026").replace('<', "\\u003c").replace('>', "\\u003e");
    let form: String = form_urlencoded::byte_serialize(value).collect();
    let percent = form.replace('+', "%20");
    let hex = |form: fn(&u8) -> String| value.iter().map(form).collect::<String>();
    let texts = [
        text.replace('\'', "''"),
        json.replace('/', "\\/"),
        json,
        go,
        lower_escapes(&percent),
        form,
        percent,
        hex(|byte| format!("{byte:02x}")),
        hex(|byte| format!("{byte:02X}")),
    ];
    let plain = std::iter::once(value.to_vec());
    plain.chain(texts.map(String::into_bytes)).chain(base64(value)).collect()
}

/// Returns a value in base64: whole, and as a part of something longer.
pub(crate) fn base64(value: &[u8]) -> Vec<Vec<u8>> {
    let whole = [STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD]
        .map(|engine| engine.encode(value).into_bytes());
    let parts = (0..3).flat_map(|before| {
        let padded = [&b"\0\0"[..before.min(2)], value].concat();
        // Digits that stand for bits of the value alone.
        let digits = (before * 8).div_ceil(6)..padded.len() * 8 / 6;
        [STANDARD_NO_PAD, URL_SAFE_NO_PAD]
            .map(|engine| engine.encode(&padded).as_bytes()[digits.clone()].to_vec())
    });
    whole.into_iter().chain(parts).collect()
}

/// Returns a login as it is sent and as an `auth` has it, which may be encoded once more.
pub(crate) fn login(user: &[u8], password: &[u8]) -> Vec<Vec<u8>> {
    let auths = base64(&[user, b":", password].concat());
    let again = [auths[0].clone(), auths[1].clone()];
    auths.into_iter().chain(again.iter().flat_map(|auth| base64(auth))).collect()
}

/// Returns a value with its halves in other orders.
pub(crate) fn reversed(value: &[u8]) -> [Vec<u8>; 3] {
    let (first, second) = value.split_at(value.len() / 2);
    let backwards = |half: &[u8]| half.iter().rev().copied().collect::<Vec<u8>>();
    [[second, first].concat(), backwards(value), [backwards(first), backwards(second)].concat()]
}

fn lower_escapes(text: &str) -> String {
    let mut after = 0;
    let lower = |letter: char| {
        after = if letter == '%' { 3_u32 } else { after.saturating_sub(1) };
        if after > 0 { letter.to_ascii_lowercase() } else { letter }
    };
    text.chars().map(lower).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_of_base64_is_found_behind_anything() {
        let parts = base64(b"hunter2-and-more");
        for before in ["", "a", "ab", "abc", "user:"] {
            let text = STANDARD.encode(format!("{before}hunter2-and-more, and after"));
            assert!(parts.iter().any(|part| text.contains(std::str::from_utf8(part).unwrap())));
        }
    }

    #[test]
    fn escapes_are_written_as_programs_do() {
        let forms = forms("a&\"'ä".as_bytes());
        for expected in
            ["a&\"''ä", "a&\\\"'ä", "a\\u0026\\\"'ä", "a%26%22%27%c3%a4", "a%26%22%27%C3%A4"]
        {
            assert!(forms.iter().any(|form| form == expected.as_bytes()), "{expected}");
        }
    }
}
