//! Signed tokens, and the public key by which the container verifies them.

use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use secrecy::SecretString;
use serde::Serialize;
use serde_json::json;

/// The issuer that container and token server agree on.
pub(super) const ISSUER: &str = "pullproof";
/// The service that they agree on.
pub(super) const SERVICE: &str = "pullproof";

/// The registry accepts a token this many seconds after it expired (Leeway in distribution's
/// registry/auth/token/token.go), so a token that is to end on time says so earlier.
const LEEWAY: i64 = 60;

/// The key failed to be made or to sign: the system has no randomness.
#[derive(Debug, thiserror::Error)]
#[error("failed to make or use a signing key: the system gave no random bytes")]
pub struct SigningError;

/// A right in a token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Access {
    #[serde(rename = "type")]
    pub(super) kind: String,
    pub(super) name: String,
    pub(super) actions: Vec<String>,
}

impl Access {
    /// A right on a repository.
    pub(super) fn repository(name: &str, actions: &[&str]) -> Self {
        let actions = actions.iter().map(|&action| action.to_owned()).collect();
        Self { kind: "repository".to_owned(), name: name.to_owned(), actions }
    }
}

/// A key that signs tokens (ES256). Clones share it.
#[derive(Clone)]
pub struct SigningKey {
    pair: Arc<EcdsaKeyPair>,
    random: SystemRandom,
    id: String,
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey").field("id", &self.id).finish_non_exhaustive()
    }
}

impl SigningKey {
    /// A new key.
    pub fn generate() -> Result<Self, SigningError> {
        let random = SystemRandom::new();
        let algorithm = &ECDSA_P256_SHA256_FIXED_SIGNING;
        let document =
            EcdsaKeyPair::generate_pkcs8(algorithm, &random).map_err(|_| SigningError)?;
        let pair = EcdsaKeyPair::from_pkcs8(algorithm, document.as_ref(), &random)
            .map_err(|_| SigningError)?;
        let id = format!("{:016x}", rand::random::<u64>());
        Ok(Self { pair: Arc::new(pair), random, id })
    }

    /// The public key as a JSON Web Key Set.
    pub fn jwks(&self) -> String {
        // An uncompressed point: 0x04, then x and y of 32 bytes each.
        let point = self.pair.public_key().as_ref();
        let (x, y) = point[1..].split_at(32);
        json!({ "keys": [{
            "kty": "EC",
            "crv": "P-256",
            "alg": "ES256",
            "use": "sig",
            "kid": self.id,
            "x": URL_SAFE_NO_PAD.encode(x),
            "y": URL_SAFE_NO_PAD.encode(y),
        }] })
        .to_string()
    }

    /// A token for a subject, an audience and rights, which the container accepts from so many
    /// seconds on and for so many from now.
    pub(super) fn sign(
        &self,
        subject: &str,
        audience: &str,
        access: &[Access],
        not_before: u64,
        seconds: u64,
    ) -> Result<SecretString, SigningError> {
        let now = Timestamp::now().as_second();
        let seconds = i64::try_from(seconds).unwrap_or(i64::MAX);
        let not_before = match i64::try_from(not_before).unwrap_or(i64::MAX) {
            0 => now - 1,
            // The leeway is granted here as well.
            later => now.saturating_add(later).saturating_add(LEEWAY),
        };
        let header = json!({ "typ": "JWT", "alg": "ES256", "kid": self.id });
        let claims = json!({
            "iss": ISSUER,
            "sub": subject,
            "aud": [audience],
            "iat": now,
            "nbf": not_before,
            "exp": now.saturating_add(seconds).saturating_sub(LEEWAY),
            "jti": format!("{:016x}", rand::random::<u64>()),
            "access": access,
        });
        let mut token = URL_SAFE_NO_PAD.encode(header.to_string());
        token.push('.');
        token.push_str(&URL_SAFE_NO_PAD.encode(claims.to_string()));
        let signature = self.pair.sign(&self.random, token.as_bytes()).map_err(|_| SigningError)?;
        token.push('.');
        token.push_str(&URL_SAFE_NO_PAD.encode(signature));
        Ok(token.into())
    }
}

/// A token of the harness's own: to push to a repository, and to delete what was pushed.
pub(super) fn push_token(key: &SigningKey, repository: &str) -> Result<SecretString, SigningError> {
    let access = [Access::repository(repository, &["pull", "push", "delete"])];
    key.sign("pullproof", SERVICE, &access, 0, 600)
}

#[cfg(test)]
mod tests {
    use ring::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};
    use secrecy::ExposeSecret as _;

    use super::*;

    #[test]
    fn a_token_verifies_against_the_published_key() {
        let key = SigningKey::generate().unwrap();
        let access = [Access::repository("a/b", &["pull"])];
        let token = key.sign("janedoe", "service", &access, 0, 60).unwrap();
        let (signed, signature) = token.expose_secret().rsplit_once('.').unwrap();

        let jwks: serde_json::Value = serde_json::from_str(&key.jwks()).unwrap();
        let mut point = vec![4];
        for coordinate in ["x", "y"] {
            let coordinate = jwks["keys"][0][coordinate].as_str().unwrap();
            point.extend(URL_SAFE_NO_PAD.decode(coordinate).unwrap());
        }
        UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point)
            .verify(signed.as_bytes(), &URL_SAFE_NO_PAD.decode(signature).unwrap())
            .unwrap();

        let (header, claims) = signed.split_once('.').unwrap();
        let read = |part: &str| -> serde_json::Value {
            serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
        };
        assert_eq!(read(header)["kid"], jwks["keys"][0]["kid"]);
        assert_eq!(read(claims)["sub"], "janedoe");
        assert_eq!(read(claims)["access"][0]["actions"][0], "pull");
        let claims = read(claims);
        assert_eq!(claims["exp"].as_i64().unwrap() + LEEWAY - claims["iat"].as_i64().unwrap(), 60);
    }

    #[test]
    fn debug_shows_no_key() {
        let shown = format!("{:?}", SigningKey::generate().unwrap());
        assert!(shown.starts_with("SigningKey { id:") && shown.ends_with(", .. }"), "{shown}");
    }
}
