//! Secrets that will be there, though no manifest has them.

use std::collections::BTreeSet;

use pullproof_credentials::{Format, Keyring, KubernetesVersion, PullSecret};
use secrecy::{ExposeSecret as _, SecretSlice, SecretString};

/// A secret that somebody creates before the manifests are applied.
#[derive(Debug, Clone)]
pub struct GivenSecret {
    /// Its name.
    pub name: String,
    /// The content of Docker's config.json, if it is not for all registries.
    content: Option<SecretSlice<u8>>,
    /// The password of one for all registries.
    password: SecretString,
}

/// Why a file is not the content of a pull secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("is not a Docker configuration: {0}")]
pub struct GivenError(String);

impl GivenSecret {
    /// Returns a secret that serves all registries.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), content: None, password: "given".into() }
    }

    /// Returns the secret with another password, which counts if it serves all registries.
    #[must_use]
    pub fn with_password(self, password: SecretString) -> Self {
        Self { password, ..self }
    }

    /// Returns a secret with the content of a Docker config.json.
    ///
    /// # Errors
    /// The kubelet could not decode it.
    pub fn with_config(name: impl Into<String>, config: &[u8]) -> Result<Self, GivenError> {
        let secret = PullSecret::docker_config_json("default", "given", config);
        Keyring::new(&[secret], KubernetesVersion::new(37, 2))
            .map_err(|error| GivenError(error.error.to_string()))?;
        Ok(Self { content: Some(config.to_vec().into()), ..Self::new(name) })
    }

    /// Returns the secret of a namespace.
    pub fn pull_secret(&self, namespace: &str, hosts: &BTreeSet<String>) -> PullSecret {
        let content = match &self.content {
            Some(content) => content.expose_secret().to_vec(),
            None => self.for_all(hosts),
        };
        PullSecret::new(namespace, &self.name, Format::Json.secret_type())
            .with_data(Format::Json.data_key(), content)
    }

    /// The user is named as the secret is. No registry but the harness's own has such a user.
    fn for_all(&self, hosts: &BTreeSet<String>) -> Vec<u8> {
        let password = self.password.expose_secret();
        let login = serde_json::json!({"username": self.name, "password": password});
        let auths: serde_json::Map<_, _> = hosts
            .iter()
            .map(|host| {
                let hub = "https://index.docker.io/v1/";
                let key = if host == "docker.io" { hub } else { host };
                (key.to_owned(), login.clone())
            })
            .collect();
        serde_json::json!({ "auths": auths }).to_string().into_bytes()
    }
}
