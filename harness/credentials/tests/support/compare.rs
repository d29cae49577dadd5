//! This crate's answer to a question, and whether a kubelet's is the same.

use pullproof_credentials::{
    ConfigError, Image, ImageError, Keyring, KeyringError, KubernetesVersion, Lookup, PullSecret,
};
use secrecy::ExposeSecret as _;

use super::question::{Answer, Bytes, Question, Tried};

/// What this crate says to a question.
pub enum Outcome {
    Image(ImageError),
    Secret(Box<KeyringError>),
    Found { image: Image, lookup: Lookup },
}

impl Outcome {
    /// Asks this crate.
    pub fn of(question: &Question, version: KubernetesVersion) -> Self {
        let text = String::from_utf8_lossy(&question.image.0);
        let image = match Image::parse(&text, version) {
            Ok(image) => image,
            Err(error) => return Self::Image(error),
        };
        match Keyring::new(&pull_secrets(question), version) {
            Ok(keyring) => Self::Found { lookup: keyring.lookup(&image), image },
            Err(error) => Self::Secret(Box::new(error)),
        }
    }

    /// Says it as the kubelet's command does.
    pub fn answer(&self) -> Answer {
        let error = |error: String| Answer { error, name: String::new(), tried: Vec::new() };
        match self {
            Self::Image(reason) => error(format!("image {}", class_of_image(*reason))),
            Self::Secret(reason) => error(format!("secret {}", class_of_secret(&reason.error))),
            Self::Found { image, lookup } => {
                let tried = lookup.tried.iter().map(|credential| Tried {
                    secret: i64::try_from(credential.place).unwrap_or(i64::MAX),
                    user: Bytes(credential.user_bytes().to_vec()),
                    password: Bytes(
                        credential
                            .password()
                            .map(|it| it.expose_secret().to_vec())
                            .unwrap_or_default(),
                    ),
                });
                Answer { error: String::new(), name: image.repository(), tried: tried.collect() }
            }
        }
    }

    /// Whether a kubelet's answer is the same, but for the order of what has none.
    pub fn agrees_with(&self, kubelets: &Answer) -> bool {
        let ours = self.answer();
        let Self::Found { lookup, .. } = self else { return ours == *kubelets };
        let mut ours = ours;
        let mut theirs = kubelets.clone();
        if theirs.tried.len() != ours.tried.len() {
            return false;
        }
        for (mine, kubelets) in ours.tried.iter_mut().zip(&theirs.tried) {
            if kubelets.secret < 0 {
                mine.secret = kubelets.secret;
            }
        }
        let mut start = 0;
        for group in lookup.tried.chunk_by(|a, b| {
            a.order_is_random && a.place == b.place && a.compared_as == b.compared_as
        }) {
            let end = start + group.len();
            ours.tried[start..end].sort();
            theirs.tried[start..end].sort();
            start = end;
        }
        ours == theirs
    }
}

fn pull_secrets(question: &Question) -> Vec<PullSecret> {
    let named = question.secrets.iter().enumerate();
    let filled = named.map(|(place, secret)| {
        let empty = PullSecret::new("namespace", place.to_string(), secret.kind.as_str());
        let with = |filled: PullSecret, (key, value): (&String, &Bytes)| {
            filled.with_data(key.as_str(), value.0.clone())
        };
        secret.data.iter().fold(empty, with)
    });
    filled.collect()
}

fn class_of_image(error: ImageError) -> &'static str {
    match error {
        ImageError::Identifier => "identifier",
        ImageError::Uppercase => "uppercase",
        ImageError::TooLong => "long",
        ImageError::DigestAlgorithm => "digest-algorithm",
        ImageError::DigestLength => "digest-length",
        ImageError::DigestFormat => "digest-format",
        ImageError::Format => "format",
    }
}

fn class_of_secret(error: &ConfigError) -> String {
    match error {
        ConfigError::Syntax(error) => format!("syntax {}", error.offset),
        ConfigError::Type { .. } => "type".to_owned(),
        ConfigError::Base64 { offset, .. } => format!("base64 {offset}"),
        ConfigError::NoColon { .. } => "colon".to_owned(),
    }
}
