//! Every password that a case carries, wherever it stands: the right ones, the wrong ones, old ones.
//!
//! Some have a place of their own: users of registries, passwords of expected requests. In manifests,
//! patches, commands and files it is what stands under a key that names one (`password`, `auth`), what a
//! Secret holds, and what a command line gives a program as one; read as JSON, YAML and base64 in
//! any nesting.

use std::collections::BTreeSet;

use base64::{
    Engine, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use super::{
    CaseFile,
    model::{Auth, Verb},
};

mod text;

/// Texts nested deeper in texts are left: no program writes them.
const DEPTH: u8 = 5;

/// The secrets of a case, and of the files that its commands find.
pub fn secrets(file: &CaseFile) -> Vec<SecretString> {
    let mut found = Found::default();
    for registry in file.case.registries.values() {
        match &registry.auth {
            // Hashes are no passwords.
            Auth::None | Auth::Htpasswd(_) => {}
            Auth::Basic(users) => found.users(users),
            Auth::Token(token) => {
                found.users(token.users.iter().map(|(name, user)| (name, &user.password)));
            }
        }
    }
    for (_, step) in file.steps() {
        step.verb.action().secrets(&mut found);
    }
    for toml in file.case.hosts.values().filter_map(|hosts| hosts.toml.as_ref()) {
        found.file(toml);
    }
    file.objects.values().flatten().for_each(|object| found.value(object, DEPTH));
    if file.steps().any(|(_, step)| matches!(step.verb, Verb::Run(_))) {
        for (_, bytes) in file.fixtures.files() {
            found.file(&String::from_utf8_lossy(&bytes));
        }
    }
    found.into_secrets()
}

/// What was found so far.
#[derive(Default)]
pub(super) struct Found {
    secrets: BTreeSet<String>,
    /// Names of users, which reports show: a password that is the same is none.
    users: BTreeSet<String>,
}

impl Found {
    fn into_secrets(self) -> Vec<SecretString> {
        self.secrets.difference(&self.users).cloned().map(SecretString::from).collect()
    }

    /// Adds the passwords of users.
    pub(super) fn users<'a>(
        &mut self,
        users: impl IntoIterator<Item = (&'a String, &'a SecretString)>,
    ) {
        for (name, secret) in users {
            self.users.insert(name.clone());
            self.password(secret);
        }
    }

    /// Adds a password.
    pub(super) fn password(&mut self, password: &SecretString) {
        self.secret(password.expose_secret());
    }

    /// Adds those of a command line and of its standard input.
    pub(super) fn command_with_stdin(&mut self, command: &str, stdin: Option<&str>) {
        self.text(command, DEPTH);
        if let Some(stdin) = stdin {
            self.text(stdin, DEPTH);
            if command.contains(text::STDIN) {
                self.secret(stdin);
            }
        }
    }

    /// Adds those of what is merged into an object.
    pub(super) fn merged(&mut self, into_secret: bool, merge: &Value) {
        if into_secret {
            self.entries(merge);
        }
        self.value(merge, DEPTH);
    }

    /// Adds those of a file.
    pub(super) fn file(&mut self, text: &str) {
        self.text(text, DEPTH);
    }

    /// Adds a secret, but no variable that stands for one, and without the line end of a file.
    fn secret(&mut self, secret: &str) {
        let secret = secret.trim_end_matches(['\n', '\r']);
        let name = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || "_{}".contains(c);
        let variable = secret.strip_prefix('$').is_some_and(|rest| {
            rest.starts_with('(') || (!rest.is_empty() && rest.chars().all(name))
        });
        if !variable && !secret.trim().is_empty() {
            self.secrets.insert(secret.to_owned());
        }
    }

    /// An `auth`: base64 of user and password, or what somebody wrote in its place.
    fn auth(&mut self, auth: &str) {
        let decoded = decoded(auth);
        if decoded.is_none() {
            self.secret(auth);
        }
        let text = decoded.as_deref().unwrap_or(auth);
        self.secret(text.split_once(':').map_or(text, |(_, secret)| secret));
    }

    /// What stands under a key.
    fn keyed(&mut self, key: &str, secret: &str) {
        match Key::of(key) {
            Key::Auth => self.auth(secret),
            Key::Secret => {
                self.secret(secret);
                // It may be one of a Secret's data.
                decoded(secret).iter().for_each(|secret| self.secret(secret));
            }
            Key::User | Key::Other => {}
        }
    }

    fn value(&mut self, value: &Value, depth: u8) {
        match value {
            Value::String(text) => self.text(text, depth),
            Value::Array(all) => all.iter().for_each(|one| self.value(one, depth)),
            Value::Object(map) => {
                if value["kind"] == "Secret" {
                    self.entries(value);
                }
                for (key, value) in map {
                    match value {
                        Value::String(text) => self.keyed(key, text),
                        Value::Number(number) => self.keyed(key, &number.to_string()),
                        _ => {}
                    }
                    self.value(value, depth);
                }
            }
            _ => {}
        }
    }

    /// What a Secret, or a patch of one, holds.
    fn entries(&mut self, object: &Value) {
        for (field, encoded) in [("stringData", false), ("data", true)] {
            for (key, value) in object[field].as_object().into_iter().flatten() {
                let Some(text) = value.as_str() else { continue };
                match decoded(text).filter(|_| encoded) {
                    Some(decoded) => self.entry(key, &decoded),
                    None => self.entry(key, text),
                }
            }
        }
    }

    /// An entry of a Secret: a secret, unless it names a user or is a file with keys of its own.
    fn entry(&mut self, key: &str, text: &str) {
        self.text(text, DEPTH);
        let is_file = text.trim_start().starts_with(['{', '[']) || text.contains(": ");
        match Key::of(key) {
            Key::User => {}
            Key::Other if !is_file => self.secret(text),
            _ => self.keyed(key, text),
        }
    }
}

/// What stands under a key.
enum Key {
    /// Base64 of user and password.
    Auth,
    Secret,
    User,
    Other,
}

impl Key {
    fn of(key: &str) -> Self {
        let letters = key.chars().filter(char::is_ascii_alphabetic).collect::<String>();
        match letters.to_lowercase().as_str() {
            "auth" => Self::Auth,
            "username" | "user" | "login" | "email" | "server" | "registry" => Self::User,
            key if ["password", "passwd", "token"].iter().any(|end| key.ends_with(end)) => {
                Self::Secret
            }
            _ => Self::Other,
        }
    }
}

/// What base64 of either alphabet stands for, if that is a text.
fn decoded(text: &str) -> Option<String> {
    const ANY_PADDING: GeneralPurposeConfig = GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true);
    const ENGINE: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, ANY_PADDING);
    let plain = |c: char| match c {
        '-' => '+',
        '_' => '/',
        other => other,
    };
    let text: String = text.chars().filter(|c| !c.is_whitespace()).map(plain).collect();
    let decoded = String::from_utf8(ENGINE.decode(text).ok()?).ok()?;
    let printable = decoded.chars().all(|c| !c.is_control() || c.is_whitespace());
    (printable && !decoded.is_empty()).then_some(decoded)
}

#[cfg(test)]
mod tests;
