//! What this crate makes of an input, and whether it is the same as a kubelet's output.

use pullproof_credentials::{
    ConfigError, Image, ImageError, Keyring, KeyringError, KubernetesVersion, Lookup, PullSecret,
};
use secrecy::ExposeSecret as _;

use super::wire::{Bytes, Input, Output, Tried};

/// What this crate makes of an input.
pub enum Outcome {
    Image(ImageError),
    Secret(Box<KeyringError>),
    Found { image: Image, lookup: Lookup },
}

impl Outcome {
    /// Looks up the image of an input.
    pub fn of(input: &Input, version: KubernetesVersion) -> Self {
        let text = String::from_utf8_lossy(&input.image.0);
        let image = match Image::parse(&text, version) {
            Ok(image) => image,
            Err(error) => return Self::Image(error),
        };
        match Keyring::new(&pull_secrets(input), version) {
            Ok(keyring) => Self::Found { lookup: keyring.lookup(&image), image },
            Err(error) => Self::Secret(Box::new(error)),
        }
    }

    /// Returns it in the form of the kubelet's command.
    pub fn output(&self) -> Output {
        let error = |error: String| Output { error, name: String::new(), tried: Vec::new() };
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
                Output { error: String::new(), name: image.repository(), tried: tried.collect() }
            }
        }
    }

    /// Whether a kubelet's output is the same, apart from the order of what has none.
    pub fn agrees_with(&self, kubelets: &Output) -> bool {
        let ours = self.output();
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

/// Returns the secrets of an input, each named by its place.
pub fn pull_secrets(input: &Input) -> Vec<PullSecret> {
    let named = input.secrets.iter().enumerate();
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
