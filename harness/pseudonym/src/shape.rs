//! Values that have a structure: a login in base64, a JSON Web Token, the JSON of a service account.

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD},
};

use crate::document::{self, Context};
use crate::invent::core;

/// What a value is, as far as its place shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    User,
    Password,
    Other,
}

/// Where a value stands.
#[derive(Debug, Clone)]
pub(crate) struct At {
    /// The registry, if it stands under a key.
    pub(crate) key: Option<String>,
    pub(crate) field: String,
    pub(crate) kind: Kind,
}

impl At {
    pub(crate) fn new(key: Option<&str>, field: &str, kind: Kind) -> Self {
        Self { key: key.map(str::to_owned), field: field.to_owned(), kind }
    }

    fn of_kind(&self, kind: Kind) -> Self {
        Self { kind, ..self.clone() }
    }
}

/// What is done with the values that have no structure. A result is as long as its value.
pub(crate) trait Renaming {
    /// Renames a user name, a password or any other value.
    fn leaf(&mut self, value: &[u8], at: &At) -> Vec<u8>;
    /// Renames a host, without its port.
    fn host(&mut self, host: &[u8]) -> Vec<u8>;
    /// Sees a user name and a password that belong together.
    fn login(&mut self, _user: &[u8], _password: &[u8]) {}
}

/// User names that say which registry or kind of credentials this is.
const WELL_KNOWN: [&str; 11] = [
    "AWS",
    "_json_key",
    "_json_key_base64",
    "_dcgcr_token",
    "oauth2accesstoken",
    "00000000-0000-0000-0000-000000000000",
    "$oauthtoken",
    "<token>",
    "_token",
    "__token__",
    "x-access-token",
];

/// Shorter texts are not taken for base64.
const SHORTEST_BASE64: usize = 12;

/// Renames what a value holds. What surrounds it by mistake stays.
pub(crate) fn value(text: &[u8], at: &At, names: &mut dyn Renaming) -> Vec<u8> {
    let inside = core(text);
    let value = &text[inside.clone()];
    let is_known = WELL_KNOWN.iter().any(|known| known.as_bytes() == value);
    if value.is_empty() || is_known {
        return text.to_vec();
    }
    let renamed = token(value, at, names)
        .or_else(|| json(value, at, names))
        .or_else(|| encoded(value, at, names))
        .unwrap_or_else(|| names.leaf(value, at));
    [&text[..inside.start], &renamed, &text[inside.end..]].concat()
}

/// Renames `user:password`. Without a colon it is one value.
pub(crate) fn login(text: &[u8], at: &At, names: &mut dyn Renaming) -> Vec<u8> {
    let Some(colon) = text.iter().position(|&byte| byte == b':') else {
        return value(text, &at.of_kind(Kind::Password), names);
    };
    let (user, password) = (&text[..colon], &text[colon + 1..]);
    names.login(user, password);
    let user = value(user, &at.of_kind(Kind::User), names);
    let password = value(password, &at.of_kind(Kind::Password), names);
    [user.as_slice(), b":", &password].concat()
}

/// Renames the login in an `auth`. Whatever is not base64 stays where it is.
pub(crate) fn auth(text: &[u8], at: &At, names: &mut dyn Renaming) -> Vec<u8> {
    let padding = text.iter().rposition(|&byte| byte != b'=').map_or(0, |last| last + 1);
    let is_clean =
        text[..padding].iter().all(|byte| byte.is_ascii_alphanumeric() || b"+/\r\n".contains(byte));
    let decoded =
        through_base64(text, |bytes| (is_clean || is_text(bytes)).then(|| login(bytes, at, names)));
    decoded.unwrap_or_else(|| {
        let is_same = |a: &u8, b: &u8| a.is_ascii_alphanumeric() == b.is_ascii_alphanumeric();
        let renamed = text.chunk_by(is_same).map(|run| match run[0].is_ascii_alphanumeric() {
            true => names.leaf(run, at),
            false => run.to_vec(),
        });
        renamed.collect::<Vec<_>>().concat()
    })
}

/// Renames what base64 stands for. Padding, line breaks and faults stay where they are.
pub(crate) fn through_base64(
    text: &[u8],
    rename: impl FnOnce(&[u8]) -> Option<Vec<u8>>,
) -> Option<Vec<u8>> {
    let places: Vec<usize> = (0..text.len()).filter(|&at| digit(text[at]).is_some()).collect();
    let digits: Vec<u8> = places.iter().filter_map(|&at| digit(text[at])).collect();
    let bit = |at: usize| digits[at / 6] >> (5 - at % 6) & 1;
    let whole = digits.len() * 6 / 8;
    let bytes: Vec<u8> =
        (0..whole).map(|byte| (0..8).fold(0, |all, at| all << 1 | bit(byte * 8 + at))).collect();
    let renamed = rename(&bytes).filter(|renamed| renamed.len() == bytes.len())?;
    let mut new = text.to_vec();
    for (number, &place) in places.iter().enumerate() {
        // The other alphabet is a fault. Bits behind the last byte stay, but for those of a byte cut off.
        if matches!(text[place], b'-' | b'_') {
            continue;
        }
        let bits = (number * 6..number * 6 + 6).map(|at| match renamed.get(at / 8) {
            Some(byte) => byte >> (7 - at % 8) & 1,
            None if digits.len() % 4 == 1 => 0,
            None => bit(at),
        });
        new[place] = letter(bits.fold(0, |all, bit| all << 1 | bit));
    }
    Some(new)
}

const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

fn digit(byte: u8) -> Option<u8> {
    let byte = match byte {
        b'-' => b'+',
        b'_' => b'/',
        other => other,
    };
    LETTERS.iter().position(|&letter| letter == byte).and_then(|at| u8::try_from(at).ok())
}

fn letter(digit: u8) -> u8 {
    LETTERS[usize::from(digit & 63)]
}

/// A JSON Web Token: header and claims are JSON.
fn token(value: &[u8], at: &At, names: &mut dyn Renaming) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(value).ok().filter(|text| text.starts_with("eyJ"))?;
    let parts: Vec<&str> = text.split('.').collect();
    let (header, claims, signature) = match parts.as_slice() {
        [header, claims] => (header, claims, None),
        [header, claims, signature] => (header, claims, Some(*signature)),
        _ => return None,
    };
    let json = |part: &str| {
        let decoded = URL_SAFE_NO_PAD.decode(part).ok()?;
        serde_json::from_slice::<serde_json::Value>(&decoded).ok()?.is_object().then_some(decoded)
    };
    let (header, claims) = (json(header)?, json(claims)?);
    let mut part =
        |json: &[u8]| URL_SAFE_NO_PAD.encode(document::rewrite(json, Context::Generic, at, names));
    let mut renamed = format!("{}.{}", part(&header), part(&claims)).into_bytes();
    if let Some(signature) = signature {
        renamed.push(b'.');
        if !signature.is_empty() {
            renamed.extend(names.leaf(signature.as_bytes(), at));
        }
    }
    Some(renamed)
}

/// JSON, whole or broken.
fn json(value: &[u8], at: &At, names: &mut dyn Renaming) -> Option<Vec<u8>> {
    let looks_like = value.starts_with(b"{") && value.contains(&b'"');
    looks_like.then(|| document::rewrite(value, Context::Generic, at, names))
}

/// JSON or a login in base64: a token of ECR, a key for `_json_key_base64`, an `auth` encoded twice.
fn encoded(value: &[u8], at: &At, names: &mut dyn Renaming) -> Option<Vec<u8>> {
    if value.len() < SHORTEST_BASE64 {
        return None;
    }
    let engines = [STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD];
    let (engine, decoded) = engines.iter().find_map(|engine| {
        let decoded = engine.decode(value).ok()?;
        (engine.encode(&decoded).as_bytes() == value && is_text(&decoded))
            .then_some((engine, decoded))
    })?;
    let renamed = json(&decoded, at, names)
        .or_else(|| decoded.contains(&b':').then(|| login(&decoded, at, names)))?;
    Some(engine.encode(renamed).into_bytes())
}

fn is_text(bytes: &[u8]) -> bool {
    let readable = |letter: char| !letter.is_control() || letter.is_ascii_whitespace();
    std::str::from_utf8(bytes).is_ok_and(|text| text.chars().all(readable))
}
