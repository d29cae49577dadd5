//! Names of images, as the kubelet reads them (`ParseImageName` in `pkg/util/parsers/parsers.go`).

use crate::KubernetesVersion;
use crate::version::ReferenceLibrary;

/// The longest name of a repository.
const LONGEST: usize = 255;

/// The name of an image, normalised: what the keyring compares keys with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    host: String,
    path: String,
    tag: Option<String>,
    digest: Option<String>,
}

/// Why the name of an image is refused: `InvalidImageName`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ImageError {
    /// 64 hexadecimal digits, which are the identifier of an image.
    #[error("an image cannot be named by 64 hexadecimal digits")]
    Identifier,
    /// A capital in the repository.
    #[error("the repository of an image has no capitals")]
    Uppercase,
    /// A repository of more than 255 bytes.
    #[error("the repository of an image is at most 255 bytes long")]
    TooLong,
    /// An algorithm other than sha256, sha384 and sha512.
    #[error("the algorithm of the digest is not sha256, sha384 or sha512")]
    DigestAlgorithm,
    /// A digest of another length than its algorithm has.
    #[error("the digest has not the length of its algorithm")]
    DigestLength,
    /// A digest with capitals.
    #[error("the digest is not of lower-case hexadecimal digits")]
    DigestFormat,
    /// Any other text.
    #[error("it is not the name of an image")]
    Format,
}

impl Image {
    /// Reads the `image` of a container.
    ///
    /// # Errors
    /// What the kubelet reports with the waiting reason InvalidImageName.
    ///
    /// ```
    /// use pullproof_credentials::{Image, KubernetesVersion};
    /// let image = Image::parse("nginx", KubernetesVersion::new(37, 2))?;
    /// assert_eq!(image.repository(), "docker.io/library/nginx");
    /// # Ok::<(), pullproof_credentials::ImageError>(())
    /// ```
    pub fn parse(text: &str, version: KubernetesVersion) -> Result<Self, ImageError> {
        let library = version.rules().reference;
        if text.len() == 64 && text.bytes().all(is_lower_hexadecimal) {
            return Err(ImageError::Identifier);
        }
        let (host, rest) = split_host(text, library);
        let name = rest.split(':').next().unwrap_or_default();
        if lower(name) != name {
            return Err(ImageError::Uppercase);
        }
        let Some(parts) = Parts::of(&host, &rest, library) else {
            let (host, rest) = (lower(&host), lower(&rest));
            let has_capitals = Parts::of(&host, &rest, library).is_some();
            return Err(if has_capitals { ImageError::Uppercase } else { ImageError::Format });
        };
        let counted = match library {
            // A host that no domain can be is, to the library, the first word of the repository.
            ReferenceLibrary::Distribution06 if is_domain(&host, library) => parts.path.len(),
            _ => host.len() + 1 + parts.path.len(),
        };
        if counted > LONGEST {
            return Err(ImageError::TooLong);
        }
        check_digest(parts.digest)?;
        let [tag, digest] = [parts.tag, parts.digest].map(|part| part.map(str::to_owned));
        Ok(Self { path: parts.path.to_owned(), host, tag, digest })
    }

    /// Returns the registry's host with its port; `docker.io` if none is named.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Returns the repository within the registry.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Returns host and repository, which is what the keyring looks up.
    pub fn repository(&self) -> String {
        format!("{}/{}", self.host, self.path)
    }

    /// Returns the tag, if there is one.
    pub fn tag(&self) -> Option<&str> {
        self.tag.as_deref()
    }

    /// Returns the digest, if there is one.
    pub fn digest(&self) -> Option<&str> {
        self.digest.as_deref()
    }

    /// Whether Docker Hub's credentials are used if no key matches (`isDefaultRegistryMatch` in
    /// keyring.go): also for a host without a dot and a port, such as `localhost`.
    pub(crate) fn is_docker_hub(&self) -> bool {
        self.host == "docker.io" || !self.host.contains(['.', ':'])
    }
}

/// Splits the host from the rest, as `splitDockerDomain` of the library does.
fn split_host(text: &str, library: ReferenceLibrary) -> (String, String) {
    let capitals = library != ReferenceLibrary::Docker2;
    let (host, rest) = match text.split_once('/') {
        Some(("index.docker.io", rest)) => ("docker.io", rest),
        Some((host, rest))
            if host == "localhost"
                || host.contains(['.', ':'])
                || capitals && lower(host) != host =>
        {
            (host, rest)
        }
        _ => ("docker.io", text),
    };
    let library = if host == "docker.io" && !rest.contains('/') { "library/" } else { "" };
    (host.to_owned(), format!("{library}{rest}"))
}

/// Letter by letter, as Go.
fn lower(text: &str) -> String {
    text.chars().filter_map(|letter| letter.to_lowercase().next()).collect()
}

/// The parts of a reference that is well-formed.
struct Parts<'a> {
    path: &'a str,
    tag: Option<&'a str>,
    digest: Option<&'a str>,
}

impl<'a> Parts<'a> {
    /// The grammar of github.com/distribution/reference, regexp.go.
    fn of(host: &str, rest: &'a str, library: ReferenceLibrary) -> Option<Self> {
        let (name, digest) = match rest.split_once('@') {
            Some((name, digest)) => (name, Some(digest)),
            None => (rest, None),
        };
        let (path, tag) = match name.split_once(':') {
            Some((path, tag)) => (path, Some(tag)),
            None => (name, None),
        };
        let formed = (is_domain(host, library) || is_component(host))
            && path.split('/').all(is_component)
            && tag.is_none_or(is_tag)
            && digest.is_none_or(is_digest);
        formed.then_some(Self { path, tag, digest })
    }
}

fn is_domain(text: &str, library: ReferenceLibrary) -> bool {
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, Some(port)),
        _ => (text, None),
    };
    let address = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    let is_address = library != ReferenceLibrary::Docker2
        && address.is_some_and(|address| {
            let digit = |byte: u8| byte.is_ascii_hexdigit() || byte == b':';
            !address.is_empty() && address.bytes().all(digit)
        });
    let is_label = |label: &str| {
        let hyphen_inside = !label.starts_with('-') && !label.ends_with('-');
        let letter = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        !label.is_empty() && hyphen_inside && label.bytes().all(letter)
    };
    (is_address || host.split('.').all(is_label))
        && port
            .is_none_or(|port| !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Words of small letters and digits with `.`, `_`, `__` or hyphens between them.
fn is_component(text: &str) -> bool {
    let is_word = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let mut separators = text.split(|letter: char| letter.is_ascii() && is_word(letter as u8));
    let bytes = text.as_bytes();
    let ends = [bytes.first(), bytes.last()];
    ends.into_iter().all(|end| end.is_some_and(|&byte| is_word(byte)))
        && separators.all(|separator| {
            matches!(separator, "" | "." | "_" | "__") || separator.bytes().all(|byte| byte == b'-')
        })
}

fn is_tag(text: &str) -> bool {
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    (1..=128).contains(&text.len())
        && text.bytes().all(|byte| is_word(byte) || b".-".contains(&byte))
        && text.bytes().next().is_some_and(is_word)
}

fn is_digest(text: &str) -> bool {
    let Some((algorithm, digits)) = text.split_once(':') else { return false };
    let is_word = |word: &str| {
        word.starts_with(|letter: char| letter.is_ascii_alphabetic())
            && word.bytes().all(|byte| byte.is_ascii_alphanumeric())
    };
    algorithm.split(['-', '_', '+', '.']).all(is_word)
        && digits.len() >= 32
        && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// `Validate` of github.com/opencontainers/go-digest, for a digest that is well-formed.
fn check_digest(digest: Option<&str>) -> Result<(), ImageError> {
    let Some((algorithm, digits)) = digest.and_then(|digest| digest.split_once(':')) else {
        return Ok(());
    };
    let length = match algorithm {
        "sha256" => 64,
        "sha384" => 96,
        "sha512" => 128,
        _ if algorithm.bytes().any(|byte| byte.is_ascii_uppercase()) => {
            return Err(ImageError::DigestFormat);
        }
        _ => return Err(ImageError::DigestAlgorithm),
    };
    match digits.len() {
        len if len != length => Err(ImageError::DigestLength),
        _ if digits.bytes().all(is_lower_hexadecimal) => Ok(()),
        _ => Err(ImageError::DigestFormat),
    }
}

fn is_lower_hexadecimal(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'a'..=b'f')
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    const NEWEST: KubernetesVersion = KubernetesVersion::new(37, 2);

    #[rstest]
    #[case("nginx", "docker.io", "library/nginx")]
    #[case("nginx:1.29", "docker.io", "library/nginx")]
    #[case("docker.io/nginx", "docker.io", "library/nginx")]
    #[case("index.docker.io/a/b", "docker.io", "a/b")]
    #[case("team/app", "docker.io", "team/app")]
    #[case("localhost/app", "localhost", "app")]
    #[case("localhost:5000/a/b:v1", "localhost:5000", "a/b")]
    #[case("Registry/app", "Registry", "app")]
    #[case("[fd00::1]:5000/app", "[fd00::1]:5000", "app")]
    #[case("my_reg.example/app", "my_reg.example", "app")]
    #[case("reg.example/a-b/c__d.e", "reg.example", "a-b/c__d.e")]
    fn names_are_normalised(#[case] text: &str, #[case] host: &str, #[case] path: &str) {
        let image = Image::parse(text, NEWEST).unwrap();
        assert_eq!((image.host(), image.path()), (host, path));
    }

    #[test]
    fn tag_and_digest_are_kept() {
        let digest = format!("sha256:{}", "a".repeat(64));
        let image = Image::parse(&format!("reg.example/app:v1@{digest}"), NEWEST).unwrap();
        assert_eq!((image.tag(), image.digest()), (Some("v1"), Some(digest.as_str())));
    }

    #[rstest]
    #[case("", ImageError::Format)]
    #[case("a:", ImageError::Format)]
    #[case("reg.example/", ImageError::Format)]
    #[case("a//b", ImageError::Format)]
    #[case("https://reg.example/a", ImageError::Format)]
    #[case("a ", ImageError::Format)]
    #[case("a@sha256:abc", ImageError::Format)]
    #[case("a...b", ImageError::Format)]
    #[case("reg.example:port/a", ImageError::Format)]
    #[case("Nginx", ImageError::Uppercase)]
    #[case("reg.example/App", ImageError::Uppercase)]
    #[case("My_reg.example/app", ImageError::Uppercase)]
    fn other_texts_are_refused(#[case] text: &str, #[case] error: ImageError) {
        assert_eq!(Image::parse(text, NEWEST), Err(error));
    }

    #[rstest]
    #[case("md5", 32, 'a', Err(ImageError::DigestAlgorithm))]
    #[case("SHA256", 64, 'a', Err(ImageError::DigestFormat))]
    #[case("sha256", 63, 'a', Err(ImageError::DigestLength))]
    #[case("sha256", 64, 'A', Err(ImageError::DigestFormat))]
    #[case("sha512", 128, 'a', Ok(()))]
    fn digests_are_checked(
        #[case] algorithm: &str,
        #[case] length: usize,
        #[case] digit: char,
        #[case] result: Result<(), ImageError>,
    ) {
        let text = format!("a:v1@{algorithm}:{}", digit.to_string().repeat(length));
        assert_eq!(Image::parse(&text, NEWEST).map(|_| ()), result);
    }

    #[test]
    fn an_identifier_is_no_name() {
        assert_eq!(Image::parse(&"0a".repeat(32), NEWEST), Err(ImageError::Identifier));
    }

    #[rstest]
    #[case("Registry/app", 28, 29)]
    #[case("[::1]:5000/app", 28, 29)]
    fn older_libraries_refuse_more(#[case] text: &str, #[case] refuses: u32, #[case] reads: u32) {
        assert!(Image::parse(text, KubernetesVersion::new(refuses, 0)).is_err());
        assert!(Image::parse(text, KubernetesVersion::new(reads, 0)).is_ok());
    }

    #[test]
    fn the_host_counts_towards_the_limit_until_1_31() {
        let text = format!("reg.example/{}", "a".repeat(255));
        let of = |minor| Image::parse(&text, KubernetesVersion::new(minor, 0)).map(|_| ());
        assert_eq!((of(31), of(32)), (Err(ImageError::TooLong), Ok(())));
    }
}
