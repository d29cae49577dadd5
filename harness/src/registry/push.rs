//! Bringing an image into a registry.

use bytes::Bytes;
use futures::future::try_join_all;

use super::client::{ClientError, Direct};
use crate::image::Image;

/// Why an image is not in its registry.
#[derive(Debug, thiserror::Error)]
pub enum PushError {
    /// No `repository:tag`.
    #[error("{0:?} is no image name: it takes the form repository:tag")]
    Name(String),
    /// No credentials to push with.
    #[error("failed to get credentials to push with")]
    Credentials(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The registry.
    #[error("failed to push {name}")]
    Client {
        /// The image.
        name: String,
        /// Why.
        #[source]
        source: ClientError,
    },
}

/// Splits `repository:tag`.
pub fn split_name(name: &str) -> Result<(&str, &str), PushError> {
    match name.split_once(':') {
        Some((repository, tag)) if !repository.is_empty() && !tag.is_empty() => {
            Ok((repository, tag))
        }
        _ => Err(PushError::Name(name.to_owned())),
    }
}

impl Image {
    /// Pushes the image to a repository, under a tag.
    pub async fn push(
        &self,
        client: &Direct,
        repository: &str,
        tag: &str,
    ) -> Result<(), PushError> {
        self.bring(client, repository, tag)
            .await
            .map_err(|source| PushError::Client { name: format!("{repository}:{tag}"), source })
    }

    async fn bring(&self, client: &Direct, repository: &str, tag: &str) -> Result<(), ClientError> {
        // A manifest is refused while what it refers to is missing.
        try_join_all(
            self.blobs()
                .iter()
                .map(|blob| client.push_blob(repository, &blob.digest, blob.data.clone())),
        )
        .await?;
        let (top, parts) = (self.top(), &self.manifests()[..self.manifests().len() - 1]);
        let put = |reference: String, media_type, data: Bytes| async move {
            client.push_manifest(repository, &reference, media_type, data).await
        };
        try_join_all(
            parts.iter().map(|part| put(part.digest.clone(), part.media_type, part.data.clone())),
        )
        .await?;
        put(tag.to_owned(), top.media_type, top.data.clone()).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_repository_and_tag() {
        assert_eq!(split_name("janedoe/jdoe-private:v1").unwrap(), ("janedoe/jdoe-private", "v1"));
        for name in ["image", ":v1", "image:"] {
            assert!(split_name(name).is_err(), "{name}");
        }
    }
}
