//! The logins that a gateway accepts for the images of several hosts, before one container with one user.

use std::collections::HashSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper::header::{AUTHORIZATION, HeaderValue};
use hyper::{HeaderMap, Request, Uri};
use secrecy::{ExposeSecret as _, SecretString};

use super::authorization;
use super::password::PasswordMark;
use crate::case::model::RequestKind;

/// The logins that are accepted for each host. A request with one of them reaches the container with the
/// login of its only user; any other as it is, so that the container refuses it.
///
/// Users of the same name, with other passwords or at other hosts, are thus told apart, which the htpasswd
/// file of a container could not. A request's host is that of containerd's `ns` parameter.
#[derive(Debug)]
pub struct Accepted {
    logins: HashSet<(String, String, PasswordMark)>,
    public: HashSet<(String, String)>,
    inner: HeaderValue,
}

impl Accepted {
    /// Returns one that accepts nothing yet. The container's user is `user`.
    pub fn new(user: &str, password: &SecretString) -> Self {
        let login = STANDARD.encode(format!("{user}:{}", password.expose_secret()));
        let mut inner = HeaderValue::from_str(&format!("Basic {login}"))
            .unwrap_or_else(|_| unreachable!("base64 can be in a header"));
        inner.set_sensitive(true);
        Self { logins: HashSet::new(), public: HashSet::new(), inner }
    }

    /// Accepts a login for a host.
    pub fn login(&mut self, host: &str, user: &str, password: &[u8]) {
        let mark = PasswordMark::of_bytes(password);
        self.logins.insert((host.to_owned(), user.to_owned(), mark));
    }

    /// Accepts everybody for a repository of a host.
    pub fn public(&mut self, host: &str, repository: &str) {
        self.public.insert((host.to_owned(), repository.to_owned()));
    }

    /// Replaces the login of a request that is accepted.
    pub(super) fn replace<B>(&self, request: &mut Request<B>) {
        if self.accepts(request.uri(), request.headers()) {
            request.headers_mut().insert(AUTHORIZATION, self.inner.clone());
        }
    }

    fn accepts(&self, uri: &Uri, headers: &HeaderMap) -> bool {
        let mut query = form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes());
        let Some((_, host)) = query.find(|(name, _)| name == "ns") else { return false };
        if let (_, Some(repository)) = RequestKind::of(uri.path())
            && self.public.contains(&(host.to_string(), repository))
        {
            return true;
        }
        authorization::basic(headers).is_some_and(|(user, password)| {
            let mark = PasswordMark::of_bytes(password.expose_secret());
            self.logins.contains(&(host.into_owned(), user, mark))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(path: &str, login: &str) -> Request<()> {
        let login = format!("Basic {}", STANDARD.encode(login));
        Request::get(path).header(AUTHORIZATION, login).body(()).unwrap()
    }

    #[test]
    fn a_login_is_accepted_for_its_host_alone() {
        let mut accepted = Accepted::new("inner", &"x".into());
        accepted.login("ghcr.io", "jane", b"one");
        accepted.login("quay.example:5000", "jane", b"two");
        let is_accepted = |path: &str, login: &str| {
            let mut request = request(path, login);
            let before = request.headers().clone();
            accepted.replace(&mut request);
            request.headers() != &before
        };
        let manifest = "/v2/acme/web/manifests/1";
        assert!(is_accepted(&format!("{manifest}?ns=ghcr.io"), "jane:one"));
        assert!(is_accepted(&format!("{manifest}?ns=quay.example%3A5000"), "jane:two"));
        assert!(!is_accepted(&format!("{manifest}?ns=ghcr.io"), "jane:two"));
        assert!(!is_accepted(&format!("{manifest}?ns=docker.io"), "jane:one"));
        assert!(!is_accepted(manifest, "jane:one"));
        assert!(!format!("{accepted:?}").contains(&STANDARD.encode("inner:x")));
    }

    #[test]
    fn everybody_is_accepted_for_what_is_public() {
        let mut accepted = Accepted::new("inner", &"x".into());
        accepted.public("ghcr.io", "acme/web");
        let anonymous = |path: &str| {
            let mut request = Request::get(path).body(()).unwrap();
            accepted.replace(&mut request);
            request.headers().contains_key(AUTHORIZATION)
        };
        assert!(anonymous("/v2/acme/web/manifests/1?ns=ghcr.io"));
        assert!(!anonymous("/v2/acme/api/manifests/1?ns=ghcr.io"));
        assert!(!anonymous("/v2/acme/web/manifests/1?ns=docker.io"));
    }
}
