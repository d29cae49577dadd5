//! Passwords that are known again without being kept.

use std::fmt;
use std::sync::LazyLock;

use base64::Engine as _;
use base64::alphabet::STANDARD as ALPHABET;
use base64::engine::{GeneralPurpose, GeneralPurposeConfig};
use hyper::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use ring::hmac;
use secrecy::{ExposeSecret as _, SecretString};

/// Decodes what Go's request.BasicAuth does (net/http/request.go): padding is needed, bits that
/// are left over are not looked at.
const AS_GO: GeneralPurpose = GeneralPurpose::new(
    &ALPHABET,
    GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true),
);

/// Nobody who does not know the key can find a password by its mark, or one with the same mark.
static KEY: LazyLock<hmac::Key> =
    LazyLock::new(|| hmac::Key::new(hmac::HMAC_SHA256, &rand::random::<[u8; 32]>()));

/// By what a password is known again: equal for equal passwords of one process, and no way back.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct PasswordMark([u8; 32]);

impl PasswordMark {
    /// Returns the mark of a password.
    pub fn of(password: &SecretString) -> Self {
        Self::of_bytes(password.expose_secret().as_bytes())
    }

    /// Returns the mark of a password that need not be UTF-8.
    pub fn of_bytes(password: &[u8]) -> Self {
        let mut mark = [0; 32];
        mark.copy_from_slice(hmac::sign(&KEY, password).as_ref());
        Self(mark)
    }
}

impl fmt::Debug for PasswordMark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordMark")
    }
}

/// What the container knows in place of a password that bcrypt cannot tell from others.
///
/// bcrypt compares 72 bytes of the password and a NUL, repeated as often as needed: a longer one
/// counts by its beginning, and `a` is the same as `a\0a`. None for a password that it can tell.
pub(super) fn stand_in(password: &[u8]) -> Option<String> {
    let exact = password.len() < 72 && !password.contains(&0);
    (!exact).then(|| {
        PasswordMark::of_bytes(password).0.iter().map(|byte| format!("{byte:02x}")).collect()
    })
}

/// Replaces the password in Basic credentials by its stand-in, where it needs one.
pub(super) fn replace(headers: &mut HeaderMap) {
    let replaced = headers.get(AUTHORIZATION).and_then(|value| {
        let (scheme, encoded) = value.to_str().ok()?.split_once(' ')?;
        if !scheme.eq_ignore_ascii_case("basic") {
            return None;
        }
        // What the container cannot decode it refuses.
        let decoded = AS_GO.decode(encoded).ok()?;
        let colon = decoded.iter().position(|&byte| byte == b':')?;
        let (user, password) = (&decoded[..=colon], &decoded[colon + 1..]);
        let pair = [user, stand_in(password)?.as_bytes()].concat();
        HeaderValue::from_str(&format!("Basic {}", AS_GO.encode(pair))).ok()
    });
    if let Some(mut value) = replaced {
        value.set_sensitive(true);
        headers.insert(AUTHORIZATION, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_passwords_have_equal_marks_that_show_nothing() {
        let mark = |text: &str| PasswordMark::of(&text.into());
        assert_eq!(mark("canary"), mark("canary"));
        assert_ne!(mark("canary"), mark("canary "));
        assert_eq!(format!("{:?}", mark("canary")), "PasswordMark");
    }

    #[test]
    fn each_password_that_bcrypt_confuses_has_a_stand_in_of_its_own() {
        let long = "x".repeat(72);
        for exact in ["", "canary", &long[..71]] {
            assert_eq!(stand_in(exact.as_bytes()), None);
        }
        let all =
            [long.clone(), format!("{long}y"), format!("{long}z"), "a\0".into(), "a\0a".into()];
        let stands: std::collections::BTreeSet<_> =
            all.iter().map(|password| stand_in(password.as_bytes()).unwrap()).collect();
        assert_eq!(stands.len(), all.len());
        // bcrypt can tell them from any other, and they hold nothing of the password.
        assert!(
            stands.iter().all(|stand| stand.len() == 64 && stand_in(stand.as_bytes()).is_none())
        );
    }

    #[test]
    fn only_basic_credentials_with_such_a_password_change() {
        let replaced = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(AUTHORIZATION, value.parse().unwrap());
            replace(&mut headers);
            headers[AUTHORIZATION].to_str().unwrap().to_owned()
        };
        let long = format!("{}:1", "x".repeat(80));
        let basic = |pair: &str| format!("Basic {}", AS_GO.encode(pair));
        assert_eq!(
            replaced(&basic(&format!("jane:{long}"))),
            basic(&format!("jane:{}", stand_in(long.as_bytes()).unwrap()))
        );
        for same in
            [basic("jane:short"), "Basic !!!".into(), format!("Bearer {long}"), basic("none")]
        {
            assert_eq!(replaced(&same), same);
        }
        // Go refuses credentials without padding, so they must not become good ones.
        let unpadded = basic(&format!("jan:{long}"));
        let unpadded = unpadded.trim_end_matches('=');
        assert_eq!(replaced(unpadded), unpadded);
    }
}
