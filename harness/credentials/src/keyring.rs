//! The keyring of a pod (`MakeDockerKeyring` in `pkg/credentialprovider/secrets/secrets.go`, `Add` and
//! `Lookup` in `pkg/credentialprovider/keyring.go`).

use std::collections::BTreeMap;

use crate::config::{self, Config, ConfigError, Entry};
use crate::difference::differences;
use crate::key::{self, DOCKER_HUB, Key, MatchedBy};
use crate::lookup::{Credential, Lookup, NoKeys, PassedOver, Reason, Sent};
use crate::secret::{AbsentSecret, Format, PodSecrets, PullSecret, SecretId};
use crate::url::Url;
use crate::version::Rules;
use crate::{Image, KubernetesVersion};

/// The credentials of a pod's secrets, by their keys.
#[derive(Debug, Clone)]
pub struct Keyring {
    /// The keys in the order in which they are tried: from the last in the alphabet to the first, so
    /// that a longer path precedes a shorter one.
    keys: Vec<IndexedKey>,
    /// What is not used for any image.
    passed_over: Vec<Placed>,
    rules: Rules,
}

/// One key of one secret, or more in other spellings.
#[derive(Debug, Clone)]
struct IndexedKey {
    key: Key,
    /// In the order of the secrets.
    entries: Vec<IndexedEntry>,
}

#[derive(Debug, Clone)]
struct IndexedEntry {
    secret: SecretId,
    place: usize,
    key: String,
    sent: Sent,
    entry: Entry,
}

/// Something passed over, with the place of its secret in the pod's list.
type Placed = (usize, PassedOver);

/// A secret that cannot be decoded. The kubelet then uses none, also of the pod's other secrets, and
/// shows the cause as the container's waiting reason and message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the secret {} cannot be decoded, so that no secret of the pod is used: {error}", secret.name)]
pub struct KeyringError {
    /// The first such secret.
    pub secret: SecretId,
    /// Its place in the pod's list of secrets that exist.
    pub place: usize,
    /// Why.
    pub error: ConfigError,
    /// All secrets of the pod, with their reasons.
    pub passed_over: Vec<PassedOver>,
}

impl Keyring {
    /// Builds the keyring of a pod that has these secrets, in the pod's order.
    ///
    /// # Errors
    /// The first secret that cannot be decoded.
    pub fn new(secrets: &[PullSecret], version: KubernetesVersion) -> Result<Self, KeyringError> {
        Self::build(secrets, &[], version)
    }

    /// Builds the keyring of a pod, and passes over the secrets that do not exist.
    ///
    /// # Errors
    /// The first secret that cannot be decoded.
    pub fn of_pod(secrets: &PodSecrets, version: KubernetesVersion) -> Result<Self, KeyringError> {
        Self::build(&secrets.found, &secrets.absent, version)
    }

    fn build(
        secrets: &[PullSecret],
        absent: &[AbsentSecret],
        version: KubernetesVersion,
    ) -> Result<Self, KeyringError> {
        let mut builder =
            Builder { rules: version.rules(), keys: BTreeMap::new(), passed_over: Vec::new() };
        for (place, secret) in secrets.iter().enumerate() {
            if let Err((error, wrapped)) = builder.add(place, secret) {
                let passed_over = neighbours(secrets, absent, place, &error, wrapped);
                return Err(KeyringError { secret: secret.id(), place, error, passed_over });
            }
        }
        builder
            .passed_over
            .extend(absent.iter().map(|absent| (usize::MAX, passed_over_absent(absent))));
        let keys = builder.keys.into_values().rev().collect();
        Ok(Self { keys, passed_over: builder.passed_over, rules: version.rules() })
    }

    /// Returns what the kubelet tries for an image, and why it does not use the rest.
    pub fn lookup(&self, image: &Image) -> Lookup {
        let url = key::url_of(image, self.rules);
        let matching = |indexed: &&IndexedKey| match (&url, &indexed.key.url) {
            (Ok(image), Ok(key)) => key::matches(key, image),
            _ => false,
        };
        let (mut used, mut unused): (Vec<_>, Vec<_>) = self.keys.iter().partition(matching);
        let by_default = used.is_empty() && image.is_docker_hub();
        if by_default {
            let is_hub = |indexed: &&IndexedKey| indexed.key.normalised == DOCKER_HUB;
            (used, unused) = unused.into_iter().partition(is_hub);
        }
        let tried: Vec<_> =
            used.iter().flat_map(|indexed| indexed.credentials(&url, by_default)).collect();
        let mut passed_over = self.passed_over.clone();
        for indexed in unused {
            let reason = indexed.reason(&url, image, tried.first());
            passed_over
                .extend(indexed.entries.iter().map(|entry| entry.passed_over(reason.clone())));
        }
        passed_over.sort_by_key(|(place, _)| *place);
        let passed_over = passed_over.into_iter().map(|(_, passed)| passed).collect();
        Lookup { tried, passed_over }
    }
}

impl IndexedKey {
    fn credentials(
        &self,
        image: &Result<Url, crate::UrlError>,
        by_default: bool,
    ) -> impl Iterator<Item = Credential> {
        let matched_by = match (&self.key.url, image) {
            (Ok(key), Ok(image)) if !by_default => MatchedBy::of(key, image),
            _ => MatchedBy::DockerHub,
        };
        let mut of_place: BTreeMap<usize, usize> = BTreeMap::new();
        for entry in &self.entries {
            *of_place.entry(entry.place).or_default() += 1;
        }
        self.entries.iter().map(move |entry| Credential {
            secret: entry.secret.clone(),
            place: entry.place,
            key: entry.key.clone(),
            compared_as: self.key.shown(),
            matched_by,
            order_is_random: of_place.get(&entry.place).is_some_and(|&spellings| spellings > 1),
            sent: entry.sent.clone(),
            entry: entry.entry.clone(),
        })
    }

    /// Why it is not used.
    fn reason(
        &self,
        image_url: &Result<Url, crate::UrlError>,
        image: &Image,
        tried: Option<&Credential>,
    ) -> Reason {
        match (&self.key.url, image_url, tried) {
            (Err(error), ..) => Reason::NotUrl(*error),
            (_, Err(error), _) => Reason::ImageNotUrl(*error),
            (_, _, Some(other)) if image.is_docker_hub() && self.key.normalised == DOCKER_HUB => {
                Reason::OtherKeyMatches(other.key.clone())
            }
            (Ok(key), Ok(url), _) => Reason::Mismatch(differences(key, url, image)),
        }
    }
}

impl IndexedEntry {
    fn passed_over(&self, reason: Reason) -> Placed {
        (
            self.place,
            PassedOver { secret: self.secret.clone(), key: Some(self.key.clone()), reason },
        )
    }
}

/// A keyring that secrets are being added to.
struct Builder {
    rules: Rules,
    keys: BTreeMap<Vec<u8>, IndexedKey>,
    passed_over: Vec<Placed>,
}

impl Builder {
    /// Adds the keys of a secret, or passes over it. An error says whether the document is wrapped.
    fn add(&mut self, place: usize, secret: &PullSecret) -> Result<(), (ConfigError, bool)> {
        let (format, document) = match usable(secret) {
            Ok(usable) => usable,
            Err(reason) => {
                self.pass_over(place, secret, None, reason);
                return Ok(());
            }
        };
        let legacy = format == Format::Legacy;
        let wrapped = legacy && config::is_wrapped(document);
        let decode = if legacy { config::decode_legacy } else { config::decode };
        let config = decode(document).map_err(|error| (error, wrapped))?;
        if config.entries.is_empty() {
            self.pass_over(place, secret, None, Reason::NoKeys(no_keys(&config)));
        }
        for (key, entry) in &config.entries {
            if wrapped && key == "auths" {
                self.pass_over(place, secret, Some(key), Reason::Wrapped);
                continue;
            }
            self.add_key(place, secret, key, entry, &config);
        }
        Ok(())
    }

    fn add_key(
        &mut self,
        place: usize,
        secret: &PullSecret,
        text: &str,
        entry: &Entry,
        config: &Config,
    ) {
        let key = match Key::parse(text, self.rules) {
            Ok(key) => key,
            Err(error) => return self.pass_over(place, secret, Some(text), Reason::NotUrl(error)),
        };
        let entry = IndexedEntry {
            secret: secret.id(),
            place,
            key: key::shown(text),
            sent: sent(text, entry, config),
            entry: entry.clone(),
        };
        let indexed = self.keys.entry(key.normalised.clone());
        indexed.or_insert(IndexedKey { key, entries: Vec::new() }).entries.push(entry);
    }

    fn pass_over(&mut self, place: usize, secret: &PullSecret, key: Option<&str>, reason: Reason) {
        let key = key.map(key::shown);
        self.passed_over.push((place, PassedOver { secret: secret.id(), key, reason }));
    }
}

/// The format and the data of a secret that the kubelet decodes.
fn usable(secret: &PullSecret) -> Result<(Format, &[u8]), Reason> {
    let Some(format) = Format::of_type(&secret.kind) else {
        let formats = [Format::Json, Format::Legacy];
        let data = formats.into_iter().find(|format| secret.data(format.data_key()).is_some());
        return Err(Reason::WrongType { kind: secret.kind.clone(), data });
    };
    match secret.data(format.data_key()) {
        None => {
            Err(Reason::WrongDataKey { expected: format.data_key(), found: secret.data_keys() })
        }
        Some([]) => Err(Reason::EmptyData),
        Some(document) => Ok((format, document)),
    }
}

fn no_keys(config: &Config) -> NoKeys {
    if let Some(store) = &config.store {
        NoKeys::Store(store.clone())
    } else if !config.helpers.is_empty() {
        NoKeys::Helpers(config.helpers.values().cloned().collect())
    } else if config.unwrapped {
        NoKeys::Unwrapped
    } else {
        NoKeys::Nothing
    }
}

fn sent(key: &str, entry: &Entry, config: &Config) -> Sent {
    match (entry.user.is_empty(), entry.has_password()) {
        (false, true) => Sent::Yes,
        (false, false) => Sent::NoPassword,
        (true, true) => Sent::NoUser,
        (true, false) if entry.token => Sent::Token,
        (true, false) => match config.helpers.get(key).or(config.store.as_ref()) {
            Some(helper) => Sent::Helper(helper.clone()),
            None => Sent::Empty,
        },
    }
}

/// What each secret of a pod is passed over for when the one at `place` cannot be decoded.
fn neighbours(
    secrets: &[PullSecret],
    absent: &[AbsentSecret],
    place: usize,
    error: &ConfigError,
    wrapped: bool,
) -> Vec<PassedOver> {
    let reasons = secrets.iter().enumerate().map(|(other, secret)| {
        let reason = match usable(secret) {
            _ if other == place => Reason::Undecodable { error: error.clone(), wrapped },
            Err(reason) => reason,
            Ok(_) => Reason::Neighbour(secrets[place].id()),
        };
        PassedOver { secret: secret.id(), key: None, reason }
    });
    reasons.chain(absent.iter().map(passed_over_absent)).collect()
}

fn passed_over_absent(absent: &AbsentSecret) -> PassedOver {
    let reason = Reason::Absent(absent.near.clone());
    PassedOver { secret: absent.id.clone(), key: None, reason }
}
