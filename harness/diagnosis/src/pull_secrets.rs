//! The keyring of a pod, by the kubelet's rules, as a diagnosis takes it.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jiff::Timestamp;
use pullproof_credentials::{
    Credential, Difference, HostDifference, Image, Keyring, KubernetesVersion, Lookup, NearSecret,
    NoKeys, PassedOver, PathDifference, PodSecrets, Reason, Sent,
};
use secrecy::ExposeSecret as _;
use serde_json::Value;

use crate::keyring::{self as diagnosis, Near, Passed, Tried, Why};

/// Looks an image up in the secrets of a pod. None if the image cannot be parsed: no kubelet would
/// look it up.
#[must_use]
pub fn lookup(secrets: &PodSecrets, image: &str, version: KubernetesVersion) -> Option<Lookup> {
    let image = Image::parse(image, version).ok()?;
    Some(match Keyring::of_pod(secrets, version) {
        Ok(keyring) => keyring.lookup(&image),
        Err(error) => Lookup { tried: Vec::new(), passed_over: error.passed_over },
    })
}

/// Returns what a diagnosis takes of a look-up.
#[must_use]
pub fn of_lookup(lookup: &Lookup) -> diagnosis::Keyring {
    let (sent, empty): (Vec<_>, Vec<_>) =
        lookup.tried.iter().partition(|credential| credential.sent == Sent::Yes);
    let passed = empty.into_iter().map(of_empty);
    diagnosis::Keyring {
        tried: sent.into_iter().map(of_credential).collect(),
        passed: passed.chain(lookup.passed_over.iter().filter_map(of_passed_over)).collect(),
    }
}

fn of_credential(credential: &Credential) -> Tried {
    Tried {
        secret: credential.secret.name.clone(),
        key: credential.key.clone(),
        user: Some(credential.user().into_owned()),
        expires: credential.password().and_then(|password| expiry(password.expose_secret())),
    }
}

fn of_empty(credential: &Credential) -> Passed {
    let store = match &credential.sent {
        Sent::Helper(store) => Some(store.clone()),
        Sent::Yes | Sent::Token | Sent::Empty | Sent::NoUser | Sent::NoPassword => None,
    };
    Passed {
        secret: credential.secret.name.clone(),
        key: Some(credential.key.clone()),
        why: Why::Empty { store },
    }
}

/// What cannot be decoded disables its neighbours: it alone is reported.
fn of_passed_over(passed: &PassedOver) -> Option<Passed> {
    let why = match &passed.reason {
        Reason::Absent(Some(NearSecret::OtherNamespace(namespace))) => {
            Why::OtherNamespace { namespace: namespace.clone() }
        }
        Reason::Absent(_) => Why::Absent,
        Reason::WrongType { kind, .. } => Why::WrongType { found: kind.clone() },
        Reason::WrongDataKey { found, .. } => Why::WrongDataKey { found: found.first().cloned() },
        Reason::Undecodable { error, .. } => Why::Undecodable { detail: error.to_string() },
        Reason::Neighbour(_) => return None,
        Reason::NoKeys(NoKeys::Store(store)) => Why::Empty { store: Some(store.clone()) },
        Reason::NoKeys(NoKeys::Helpers(helpers)) => Why::Empty { store: helpers.first().cloned() },
        // The content of one format under the data key of the other.
        Reason::NoKeys(NoKeys::Unwrapped) => {
            Why::WrongDataKey { found: Some(".dockerconfigjson".to_owned()) }
        }
        Reason::Wrapped => Why::WrongDataKey { found: Some(".dockercfg".to_owned()) },
        Reason::EmptyData | Reason::NoKeys(NoKeys::Nothing) => Why::Empty { store: None },
        Reason::NotUrl(_) => Why::Near(Near::Host),
        Reason::ImageNotUrl(_) => return None,
        Reason::Mismatch(differences) => of_differences(differences),
        // The other key is among those tried.
        Reason::OtherKeyMatches(_) => return None,
    };
    Some(Passed { secret: passed.secret.name.clone(), key: passed.key.clone(), why })
}

fn of_differences(differences: &[Difference]) -> Why {
    if !differences.iter().all(Difference::is_near) {
        return Why::Elsewhere;
    }
    let near = differences.first().map(|difference| match difference {
        Difference::Host(HostDifference::Labels { .. }) => Near::Labels,
        Difference::Host(_) => Near::Host,
        Difference::Port { .. } => Near::Port,
        Difference::Path(PathDifference::ApiVersion) => Near::Scheme,
        Difference::Path(_) => Near::Path,
    });
    near.map_or(Why::Elsewhere, Why::Near)
}

/// Returns when a password expires, if it says so itself: a JWT by its claim `exp`, a token of ECR by
/// the field `expiration` of the JSON that it encodes.
#[must_use]
pub fn expiry(password: &[u8]) -> Option<Timestamp> {
    let text = std::str::from_utf8(password).ok()?;
    let (encoded, field) = match text.split('.').collect::<Vec<_>>()[..] {
        [_, claims, _] => (claims, "exp"),
        [token] => (token, "expiration"),
        _ => return None,
    };
    // Some are of the standard alphabet, or padded.
    let encoded = encoded.trim_end_matches('=').replace('+', "-").replace('/', "_");
    let decoded = URL_SAFE_NO_PAD.decode(encoded).ok()?;
    let value: Value = serde_json::from_slice(&decoded).ok()?;
    Timestamp::from_second(value[field].as_i64()?).ok()
}

#[cfg(test)]
mod tests {
    use pullproof_credentials::PullSecret;
    use rstest::rstest;

    use super::*;

    fn why(config: &str, image: &str) -> diagnosis::Keyring {
        let known = [PullSecret::docker_config_json("shop", "regcred", config)];
        let secrets = PodSecrets::resolve("shop", &["regcred"], &known);
        of_lookup(&lookup(&secrets, image, KubernetesVersion::new(37, 2)).unwrap())
    }

    #[rstest]
    #[case(r#"{"auths": {"a.example": {"auth": "YTpi"}}}"#, Why::Near(Near::Port))]
    #[case(r#"{"auths": {"a.example:5000/other": {"auth": "YTpi"}}}"#, Why::Near(Near::Path))]
    #[case(r#"{"auths": {"a.example:5000/v2": {"auth": "YTpi"}}}"#, Why::Near(Near::Scheme))]
    #[case(r#"{"auths": {"x.a.example:5000": {"auth": "YTpi"}}}"#, Why::Near(Near::Labels))]
    #[case(r#"{"auths": {"*": {"auth": "YTpi"}}}"#, Why::Near(Near::Labels))]
    #[case(r#"{"auths": {"quay.io": {"auth": "YTpi"}}}"#, Why::Elsewhere)]
    #[case(r#"{"auths": {"a.example:5000": {}}}"#, Why::Empty { store: None })]
    #[case(
        r#"{"auths": {"a.example:5000": {}}, "credsStore": "desktop"}"#,
        Why::Empty { store: Some("desktop".into()) }
    )]
    fn a_key_that_is_not_used_says_why(#[case] config: &str, #[case] expected: Why) {
        let keyring = why(config, "a.example:5000/team/app:v1");
        assert!(keyring.tried.is_empty());
        assert_eq!(keyring.passed.iter().map(|one| &one.why).collect::<Vec<_>>(), [&expected]);
    }

    #[test]
    fn a_key_that_matches_has_a_user_and_no_password() {
        let keyring =
            why(r#"{"auths": {"a.example:5000": {"auth": "YTpi"}}}"#, "a.example:5000/app");
        assert_eq!(keyring.tried[0].user.as_deref(), Some("a"));
        assert!(!format!("{keyring:?}").contains("YTpi"));
    }

    #[test]
    fn a_token_says_when_it_expires() {
        let encode = |text: &str| URL_SAFE_NO_PAD.encode(text);
        let jwt = format!("e30.{}.c2ln", encode(r#"{"exp": 1700000000}"#));
        let expected = Timestamp::from_second(1_700_000_000).unwrap();
        assert_eq!(expiry(jwt.as_bytes()), Some(expected));
        let ecr = encode(r#"{"payload": "x", "expiration": 1700000000}"#);
        assert_eq!(expiry(ecr.as_bytes()), Some(expected));
        for none in ["hunter2", "a.b.c", "", "e30"] {
            assert_eq!(expiry(none.as_bytes()), None, "{none}");
        }
    }
}
