//! The answer for an image: what the kubelet tries, and why it passes over the rest.

use std::borrow::Cow;
use std::fmt;

use secrecy::{ExposeSecret as _, SecretSlice};

use crate::config::{ConfigError, Entry};
use crate::difference::Difference;
use crate::key::MatchedBy;
use crate::secret::{Format, NearSecret, SecretId};
use crate::url::UrlError;

/// Which credentials the kubelet tries for an image, and every secret and key that it does not use.
#[derive(Debug, Clone)]
pub struct Lookup {
    /// The credentials in the order in which the kubelet tries them, until a pull succeeds. If there
    /// are none it pulls without; after any, it does not (`PullImage` in
    /// `pkg/kubelet/kuberuntime/kuberuntime_image.go`). Equal ones are all tried.
    pub tried: Vec<Credential>,
    /// What is not used, in the order of the secrets.
    pub passed_over: Vec<PassedOver>,
}

/// Credentials of one key of one secret that match an image.
#[derive(Debug, Clone)]
pub struct Credential {
    /// The secret.
    pub secret: SecretId,
    /// The place of the secret in the pod's list of those that exist.
    pub place: usize,
    /// The key as it is written, but for a password before the host: `user:***@registry`.
    pub key: String,
    /// The key as it is compared: without scheme, user and API version.
    pub compared_as: String,
    /// How the image matches it.
    pub matched_by: MatchedBy,
    /// Whether the secret has the same key in another spelling that is tried next to this one, in an
    /// order that is random: the kubelet goes through the keys of a secret as a Go map has them.
    pub order_is_random: bool,
    /// Whether containerd sends them when the registry asks.
    pub sent: Sent,
    pub(crate) entry: Entry,
}

/// Whether containerd sends credentials that the kubelet tries. Otherwise it pulls without any
/// (`ParseAuth` in internal/cri/server/images/image_pull.go and core/remotes/docker/authorizer.go
/// of containerd).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sent {
    /// It does.
    Yes,
    /// There is neither user name nor password. The program that keeps them, a `credsStore` or a
    /// `credHelpers` of config.json, is on another machine.
    Helper(String),
    /// There is only an identity token or a registry token, which the kubelet does not read.
    Token,
    /// There is neither user name nor password.
    Empty,
    /// There is a password without a user name.
    NoUser,
    /// There is a user name without a password.
    NoPassword,
}

impl Credential {
    /// Returns the user name.
    pub fn user(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.entry.user)
    }

    /// Returns the user name byte by byte: that of an `auth` need not be UTF-8.
    pub fn user_bytes(&self) -> &[u8] {
        &self.entry.user
    }

    /// Returns the password, to be compared and not to be shown.
    pub fn password(&self) -> Option<&SecretSlice<u8>> {
        self.entry.password.as_ref()
    }

    /// Whether two credentials have the same user name and password.
    pub fn is_same_login(&self, other: &Self) -> bool {
        let password = |credential: &Self| -> Vec<u8> {
            credential.password().map(|it| it.expose_secret().to_vec()).unwrap_or_default()
        };
        self.entry.user == other.entry.user && password(self) == password(other)
    }
}

impl fmt::Display for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {} as {}", self.key, self.secret.name, self.user())
    }
}

/// A secret, or one of its keys, that the kubelet does not use for an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PassedOver {
    /// The secret.
    pub secret: SecretId,
    /// The key as it is written, but for a password before the host, if the reason is about one.
    pub key: Option<String>,
    /// Why.
    pub reason: Reason,
}

/// Why a secret or a key is not used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    /// The pod's namespace has no such secret. The kubelet warns and goes on without it.
    Absent(Option<NearSecret>),
    /// Its type is not one of a pull secret, so that it is ignored without a word.
    WrongType {
        /// Its type.
        kind: String,
        /// The format of its data, if it has the data key of one.
        data: Option<Format>,
    },
    /// Its data lacks the key that belongs to its type, so that it is ignored without a word.
    WrongDataKey {
        /// The key that it has to have.
        expected: &'static str,
        /// The keys that it has.
        found: Vec<String>,
    },
    /// Its data is empty, so that it is ignored without a word.
    EmptyData,
    /// Its data cannot be decoded, which fails the pull before it begins.
    Undecodable {
        /// Why.
        error: ConfigError,
        /// Whether a `.dockercfg` holds a whole config.json.
        wrapped: bool,
    },
    /// It is not reached or not used, for another secret of the pod cannot be decoded.
    Neighbour(SecretId),
    /// It has no keys.
    NoKeys(NoKeys),
    /// `auths` is a key of a `.dockercfg`: a config.json that had to be unwrapped.
    Wrapped,
    /// The key is not a URL. The kubelet logs it.
    NotUrl(UrlError),
    /// The image's own host is not a URL's, so that no key matches it.
    ImageNotUrl(UrlError),
    /// The image differs in these things from the key.
    Mismatch(Vec<Difference>),
    /// It is Docker Hub's, which is used only if no other key matches.
    OtherKeyMatches(String),
}

/// What a decoded secret has in the place of keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoKeys {
    /// The name of a program on another machine that keeps all credentials: `credsStore`.
    Store(String),
    /// Names of programs on another machine that keep those of some hosts: `credHelpers`.
    Helpers(Vec<String>),
    /// Keys that are not under `auths`.
    Unwrapped,
    /// Nothing.
    Nothing,
}

impl Reason {
    /// Whether a person may well have meant the secret or key for the image.
    pub fn is_near(&self) -> bool {
        match self {
            Self::Mismatch(differences) => differences.iter().all(Difference::is_near),
            Self::Absent(near) => near.is_some(),
            Self::WrongType { data, .. } => data.is_some(),
            _ => true,
        }
    }
}

/// One line of a table of secrets and keys.
#[derive(Debug, Clone, Copy)]
pub struct Row<'a> {
    /// The secret.
    pub secret: &'a SecretId,
    /// The key, if the line is about one.
    pub key: Option<&'a str>,
    /// What comes of it.
    pub use_of: UseOf<'a>,
}

/// What comes of a secret or a key for an image.
#[derive(Debug, Clone, Copy)]
pub enum UseOf<'a> {
    /// It matches and is tried.
    Tried(&'a Credential),
    /// It is not used.
    PassedOver(&'a Reason),
}

impl Lookup {
    /// Returns all as one list: what is tried in its order, then what is not.
    pub fn rows(&self) -> impl Iterator<Item = Row<'_>> {
        let tried = self.tried.iter().map(|credential| Row {
            secret: &credential.secret,
            key: Some(&credential.key),
            use_of: UseOf::Tried(credential),
        });
        tried.chain(self.passed_over.iter().map(|passed| Row {
            secret: &passed.secret,
            key: passed.key.as_deref(),
            use_of: UseOf::PassedOver(&passed.reason),
        }))
    }

    /// Returns the credentials that containerd sends, in the order in which they are tried.
    pub fn sent(&self) -> impl Iterator<Item = &Credential> {
        self.tried.iter().filter(|credential| credential.sent == Sent::Yes)
    }
}
