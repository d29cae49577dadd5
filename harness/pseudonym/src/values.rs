//! The values of all secrets, and the invented one of each.

use std::collections::{BTreeMap, BTreeSet};

use pullproof_credentials::SecretId;
use rand::rngs::StdRng;

use crate::hosts::Hosts;
use crate::invent::invent;
use crate::shape::{At, Kind, Renaming};

/// How often a value is invented until it is one that nothing else has.
const ATTEMPTS: u32 = 64;
/// So many marks are a secret.
const SHORTEST: usize = 4;

/// A place where a value stands.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Field {
    pub(crate) secret: SecretId,
    pub(crate) field: String,
    pub(crate) kind: Kind,
}

/// What the secrets hold. It renames nothing.
#[derive(Default, Clone)]
pub(crate) struct Found {
    pub(crate) values: BTreeMap<Vec<u8>, BTreeSet<Field>>,
    pub(crate) logins: BTreeSet<(Vec<u8>, Vec<u8>)>,
    pub(crate) hosts: BTreeSet<String>,
    pub(crate) secret: Option<SecretId>,
}

impl Renaming for Found {
    fn leaf(&mut self, value: &[u8], at: &At) -> Vec<u8> {
        let places = self.values.entry(value.to_vec()).or_default();
        if let Some(secret) = self.secret.clone() {
            places.insert(Field { secret, field: shown(at), kind: at.kind });
        }
        value.to_vec()
    }

    fn host(&mut self, host: &[u8]) -> Vec<u8> {
        self.hosts.insert(String::from_utf8_lossy(host).into_owned());
        host.to_vec()
    }

    fn login(&mut self, user: &[u8], password: &[u8]) {
        if !password.is_empty() {
            self.logins.insert((user.to_vec(), password.to_vec()));
        }
    }
}

/// The place of a value for people.
pub(crate) fn shown(at: &At) -> String {
    match &at.key {
        Some(key) => format!("{} of {key}", at.field),
        None => at.field.clone(),
    }
}

impl Found {
    /// Invents a value for each. One without is left out.
    pub(crate) fn invent(&self, random: &mut StdRng) -> BTreeMap<Vec<u8>, Vec<u8>> {
        let mut invented = BTreeMap::new();
        let mut used = BTreeSet::new();
        for value in self.values.keys() {
            let new = (0..ATTEMPTS)
                .map(|_| invent(value, random))
                .find(|new| !self.values.contains_key(new) && !used.contains(new));
            match new {
                Some(new) => {
                    used.insert(new.clone());
                    invented.insert(value.clone(), new);
                }
                None if !is_secret(value) => {
                    invented.insert(value.clone(), value.clone());
                }
                None => {}
            }
        }
        invented
    }
}

/// Whether a value without another of its shape is more than marks of a document, or bytes that the
/// kubelet does not tell from each other.
fn is_secret(value: &[u8]) -> bool {
    let value = String::from_utf8_lossy(value);
    let is_mark = |letter: &char| {
        "{}[]:,\"'0\u{fffd}".contains(*letter) || letter.is_whitespace() || letter.is_control()
    };
    let rest: Vec<char> = value.chars().filter(|letter| !is_mark(letter)).collect();
    rest.len() >= SHORTEST || rest.iter().any(|letter| letter.is_alphanumeric())
}

/// Replaces the values that were found.
pub(crate) struct Renamer<'a> {
    pub(crate) invented: &'a BTreeMap<Vec<u8>, Vec<u8>>,
    /// None keeps the hosts.
    pub(crate) hosts: Option<&'a Hosts>,
    /// The place of the first value that nothing could be invented for.
    pub(crate) failed: Option<String>,
}

impl Renaming for Renamer<'_> {
    fn leaf(&mut self, value: &[u8], at: &At) -> Vec<u8> {
        self.invented.get(value).cloned().unwrap_or_else(|| {
            self.failed.get_or_insert_with(|| shown(at));
            vec![b'x'; value.len()]
        })
    }

    fn host(&mut self, host: &[u8]) -> Vec<u8> {
        let rename = |hosts: &Hosts| hosts.rename(&String::from_utf8_lossy(host)).into_bytes();
        self.hosts.map_or_else(|| host.to_vec(), rename)
    }
}
