//! Why a registry container is not there or not as it should be.

use testcontainers::TestcontainersError;

use super::READY;
use crate::registry::client::ClientError;
use crate::registry::htpasswd::HtpasswdError;
use crate::registry::jwt::SigningError;

/// Why a registry container is not there or not as it should be.
#[derive(Debug, thiserror::Error)]
pub enum ContainerError {
    /// Docker does not answer.
    #[error("Docker does not answer; run scripts/setup, which starts or installs it")]
    NoDocker(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The image is not there.
    #[error("there is no image {image}; run scripts/setup, which brings it")]
    NoImage {
        /// The image.
        image: String,
    },
    /// The container did not start.
    #[error("failed to start a registry container")]
    Start(#[source] Box<TestcontainersError>),
    /// Docker published no port.
    #[error("Docker published no port of the registry container on 127.0.0.1")]
    NotPublished,
    /// The container ended.
    #[error("the registry container ended instead of serving; its log:\n{log}")]
    Ended {
        /// What it wrote.
        log: String,
    },
    /// The container did not serve in time.
    #[error("the registry container did not answer /v2/ within {} s; its log:\n{log}", READY.as_secs())]
    NotReady {
        /// What it wrote.
        log: String,
        /// What was seen last.
        #[source]
        last: ClientError,
    },
    /// New users were not accepted in time.
    #[error("the registry container did not take its new users within {} s", READY.as_secs())]
    UsersNotTaken,
    /// Users that cannot be written.
    #[error(transparent)]
    Htpasswd(#[from] HtpasswdError),
    /// Its files could not be prepared.
    #[error("failed to write the files of a registry container")]
    Files(#[source] std::io::Error),
    /// A file could not be brought into it.
    #[error("failed to write {file} into the registry container")]
    Upload {
        /// The file.
        file: &'static str,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// It could not be removed.
    #[error("failed to remove a registry container")]
    Remove(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// One of an earlier run does not serve any more.
    #[error("the registry container of an earlier run does not answer")]
    Silent,
    /// No key for tokens.
    #[error(transparent)]
    Signing(#[from] SigningError),
    /// A request to it failed.
    #[error(transparent)]
    Client(#[from] ClientError),
}
