//! Requests that were alike, counted.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Authorization, Origin, Request, RequestKind};

/// Requests of the node on behalf of the same user with the same answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestSummary {
    /// Whether a token was requested.
    pub token: bool,
    /// On whose behalf; the scopes of a bearer token are left out.
    pub authorization: Authorization,
    /// The status; absent if the connection was closed without an answer.
    pub status: Option<u16>,
    /// How many there were.
    pub count: usize,
}

impl RequestSummary {
    /// Returns the summaries of the node's requests, in the order in which each first occurred.
    pub fn of(all: &[Request]) -> Vec<Self> {
        let mut summaries: Vec<Self> = Vec::new();
        for request in all.iter().filter(|request| request.from == Origin::Node) {
            let one = Self::of_one(request);
            match summaries.iter_mut().find(|known| known.is_like(&one)) {
                Some(known) => known.count += 1,
                None => summaries.push(one),
            }
        }
        summaries
    }

    fn of_one(request: &Request) -> Self {
        let authorization = match request.authorization.clone() {
            Authorization::Bearer { subject, .. } => {
                Authorization::Bearer { subject, scopes: Vec::new() }
            }
            other => other,
        };
        let token = request.kind == RequestKind::Token;
        Self { token, authorization, status: request.status, count: 1 }
    }

    /// Returns the sender and the aim: `basic janedoe`, `token for basic janedoe`.
    pub fn sender(&self) -> String {
        let token = if self.token { "token for " } else { "" };
        format!("{token}{}", self.authorization)
    }

    /// Whether they have the same sender, aim and answer, however many there were.
    pub fn is_like(&self, other: &Self) -> bool {
        self.has_sender_of(other) && self.status == other.status
    }

    /// Whether they have the same sender and aim.
    pub fn has_sender_of(&self, other: &Self) -> bool {
        (self.token, &self.authorization) == (other.token, &other.authorization)
    }
}

/// Without the count: `token for basic janedoe 200`.
impl fmt::Display for RequestSummary {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.status {
            Some(status) => write!(to, "{} {status}", self.sender()),
            None => write!(to, "{} no answer", self.sender()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    #[test]
    fn requests_are_counted_by_sender_and_answer() {
        let requests = sample::requests(
            "node HEAD /v2/a/manifests/v1 - 401
             node HEAD /v2/a/manifests/v1 a 200
             control HEAD /v2/a/manifests/v1 - 401
             node GET /v2/a/blobs/0 a 200
             node GET /v2/b/manifests/v1 - 401
             node GET /pullproof/token a -",
        );
        let all = RequestSummary::of(&requests);
        let words: Vec<String> = all.iter().map(|one| format!("{one} ×{}", one.count)).collect();
        assert_eq!(words, ["anonymous 401 ×2", "basic a 200 ×2", "token for basic a no answer ×1"]);
    }
}
