//! Challenges and tokens, as containerd answers them (core/remotes/docker/authorizer.go and auth/).

use std::collections::BTreeSet;

use bytes::Bytes;
use form_urlencoded::Serializer;
use hyper::{
    HeaderMap, Method,
    header::{CONTENT_TYPE, HeaderValue, WWW_AUTHENTICATE},
};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use url::Url;

use crate::registry::parameters;

use super::{
    Failure, Identity, Login, Outcome,
    request::{Authorisation, Exchange},
};

/// What containerd calls itself to a token server.
const CLIENT: &str = "containerd-client";
/// Answers after which containerd asks by GET what it asked by POST, for registries that have no POST.
const TRY_GET: [u16; 4] = [400, 401, 404, 405];

/// What a registry asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Challenge {
    /// User name and password.
    Basic,
    /// A token.
    Bearer(Bearer),
}

/// Where a token is to be had, and for what.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Bearer {
    realm: String,
    service: Option<String>,
    scopes: BTreeSet<String>,
}

impl Challenge {
    /// Adds the scope that containerd asks for anyway (core/remotes/docker/scope.go).
    pub(super) fn for_repository(mut self, repository: &str) -> Self {
        if let Self::Bearer(bearer) = &mut self {
            bearer.scopes.insert(format!("repository:{repository}:pull"));
        }
        self
    }

    /// Returns the challenge that containerd answers: the first for a token, or else for a password.
    pub(super) fn of(headers: &HeaderMap) -> Option<Self> {
        let read = |value: &HeaderValue| {
            let text = String::from_utf8_lossy(value.as_bytes()).into_owned();
            let (scheme, rest) = text.trim().split_once(' ').unwrap_or((text.trim(), ""));
            match scheme.to_ascii_lowercase().as_str() {
                "basic" => Some(Self::Basic),
                "bearer" => Some(Self::Bearer(Bearer::of(rest))),
                _ => None,
            }
        };
        let mut all = headers.get_all(WWW_AUTHENTICATE).iter().filter_map(read);
        let first = all.next()?;
        match first {
            Self::Bearer(_) => Some(first),
            Self::Basic => Some(all.find(|other| *other != Self::Basic).unwrap_or(first)),
        }
    }
}

impl Bearer {
    fn of(text: &str) -> Self {
        let mut bearer = Self::default();
        for (name, value) in parameters(text) {
            match name.to_ascii_lowercase().as_str() {
                "realm" => bearer.realm = value,
                "service" => bearer.service = Some(value).filter(|value| !value.is_empty()),
                "scope" => bearer.scopes.extend(value.split_whitespace().map(str::to_owned)),
                _ => {}
            }
        }
        bearer
    }

    fn realm(&self) -> Option<Url> {
        let mut realm: Url = self.realm.parse().ok()?;
        realm.set_username("").ok()?;
        realm.set_password(None).ok()?;
        matches!(realm.scheme(), "http" | "https").then_some(realm)
    }
}

#[derive(Deserialize)]
struct Granted {
    #[serde(default)]
    token: Option<SecretString>,
    #[serde(default)]
    access_token: Option<SecretString>,
}

impl Exchange<'_> {
    /// Asks for a token: without a login by GET; with one by POST, and by GET if that is refused.
    ///
    /// # Errors
    /// What becomes of the login if there is no token.
    pub(super) async fn token(
        &mut self,
        bearer: &Bearer,
        login: Option<&Login>,
        registry: &Url,
    ) -> Result<SecretString, Outcome> {
        let Some(realm) = bearer.realm() else { return Err(Outcome::Failed(Failure::BadRealm)) };
        let Some(login) = login else {
            return self.by_get(bearer, realm, Authorisation::none(Identity::Nobody)).await;
        };
        if registry.scheme() == "https" && realm.scheme() == "http" {
            self.list(Method::POST, &realm, login.identity(), Err(Failure::PlainRealm));
            return Err(Outcome::Failed(Failure::PlainRealm));
        }
        match self.by_post(bearer, &realm, login).await {
            Err(Outcome::TokenRefused(status)) if TRY_GET.contains(&status) => {
                self.by_get(bearer, realm, Authorisation::basic(login)).await
            }
            other => other,
        }
    }

    /// `FetchToken` of auth/fetch.go.
    async fn by_get(
        &mut self,
        bearer: &Bearer,
        mut realm: Url,
        authorisation: Authorisation,
    ) -> Result<SecretString, Outcome> {
        {
            let mut query = realm.query_pairs_mut();
            query.extend_pairs(bearer.service.iter().map(|service| ("service", service)));
            query.extend_pairs(bearer.scopes.iter().map(|scope| ("scope", scope)));
        }
        let followed = self.follow(Method::GET, &realm, authorisation).await;
        let reply = followed.map_err(Outcome::Failed)?.reply;
        granted(reply.status.as_u16(), &reply.body)
    }

    /// `FetchTokenWithOAuth` of auth/fetch.go. A password is not sent on to where a redirect leads.
    async fn by_post(
        &mut self,
        bearer: &Bearer,
        realm: &Url,
        login: &Login,
    ) -> Result<SecretString, Outcome> {
        let scopes: Vec<&str> = bearer.scopes.iter().map(String::as_str).collect();
        let form = Serializer::new(String::new())
            .append_pair("client_id", CLIENT)
            .append_pair("grant_type", "password")
            .append_pair("password", login.password.expose_secret())
            .append_pair("scope", &scopes.join(" "))
            .append_pair("service", bearer.service.as_deref().unwrap_or_default())
            .append_pair("username", &login.user)
            .finish();
        let kind = HeaderValue::from_static("application/x-www-form-urlencoded; charset=utf-8");
        let headers = HeaderMap::from_iter([(CONTENT_TYPE, kind)]);
        let body = Bytes::from(form);
        let reply = self.send(Method::POST, realm, headers, body, login.identity()).await;
        let reply = reply.map_err(Outcome::Failed)?;
        granted(reply.status.as_u16(), &reply.body)
    }
}

fn granted(status: u16, body: &[u8]) -> Result<SecretString, Outcome> {
    if status != 200 {
        return Err(Outcome::TokenRefused(status));
    }
    let granted: Option<Granted> = serde_json::from_slice(body).ok();
    let tokens = granted.into_iter().flat_map(|granted| [granted.token, granted.access_token]);
    let mut tokens = tokens.flatten().filter(|token| !token.expose_secret().is_empty());
    tokens.next().ok_or(Outcome::Failed(Failure::NoToken))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn challenge(values: &[&'static str]) -> Option<Challenge> {
        let header = |value: &&'static str| (WWW_AUTHENTICATE, HeaderValue::from_static(value));
        Challenge::of(&values.iter().map(header).collect())
    }

    #[test]
    fn a_challenge_for_a_token_is_answered_before_one_for_a_password() {
        let bearer = r#"bearer Realm="https://auth.example/token",service=reg.example,scope="repository:a:pull""#;
        let found = challenge(&["Basic realm=x", "Digest x", bearer]).unwrap();
        let Challenge::Bearer(found) = found.for_repository("b") else {
            panic!("no token is asked for");
        };
        assert_eq!(found.realm().unwrap().as_str(), "https://auth.example/token");
        assert_eq!(found.service.as_deref(), Some("reg.example"));
        let scopes: Vec<_> = found.scopes.iter().map(String::as_str).collect();
        assert_eq!(scopes, ["repository:a:pull", "repository:b:pull"]);
        assert_eq!(challenge(&["Basic"]), Some(Challenge::Basic));
        assert_eq!(challenge(&["Negotiate"]), None);
        assert_eq!(challenge(&[]), None);
    }

    #[test]
    fn a_realm_is_an_address_on_the_web() {
        for realm in ["", "token", "file:///etc/passwd", "ftp://a.example/"] {
            assert_eq!(
                Bearer { realm: realm.into(), ..Bearer::default() }.realm(),
                None,
                "{realm}"
            );
        }
    }

    #[test]
    fn a_token_goes_by_either_name() {
        let token = |body: &[u8]| granted(200, body).map(|token| token.expose_secret().to_owned());
        assert_eq!(token(br#"{"token": "a", "access_token": "b"}"#), Ok("a".to_owned()));
        assert_eq!(token(br#"{"token": "", "access_token": "b"}"#), Ok("b".to_owned()));
        for none in [&b"{}"[..], b"not json", b"[]", b"{\"token\": 1}", b"\xff"] {
            assert_eq!(token(none), Err(Outcome::Failed(Failure::NoToken)));
        }
    }
}
