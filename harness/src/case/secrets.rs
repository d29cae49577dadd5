//! Every password that a case carries, wherever it stands: the right ones, the wrong ones, old ones.
//!
//! Registries and steps have theirs in places of their own. Manifests, patches, commands, files of the
//! node and files beside the case are read for what holds secrets in them: values of `password`,
//! `auth` and the like in JSON and YAML, in base64 and in strings of JSON as well, what a Secret
//! holds, options and standard input of `login`, `Authorization` headers, URLs.

use std::collections::BTreeSet;

use base64::{
    Engine, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use super::{CaseFile, model::Auth};

mod text;

/// Values nested deeper are left: no program writes them.
const DEPTH: u8 = 5;

/// The secrets of a case, and of the files that its commands find.
pub fn secrets(file: &CaseFile, files: &[String]) -> Vec<SecretString> {
    let mut found = Found::default();
    for registry in file.case.registries.values() {
        match &registry.auth {
            Auth::None => {}
            Auth::Basic(users) => users.iter().for_each(|(user, secret)| found.pair(user, secret)),
            Auth::Token(token) => {
                token.users.iter().for_each(|(name, user)| found.pair(name, &user.password));
            }
        }
    }
    for (_, step) in file.steps() {
        let users = step.registry.as_ref().and_then(|change| change.users.as_ref());
        users.into_iter().flatten().for_each(|(user, secret)| found.pair(user, secret));
        if let Some(patch) = &step.patch {
            if patch.object.starts_with("secret/") {
                found.entries(&patch.merge);
            }
            found.value(&patch.merge, DEPTH);
        }
        if let Some(run) = &step.run {
            found.text(&run.command, DEPTH);
            if let Some(stdin) = &run.stdin {
                found.text(stdin, DEPTH);
                if run.command.contains(text::STDIN) {
                    found.secret(stdin);
                }
            }
        }
        for text in step.node.iter().flat_map(|node| node.files.values()) {
            found.text(text, DEPTH);
        }
    }
    file.objects.values().flatten().for_each(|object| found.value(object, DEPTH));
    files.iter().for_each(|text| found.text(text, DEPTH));
    found.into_secrets()
}

/// The secrets of a text that was to be a case or a manifest, whatever is wrong with it.
pub(super) fn secrets_of_text(text: &str) -> Vec<SecretString> {
    let mut found = Found::default();
    found.text(text, DEPTH);
    if let Ok(value) = serde_saphyr::from_str::<Value>(text) {
        found.misplaced(&value, false);
    }
    found.into_secrets()
}

/// What was found so far.
#[derive(Default)]
struct Found {
    secrets: BTreeSet<String>,
    /// Names, which reports are to show even where somebody's password is the same.
    users: BTreeSet<String>,
}

impl Found {
    fn pair(&mut self, user: &str, secret: &SecretString) {
        self.user(user);
        self.secret(secret.expose_secret());
    }

    fn user(&mut self, user: &str) {
        self.users.insert(user.to_owned());
    }

    /// Adds a secret, also without the line end that a file brings.
    fn secret(&mut self, secret: &str) {
        for secret in [secret, secret.trim_end_matches(['\n', '\r'])] {
            if !secret.trim().is_empty() {
                self.secrets.insert(secret.to_owned());
            }
        }
    }

    /// Adds a secret from where a variable may stand for it.
    fn written(&mut self, secret: &str) {
        if !is_variable(secret) {
            self.secret(secret);
        }
    }

    /// An `auth`: base64 of user and password, or what somebody wrote in its place.
    fn auth(&mut self, auth: &str) {
        let decoded = decoded(auth);
        if decoded.is_none() {
            self.secret(auth);
        }
        let text = decoded.as_deref().unwrap_or(auth);
        match text.split_once(':') {
            Some((user, secret)) => {
                self.user(user);
                self.secret(secret);
            }
            None => self.secret(text),
        }
    }

    /// What stands under a key of an object or beside one in a text.
    fn keyed(&mut self, key: &str, secret: &str) {
        match Key::of(key) {
            Some(Key::Auth) => self.auth(secret),
            Some(Key::Secret) => {
                self.written(secret);
                // It may be of a Secret's data.
                decoded(secret).iter().for_each(|secret| self.written(secret));
            }
            Some(Key::User) => self.user(secret),
            None => {}
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

    /// What a Secret, or a patch of one, holds is secret, but for what names users and servers.
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

    /// An entry of a Secret.
    fn entry(&mut self, key: &str, text: &str) {
        self.text(text, DEPTH);
        let structured = text.trim_start().starts_with(['{', '[']) || text.contains(": ");
        match Key::of(key) {
            Some(_) => self.keyed(key, text),
            None if structured || key == "ca.crt" || key == "tls.crt" => {}
            None => self.auth(text),
        }
    }

    /// What stands where a password may have been written by mistake.
    fn misplaced(&mut self, value: &Value, here: bool) {
        match value {
            Value::String(text) if here => {
                if !["none", "basic", "token"].contains(&text.as_str()) {
                    self.secret(text);
                }
            }
            Value::Number(number) if here => self.secret(&number.to_string()),
            Value::Array(all) => all.iter().for_each(|one| self.misplaced(one, here)),
            Value::Object(map) => {
                for (key, value) in map {
                    let names = ["auth", "basic", "users", "password"].contains(&key.as_str());
                    self.misplaced(value, here || names);
                }
            }
            _ => {}
        }
    }

    fn into_secrets(self) -> Vec<SecretString> {
        let Self { secrets, users } = self;
        let hidden = |secret: String| match users.contains(&secret) {
            // Where it follows its user, as everywhere it would take the user from the reports.
            true => format!("{secret}:{secret}"),
            false => secret,
        };
        secrets.into_iter().map(|secret| hidden(secret).into()).collect()
    }
}

/// What a key has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Key {
    Auth,
    Secret,
    User,
}

impl Key {
    fn of(key: &str) -> Option<Self> {
        let plain: String =
            key.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_lowercase();
        match plain.as_str() {
            "auth" => Some(Self::Auth),
            "username" | "user" | "login" | "email" | "server" | "registry" | "account" => {
                Some(Self::User)
            }
            "token" | "pass" | "pwd" | "secretkey" | "sshprivatekey" | "tlskey" => {
                Some(Self::Secret)
            }
            _ if ["password", "passwd", "identitytoken", "registrytoken"].contains(&&*plain)
                || ["accesstoken", "refreshtoken", "bearertoken", "clientsecret", "apikey"]
                    .contains(&&*plain)
                || plain.ends_with("password")
                || plain.ends_with("secretaccesskey") =>
            {
                Some(Self::Secret)
            }
            _ => None,
        }
    }
}

/// Whether a shell or the harness puts something else in its place.
fn is_variable(text: &str) -> bool {
    let name = text.strip_prefix('$').map(|name| name.trim_matches(['{', '}']));
    text.starts_with("$(")
        || name.is_some_and(|name| {
            name.chars().all(|c| c.is_ascii_alphanumeric() && !c.is_ascii_lowercase() || c == '_')
        })
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
