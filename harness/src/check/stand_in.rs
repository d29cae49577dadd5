//! What stands for the image of a container: an image of the same repository.

use pullproof_credentials::{Image, KubernetesVersion};
use pullproof_manifests::Container;

/// How much of a tag is kept: one has at most 128 characters.
const TAG: usize = 100;

/// The name of a stand-in.
///
/// Its tag is the container's own, with a suffix that no other container has: so no node has the image, the
/// kubelet has to pull it whatever the policy (unless that is Never), and each request in the registry's
/// record belongs to one container. Neither tag nor digest has a say in which credentials are used:
/// the keyring looks up host and repository (`ParseImageName` in `pkg/util/parsers/parsers.go`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct StandIn {
    /// Host and repository as the manifest writes them.
    written: String,
    /// The repository at the registry.
    pub(super) repository: String,
    /// The tag.
    tag: String,
    /// What of the name is the stand-in's, and what the manifest has in its place.
    original: String,
    digest: Option<String>,
}

impl StandIn {
    /// Returns the name of the stand-in of a container. None if its image is not the name of one.
    pub(super) fn of(
        container: &Container,
        version: KubernetesVersion,
        suffix: &str,
    ) -> Option<Self> {
        let image = Image::parse(&container.image, version).ok()?;
        let tag = image.tag().unwrap_or("latest");
        let name = container.image.split('@').next().unwrap_or_default();
        let last = name.rfind('/').map_or(0, |slash| slash + 1);
        let end = name[last..].find(':').map_or(name.len(), |colon| last + colon);
        Some(Self {
            written: name[..end].to_owned(),
            repository: image.path().to_owned(),
            tag: format!("{}.{suffix}", &tag[..tag.len().min(TAG)]),
            original: match image.digest() {
                Some(digest) => digest.to_owned(),
                None => tag.to_owned(),
            },
            digest: image.digest().map(str::to_owned),
        })
    }

    /// Returns the name by which it is pushed: `repository:tag`.
    pub(super) fn pushed_as(&self) -> String {
        format!("{}:{}", self.repository, self.tag)
    }

    /// Sets the digest of the image that stands for the container's. It is used only if the manifest has one.
    pub(super) fn set_digest(&mut self, digest: &str) {
        if let Some(own) = &mut self.digest {
            digest.clone_into(own);
        }
    }

    /// Returns the `image` of the pod's container.
    pub(super) fn image(&self) -> String {
        match &self.digest {
            Some(digest) => format!("{}@{digest}", self.written),
            None => format!("{}:{}", self.written, self.tag),
        }
    }

    /// What the path of a request for its manifest ends with.
    pub(super) fn reference(&self) -> &str {
        self.digest.as_deref().unwrap_or(&self.tag)
    }

    /// Returns a message with the manifest's tag or digest in the place of the stand-in's.
    pub(super) fn restore(&self, message: &str) -> String {
        message.replace(self.reference(), &self.original)
    }
}

#[cfg(test)]
mod tests {
    use pullproof_manifests::{Manifests, Source};
    use rstest::rstest;

    use super::*;

    fn container(image: &str) -> Container {
        let text = format!(
            "apiVersion: v1\nkind: Pod\nmetadata: {{name: a}}\nspec: {{containers: [{{name: a, image: '{image}'}}]}}"
        );
        let manifests = Manifests::read([Source::named("-", &text)], "default").unwrap();
        manifests.templates[0].containers[0].clone()
    }

    const DIGEST: &str = "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

    #[rstest]
    #[case("nginx", "nginx:latest.x-1", "library/nginx:latest.x-1")]
    #[case("ghcr.io/acme/web:1", "ghcr.io/acme/web:1.x-1", "acme/web:1.x-1")]
    #[case("r.example:5000/web", "r.example:5000/web:latest.x-1", "web:latest.x-1")]
    #[case(&format!("a/b:1@{DIGEST}"), "a/b@sha256:bb", "a/b:1.x-1")]
    fn host_and_repository_stay(#[case] image: &str, #[case] pod: &str, #[case] pushed: &str) {
        let version = KubernetesVersion::new(37, 2);
        let mut stand_in = StandIn::of(&container(image), version, "x-1").unwrap();
        stand_in.set_digest("sha256:bb");
        assert_eq!((stand_in.image().as_str(), stand_in.pushed_as().as_str()), (pod, pushed));
        let message = format!("failed to pull {pod}");
        assert!(!stand_in.restore(&message).contains("x-1"));
        assert!(!stand_in.restore(&message).contains("bb"));
    }

    #[test]
    fn a_long_tag_is_cut() {
        let image = format!("a:{}", "b".repeat(128));
        let version = KubernetesVersion::new(37, 2);
        let stand_in = StandIn::of(&container(&image), version, "123456-99999").unwrap();
        assert!(Image::parse(&stand_in.image(), version).is_ok());
    }
}
