//! The invented values, and where they replace the real ones.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::OnceLock;

use aho_corasick::{AhoCorasick, MatchKind};
use pullproof_credentials::{
    ConfigError, Format, Image, Keyring, KubernetesVersion, PullSecret, SecretId,
};
use secrecy::ExposeSecret as _;

use crate::builder::Builder;
use crate::document::{self, Context};
use crate::forms::{self, forms};
use crate::hosts::Hosts;
use crate::leak::{Leak, SHORTEST_PART, Search, is_searched, is_word};
use crate::registry_key;
use crate::shape::{self, At, Kind, Renaming};
use crate::values::{Found, Renamer};

/// The version by which a document is decoded before and after. Whether it can be decoded is the same
/// for all.
const VERSION: KubernetesVersion = KubernetesVersion::new(34, 0);

/// An invented value for each that the secrets hold.
pub struct Pseudonyms {
    invented: BTreeMap<Vec<u8>, Vec<u8>>,
    hosts: Option<Hosts>,
    found: Found,
    visible: BTreeSet<String>,
    /// Made when the first text is renamed.
    in_texts: OnceLock<InTexts>,
}

/// What is replaced in texts.
struct InTexts {
    search: Option<AhoCorasick>,
    /// By what, and whether it has to be a word.
    replacements: Vec<(Vec<u8>, bool)>,
}

/// A secret of which no invented one has the shape. Nothing of it can be given away.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ShapeError {
    /// A value for which there is no other of its shape.
    #[error("nothing else has the shape of {field} in the secret {}", secret.name)]
    Value {
        /// The secret.
        secret: SecretId,
        /// The name of the field, and the key that it stands under.
        field: String,
    },
    /// Data that the kubelet would refuse otherwise, or not at all.
    #[error("the kubelet would decode an invented {data_key} in the secret {} otherwise", secret.name)]
    Data {
        /// The secret.
        secret: SecretId,
        /// The key of its `data`.
        data_key: String,
    },
}

impl fmt::Debug for Pseudonyms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pseudonyms of {} values", self.invented.len())
    }
}

impl Pseudonyms {
    /// Begins with a seed, from which everything follows. Anyone who knows it can try out secrets: for a
    /// file that is given away it has to be random and forgotten.
    pub fn builder(seed: u64) -> Builder {
        Builder::new(seed)
    }

    pub(crate) fn new(
        invented: BTreeMap<Vec<u8>, Vec<u8>>,
        hosts: Option<Hosts>,
        found: Found,
        visible: BTreeSet<String>,
    ) -> Self {
        Self { invented, hosts, found, visible, in_texts: OnceLock::new() }
    }

    fn in_texts(&self) -> &InTexts {
        self.in_texts.get_or_init(|| {
            let (patterns, replacements): (Vec<_>, Vec<_>) = self.pairs().into_iter().unzip();
            let mut builder = AhoCorasick::builder();
            let search = builder.match_kind(MatchKind::LeftmostLongest).build(patterns);
            InTexts { search: search.ok(), replacements }
        })
    }

    /// Every form of a value with the same form of its pseudonym.
    fn pairs(&self) -> BTreeMap<Vec<u8>, (Vec<u8>, bool)> {
        let mut pairs = BTreeMap::new();
        let searched = self
            .found
            .values
            .iter()
            .filter(|(value, fields)| is_searched(value, fields, &self.visible));
        for (value, new) in
            searched.filter_map(|(value, _)| Some((value, self.invented.get(value)?)))
        {
            for (old, new) in forms(value).into_iter().zip(forms(new)) {
                let as_word = old.len() < SHORTEST_PART;
                pairs.entry(old).or_insert((new, as_word));
            }
        }
        for (user, password) in &self.found.logins {
            let login = [user.as_slice(), b":", password].concat();
            let at = At::new(None, "", Kind::Other);
            let new = shape::login(&login, &at, &mut self.renamer());
            let colon = user.len();
            let forms_of = |login: &[u8]| forms::login(&login[..colon], &login[colon + 1..]);
            for (old, new) in forms_of(&login).into_iter().zip(forms_of(&new)) {
                pairs.entry(old).or_insert((new, false));
            }
        }
        pairs
    }

    fn renamer(&self) -> Renamer<'_> {
        Renamer { invented: &self.invented, hosts: self.hosts.as_ref(), failed: None }
    }

    /// Returns the data of a secret that was added, with what is secret replaced: keys and bytes.
    ///
    /// # Errors
    /// No invented secret has its shape.
    pub fn secret(&self, secret: &PullSecret) -> Result<Vec<(String, Vec<u8>)>, ShapeError> {
        let mut data = Vec::new();
        for (key, value) in secret.entries() {
            let mut renamer = self.renamer();
            let value = value.expose_secret();
            let renamed = rename_data(key, value, &mut renamer);
            if let Some(field) = renamer.failed {
                return Err(ShapeError::Value { secret: secret.id(), field });
            }
            if !is_decoded_alike(key, value, &renamed) {
                return Err(ShapeError::Data { secret: secret.id(), data_key: key.to_owned() });
            }
            data.push((key.to_owned(), renamed));
        }
        Ok(data)
    }

    /// Returns the user and the password that stand in the secrets for real ones. Unlike in
    /// [`Pseudonyms::text`] a user is replaced whose name is a word of an image.
    pub fn login(&self, user: &str, password: &str) -> (String, String) {
        let login = [user.as_bytes(), b":", password.as_bytes()].concat();
        let at = At::new(None, "", Kind::Other);
        let mut new = shape::login(&login, &at, &mut self.renamer());
        // Each character has become one of its length.
        let password = new.split_off(user.len().min(new.len()));
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (text(&new), text(password.get(1..).unwrap_or_default()))
    }

    /// Returns the name of an image, with its host replaced if hosts are.
    pub fn image(&self, image: &str) -> String {
        registry_key::rename_image(image, &mut self.renamer())
    }

    /// Returns a text, such as a message, with every value that was added replaced in whatever form it
    /// stands there, and hosts if they are replaced.
    pub fn text(&self, text: &str) -> String {
        let renamed = self.without_values(text);
        match &self.hosts {
            Some(hosts) => hosts.rename_in(&renamed),
            None => renamed,
        }
    }

    fn without_values(&self, text: &str) -> String {
        let InTexts { search: Some(search), replacements } = self.in_texts() else {
            return String::new();
        };
        let mut renamed: Vec<u8> = Vec::with_capacity(text.len());
        let bytes = text.as_bytes();
        let mut end = 0;
        for hit in search.find_iter(text) {
            let (new, as_word) = &replacements[hit.pattern().as_usize()];
            if !as_word || is_word(bytes, hit.start(), hit.end()) {
                renamed.extend(&bytes[end..hit.start()]);
                renamed.extend(new);
                end = hit.end();
            }
        }
        renamed.extend(&bytes[end..]);
        String::from_utf8_lossy(&renamed).into_owned()
    }

    /// Returns the values of at least six bytes that are anywhere in a finished file: as they are, in
    /// base64 at any place of a longer text and nested, with a user name as an `auth`, in hexadecimal,
    /// with the escapes of URLs, JSON and YAML, or with their halves reversed.
    pub fn leaks(&self, output: &[u8]) -> Vec<Leak> {
        Search::new(&self.found, &self.invented, &self.visible).leaks(output)
    }
}

/// Renames one entry of a secret's data.
pub(crate) fn rename_data(key: &str, value: &[u8], names: &mut dyn Renaming) -> Vec<u8> {
    let at = At::new(None, key, Kind::Other);
    let holds_auths = || value.windows(7).any(|window| window == b"\"auths\"");
    match format(key) {
        Some(Format::Json) => document::rewrite(value, Context::Config, &at, names),
        Some(Format::Legacy) => document::rewrite(value, Context::Auths, &at, names),
        None if holds_auths() => document::rewrite(value, Context::Config, &at, names),
        None if key == "username" => shape::value(value, &At::new(None, key, Kind::User), names),
        None => shape::value(value, &at, names),
    }
}

fn format(data_key: &str) -> Option<Format> {
    [Format::Json, Format::Legacy].into_iter().find(|format| format.data_key() == data_key)
}

/// Whether the kubelet refuses both documents for the same, or takes both.
fn is_decoded_alike(data_key: &str, before: &[u8], after: &[u8]) -> bool {
    let Some(format) = format(data_key) else { return before.len() == after.len() };
    let decode = |document: &[u8]| {
        let secret = PullSecret::new("", "", format.secret_type()).with_data(data_key, document);
        Keyring::new(&[secret], VERSION)
    };
    match (decode(before), decode(after)) {
        (Ok(before), Ok(after)) => is_looked_up_alike(&before, &after),
        (Err(before), Err(after)) => match (before.error, after.error) {
            (
                ConfigError::Base64 { offset: before, .. },
                ConfigError::Base64 { offset: after, .. },
            ) => before == after,
            (
                ConfigError::Type { expected, found, .. },
                ConfigError::Type { expected: after_expected, found: after_found, .. },
            ) => (expected, found) == (after_expected, after_found),
            (ConfigError::NoColon { .. }, ConfigError::NoColon { .. }) => true,
            (before, after) => before == after,
        },
        _ => false,
    }
}

/// Whether both have as many keys.
fn is_looked_up_alike(before: &Keyring, after: &Keyring) -> bool {
    let count = |keyring: &Keyring| {
        let image = Image::parse("registry.invalid/image", VERSION).ok()?;
        Some(keyring.lookup(&image).rows().count())
    };
    count(before) == count(after)
}
