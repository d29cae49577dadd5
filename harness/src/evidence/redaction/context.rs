//! What is hidden because of the text around it, whether or not it is a known secret.

use std::{ops::Range, sync::LazyLock};

use base64::{
    Engine, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use regex::Regex;

use super::HIDDEN;

/// Keys whose text is a secret, in JSON and YAML.
const KEYS: &str = "password|passwd|auth|identitytoken|registrytoken|access_token|refresh_token|\
                    bearer_token|\\.dockerconfigjson|\\.dockercfg";

static CONTEXTS: LazyLock<Vec<Regex>> = LazyLock::new(|| {
    [
        // A JSON Web Token: header, claims and, if it was not cut off, signature.
        r"(?P<secret>eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*)?)".to_owned(),
        r"(?i)authorization[\x22'\\]*\s*[:=]\s*[\x22'\\\[]*(?:basic|bearer)\s+(?P<secret>[A-Za-z0-9+/=_.~-]{8,})"
            .to_owned(),
        // A string of JSON, itself in JSON or not.
        format!(r#"(?i)["'](?:{KEYS})\\*["']\s*:\s*\\*["'](?P<secret>[^"'\\]+)"#),
        format!(r#"(?im)^[ \t]*(?:- )?["']?(?:{KEYS})["']?:[ \t]+(?P<secret>[^\s|>&*\[{{"'][^\r\n]{{2,}}?)\s*$"#),
        r#"(?i)--(?:docker-)?password=["']?(?P<secret>[^\s"']+)"#.to_owned(),
        // The password of a URL.
        r"[a-z]://[^/\s:@]+:(?P<secret>[^@/\s]+)@".to_owned(),
    ]
    .iter()
    // Each is compiled by a test.
    .filter_map(|pattern| Regex::new(pattern).ok())
    .collect()
});

/// Where secrets stand by what is around them.
pub fn secrets(text: &str, found: &mut Vec<Range<usize>>) {
    for pattern in CONTEXTS.iter() {
        let secrets = pattern.captures_iter(text).filter_map(|all| all.name("secret"));
        let new = secrets.filter(|secret| !secret.as_str().starts_with(HIDDEN));
        found.extend(new.map(|secret| secret.range()));
    }
}

/// Whether the text of a key of an object is a secret.
pub fn is_secret_key(key: &str) -> bool {
    KEYS.replace('\\', "").split('|').any(|secret| secret.eq_ignore_ascii_case(key))
}

static BASE64: LazyLock<Option<Regex>> = LazyLock::new(|| {
    // What was wrapped is one text.
    Regex::new(r"[A-Za-z0-9+/_-]{24,}(?:[ \t]*\r?\n[ \t]*[A-Za-z0-9+/_-]{24,})*={0,2}").ok()
});

/// Where a text may be base64 of another.
pub fn encoded(text: &str) -> Vec<Range<usize>> {
    let pattern = BASE64.iter();
    pattern.flat_map(|pattern| pattern.find_iter(text)).map(|found| found.range()).collect()
}

/// What base64 text may stand for; its beginning may be cut off, or another text's.
pub fn decodings(encoded: &str) -> impl Iterator<Item = String> {
    const WHATEVER: GeneralPurposeConfig = GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true);
    const ENGINE: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, WHATEVER);
    let letters: Vec<u8> = encoded
        .bytes()
        .filter(|byte| !byte.is_ascii_whitespace() && *byte != b'=')
        .map(|byte| match byte {
            b'-' => b'+',
            b'_' => b'/',
            other => other,
        })
        .collect();
    (0..4).filter_map(move |cut| {
        let rest = &letters[cut..];
        // One letter alone is no byte.
        let rest = &rest[..rest.len() - usize::from(rest.len() % 4 == 1)];
        let text = String::from_utf8_lossy(&ENGINE.decode(rest).ok()?).into_owned();
        let strange =
            text.chars().filter(|c| *c == '\u{fffd}' || (*c < ' ' && !"\r\n\t".contains(*c)));
        (strange.count() * 10 < text.len()).then_some(text)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<&str> {
        let mut found = Vec::new();
        secrets(text, &mut found);
        found.into_iter().map(|range| &text[range]).collect()
    }

    #[test]
    fn what_stands_around_a_secret_gives_it_away() {
        assert_eq!(CONTEXTS.len(), 6);
        let token = "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJqYW5lZG9lIn0.c2lnbmF0dXJl";
        for (text, secret) in [
            (format!("got {token}, sent"), token),
            (format!("Authorization: Bearer {}", &token[..40]), &token[..40]),
            ("-H 'authorization: basic YTpi Yw=='".into(), ""),
            ("-H 'authorization: basic amFuZTpiYw=='".into(), "amFuZTpiYw=="),
            (r#"{"auth" : "YTpi"}"#.into(), "YTpi"),
            (r#""{\"password\":\"abc\"}""#.into(), "abc"),
            (r#""{\\\"identitytoken\\\":\\\"abc\\\"}""#.into(), "abc"),
            ("  .dockerconfigjson: e30=\n".into(), "e30="),
            ("kubectl --docker-password='ab' x".into(), "ab"),
            ("https://janedoe:ab@example.com".into(), "ab"),
        ] {
            let expected: Vec<&str> = Some(secret).filter(|s| !s.is_empty()).into_iter().collect();
            let mut seen = found(&text);
            seen.dedup();
            assert_eq!(seen, expected, "{text}");
        }
    }

    #[test]
    fn ordinary_text_is_none() {
        for text in [
            "may require authorization: authorization failed: no basic auth credentials",
            "WARNING! Using --password via the CLI is insecure. Use --password-stdin.",
            "unable to parse auth field, must be formatted as base64(username:password)",
            "  .dockerconfigjson: |\n    {}\nauth: {basic: {janedoe: x}}\npassword:\nnext: 1",
            "http://127.0.0.1:5000/v2/ user@example.com sha256:0123",
            "config.json: eyJ is how base64 of JSON begins",
        ] {
            assert_eq!(found(text), Vec::<&str>::new(), "{text}");
        }
    }
}
