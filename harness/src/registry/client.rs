//! Requests of the harness's own, to a registry container directly.

use std::net::SocketAddr;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue, LOCATION};
use hyper::{Method, Request, Response, StatusCode, Uri};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use secrecy::{ExposeSecret as _, SecretString};

/// How long an answer may take where nothing else is said, that to a large blob among them.
const LIMIT: Duration = Duration::from_secs(60);

/// The kinds of manifest. To who does not name an index, the registry says that it is not there
/// (registry/handlers/manifests.go of distribution).
const MANIFESTS: &str = "application/vnd.oci.image.manifest.v1+json, \
    application/vnd.oci.image.index.v1+json, \
    application/vnd.docker.distribution.manifest.v2+json, \
    application/vnd.docker.distribution.manifest.list.v2+json";

/// Why a request of the harness's own failed.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The registry did not answer.
    #[error("the registry at {address} does not answer")]
    Silent {
        /// Where it was asked.
        address: SocketAddr,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The registry answered other than it should.
    #[error("the registry answered {status} to {method} {path}: {body}")]
    Unexpected {
        /// The method.
        method: Method,
        /// The path.
        path: String,
        /// The status.
        status: StatusCode,
        /// The beginning of what it said.
        body: String,
    },
    /// The request cannot be written.
    #[error("a request cannot be written")]
    Request(#[from] hyper::http::Error),
}

/// Who the harness is to a registry.
#[derive(Debug, Clone)]
pub enum Credentials {
    /// Nobody.
    None,
    /// A user.
    Basic {
        /// The name.
        user: String,
        /// The password.
        password: SecretString,
    },
    /// The bearer of a token.
    Bearer(SecretString),
}

impl Credentials {
    fn header(&self) -> Option<HeaderValue> {
        let value = match self {
            Self::None => return None,
            Self::Basic { user, password } => {
                let pair = format!("{user}:{}", password.expose_secret());
                format!("Basic {}", STANDARD.encode(pair))
            }
            Self::Bearer(token) => format!("Bearer {}", token.expose_secret()),
        };
        let mut value = HeaderValue::from_str(&value).ok()?;
        value.set_sensitive(true);
        Some(value)
    }
}

/// A client of one registry container, over plain HTTP.
#[derive(Debug, Clone)]
pub struct Direct {
    address: SocketAddr,
    credentials: Credentials,
    client: Client<HttpConnector, Full<Bytes>>,
    limit: Duration,
}

impl Direct {
    /// A client that asks as somebody.
    pub fn new(address: SocketAddr, credentials: Credentials) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        Self {
            address,
            credentials,
            client: Client::builder(TokioExecutor::new()).build(connector),
            limit: LIMIT,
        }
    }

    /// The same client, which waits so long for an answer.
    pub fn within(self, limit: Duration) -> Self {
        Self { limit, ..self }
    }

    /// Sends a request and reads the whole answer.
    pub async fn send(
        &self,
        method: Method,
        path: &str,
        content_type: Option<&str>,
        body: Bytes,
    ) -> Result<Response<Bytes>, ClientError> {
        let uri = format!("http://{}{path}", self.address);
        let mut request = Request::builder().method(method).uri(uri).header(ACCEPT, MANIFESTS);
        if let Some(value) = self.credentials.header() {
            request = request.header(AUTHORIZATION, value);
        }
        if let Some(value) = content_type {
            request = request.header(CONTENT_TYPE, value);
        }
        let request = request.body(Full::new(body))?;
        let silent = |source| ClientError::Silent { address: self.address, source };
        let answer = async {
            let answer =
                self.client.request(request).await.map_err(|error| silent(error.into()))?;
            let (head, body) = answer.into_parts();
            let body = body.collect().await.map_err(|error| silent(error.into()))?.to_bytes();
            Ok(Response::from_parts(head, body))
        };
        let answer = tokio::time::timeout(self.limit, answer).await;
        answer.unwrap_or_else(|elapsed| Err(silent(elapsed.into())))
    }

    /// Sends a request that must get one status.
    pub async fn expect(
        &self,
        wanted: StatusCode,
        method: Method,
        path: &str,
        content_type: Option<&str>,
        body: Bytes,
    ) -> Result<Response<Bytes>, ClientError> {
        let answer = self.send(method.clone(), path, content_type, body).await?;
        if answer.status() == wanted {
            return Ok(answer);
        }
        let body = String::from_utf8_lossy(answer.body()).chars().take(500).collect();
        Err(ClientError::Unexpected {
            method,
            path: path.to_owned(),
            status: answer.status(),
            body,
        })
    }

    /// Brings a blob into a repository.
    pub async fn push_blob(
        &self,
        repository: &str,
        digest: &str,
        data: Bytes,
    ) -> Result<(), ClientError> {
        let begin = format!("/v2/{repository}/blobs/uploads/");
        let begun =
            self.expect(StatusCode::ACCEPTED, Method::POST, &begin, None, Bytes::new()).await?;
        // The host in it is as the container saw it; only path and query lead on.
        let location = begun.headers().get(LOCATION).and_then(|value| value.to_str().ok());
        let Some(path) = location
            .and_then(|location| location.parse::<Uri>().ok())
            .and_then(|uri| uri.path_and_query().map(ToString::to_string))
        else {
            return Err(ClientError::Unexpected {
                method: Method::POST,
                path: begin,
                status: begun.status(),
                body: "no Location to upload to".to_owned(),
            });
        };
        let separator = if path.contains('?') { '&' } else { '?' };
        let path = format!("{path}{separator}digest={digest}");
        let kind = Some("application/octet-stream");
        self.expect(StatusCode::CREATED, Method::PUT, &path, kind, data).await?;
        Ok(())
    }

    /// Brings a manifest into a repository, under a tag or its digest.
    pub async fn push_manifest(
        &self,
        repository: &str,
        reference: &str,
        media_type: &str,
        data: Bytes,
    ) -> Result<(), ClientError> {
        let path = format!("/v2/{repository}/manifests/{reference}");
        self.expect(StatusCode::CREATED, Method::PUT, &path, Some(media_type), data).await?;
        Ok(())
    }

    /// Asks for a manifest of any kind.
    pub async fn manifest(
        &self,
        repository: &str,
        reference: &str,
    ) -> Result<Response<Bytes>, ClientError> {
        let path = format!("/v2/{repository}/manifests/{reference}");
        self.send(Method::GET, &path, None, Bytes::new()).await
    }

    /// Deletes a manifest with its tags. One that is gone already is no error.
    pub async fn delete_manifest(&self, repository: &str, digest: &str) -> Result<(), ClientError> {
        let path = format!("/v2/{repository}/manifests/{digest}");
        let answer = self.send(Method::DELETE, &path, None, Bytes::new()).await?;
        match answer.status() {
            StatusCode::ACCEPTED | StatusCode::NOT_FOUND => Ok(()),
            status => Err(ClientError::Unexpected {
                method: Method::DELETE,
                path,
                status,
                body: String::from_utf8_lossy(answer.body()).chars().take(500).collect(),
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn who_never_answers_is_given_up() {
        // Connections wait in its backlog.
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let client = Direct::new(address, Credentials::None).within(Duration::from_millis(20));
        let answer = client.send(Method::GET, "/v2/", None, Bytes::new()).await;
        assert!(matches!(answer, Err(ClientError::Silent { .. })), "{answer:?}");
    }
}
