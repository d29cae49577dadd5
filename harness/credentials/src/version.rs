//! What changed between Kubernetes versions, and with the releases of Go that they are built with.

use std::str::FromStr;

/// A version of Kubernetes 1, as the kubelet's.
///
/// The code of the keyring is the same from 1.27 to 1.37. What differs is which names and keys are
/// well-formed, and that is up to the library for references and to the release of Go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KubernetesVersion {
    minor: u32,
    patch: u32,
    go: Option<(u32, u32)>,
}

/// Why a text is not a version.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is not a version of Kubernetes 1\n  write it as v1.34.4 or 1.34")]
pub struct VersionError(String);

impl KubernetesVersion {
    /// Returns version `1.minor.patch`.
    pub const fn new(minor: u32, patch: u32) -> Self {
        Self { minor, patch, go: None }
    }

    /// Returns the version as built with Go `1.minor.patch`, where that is not the release named in
    /// its `.go-version`: a distribution's build, or one from source.
    pub const fn built_with(self, go_minor: u32, go_patch: u32) -> Self {
        Self { go: Some((go_minor, go_patch)), ..self }
    }

    pub(crate) fn rules(self) -> Rules {
        Rules {
            reference: match self.minor {
                ..=28 => ReferenceLibrary::Docker2,
                29..=31 => ReferenceLibrary::Distribution05,
                32.. => ReferenceLibrary::Distribution06,
            },
            brackets: match self.go {
                Some(go) => Brackets::of_go(go),
                None => self.brackets(),
            },
            // The default of urlstrictcolons follows `godebug` in Kubernetes' go.mod, which 1.36 raised.
            strict_colons: self.minor >= 36 && self.go.is_none_or(|go| go >= (26, 0)),
        }
    }

    /// The rule of the release of Go in `.go-version` of each patch. Not looked at: 1.33.10 to 1.33.12
    /// and 1.34.6, between patches with Go 1.24.13 and 1.25.9 or later.
    fn brackets(self) -> Brackets {
        let (checked, first) = match self.minor {
            ..=30 => (u32::MAX, u32::MAX),
            31 => (14, u32::MAX),
            32 => (10, u32::MAX),
            33 => (6, 10),
            34 => (2, 6),
            35 => (0, 4),
            36.. => (0, 0),
        };
        match self.patch {
            patch if patch >= first => Brackets::AtStart,
            patch if patch >= checked => Brackets::Address,
            _ => Brackets::Any,
        }
    }
}

impl FromStr for KubernetesVersion {
    type Err = VersionError;

    /// Reads `v1.34.4`, also with a suffix such as `-gke.1` or `+k3s1`. Without a patch it is the last one.
    fn from_str(text: &str) -> Result<Self, VersionError> {
        let error = || VersionError(text.to_owned());
        let plain = text.strip_prefix('v').unwrap_or(text).split(['-', '+']).next().unwrap_or("");
        let mut parts = plain.split('.');
        if parts.next() != Some("1") {
            return Err(error());
        }
        let minor = parts.next().and_then(number).ok_or_else(error)?;
        let patch = match parts.next() {
            Some(patch) => number(patch).ok_or_else(error)?,
            None => u32::MAX,
        };
        if parts.next().is_some() { Err(error()) } else { Ok(Self::new(minor, patch)) }
    }
}

/// A number without a sign.
fn number(text: &str) -> Option<u32> {
    if text.starts_with('+') { None } else { text.parse().ok() }
}

/// The rules of one version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rules {
    pub(crate) reference: ReferenceLibrary,
    pub(crate) brackets: Brackets,
    pub(crate) strict_colons: bool,
}

/// The library that `pkg/util/parsers/parsers.go` reads image names with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ReferenceLibrary {
    /// github.com/docker/distribution v2.8.2: neither IPv6 addresses nor hosts known by a capital.
    Docker2,
    /// github.com/distribution/reference v0.5.0.
    Distribution05,
    /// v0.6.0: the limit of 255 bytes no longer counts the host.
    Distribution06,
}

/// What `net/url` makes of `[` in a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Brackets {
    /// Anything may stand in brackets, and brackets anywhere, so that a key may have `reg[01]`.
    Any,
    /// The last bracket opens an IPv6 address; what stands before it is dropped.
    /// Since Go 1.24.8 and 1.25.2 (CVE-2025-47912).
    Address,
    /// The host begins with the bracket. Since Go 1.25.8 and 1.26.1.
    AtStart,
}

impl Brackets {
    fn of_go(go: (u32, u32)) -> Self {
        match go {
            (26, 1..) | (25, 8..) | (27.., _) => Self::AtStart,
            (24, 8..) | (25, 2..) | (26, _) => Self::Address,
            _ => Self::Any,
        }
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("v1.34.4", 34, 4)]
    #[case("1.37.2", 37, 2)]
    #[case("v1.33.13-gke.100", 33, 13)]
    #[case("v1.32.2+k3s1", 32, 2)]
    #[case("1.34", 34, u32::MAX)]
    fn versions_are_read(#[case] text: &str, #[case] minor: u32, #[case] patch: u32) {
        assert_eq!(text.parse(), Ok(KubernetesVersion::new(minor, patch)));
    }

    #[rstest]
    fn other_texts_are_refused(
        #[values("", "1", "v1.", "2.1.0", "1.x", "1.34.4.1", "1.34.x", "1.+34")] text: &str,
    ) {
        assert!(text.parse::<KubernetesVersion>().is_err());
    }

    #[rstest]
    #[case("1.27.16", Brackets::Any)]
    #[case("1.31.13", Brackets::Any)]
    #[case("1.31.14", Brackets::Address)]
    #[case("1.32.13", Brackets::Address)]
    #[case("1.33.5", Brackets::Any)]
    #[case("1.33.9", Brackets::Address)]
    #[case("1.33.13", Brackets::AtStart)]
    #[case("1.34.1", Brackets::Any)]
    #[case("1.34.5", Brackets::Address)]
    #[case("1.34.7", Brackets::AtStart)]
    #[case("1.35.3", Brackets::Address)]
    #[case("1.35.4", Brackets::AtStart)]
    #[case("1.37.2", Brackets::AtStart)]
    fn brackets_follow_the_release_of_go(
        #[case] version: KubernetesVersion,
        #[case] rule: Brackets,
    ) {
        assert_eq!(version.rules().brackets, rule);
    }

    #[test]
    fn another_release_of_go_brings_its_rules() {
        let of = |go: (u32, u32)| KubernetesVersion::new(34, 4).built_with(go.0, go.1).rules();
        assert_eq!(of((24, 7)).brackets, Brackets::Any);
        assert_eq!(of((25, 2)).brackets, Brackets::Address);
        assert_eq!(of((26, 0)).brackets, Brackets::Address);
        assert_eq!(of((26, 8)).brackets, Brackets::AtStart);
        assert!(!of((26, 8)).strict_colons);
    }
}
