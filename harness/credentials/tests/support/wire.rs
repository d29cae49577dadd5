//! What `scripts/keyring` reads and writes, one JSON object a line.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

/// Bytes, which are base64 in JSON.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Bytes(pub Vec<u8>);

impl Serialize for Bytes {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(&self.0))
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Option::<String>::deserialize(deserializer)?.unwrap_or_default();
        STANDARD.decode(text).map(Self).map_err(serde::de::Error::custom)
    }
}

/// The pull secrets of a pod and the image of a container.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Input {
    pub secrets: Vec<Secret>,
    pub image: Bytes,
}

/// A pull secret, which its place names.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Secret {
    #[serde(rename = "type")]
    pub kind: String,
    pub data: BTreeMap<String, Bytes>,
}

/// What the kubelet makes of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Output {
    /// The class of the error that keeps it from trying any credentials.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub error: String,
    /// The repository that is looked up.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// The credentials in their order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tried: Vec<Tried>,
}

/// Credentials that the kubelet tries.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Tried {
    /// The place of the secret; -1 if the version does not keep it.
    pub secret: i64,
    pub user: Bytes,
    pub password: Bytes,
}
