//! The words of a case for faults: which requests they meet, and what happens to those.

use std::collections::BTreeMap;

use hyper::header::{CONNECTION, HeaderName, HeaderValue, TRANSFER_ENCODING};
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, de::Error as _};

use super::{RequestKind, bounds};

/// A fault the gateway injects. Without a filter it meets every request, without `nth` each of them.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Fault {
    /// Part of the request's path, for example `/manifests/` or `/blobs/`.
    #[serde(default)]
    pub path: Option<String>,
    /// The method, for example `HEAD`.
    #[serde(default)]
    pub method: Option<String>,
    /// What the request is about.
    #[serde(default)]
    pub kind: Option<RequestKind>,
    /// The user: of Basic credentials, of the form of a token request, or a bearer token's subject.
    #[serde(default)]
    pub user: Option<String>,
    /// Only requests that carry (true) or lack (false) credentials: an Authorization header, or user
    /// and password in the form of a token request.
    #[serde(default)]
    pub authorized: Option<bool>,
    /// Only the n-th request that matches, counted from 1.
    #[serde(default, deserialize_with = "bounds::nth")]
    #[schemars(range(min = 1))]
    pub nth: Option<u64>,
    /// What happens to it.
    pub action: FaultAction,
}

impl Fault {
    /// A fault that meets every request.
    pub fn new(action: FaultAction) -> Self {
        Self {
            path: None,
            method: None,
            kind: None,
            user: None,
            authorized: None,
            nth: None,
            action,
        }
    }
}

/// What the gateway does instead of, or to, the container's answer.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub enum FaultAction {
    /// Answers with this status and an OCI error body.
    Status(
        #[serde(deserialize_with = "bounds::status")]
        #[schemars(range(min = 200, max = 599))]
        u16,
    ),
    /// Answers 429 with `Retry-After` in seconds.
    TooManyRequests(u64),
    /// Answers in the container's place.
    Answer(OwnAnswer),
    /// Waits this many milliseconds before it passes the request on.
    #[serde(rename = "latency")]
    Delay(u64),
    /// Closes the connection without an answer.
    #[serde(rename = "resetPeer")]
    Reset,
    /// Ends the body after this many bytes.
    #[serde(rename = "limitData")]
    Cut(u64),
    /// Flips one byte of the body.
    #[serde(rename = "corrupt")]
    Flip,
    /// Answers 307 to the same path on another registry of the case.
    Redirect(String),
    /// The same, to a name that differs from the first registry's in more than the port.
    #[serde(rename = "redirectToOtherHost")]
    RedirectAway(String),
    /// Turns the container's 401 into this status, dropping the challenge.
    #[serde(rename = "withoutChallenge")]
    Unchallenged(
        #[serde(deserialize_with = "bounds::status")]
        #[schemars(range(min = 200, max = 599))]
        u16,
    ),
    /// Changes headers of the answer, whether the container's or the token server's. A body is cut
    /// at a `Content-Length` that is too small.
    Headers(Headers),
    /// Keeps these headers of the request from the container: one without `Range` is answered whole.
    Ignore(
        #[serde(deserialize_with = "header_names")]
        #[schemars(inner(regex(pattern = bounds::HEADER)))]
        Vec<String>,
    ),
}

/// An answer of the case's own.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OwnAnswer {
    /// The status. Default 200.
    #[serde(default = "ok", deserialize_with = "bounds::status")]
    #[schemars(range(min = 200, max = 599))]
    pub status: u16,
    /// The headers. `Content-Length` is the body's where it is not given.
    #[serde(default)]
    pub headers: Headers,
    /// The body.
    #[serde(default)]
    pub body: String,
}

fn ok() -> u16 {
    200
}

/// Headers by name, in any spelling. In their values `$HOST` is the host that the client asked.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
pub struct Headers(
    #[serde(deserialize_with = "headers")]
    #[schemars(extend("propertyNames" = {"pattern": bounds::HEADER}))]
    pub BTreeMap<String, HeaderValues>,
);

impl Headers {
    /// Returns the names in a line.
    pub fn names(&self) -> String {
        self.0.keys().map(String::as_str).collect::<Vec<_>>().join(", ")
    }
}

/// The values of a header: each is sent in a line of its own; without one the header is removed.
#[derive(Debug, Clone, Default, PartialEq, Eq, JsonSchema)]
#[schemars(with = "Option<ValuesForm>")]
pub struct HeaderValues(pub Vec<String>);

#[derive(JsonSchema)]
#[schemars(untagged)]
#[expect(dead_code, reason = "only its schema is used")]
enum ValuesForm {
    One(ValueForm),
    Several(Vec<ValueForm>),
}

#[derive(JsonSchema)]
#[schemars(untagged)]
#[expect(dead_code, reason = "only its schema is used")]
enum ValueForm {
    Text(#[schemars(regex(pattern = r"^[^\x00-\x08\x0a-\x1f\x7f]*$"))] String),
    Number(f64),
}

impl<'de> Deserialize<'de> for HeaderValues {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let values = match serde_json::Value::deserialize(from)? {
            serde_json::Value::Null => Vec::new(),
            serde_json::Value::Array(all) => all,
            one => vec![one],
        };
        let text = |value| match value {
            serde_json::Value::String(text) => Ok(text),
            serde_json::Value::Number(number) => Ok(number.to_string()),
            other => Err(D::Error::custom(format!(
                "`{other}` cannot be the value of a header; expected a text, a list of texts, or \
                 null, which removes the header"
            ))),
        };
        values.into_iter().map(text).collect::<Result<_, _>>().map(Self)
    }
}

fn headers<'de, D: Deserializer<'de>>(from: D) -> Result<BTreeMap<String, HeaderValues>, D::Error> {
    let headers = BTreeMap::<String, HeaderValues>::deserialize(from)?;
    for (name, values) in &headers {
        header_name(name).map_err(D::Error::custom)?;
        if let Some(value) = values.0.iter().find(|value| HeaderValue::from_str(value).is_err()) {
            let problem = format!("{value:?} cannot be the value of a header; expected one line");
            return Err(D::Error::custom(problem));
        }
    }
    Ok(headers)
}

fn header_names<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<String>, D::Error> {
    let names = Vec::<String>::deserialize(from)?;
    names.iter().try_for_each(|name| header_name(name)).map_err(D::Error::custom)?;
    Ok(names)
}

fn header_name(name: &str) -> Result<(), String> {
    match HeaderName::try_from(name) {
        Ok(known) if known == CONNECTION || known == TRANSFER_ENCODING => {
            Err(format!("`{name}` is the connection's own and cannot be changed"))
        }
        Ok(_) => Ok(()),
        Err(_) => Err(format!("{name:?} is not the name of a header")),
    }
}
