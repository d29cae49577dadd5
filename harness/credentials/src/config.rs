//! What a pull secret's data says, as the kubelet decodes it (`pkg/credentialprovider/config.go`).

use std::collections::BTreeMap;

use secrecy::{ExposeSecret as _, SecretSlice};

use crate::base64;
use crate::json::{Kind, Value};
use crate::key;
use crate::syntax::SyntaxError;

/// Why the data of a pull secret cannot be decoded. The kubelet then uses none of the pod's secrets.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// It is not JSON.
    #[error(transparent)]
    Syntax(#[from] SyntaxError),
    /// A value of another kind than the kubelet decodes it into.
    #[error("{at} is {found}, not {expected}")]
    Type {
        /// Where it stands: names from the top of the document, with dots between them.
        at: String,
        /// What it has to be.
        expected: Kind,
        /// What it is.
        found: Kind,
    },
    /// An `auth` that is not base64.
    #[error("auth of {key} is not base64 from byte {offset} on")]
    Base64 {
        /// The key that the `auth` belongs to.
        key: String,
        /// The byte that the kubelet's message names: "illegal base64 data at input byte 4".
        offset: usize,
    },
    /// An `auth` that decodes to something without a colon.
    #[error("auth of {key} has no colon: it is not the base64 of user:password")]
    NoColon {
        /// The key that the `auth` belongs to.
        key: String,
    },
}

impl ConfigError {
    /// Returns the text that the kubelet shows as the container's waiting reason and message, unless
    /// it is one of encoding/json, which change with the release of Go.
    pub fn kubelet_text(&self) -> Option<String> {
        match self {
            Self::Base64 { offset, .. } => {
                Some(format!("illegal base64 data at input byte {offset}"))
            }
            Self::NoColon { .. } => {
                let text =
                    "unable to parse auth field, must be formatted as base64(username:password)";
                Some(text.to_owned())
            }
            Self::Syntax(_) | Self::Type { .. } => None,
        }
    }
}

/// What stands under one key.
#[derive(Debug, Clone, Default)]
pub(crate) struct Entry {
    pub(crate) user: Vec<u8>,
    pub(crate) password: Option<SecretSlice<u8>>,
    /// There is a token, which the kubelet does not read.
    pub(crate) token: bool,
}

impl Entry {
    pub(crate) fn has_password(&self) -> bool {
        self.password.as_ref().is_some_and(|password| !password.expose_secret().is_empty())
    }
}

/// A decoded document: its keys as written, and what there is beside them.
#[derive(Debug, Default)]
pub(crate) struct Config {
    pub(crate) entries: BTreeMap<String, Entry>,
    /// `credsStore`, the program that keeps the credentials of all keys.
    pub(crate) store: Option<String>,
    /// `credHelpers`, the programs of single hosts.
    pub(crate) helpers: BTreeMap<String, String>,
    /// Members at the top that look like keys, which belong under `auths`.
    pub(crate) unwrapped: bool,
}

/// Decodes a `.dockerconfigjson`: the content of Docker's config.json.
pub(crate) fn decode(document: &[u8]) -> Result<Config, ConfigError> {
    let top = Value::parse(document)?;
    let mut config = Config::default();
    let mut errors = FirstError::default();
    errors.expect("the document", top, Kind::Object);
    for (name, value) in top.members() {
        if same_field(&name, "auths") {
            errors.expect("auths", value, Kind::Object);
            if value.kind() == Kind::Null {
                config.entries.clear();
            }
            // A second `auths` adds to the first.
            decode_entries("auths", value, &mut config.entries)?;
        } else if same_field(&name, "HttpHeaders") {
            errors.expect("HttpHeaders", value, Kind::Object);
            for (header, value) in value.members() {
                errors.expect(&format!("HttpHeaders.{header}"), value, Kind::String);
            }
        } else {
            config.note(&name, value);
        }
    }
    errors.none()?;
    Ok(config)
}

/// Decodes a `.dockercfg`: what stands under `auths` in the newer format.
pub(crate) fn decode_legacy(document: &[u8]) -> Result<Config, ConfigError> {
    let top = Value::parse(document)?;
    let mut errors = FirstError::default();
    errors.expect("the document", top, Kind::Object);
    let mut config = Config::default();
    decode_entries("", top, &mut config.entries)?;
    errors.none()?;
    Ok(config)
}

/// Whether a document is Docker's config.json: it has an object of objects called `auths`.
pub(crate) fn is_wrapped(document: &[u8]) -> bool {
    Value::parse(document).is_ok_and(|top| {
        top.members().any(|(name, value)| {
            name == "auths"
                && value.kind() == Kind::Object
                && value.members().all(|(_, entry)| entry.kind() == Kind::Object)
        })
    })
}

impl Config {
    /// Keeps what the kubelet does not read and a person might have meant.
    fn note(&mut self, name: &str, value: Value<'_>) {
        match name {
            "credsStore" => self.store = value.text().filter(|program| !program.is_empty()),
            "credHelpers" => {
                let helpers = value.members();
                self.helpers =
                    helpers.filter_map(|(host, value)| Some((host, value.text()?))).collect();
            }
            _ => {
                let mut fields = value.members();
                self.unwrapped |= fields.any(|(field, _)| field == "auth" || field == "username");
            }
        }
    }
}

/// Adds the entries of an object. The last of equal keys is the one that counts; but what an earlier
/// one has wrong fails all the same.
fn decode_entries(
    parent: &str,
    object: Value<'_>,
    entries: &mut BTreeMap<String, Entry>,
) -> Result<(), ConfigError> {
    for (key, value) in object.members() {
        let entry = decode_entry(parent, &key, value)?;
        entries.insert(key, entry);
    }
    Ok(())
}

/// Decodes one entry (`UnmarshalJSON` of `DockerConfigEntry`).
fn decode_entry(parent: &str, key: &str, value: Value<'_>) -> Result<Entry, ConfigError> {
    let shown = key::shown(key);
    let at = if parent.is_empty() { shown.clone() } else { format!("{parent}.{shown}") };
    let mut errors = FirstError::default();
    errors.expect(&at, value, Kind::Object);
    let [mut user, mut password, mut email, mut auth] = [const { None }; 4];
    let mut token = false;
    for (name, value) in value.members() {
        let fields = [
            ("username", &mut user),
            ("password", &mut password),
            ("email", &mut email),
            ("auth", &mut auth),
        ];
        match fields.into_iter().find(|(field, _)| same_field(&name, field)) {
            Some((field, kept)) => {
                errors.expect(&format!("{at}.{field}"), value, Kind::String);
                // Null leaves what an equal name before it has set.
                *kept = value.text().or(kept.take());
            }
            None => {
                token |= matches!(name.as_str(), "identitytoken" | "registrytoken")
                    && value.text().is_some_and(|token| !token.is_empty());
            }
        }
    }
    errors.none()?;
    match auth.filter(|auth| !auth.is_empty()) {
        Some(auth) => {
            let (user, password) = decode_auth(&shown, &auth)?;
            Ok(Entry { user, password: Some(password), token })
        }
        None => Ok(Entry {
            user: user.unwrap_or_default().into_bytes(),
            password: password.map(|password| password.into_bytes().into()),
            token,
        }),
    }
}

/// Decodes `auth`, which overrides user name and password (`decodeDockerConfigFieldAuth`).
fn decode_auth(key: &str, auth: &str) -> Result<(Vec<u8>, SecretSlice<u8>), ConfigError> {
    // Space around it does not count for whether it is padded, but makes it undecodable all the same.
    let decoded = base64::decode(auth.as_bytes(), auth.trim().ends_with('='))
        .map_err(|error| ConfigError::Base64 { key: key.to_owned(), offset: error.0 })?;
    match decoded.iter().position(|&byte| byte == b':') {
        Some(colon) => Ok((decoded[..colon].to_vec(), decoded[colon + 1..].to_vec().into())),
        None => Err(ConfigError::NoColon { key: key.to_owned() }),
    }
}

/// Whether a name is that of a field, regardless of case. `ſ` and the Kelvin sign are an s and a k to
/// `foldName` of encoding/json/fold.go.
fn same_field(name: &str, field: &str) -> bool {
    let folded = name.chars().map(|letter| match letter {
        'ſ' => 's',
        '\u{212a}' => 'k',
        other => other.to_ascii_lowercase(),
    });
    folded.eq(field.chars().map(|letter| letter.to_ascii_lowercase()))
}

/// Decoding goes on after a value of the wrong kind and fails at its end with the first of them, if
/// nothing else fails before.
#[derive(Default)]
struct FirstError(Option<ConfigError>);

impl FirstError {
    fn expect(&mut self, at: &str, value: Value<'_>, expected: Kind) {
        let found = value.kind();
        if found != expected && found != Kind::Null && self.0.is_none() {
            self.0 = Some(ConfigError::Type { at: at.to_owned(), expected, found });
        }
    }

    fn none(self) -> Result<(), ConfigError> {
        self.0.map_or(Ok(()), Err)
    }
}
