//! Which credentials a kubelet uses for an image, and why it passes over the others.
//!
//! The rules are those of Kubernetes' `pkg/credentialprovider` from 1.27 to 1.37, proved against it
//! by `scripts/keyring-differential`. Nothing here reads a cluster: secrets come in as values.
//!
//! ```
//! use pullproof_credentials::{Difference, Image, Keyring, KubernetesVersion, PullSecret, Reason};
//!
//! let version = KubernetesVersion::new(37, 2);
//! let config = r#"{"auths": {
//!     "https://registry.example/v1/": {"auth": "amFuZTpodW50ZXIy"},
//!     "registry.example:5000": {"username": "jane", "password": "hunter2"}
//! }}"#;
//! let secrets = [PullSecret::docker_config_json("team", "regcred", config)];
//! let lookup = Keyring::new(&secrets, version)?.lookup(&Image::parse("registry.example/app", version)?);
//!
//! assert_eq!(lookup.tried[0].to_string(), "https://registry.example/v1/ of regcred as jane");
//! assert!(matches!(
//!     &lookup.passed_over[0].reason,
//!     Reason::Mismatch(differences) if matches!(differences[..], [Difference::Port { .. }])
//! ));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod base64;
mod config;
mod difference;
mod glob;
mod image;
mod json;
mod key;
mod keyring;
mod lookup;
mod secret;
mod syntax;
mod url;
mod version;

pub use config::ConfigError;
pub use difference::{Difference, HostDifference, PathDifference};
pub use image::{Image, ImageError};
pub use json::Kind;
pub use key::{MatchedBy, label_matches};
pub use keyring::{Keyring, KeyringError};
pub use lookup::{Credential, Lookup, NoKeys, PassedOver, Reason, Row, Sent, UseOf};
pub use secret::{
    AbsentSecret, Format, ListedBy, NearSecret, PodSecrets, PullSecret, SecretId, effective_secrets,
};
pub use syntax::{SyntaxError, SyntaxKind};
pub use url::UrlError;
pub use version::{KubernetesVersion, VersionError};
