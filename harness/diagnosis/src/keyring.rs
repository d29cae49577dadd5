//! What a look-up of an image in the pod's pull secrets found.
//!
//! The types say only what a diagnosis needs and hold no password; [`crate::pull_secrets`] makes them
//! of the kubelet's own rules.

use serde::{Deserialize, Serialize};

use crate::cause::Cause;

/// What is known of the credentials the kubelet had for an image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Lookup {
    /// The secrets may not be read; nothing follows from that.
    Unreadable,
    /// The secrets were read.
    Read(Keyring),
}

/// The credentials of an image: those that match, and why the others do not.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Keyring {
    /// The credentials tried, in the kubelet's order (`pkg/credentialprovider/keyring.go`).
    #[serde(default)]
    pub tried: Vec<Tried>,
    /// The secrets and keys passed over.
    #[serde(default)]
    pub passed: Vec<Passed>,
}

/// One credential that matches the image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tried {
    /// The secret's name.
    pub secret: String,
    /// The key in it that matched.
    pub key: String,
    /// The user name.
    #[serde(default)]
    pub user: Option<String>,
    /// When the password expires, where the password itself says so (ECR).
    #[serde(default)]
    pub expires: Option<jiff::Timestamp>,
}

/// A secret, or one key in it, that does not serve the image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Passed {
    /// The secret's name.
    pub secret: String,
    /// The key in it, where the reason is about one.
    #[serde(default)]
    pub key: Option<String>,
    /// Why it was passed over.
    pub why: Why,
}

/// Why a secret or key does not serve an image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Why {
    /// There is no such secret in the pod's namespace, nor elsewhere as far as is known.
    Absent,
    /// The secret is in another namespace only.
    OtherNamespace {
        /// That namespace.
        namespace: String,
    },
    /// The secret's type is not that of a pull secret.
    WrongType {
        /// The type it has.
        found: String,
    },
    /// The type is right and the data key is not.
    WrongDataKey {
        /// The data key there is, if any.
        found: Option<String>,
    },
    /// The content cannot be decoded.
    Undecodable {
        /// Where and how decoding stopped, without content.
        detail: String,
    },
    /// The key matches, but user name and password are empty.
    Empty {
        /// The credential store the configuration refers to.
        store: Option<String>,
    },
    /// The key misses the image by one part.
    Near(Near),
    /// The key is for something else altogether.
    Elsewhere,
}

/// In which part a key misses the image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Near {
    /// The port.
    Port,
    /// The scheme or the API version behind the host.
    Scheme,
    /// The path.
    Path,
    /// The number of labels, which a wildcard does not bridge.
    Labels,
    /// The host, by a letter or two.
    Host,
}

impl Why {
    /// Returns the cause that this reason amounts to if no other credential matches.
    #[must_use]
    pub const fn cause(&self) -> Cause {
        match self {
            Self::Absent => Cause::SecretAbsent,
            Self::OtherNamespace { .. } => Cause::SecretOtherNamespace,
            Self::WrongType { .. } => Cause::SecretWrongType,
            Self::WrongDataKey { .. } => Cause::SecretWrongKey,
            Self::Undecodable { .. } => Cause::SecretUndecodable,
            Self::Empty { .. } => Cause::SecretEmpty,
            Self::Near(_) => Cause::KeyMismatch,
            Self::Elsewhere => Cause::NoCredentials,
        }
    }

    /// How much the reason says about this image: what nearly served it first.
    const fn weight(&self) -> u8 {
        match self {
            Self::Empty { .. } => 0,
            Self::Near(_) => 1,
            Self::Undecodable { .. } => 2,
            Self::WrongDataKey { .. } => 3,
            Self::WrongType { .. } => 4,
            Self::OtherNamespace { .. } => 5,
            Self::Absent => 6,
            Self::Elsewhere => 7,
        }
    }
}

impl Keyring {
    /// Returns the distinct causes of what was passed over, strongest first.
    #[must_use]
    pub fn causes(&self) -> Vec<Cause> {
        let mut passed: Vec<_> = self.passed.iter().collect();
        passed.sort_by_key(|passed| passed.why.weight());
        let mut causes = Vec::new();
        for cause in passed.into_iter().map(|passed| passed.why.cause()) {
            if !causes.contains(&cause) {
                causes.push(cause);
            }
        }
        if causes.len() > 1 {
            // A key for something else explains nothing beside one that nearly matched.
            causes.retain(|cause| *cause != Cause::NoCredentials);
        }
        causes
    }
}
