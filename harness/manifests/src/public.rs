//! Images that are said to need no credentials.

use std::str::FromStr;

use pullproof_credentials::Image;

/// A registry, or a part of one, whose images are public: `HOST` or `HOST/PATH`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicHost {
    host: String,
    path: Option<String>,
}

/// Why a text is not a registry.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a registry\n  hint: write HOST or HOST/PATH, without a scheme: ghcr.io/acme")]
pub struct PublicError(String);

impl FromStr for PublicHost {
    type Err = PublicError;

    /// ```
    /// use pullproof_manifests::PublicHost;
    /// assert!("ghcr.io/acme".parse::<PublicHost>().is_ok());
    /// assert!("https://ghcr.io".parse::<PublicHost>().is_err());
    /// ```
    fn from_str(text: &str) -> Result<Self, PublicError> {
        let (host, path) = match text.trim_end_matches('/').split_once('/') {
            Some((host, path)) => (host, Some(path.to_owned())),
            None => (text.trim_end_matches('/'), None),
        };
        let letter = |c: char| c.is_ascii_alphanumeric() || ".-:[]".contains(c);
        if host.is_empty() || !host.chars().all(letter) || text.contains("//") {
            return Err(PublicError(text.to_owned()));
        }
        let host = match host {
            "index.docker.io" | "registry-1.docker.io" => "docker.io",
            other => other,
        };
        Ok(Self { host: host.to_owned(), path })
    }
}

impl PublicHost {
    /// Whether an image is one of them. Docker Hub's images without an owner may be named so.
    pub fn has(&self, image: &Image) -> bool {
        let Some(path) = &self.path else { return image.host() == self.host };
        let is_below =
            |of: &str| of == path || of.strip_prefix(path).is_some_and(|it| it.starts_with('/'));
        let plain = image.path().strip_prefix("library/").filter(|_| self.host == "docker.io");
        image.host() == self.host && (is_below(image.path()) || plain.is_some_and(is_below))
    }
}

#[cfg(test)]
mod tests {
    use pullproof_credentials::KubernetesVersion;
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("docker.io", "nginx", true)]
    #[case("index.docker.io", "acme/web", true)]
    #[case("docker.io/nginx", "nginx:1", true)]
    #[case("docker.io/library", "nginx", true)]
    #[case("ghcr.io/acme", "ghcr.io/acme/web", true)]
    #[case("ghcr.io/acme/", "ghcr.io/acme", true)]
    #[case("ghcr.io/acme", "ghcr.io/acme-private/web", false)]
    #[case("ghcr.io", "ghcr.io:443/acme/web", false)]
    fn a_path_ends_at_a_slash(#[case] public: &str, #[case] image: &str, #[case] is: bool) {
        let image = Image::parse(image, KubernetesVersion::new(37, 2)).unwrap();
        assert_eq!(public.parse::<PublicHost>().unwrap().has(&image), is);
    }
}
