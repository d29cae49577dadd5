//! Ranges of Kubernetes and containerd versions.

use std::{fmt, str::FromStr, sync::LazyLock};

use regex::Regex;
use schemars::JsonSchema;
use semver::{Version, VersionReq};
use serde::{Deserialize, Deserializer, Serialize, de::Error as _};

use super::names::regex;

/// A range such as `>=1.35`, `>=1.32, <1.35` or `1.34` (that minor alone).
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema)]
#[schemars(with = "RangeForm")]
pub struct VersionRange {
    text: String,
    requirement: VersionReq,
}

#[derive(JsonSchema)]
#[schemars(transparent, example = ">=1.35", example = ">=1.32, <1.35", example = "1.34")]
#[expect(dead_code, reason = "only its schema is used")]
struct RangeForm(#[schemars(regex(pattern = format!("^{}$", pattern())))] String);

/// Returns the pattern of a range: comparisons with releases. semver knows pre-releases and `1.*` as well, which
/// mean nothing here: a pre-release counts as its release, and `1.34` is any patch of it.
fn pattern() -> String {
    let number = "(0|[1-9][0-9]{0,8})";
    let comparison = format!(r"\s*([<>]=?|=|~|\^)?\s*{number}(\.{number}){{0,2}}\s*");
    format!("{comparison}(,{comparison})*")
}

impl VersionRange {
    /// Whether a version lies in the range. Pre-releases count as the version they lead to.
    pub fn contains(&self, version: &Version) -> bool {
        self.requirement.matches(&Version::new(version.major, version.minor, version.patch))
    }
}

impl FromStr for VersionRange {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts: Vec<_> = text
            .split(',')
            .map(|part| {
                let part = part.trim();
                // A bare version means that minor to semver's users here, and `^` to semver itself.
                if part.starts_with(|c: char| c.is_ascii_digit()) {
                    format!("~{part}")
                } else {
                    part.to_owned()
                }
            })
            .collect();
        static RANGE: LazyLock<Regex> = LazyLock::new(|| regex(&pattern()));
        let example = "write for example `>=1.35`, `>=1.32, <1.35` or `1.34`";
        let requirement = VersionReq::parse(&parts.join(", "))
            .map_err(|error| format!("`{text}` is not a range of versions ({error}); {example}"))?;
        if !RANGE.is_match(text) {
            return Err(format!("`{text}` is not a range of releases; {example}"));
        }
        Ok(Self { text: text.to_owned(), requirement })
    }
}

impl Serialize for VersionRange {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for VersionRange {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from)?.parse().map_err(D::Error::custom)
    }
}

impl fmt::Display for VersionRange {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str(&self.text)
    }
}

/// The version in what a node says of itself: `v1.37.2`, `containerd://2.3.7`, `1.34.4-rc.1+x`.
pub fn version_of(text: &str) -> Option<Version> {
    let text = text.rsplit("://").next()?.trim_start_matches('v');
    let plain = text.split(['-', '+']).next()?;
    let mut parts = plain.split('.').map(|part| part.parse::<u64>().ok());
    Some(Version::new(parts.next()??, parts.next()??, parts.next().flatten().unwrap_or(0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds(range: &str, version: &str) -> bool {
        range.parse::<VersionRange>().unwrap().contains(&version_of(version).unwrap())
    }

    #[test]
    fn a_bare_version_is_that_minor_alone() {
        assert!(holds("1.34", "v1.34.4"));
        assert!(!holds("1.34", "v1.35.0"));
        assert!(!holds("1.34", "v1.33.9"));
    }

    #[test]
    fn bounds_include_every_patch_of_their_minor() {
        assert!(holds(">=1.35", "v1.35.0"));
        assert!(!holds(">=1.35", "v1.34.11"));
        assert!(holds(">=1.32, <1.35", "v1.34.99"));
        assert!(holds(">=2.0", "containerd://2.3.7"));
        assert!(!holds(">=2.0", "containerd://1.7.35"));
    }

    #[test]
    fn a_pre_release_counts_as_its_release() {
        assert!(holds(">=1.38", "v1.38.0-alpha.1"));
    }

    #[test]
    fn a_range_is_of_releases() {
        for other in ["1.*", "*", ">=1.35-rc.1", ">=1.35.0+a"] {
            assert!(other.parse::<VersionRange>().is_err(), "{other}");
        }
        assert!(holds(" >= 1.35 , < 1.36", "1.35.1") && !holds("=1.35.1", "1.35.2"));
    }

    #[test]
    fn nonsense_is_refused_with_examples() {
        let error = "newest".parse::<VersionRange>().unwrap_err();
        assert!(error.contains("`newest`") && error.contains(">=1.35"), "{error}");
    }
}
