//! What a registry answers for an image, asked from where this program runs.
//!
//! That is not the node: its network, the authorities it trusts and its mirrors may differ. Of the
//! registry only HEAD requests are made, in the way of containerd (core/remotes/docker/resolver.go and
//! authorizer.go): without credentials first, and with each login if there is a challenge. A token
//! server gets its GET or POST. Every request is listed, and what a server sends is never repeated: of
//! an answer only its status is kept, and of an address it names scheme, host and path.
//!
//! [`Prober::ask`] is the entry:
//!
//! ```
//! use pullproof::probe::{Failure, Outcome, Prober};
//! use pullproof_credentials::{Image, KubernetesVersion};
//!
//! # tokio::runtime::Runtime::new()?.block_on(async {
//! // Link-local addresses are never asked.
//! let image = Image::parse("169.254.77.7/latest/meta-data", KubernetesVersion::new(37, 2))?;
//! let answers = Prober::new(None, [])?.ask("169.254.77.7/latest/meta-data", &image, &[]).await;
//! assert_eq!(answers.anonymous, Outcome::Failed(Failure::LinkLocal));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod address;
mod answers;
mod failure;
mod flow;
mod request;
mod token;
mod transport;
mod trust;

use std::{collections::HashMap, net::IpAddr, time::Duration};

use pullproof_credentials::Image;
use url::{Host, Url};

pub use answers::{Answers, Asked, Identity, Login, LoginAnswer, Outcome};
pub use failure::Failure;
pub use trust::ProberError;

use request::Exchange;
use transport::Transport;
use trust::Connectors;

/// How long an answer may take.
const LIMIT: Duration = Duration::from_secs(10);

/// Asks registries.
pub struct Prober {
    transport: Transport,
    /// Host and port.
    insecure: Vec<(Host, u16)>,
}

impl std::fmt::Debug for Prober {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        to.debug_struct("Prober").field("insecure", &self.insecure).finish_non_exhaustive()
    }
}

impl Prober {
    /// Returns a prober that trusts the authorities of this machine, and those of a PEM text.
    ///
    /// The certificates of `insecure` hosts, written as an image names them, are not verified; plain
    /// HTTP is used if they answer no HTTPS, as containerd does with `skip_verify`.
    ///
    /// # Errors
    /// The text holds no certificate, a host is none, or TLS cannot be set up.
    pub fn new(
        ca: Option<&str>,
        insecure: impl IntoIterator<Item = String>,
    ) -> Result<Self, ProberError> {
        let host = |host: String| {
            let url = Url::parse(&format!("https://{host}")).ok().filter(|url| url.path() == "/");
            url.and_then(|url| origin(&url)).ok_or(ProberError::Host(host))
        };
        let insecure = insecure.into_iter().map(host).collect::<Result<_, _>>()?;
        let connectors = Connectors::new(ca)?;
        let transport = Transport { connectors, addresses: HashMap::new(), limit: LIMIT };
        Ok(Self { transport, insecure })
    }

    /// Waits so long for an answer.
    #[must_use]
    pub fn within(mut self, limit: Duration) -> Self {
        self.transport.limit = limit;
        self
    }

    /// Uses these addresses for a name instead of looking it up.
    #[must_use]
    pub fn resolving(mut self, name: &str, addresses: impl IntoIterator<Item = IpAddr>) -> Self {
        self.transport.addresses.insert(name.to_owned(), addresses.into_iter().collect());
        self
    }

    /// Asks for an image without credentials, and with each login if the registry asks for them.
    pub async fn ask(&self, name: &str, image: &Image, logins: &[Login]) -> Answers {
        let ((anonymous, answered), requests) = match manifest(image) {
            Some(url) => {
                let mut exchange = Exchange::new(self, logins, url.clone());
                (exchange.answers(url, image.path()).await, exchange.requests)
            }
            None => {
                let outcome = Outcome::Failed(Failure::BadHost);
                ((outcome, vec![(outcome, false); logins.len()]), Vec::new())
            }
        };
        let logins = logins.iter().zip(answered).map(|(login, (outcome, granted))| LoginAnswer {
            secret: login.secret.clone(),
            key: login.key.clone(),
            user: login.user.clone(),
            outcome,
            granted,
        });
        Answers { image: name.to_owned(), anonymous, logins: logins.collect(), requests }
    }

    fn is_insecure(&self, url: &Url) -> bool {
        origin(url).is_some_and(|origin| self.insecure.contains(&origin))
    }
}

fn origin(url: &Url) -> Option<(Host, u16)> {
    Some((url.host()?.to_owned(), url.port_or_known_default()?))
}

/// The address of an image's manifest; that of Docker Hub has a name of its own.
fn manifest(image: &Image) -> Option<Url> {
    let host = match image.host() {
        "docker.io" => "registry-1.docker.io",
        host => host,
    };
    let reference = image.digest().or(image.tag()).unwrap_or("latest");
    Url::parse(&format!("https://{host}/v2/{}/manifests/{reference}", image.path())).ok()
}

#[cfg(test)]
mod tests {
    use pullproof_credentials::KubernetesVersion;
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("nginx", "https://registry-1.docker.io/v2/library/nginx/manifests/latest")]
    #[case("docker.io/team/app:v1", "https://registry-1.docker.io/v2/team/app/manifests/v1")]
    #[case("[fd00::1]:5000/app:v1", "https://[fd00::1]:5000/v2/app/manifests/v1")]
    #[case(
        "reg.example/a/b:v1@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        "https://reg.example/v2/a/b/manifests/sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
    )]
    fn a_digest_is_asked_for_before_a_tag(#[case] name: &str, #[case] url: &str) {
        let image = Image::parse(name, KubernetesVersion::new(37, 2)).unwrap();
        assert_eq!(manifest(&image).unwrap().as_str(), url);
    }

    #[test]
    fn an_insecure_host_is_one_with_its_port() {
        let prober = Prober::new(None, ["reg.example:5000".into(), "b.example".into()]).unwrap();
        let is = |url: &str| prober.is_insecure(&url.parse().unwrap());
        assert!(is("https://reg.example:5000/v2/") && is("https://b.example:443/"));
        assert!(!is("https://reg.example/v2/") && !is("https://b.example:5000/"));
        for none in ["https://reg.example", "reg.example/team", "", "a b"] {
            let refused = Prober::new(None, [none.to_owned()]);
            assert!(matches!(refused, Err(ProberError::Host(_))), "{none}");
        }
    }

    #[test]
    fn a_file_without_a_certificate_is_refused() {
        for none in ["", "x", "-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n"] {
            assert!(matches!(Prober::new(Some(none), []), Err(ProberError::NoCertificate)));
        }
    }
}
