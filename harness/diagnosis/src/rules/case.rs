//! One failed pull: its message, the sign to follow, and what the rules ask of them.

use crate::evidence::Evidence;
use crate::message::{Message, field};
use crate::reference::{Reference, Registry};
use crate::sign::Sign;

/// What the rules look at.
pub(crate) struct Case<'a> {
    pub evidence: &'a Evidence,
    pub message: &'a Message,
    pub lead: &'a Sign,
    pub image: Option<&'a Reference>,
    pub registry: Registry,
}

impl<'a> Case<'a> {
    /// A case of the message; the image may be named outside it.
    pub(crate) fn new(
        evidence: &'a Evidence,
        message: &'a Message,
        lead: &'a Sign,
        named: Option<&'a Reference>,
    ) -> Self {
        let image = message.image().or(named);
        let registry = match (message.registry(), image) {
            (Registry::Other, Some(image)) => Registry::of(image.registry()),
            (registry, _) => registry,
        };
        Self { evidence, message, lead, image, registry }
    }

    pub(crate) fn has(&self, sign: &Sign) -> bool {
        self.message.signs().any(|other| other == sign)
    }

    /// Whether the message has a status.
    pub(crate) fn has_status(&self, status: u16) -> bool {
        self.message
            .signs()
            .any(|sign| matches!(sign, Sign::Status { code, .. } if *code == status))
    }

    /// Whether a token was granted that the registry does not take: that says nothing of the user.
    pub(crate) fn token_is_invalid(&self) -> bool {
        self.message.text().contains("invalid_token")
    }

    /// Whether the runtime is containerd 1.7.8 or later, which says "no basic auth credentials" if it was
    /// asked for credentials and had none: a bare 401 has another reason
    /// (`core/remotes/docker/resolver.go`).
    pub(crate) fn says_if_nothing_was_sent(&self) -> bool {
        self.evidence.runtime.as_ref().is_some_and(|runtime| {
            runtime.name == "containerd"
                && runtime
                    .version
                    .as_ref()
                    .is_some_and(|version| *version >= semver::Version::new(1, 7, 8))
        })
    }

    /// Whether a blob was asked for: who got its manifest before may read the repository.
    pub(crate) fn got_manifest(&self) -> bool {
        self.message.text().contains("pulling image configuration")
            || self.message.url().is_some_and(|url| url.contains("/blobs/"))
    }

    /// Whether the reference leaves out the registry, so that Docker Hub is asked.
    pub(crate) fn host_is_implied(&self) -> bool {
        self.image.is_some_and(|image| image.host.is_none())
    }

    /// Whether the registry is not known to stand in the reference.
    pub(crate) fn host_is_not_written(&self) -> bool {
        self.image.is_none_or(|image| image.host.is_none())
    }

    /// Whether the kubelet is of 1.28 or later: by its version, or by a message without the code
    /// that it strips from then on.
    pub(crate) fn kubelet_warns(&self) -> bool {
        match &self.evidence.kubernetes {
            Some(version) => *version >= semver::Version::new(1, 28, 0),
            None => !self.message.text().contains("rpc error: code = Unknown"),
        }
    }

    /// Whether the runtime is containerd 2.0 or later, whose "not found" hides what a mirror answered
    /// before (`core/remotes/docker/resolver.go`).
    pub(crate) fn hides_refusals_of_mirrors(&self) -> bool {
        self.evidence.runtime.as_ref().is_some_and(|runtime| {
            runtime.name == "containerd"
                && runtime.version.as_ref().is_some_and(|version| version.major >= 2)
        })
    }

    /// Whether the kubelet keeps a cached image from pods without its credentials (KEP-2535).
    pub(crate) fn keeps_images_from_pods(&self) -> bool {
        self.evidence
            .kubernetes
            .as_ref()
            .is_some_and(|version| *version >= semver::Version::new(1, 35, 0))
    }

    /// Whether another host than the image's was asked: a mirror, a token server, a store of blobs.
    pub(crate) fn asked_elsewhere(&self) -> bool {
        let (Some(url), Some(host)) =
            (self.message.url().and_then(field::host_of), self.message.host())
        else {
            return false;
        };
        let (url, host) = (field::without_port(url), field::without_port(host));
        url != host
            && !(Registry::of(url) == Registry::of(host) && Registry::of(url) != Registry::Other)
    }

    /// Whether the host that was asked is a public registry's.
    pub(crate) fn asked_public_host(&self) -> bool {
        let asked = self.message.url().and_then(field::host_of);
        asked.or(self.message.host()).is_some_and(|host| Registry::of(host).is_well_known())
    }

    /// Whether the message is about a public registry and names no image, not even in its address: a
    /// line of a runtime that may have gone by a mirror or a proxy before.
    pub(crate) fn is_one_attempt(&self) -> bool {
        let is_path = |url: &str| url.contains("/manifests/") || url.contains("/blobs/");
        self.image.is_none()
            && self.registry.is_well_known()
            && !self.message.is_sandbox()
            && !self.message.url().is_some_and(is_path)
    }

    /// Whether a private registry named without a port refused on HTTPS's: it may listen on HTTP's
    /// only.
    pub(crate) fn port_is_implied(&self, address: Option<&str>) -> bool {
        let host = self.image.and_then(|image| image.host.as_deref());
        self.registry == Registry::Other
            && host.is_some_and(|host| host == field::without_port(host))
            && address.is_some_and(|address| address.ends_with(":443"))
    }

    /// Whether containerd asked a mirror: it names the registry meant in `ns`
    /// (`core/remotes/docker/resolver.go`).
    pub(crate) fn asked_mirror(&self) -> bool {
        self.message.url().is_some_and(|url| url.contains("?ns=") || url.contains("&ns="))
    }

    /// Whether the mirror sent the runtime to the token server of another registry.
    pub(crate) fn led_to_another_token_server(&self) -> bool {
        self.asked_elsewhere()
            && self.message.url().and_then(field::host_of).is_some_and(|host| {
                let asked = Registry::of(host);
                asked.is_well_known() && asked != self.registry
            })
    }
}
