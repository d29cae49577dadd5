//! What an Authorization header says about its sender, without what makes it valid.

use std::fmt;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use hyper::header::{AUTHORIZATION, HeaderMap};
use secrecy::SecretSlice;
use serde::{Deserialize, Serialize};

const LENIENT: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_decode_padding_mode(DecodePaddingMode::Indifferent)
    .with_decode_allow_trailing_bits(true);
const STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, LENIENT);
const URL_SAFE: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, LENIENT);

/// The kind of Authorization a request carried. Holds neither password nor token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum Authorization {
    /// No Authorization header.
    None,
    /// Basic credentials.
    Basic {
        /// The user name.
        user: String,
    },
    /// A bearer token. Its claims are read and not verified; the container does that.
    Bearer {
        /// The token's subject; absent where the token is opaque.
        subject: Option<String>,
        /// The rights it claims: `repository:name:pull,push`.
        scopes: Vec<String>,
    },
    /// A header of another kind, or Basic credentials that do not decode to `user:password`.
    Other,
}

impl Authorization {
    /// Reads the Authorization header of a request.
    pub fn of(headers: &HeaderMap) -> Self {
        let Some(value) = headers.get(AUTHORIZATION) else { return Self::None };
        let Ok(value) = value.to_str() else { return Self::Other };
        let (scheme, rest) = value.split_once(' ').unwrap_or((value, ""));
        if scheme.eq_ignore_ascii_case("basic") {
            match credentials(rest) {
                Some((user, _)) => Self::Basic { user },
                None => Self::Other,
            }
        } else if scheme.eq_ignore_ascii_case("bearer") {
            let (subject, scopes) = claims(rest).unwrap_or_default();
            Self::Bearer { subject, scopes }
        } else {
            Self::Other
        }
    }

    /// Returns the user that it names.
    pub fn user(&self) -> Option<&str> {
        match self {
            Self::Basic { user } => Some(user),
            Self::Bearer { subject, .. } => subject.as_deref(),
            Self::None | Self::Other => None,
        }
    }
}

impl fmt::Display for Authorization {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("anonymous"),
            Self::Basic { user } => write!(f, "basic {user}"),
            Self::Bearer { subject, .. } => {
                let subject = subject.as_deref().filter(|subject| !subject.is_empty());
                write!(f, "bearer {}", subject.unwrap_or("without a subject"))
            }
            Self::Other => f.write_str("another kind"),
        }
    }
}

/// A password as it was sent. It need not be UTF-8, and read as such two might become the same.
pub(super) type Password = SecretSlice<u8>;

/// The Basic credentials of a request.
pub(super) fn basic(headers: &HeaderMap) -> Option<(String, Password)> {
    let value = headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, rest) = value.split_once(' ')?;
    if scheme.eq_ignore_ascii_case("basic") { credentials(rest) } else { None }
}

fn credentials(encoded: &str) -> Option<(String, Password)> {
    let decoded = STANDARD.decode(encoded.trim()).ok()?;
    let colon = decoded.iter().position(|&byte| byte == b':')?;
    let (user, password) = (&decoded[..colon], &decoded[colon + 1..]);
    Some((String::from_utf8_lossy(user).into_owned(), password.to_vec().into()))
}

/// Subject and scopes of a JWT's payload.
fn claims(token: &str) -> Option<(Option<String>, Vec<String>)> {
    #[derive(Deserialize)]
    struct Claims {
        #[serde(default)]
        sub: Option<String>,
        #[serde(default)]
        access: Option<Vec<Access>>,
    }
    #[derive(Deserialize)]
    struct Access {
        #[serde(rename = "type")]
        kind: String,
        name: String,
        #[serde(default)]
        actions: Vec<String>,
    }
    let payload = token.trim().split('.').nth(1)?;
    let claims: Claims = serde_json::from_slice(&URL_SAFE.decode(payload).ok()?).ok()?;
    let scopes = claims
        .access
        .unwrap_or_default()
        .into_iter()
        .map(|access| format!("{}:{}:{}", access.kind, access.name, access.actions.join(",")))
        .collect();
    Some((claims.sub, scopes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(value: &str) -> Authorization {
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, value.parse().unwrap());
        Authorization::of(&headers)
    }

    #[test]
    fn no_header_is_none() {
        assert_eq!(Authorization::of(&HeaderMap::new()), Authorization::None);
    }

    #[test]
    fn basic_credentials_show_their_user_padded_or_not() {
        let janedoe = Authorization::Basic { user: "janedoe".into() };
        assert_eq!(of("Basic amFuZWRvZTp4eHg="), janedoe);
        assert_eq!(of("basic amFuZWRvZTp4eHg"), janedoe);
    }

    #[test]
    fn what_does_not_decode_to_a_pair_shows_nothing() {
        // "canary" without a colon might be the secret itself.
        assert_eq!(of("Basic Y2FuYXJ5"), Authorization::Other);
        assert_eq!(of("Basic !!!"), Authorization::Other);
        assert_eq!(of("Negotiate canary"), Authorization::Other);
    }

    #[test]
    fn a_bearer_token_shows_subject_and_scopes() {
        let payload = URL_SAFE.encode(
            r#"{"sub":"janedoe","access":[{"type":"repository","name":"a/b","actions":["pull","push"]}]}"#,
        );
        assert_eq!(
            of(&format!("Bearer head.{payload}.signature")),
            Authorization::Bearer {
                subject: Some("janedoe".into()),
                scopes: vec!["repository:a/b:pull,push".into()]
            }
        );
    }

    #[test]
    fn an_opaque_token_has_no_subject() {
        assert_eq!(of("Bearer canary"), Authorization::Bearer { subject: None, scopes: vec![] });
    }
}
