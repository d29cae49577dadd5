//! What a registry answered, as data.

use hyper::Method;
use pullproof_credentials::Credential;
use secrecy::{ExposeSecret as _, SecretString};

use super::Failure;

/// What a registry answers for an image, asked from here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answers {
    /// The image, as it was given.
    pub image: String,
    /// The answer without credentials.
    pub anonymous: Outcome,
    /// The answer to each login, in the order in which the kubelet tries them.
    pub logins: Vec<LoginAnswer>,
    /// Every request in its order, those among them that were refused before they were sent.
    pub requests: Vec<Asked>,
}

/// What becomes of asking for a manifest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The registry answered with this status.
    Status(u16),
    /// The token server answered with this status instead of a token.
    TokenRefused(u16),
    /// The registry did not ask for credentials, so they were not sent.
    NotChallenged,
    /// There was no answer that could be used.
    Failed(Failure),
}

/// The answer to a login.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoginAnswer {
    /// The secret that it is from.
    pub secret: String,
    /// Its key in the secret.
    pub key: String,
    /// The user.
    pub user: String,
    /// What became of it.
    pub outcome: Outcome,
    /// Whether a token server granted a token for it.
    pub granted: bool,
}

/// One request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// The method.
    pub method: Method,
    /// The address, without credentials and in plain ASCII.
    pub url: String,
    /// As whom.
    pub identity: Identity,
    /// The status of the answer, or why there is none.
    pub outcome: Result<u16, Failure>,
}

/// As whom a request is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Identity {
    /// Without credentials.
    Nobody,
    /// With those of a secret, or with a token that was granted for them.
    User {
        /// The name.
        user: String,
        /// The secret.
        secret: String,
    },
}

/// Credentials of a pull secret that containerd sends if the registry asks for them.
#[derive(Debug, Clone)]
pub struct Login {
    pub(super) secret: String,
    pub(super) key: String,
    pub(super) user: String,
    pub(super) password: SecretString,
}

impl Login {
    /// Returns a login with a user name and a password.
    pub fn new(
        secret: impl Into<String>,
        key: impl Into<String>,
        user: impl Into<String>,
        password: SecretString,
    ) -> Self {
        Self { secret: secret.into(), key: key.into(), user: user.into(), password }
    }

    pub(super) fn is_same_as(&self, other: &Self) -> bool {
        self.user == other.user && self.password.expose_secret() == other.password.expose_secret()
    }

    pub(super) fn identity(&self) -> Identity {
        Identity::User { user: self.user.clone(), secret: self.secret.clone() }
    }
}

impl From<&Credential> for Login {
    fn from(credential: &Credential) -> Self {
        let password = credential.password().map(|password| password.expose_secret());
        let password = String::from_utf8_lossy(password.unwrap_or_default()).into_owned();
        let (secret, key) = (credential.secret.name.clone(), credential.key.clone());
        Self { secret, key, user: credential.user().into_owned(), password: password.into() }
    }
}
