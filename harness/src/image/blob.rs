//! What a registry holds, by digest.

use std::fmt::Write as _;

use bytes::Bytes;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

/// Bytes with their digest: a layer, a configuration, a manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blob {
    /// Its media type.
    pub media_type: &'static str,
    /// Its digest: `sha256:…`.
    pub digest: String,
    /// What it holds.
    pub data: Bytes,
}

impl Blob {
    pub(super) fn new(media_type: &'static str, data: impl Into<Bytes>) -> Self {
        let data = data.into();
        Self { media_type, digest: digest(&data), data }
    }

    pub(super) fn json(media_type: &'static str, value: &Value) -> Self {
        Self::new(media_type, value.to_string())
    }

    /// How a manifest refers to it.
    pub(super) fn descriptor(&self) -> Value {
        json!({ "mediaType": self.media_type, "digest": self.digest, "size": self.data.len() })
    }
}

/// The digest of bytes.
pub(super) fn digest(data: &[u8]) -> String {
    let mut digest = "sha256:".to_owned();
    for byte in Sha256::digest(data) {
        // Writing to a String cannot fail.
        write!(digest, "{byte:02x}").ok();
    }
    digest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digest_of_nothing_is_the_known_one() {
        assert_eq!(
            digest(b""),
            "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        );
    }
}
