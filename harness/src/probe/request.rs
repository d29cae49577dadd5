//! The requests about one image: redirects are followed, and all of it is listed.

use std::cell::OnceCell;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use hyper::{
    HeaderMap, Method, StatusCode,
    header::{ACCEPT, AUTHORIZATION, HeaderValue, LOCATION},
};
use secrecy::{ExposeSecret as _, SecretString};
use url::Url;

use crate::redaction::Redaction;

use super::{
    Asked, Failure, Identity, Login, Prober,
    transport::{Reply, Sent},
};

/// How many redirects in a row are followed.
const REDIRECTS: usize = 5;
/// What is shown of a long address.
const SHOWN: usize = 240;
/// What containerd accepts of a manifest (core/remotes/docker/resolver.go).
const MANIFESTS: &str = "application/vnd.docker.distribution.manifest.v2+json, \
    application/vnd.docker.distribution.manifest.list.v2+json, \
    application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json, */*";

/// The requests about one image.
pub(super) struct Exchange<'a> {
    prober: &'a Prober,
    pub(super) logins: &'a [Login],
    /// The manifest, whose address no server made.
    home: Url,
    /// Hides passwords that a server sends back; made when it is first needed.
    redaction: OnceCell<Redaction>,
    pub(super) requests: Vec<Asked>,
}

/// What a request got in the end.
pub(super) struct Followed {
    pub(super) reply: Reply,
    /// Whether a redirect led to another host, which then is not the one that was asked.
    pub(super) is_elsewhere: bool,
}

/// Who asks, and the header that proves it.
#[derive(Debug, Clone)]
pub(super) struct Authorisation {
    pub(super) identity: Identity,
    pub(super) header: Option<HeaderValue>,
}

impl Authorisation {
    pub(super) fn none(identity: Identity) -> Self {
        Self { identity, header: None }
    }

    pub(super) fn basic(login: &Login) -> Self {
        let header = HeaderValue::from_str(&format!("Basic {}", STANDARD.encode(pair(login))));
        Self::with(login.identity(), header.ok())
    }

    pub(super) fn bearer(identity: Identity, token: &SecretString) -> Self {
        let header = HeaderValue::from_str(&format!("Bearer {}", token.expose_secret()));
        Self::with(identity, header.ok())
    }

    fn with(identity: Identity, header: Option<HeaderValue>) -> Self {
        let header = header.map(|mut header| {
            header.set_sensitive(true);
            header
        });
        Self { identity, header }
    }
}

impl<'a> Exchange<'a> {
    pub(super) fn new(prober: &'a Prober, logins: &'a [Login], home: Url) -> Self {
        Self { prober, logins, home, redaction: OnceCell::new(), requests: Vec::new() }
    }

    pub(super) fn is_insecure(&self, url: &Url) -> bool {
        self.prober.is_insecure(url)
    }

    /// Asks for the head of a manifest.
    pub(super) async fn head(
        &mut self,
        url: &Url,
        authorisation: Authorisation,
    ) -> Result<Followed, Failure> {
        self.follow(Method::HEAD, url, authorisation).await
    }

    /// Asks, and follows redirects. Credentials stay with the host, port and scheme that were asked.
    pub(super) async fn follow(
        &mut self,
        method: Method,
        url: &Url,
        mut authorisation: Authorisation,
    ) -> Result<Followed, Failure> {
        let mut url = url.clone();
        let mut is_elsewhere = false;
        for _ in 0..=REDIRECTS {
            let mut headers = HeaderMap::new();
            if method == Method::HEAD {
                headers.insert(ACCEPT, HeaderValue::from_static(MANIFESTS));
            }
            if let Some(header) = &authorisation.header {
                headers.insert(AUTHORIZATION, header.clone());
            }
            let identity = authorisation.identity.clone();
            let reply = self.send(method.clone(), &url, headers, Bytes::new(), identity).await?;
            if !is_redirect(reply.status) {
                return Ok(Followed { reply, is_elsewhere });
            }
            let next = location(&url, &reply.headers).ok_or(Failure::BadRedirect)?;
            if next.origin() != url.origin() {
                // It does not get them back if a later redirect leads home.
                authorisation = Authorisation::none(Identity::Nobody);
                is_elsewhere = true;
            }
            url = next;
        }
        Err(Failure::TooManyRedirects)
    }

    /// Sends one request and lists it.
    pub(super) async fn send(
        &mut self,
        method: Method,
        url: &Url,
        headers: HeaderMap,
        body: Bytes,
        identity: Identity,
    ) -> Result<Reply, Failure> {
        let verify = !self.is_insecure(url);
        let sent = Sent { method: method.clone(), url, headers, body, verify };
        let reply = self.prober.transport.send(sent).await;
        let status = reply.as_ref().map(|reply| reply.status.as_u16());
        self.list(method, url, identity, status.map_err(|failure| *failure));
        reply
    }

    /// Lists a request, also one that was refused before it was sent.
    pub(super) fn list(
        &mut self,
        method: Method,
        url: &Url,
        identity: Identity,
        outcome: Result<u16, Failure>,
    ) {
        let url = self.shown(url);
        self.requests.push(Asked { method, url, identity, outcome });
    }

    /// An address without user, password and query. A server may send back what it was sent in host
    /// and path; the type has made them plain ASCII.
    fn shown(&self, url: &Url) -> String {
        let host = &url[url::Position::BeforeHost..url::Position::AfterPort];
        let shown = format!("{}://{host}{}", url.scheme(), url.path());
        if url.host() == self.home.host() && url.path() == self.home.path() {
            return shown;
        }
        let redaction = self.redaction.get_or_init(|| {
            Redaction::new(self.logins.iter().flat_map(forms).map(SecretString::from))
        });
        redaction.hide(&shown).chars().take(SHOWN).collect()
    }
}

/// The password, and how it may come back in the name of a host, which has no capitals.
fn forms(login: &Login) -> Vec<String> {
    let password = login.password.expose_secret();
    let encoded = [STANDARD.encode(password), STANDARD.encode(pair(login))];
    let lower = encoded.map(|text| text.trim_end_matches('=').to_lowercase());
    [password.to_owned(), password.to_lowercase()].into_iter().chain(lower).collect()
}

fn pair(login: &Login) -> String {
    format!("{}:{}", login.user, login.password.expose_secret())
}

fn is_redirect(status: StatusCode) -> bool {
    matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308)
}

fn location(from: &Url, headers: &HeaderMap) -> Option<Url> {
    let location = headers.get(LOCATION)?.to_str().ok()?;
    let mut next = from.join(location).ok()?;
    next.set_username("").ok()?;
    next.set_password(None).ok()?;
    matches!(next.scheme(), "http" | "https").then_some(next)
}
