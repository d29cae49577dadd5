//! Names of hosts, replaced label by label so that keys go on matching.
//!
//! A label becomes another of the same length; capitals, hyphens and digits stay where they are.
//! Labels that are compared letter by letter share their letters' replacement: a pattern with what it
//! matches, a slip of the pen with what was meant.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use pullproof_credentials::label_matches;
use rand::{Rng as _, SeedableRng as _, rngs::StdRng, seq::SliceRandom as _};
use regex::Regex;

/// Labels that name nobody: those of public registries, top-level domains, and schemes in their place.
const PUBLIC: [&str; 64] = [
    "https",
    "http",
    "localhost",
    "docker",
    "index",
    "registry-1",
    "registry",
    "hub",
    "auth",
    "io",
    "com",
    "net",
    "org",
    "dev",
    "cloud",
    "local",
    "internal",
    "lan",
    "svc",
    "cluster",
    "example",
    "test",
    "invalid",
    "cn",
    "de",
    "uk",
    "fr",
    "jp",
    "co",
    "quay",
    "ghcr",
    "gcr",
    "us",
    "eu",
    "asia",
    "pkg",
    "k8s",
    "gke",
    "azurecr",
    "azure",
    "microsoft",
    "mcr",
    "amazonaws",
    "aws",
    "dkr",
    "ecr",
    "ecr-fips",
    "public",
    "icr",
    "gitlab",
    "github",
    "githubusercontent",
    "google",
    "googleapis",
    "jfrog",
    "ocir",
    "oraclecloud",
    "digitalocean",
    "aliyuncs",
    "ngc",
    "nvcr",
    "redhat",
    "openshift",
    "cache",
];

/// How often replacements are drawn until every pattern matches as before.
const ATTEMPTS: u32 = 100;

// A test compiles both.
static REGION: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"^[a-z]{2}(-gov|-iso[a-z]?)?-[a-z]+-?\d+$").ok());
static IN_TEXT: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"(?i)[a-z0-9_-]+(?:\.[a-z0-9_-]+)*").ok());

/// The replacements of labels.
#[derive(Clone)]
pub(crate) struct Hosts {
    labels: BTreeMap<String, String>,
    /// Whole hosts, and the last two labels of each: what is replaced in texts.
    known: BTreeSet<String>,
    domains: BTreeSet<String>,
    seed: u64,
}

impl Hosts {
    /// Draws replacements for the labels of all hosts. `images` are those that keys are compared with.
    pub(crate) fn new(all: &BTreeSet<String>, images: &BTreeSet<String>, seed: u64) -> Self {
        let all: BTreeSet<String> = all
            .iter()
            .filter(|host| !is_address(host))
            .map(|host| host.to_ascii_lowercase())
            .collect();
        let labels: BTreeSet<&str> = all.iter().flat_map(|host| host.split('.')).collect();
        let groups = groups(&all, images, &labels);
        let mut drawn = BTreeMap::new();
        for attempt in 0..ATTEMPTS {
            let mut random = StdRng::seed_from_u64(seed.wrapping_add(u64::from(attempt)));
            drawn = draw(&groups, &mut random);
            if matches_as_before(&labels, &drawn) {
                break;
            }
        }
        let domains = all.iter().filter_map(|host| domain(host)).map(str::to_owned).collect();
        Self { labels: drawn, known: all, domains, seed }
    }

    /// Returns the host with its labels replaced.
    pub(crate) fn rename(&self, host: &str) -> String {
        if is_address(host) {
            return host.to_owned();
        }
        host.split('.').map(|label| self.label(label)).collect::<Vec<_>>().join(".")
    }

    fn label(&self, label: &str) -> String {
        let lower = label.to_ascii_lowercase();
        if is_public(&lower) {
            return label.to_owned();
        }
        let new = match self.labels.get(&lower) {
            Some(new) => new.clone(),
            None => {
                // One that no key and no image has: it follows from the seed.
                let mix =
                    |all: u64, byte: u8| (all ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3);
                let mut random = StdRng::seed_from_u64(lower.bytes().fold(self.seed, mix));
                replaced(&lower, |_| None, &mut random)
            }
        };
        let cased = |(old, new): (char, char)| match old.is_ascii_uppercase() {
            true => new.to_ascii_uppercase(),
            false => new,
        };
        label.chars().zip(new.chars()).map(cased).collect()
    }

    /// Replaces the hosts in a text that are known, or of the domain of one.
    pub(crate) fn rename_in(&self, text: &str) -> String {
        let Some(pattern) = IN_TEXT.as_ref() else { return String::new() };
        let mut renamed = String::with_capacity(text.len());
        let mut end = 0;
        for found in pattern.find_iter(text) {
            renamed.push_str(&text[end..found.start()]);
            end = found.end();
            let lower = found.as_str().to_ascii_lowercase();
            let is_known = match domain(&lower) {
                Some(domain) => self.known.contains(&lower) || self.domains.contains(domain),
                None => self.known.contains(&lower) && text[end..].starts_with([':', '/']),
            };
            match is_known {
                true => renamed.push_str(&self.rename(found.as_str())),
                false => renamed.push_str(found.as_str()),
            }
        }
        renamed.push_str(&text[end..]);
        renamed
    }
}

/// Whether it is an IPv4 address, perhaps with a pattern in it.
pub(crate) fn is_address(host: &str) -> bool {
    let digits = |byte: u8| byte.is_ascii_digit() || b".*?".contains(&byte);
    host.starts_with(|first: char| first.is_ascii_digit())
        && host.split('.').count() == 4
        && host.bytes().all(digits)
}

/// Whether a label names nobody. A single letter cannot, which an IPv6 address may match: its brackets
/// are read as a set of letters. Neither can a number of an IPv4 address.
fn is_public(label: &str) -> bool {
    let letters = || label.bytes().filter(u8::is_ascii_alphanumeric);
    let is_number = letters().count() <= 3 && letters().all(|byte| byte.is_ascii_digit());
    letters().count() <= 1
        || is_number
        || PUBLIC.contains(&label)
        || REGION.as_ref().is_some_and(|region| region.is_match(label))
}

/// The last two labels, unless both are public.
fn domain(host: &str) -> Option<&str> {
    let (before, last) = host.rsplit_once('.')?;
    let first = before.rfind('.').map_or(0, |dot| dot + 1);
    let names_somebody = |label: &str| !is_public(label) && label.contains(char::is_alphanumeric);
    let domain = &host[first..];
    (names_somebody(last) || names_somebody(&host[first..before.len()])).then_some(domain)
}

fn is_pattern(label: &str) -> bool {
    label.contains(['*', '?', '[', '\\']) && label.contains(|one: char| one.is_ascii_alphanumeric())
}

/// Labels that share a replacement of letters.
fn groups<'a>(
    hosts: &'a BTreeSet<String>,
    images: &BTreeSet<String>,
    labels: &BTreeSet<&'a str>,
) -> Vec<BTreeSet<&'a str>> {
    let mut groups: Vec<BTreeSet<&str>> =
        labels.iter().map(|label| BTreeSet::from([*label])).collect();
    let mut join = |members: &[&str]| {
        let mut joined = BTreeSet::new();
        groups.retain_mut(|group| {
            let is_in = members.iter().any(|member| group.contains(member));
            if is_in {
                joined.append(group);
            }
            !is_in
        });
        groups.push(joined);
    };
    for pattern in labels.iter().filter(|label| is_pattern(label)) {
        let matched = labels.iter().filter(|label| label_matches(pattern, label));
        join(&matched.copied().chain([*pattern]).collect::<Vec<_>>());
    }
    let images =
        hosts.iter().filter(|host| images.iter().any(|one| one.eq_ignore_ascii_case(host)));
    for image in images {
        for host in hosts.iter().filter(|host| is_similar(host, image)) {
            let pairs: Vec<(&str, &str)> = host.split('.').zip(image.split('.')).collect();
            if host.split('.').count() != image.split('.').count() {
                join(&host.split('.').chain(image.split('.')).collect::<Vec<_>>());
                continue;
            }
            pairs
                .iter()
                .filter(|(one, other)| one != other)
                .for_each(|pair| join(&[pair.0, pair.1]));
        }
    }
    groups
}

/// Whether a person may have meant the other.
fn is_similar(one: &str, other: &str) -> bool {
    let letters = |host: &str| host.chars().count();
    let close = letters(one).abs_diff(letters(other)) <= 3 && one != other;
    close && strsim::levenshtein(one, other) <= 3
}

fn draw(groups: &[BTreeSet<&str>], random: &mut StdRng) -> BTreeMap<String, String> {
    let real: BTreeSet<&str> = groups.iter().flatten().copied().collect();
    let mut drawn: BTreeMap<String, String> = BTreeMap::new();
    let mut used = BTreeSet::new();
    for group in groups {
        for _ in 0..ATTEMPTS {
            let shared = (group.len() > 1 || group.iter().any(|label| is_pattern(label)))
                .then(|| letters(group, random));
            let new = |label: &&str| {
                let by_letter = |letter| shared.as_ref().and_then(|all| all.get(&letter).copied());
                ((*label).to_owned(), replaced(label, by_letter, random))
            };
            let replacements: Vec<(String, String)> =
                group.iter().filter(|label| !is_public(label)).map(new).collect();
            let is_free = replacements.iter().all(|(old, new)| {
                old == new && !old.contains(|one: char| one.is_ascii_alphanumeric())
                    || !real.contains(new.as_str()) && !is_public(new) && !used.contains(new)
            });
            let last = replacements.clone();
            if is_free {
                used.extend(replacements.into_iter().map(|(_, new)| new));
                drawn.extend(last);
                break;
            }
            // A label of one letter may have no other left.
            last.into_iter().for_each(|(old, new)| drop(drawn.insert(old, new)));
        }
    }
    drawn
}

/// A permutation of letters and one of digits, which leaves the letters of public labels as they are.
fn letters(group: &BTreeSet<&str>, random: &mut StdRng) -> BTreeMap<char, char> {
    let fixed: BTreeSet<char> =
        group.iter().filter(|label| is_public(label)).flat_map(|label| label.chars()).collect();
    let mut all = BTreeMap::new();
    for class in ['a'..='z', '0'..='9'] {
        let free: Vec<char> = class.filter(|letter| !fixed.contains(letter)).collect();
        let mut shuffled = free.clone();
        shuffled.shuffle(random);
        all.extend(free.into_iter().zip(shuffled));
        all.extend(fixed.iter().map(|letter| (*letter, *letter)));
    }
    all
}

/// Replaces each letter and digit, but for those of escapes.
fn replaced(label: &str, by_letter: impl Fn(char) -> Option<char>, random: &mut StdRng) -> String {
    let mut escape = 0;
    let new = |(at, letter): (usize, char)| {
        if escape == 0 && letter == '%' {
            // An escaped percent sign begins an escape for whoever reads the key again.
            escape = if label[at..].starts_with("%25") { 5 } else { 3 };
        }
        if escape > 0 {
            escape -= 1;
            return letter;
        }
        by_letter(letter).unwrap_or_else(|| match letter {
            'a'..='z' => random.random_range('a'..='z'),
            '0'..='9' => random.random_range('0'..='9'),
            other => other,
        })
    };
    label.char_indices().map(new).collect()
}

/// Whether every pattern among the labels matches the same labels by their new names.
fn matches_as_before(labels: &BTreeSet<&str>, drawn: &BTreeMap<String, String>) -> bool {
    let new = |label: &str| drawn.get(label).cloned().unwrap_or_else(|| label.to_owned());
    labels.iter().filter(|label| is_pattern(label)).all(|pattern| {
        let renamed = new(pattern);
        let same =
            |label: &&str| label_matches(pattern, label) == label_matches(&renamed, &new(label));
        labels.iter().all(same)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hosts(all: &[&str]) -> Hosts {
        let all = all.iter().map(|&host| host.to_owned()).collect();
        Hosts::new(&all, &all, 7)
    }

    #[test]
    fn labels_are_replaced_alike_everywhere() {
        assert!(REGION.is_some() && IN_TEXT.is_some());
        let hosts = hosts(&["reg.Acme-1.com", "*.acme-1.com", "r*g.acme-1.com", "10.1.2.3"]);
        let new = hosts.rename("reg.Acme-1.com");
        let labels: Vec<&str> = new.split('.').collect();
        assert!(labels[0] != "reg" && labels[1] != "Acme-1" && labels[2] == "com", "{new}");
        assert!(labels[1].starts_with(|first: char| first.is_ascii_uppercase()), "{new}");
        assert_eq!(hosts.rename("*.acme-1.com"), format!("*.{}.com", labels[1].to_lowercase()));
        let pattern = hosts.rename("r*g.acme-1.com");
        assert!(label_matches(pattern.split('.').next().unwrap(), labels[0]), "{pattern} {new}");
    }

    #[test]
    fn patterns_match_what_they_matched() {
        let hosts = hosts(&["storage-of-images.acme.com", "s*-images.acme.com", "other.acme.com"]);
        let first = |host: &str| hosts.rename(host).split('.').next().unwrap().to_owned();
        let pattern = first("s*-images.acme.com");
        assert!(
            pattern != "s*-images" && label_matches(&pattern, &first("storage-of-images.acme.com"))
        );
        assert!(!label_matches(&pattern, &first("other.acme.com")));
    }

    #[test]
    fn special_names_and_addresses_are_kept() {
        for host in [
            "docker.io",
            "index.docker.io",
            "registry-1.docker.io",
            "localhost",
            "127.0.0.1",
            "quay.io",
            "*",
            "*.*",
            "10.0.0.*",
        ] {
            assert_eq!(hosts(&[host]).rename(host), host);
        }
        let ecr = hosts(&["123456789012.dkr.ecr.us-east-1.amazonaws.com"]);
        let new = ecr.rename("123456789012.dkr.ecr.us-east-1.amazonaws.com");
        assert!(new.ends_with(".dkr.ecr.us-east-1.amazonaws.com") && !new.contains("123456789012"));
    }

    #[test]
    fn hosts_in_texts_are_replaced() {
        let hosts = hosts(&["reg.acme.com", "store"]);
        let text =
            "https://reg.acme.com/v2/: auth.acme.com, REG.acme.com:443 store:5000 in store v1.2.3";
        let new = hosts.rename_in(text);
        assert!(!new.to_lowercase().contains("acme") && !new.contains("store:5000"), "{new}");
        assert!(new.contains(&hosts.rename("reg.acme.com")) && new.ends_with(" in store v1.2.3"));
        assert_eq!(new.len(), text.len());
    }
}
