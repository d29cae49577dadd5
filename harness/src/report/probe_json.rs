//! What a registry answered from here, as JSON.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::Serialize;

use crate::probe::{Answers, Asked, Failure, Identity, LoginAnswer, Outcome};

/// What a registry answers for an image, asked from where pullproof ran and not from the node, whose
/// network, authorities and mirrors may differ.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct ProbeJson {
    /// The image.
    image: String,
    /// The answer without credentials.
    anonymous: OutcomeJson,
    /// The answer to the credentials of each key that are sent, in the order in which the kubelet tries
    /// them.
    credentials: Vec<CredentialsJson>,
    /// Every request in its order, those among them that were refused before they were sent.
    requests: Vec<RequestJson>,
}

/// The answer to credentials.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct CredentialsJson {
    /// The secret.
    secret: String,
    /// The key.
    key: String,
    /// The user.
    user: String,
    /// The answer.
    answer: OutcomeJson,
}

/// What becomes of asking for a manifest: one of these, or none if the registry did not ask for
/// credentials, so that they were not sent.
#[derive(Debug, Default, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct OutcomeJson {
    /// The status of the registry's answer.
    status: Option<u16>,
    /// The status of the token server's answer, if it granted no token.
    token_status: Option<u16>,
    /// Why there is no answer.
    failure: Option<Failure>,
}

/// One request.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct RequestJson {
    /// The method: HEAD for the registry, GET or POST for a token server.
    method: String,
    /// The address without credentials and query.
    url: String,
    /// The user whose credentials, or whose token, it carried.
    user: Option<String>,
    /// The secret of those.
    secret: Option<String>,
    /// The answer's status.
    status: Option<u16>,
    /// Why there is no answer.
    failure: Option<Failure>,
}

impl ProbeJson {
    pub(super) fn of(answers: &Arc<Answers>) -> Self {
        Self {
            image: answers.image.clone(),
            anonymous: answers.anonymous.into(),
            credentials: answers.logins.iter().map(CredentialsJson::from).collect(),
            requests: answers.requests.iter().map(RequestJson::from).collect(),
        }
    }
}

impl From<&LoginAnswer> for CredentialsJson {
    fn from(login: &LoginAnswer) -> Self {
        Self {
            secret: login.secret.clone(),
            key: login.key.clone(),
            user: login.user.clone(),
            answer: login.outcome.into(),
        }
    }
}

impl From<Outcome> for OutcomeJson {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Status(status) => Self { status: Some(status), ..Self::default() },
            Outcome::TokenRefused(status) => Self { token_status: Some(status), ..Self::default() },
            Outcome::Failed(failure) => Self { failure: Some(failure), ..Self::default() },
            Outcome::NotChallenged => Self::default(),
        }
    }
}

impl From<&Asked> for RequestJson {
    fn from(asked: &Asked) -> Self {
        let (user, secret) = match &asked.identity {
            Identity::Nobody => (None, None),
            Identity::User { user, secret } => (Some(user.clone()), Some(secret.clone())),
        };
        Self {
            method: asked.method.to_string(),
            url: asked.url.clone(),
            user,
            secret,
            status: asked.outcome.ok(),
            failure: asked.outcome.err(),
        }
    }
}
