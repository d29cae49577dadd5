//! The words of a case for registries, their images and faults, and for what nodes know of them.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use secrecy::SecretString;
use serde::{Deserialize, de::Error as _};

use super::bounds;
use crate::case::forms::{Form, string_or};

/// A registry of a case: a real registry container behind the gateway.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Registry {
    /// How the registry authenticates.
    pub auth: Auth,
    /// The transport the registry speaks and how far the node trusts it.
    #[serde(default)]
    pub tls: Tls,
    /// What is pushed into it before the first step.
    #[serde(default)]
    pub images: Vec<Image>,
    /// Faults the gateway injects from the start.
    #[serde(default)]
    pub faults: Vec<Fault>,
    /// Whether the node is told about this registry by a hosts.toml.
    #[serde(default)]
    pub node: NodeSetting,
}

/// How a registry authenticates.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Auth {
    /// Anyone may pull; never a challenge.
    None,
    /// htpasswd in the container: user to password.
    Basic(
        #[serde(deserialize_with = "bounds::users")]
        #[schemars(with = "BTreeMap<String, String>")]
        BTreeMap<String, SecretString>,
    ),
    /// Bearer tokens from a token server, verified by the container.
    Token(TokenAuth),
}

/// Users and rights of a token server.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TokenAuth {
    /// The users, by name.
    #[serde(default, deserialize_with = "bounds::users")]
    pub users: BTreeMap<String, TokenUser>,
    /// Repositories for which a token is given to anyone.
    #[serde(default)]
    pub public: Vec<String>,
    /// What the token server says to a request without credentials for anything else.
    #[serde(default)]
    pub anonymous: Anonymous,
    /// Which forms of the token request are served.
    #[serde(default)]
    pub forms: TokenForms,
    /// How long a token is valid, in seconds; at most a year.
    #[serde(default = "minute", deserialize_with = "bounds::seconds")]
    #[schemars(range(max = 31_536_000))]
    pub expires: u64,
    /// Changes to the challenge the container sends.
    #[serde(default)]
    pub challenge: Challenge,
}

fn minute() -> u64 {
    60
}

/// A user of a token server.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TokenUser {
    /// The password.
    #[schemars(with = "String")]
    pub password: SecretString,
    /// Repositories the user may pull; absent means all.
    #[serde(default)]
    pub repositories: Option<Vec<String>>,
}

/// How a token server meets requests without credentials for what is not public.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Anonymous {
    /// 401, as Harbor or a private token server does.
    #[default]
    Refused,
    /// A token without the scope asked for, as Docker Hub does.
    Scopeless,
}

/// Which token requests a token server answers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum TokenForms {
    /// POST oauth2 and GET.
    #[default]
    Both,
    /// GET only: POST is 404, as with older token servers.
    Get,
}

/// A challenge other than the right one.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Challenge {
    /// A realm to send in place of the token server's address.
    #[serde(default)]
    pub realm: Option<String>,
    /// A scope to send in place of the one the container asks for.
    #[serde(default)]
    pub scope: Option<String>,
    /// A service to send in place of the right one.
    #[serde(default)]
    pub service: Option<String>,
}

/// The transport of a registry and the node's trust in it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Tls {
    /// Plain HTTP, and the node knows it.
    #[default]
    None,
    /// A certificate of a CA that hosts.toml names.
    Trusted,
    /// A certificate of a CA the node was not told about.
    Untrusted,
    /// A trusted CA, a certificate for another name.
    WrongName,
    /// A trusted CA, a certificate that has expired.
    Expired,
    /// hosts.toml says https, the registry speaks plain HTTP.
    HttpForHttps,
    /// hosts.toml says http, the registry speaks HTTPS.
    HttpsForHttp,
}

/// Whether the node gets a hosts.toml for a registry.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum NodeSetting {
    /// A hosts.toml whose `server` is this registry.
    #[default]
    Hosts,
    /// None: the node resolves the host itself, so the harness gives it as an address and port.
    Nothing,
}

/// An image of a registry, with a digest no other case has.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema)]
#[schemars(with = "ImageForm")]
pub struct Image {
    /// `repository:tag`.
    pub name: String,
    /// Bytes of random data in its layer, to make it large; at most 1 GiB. Default 0.
    pub padding: u64,
    /// What the manifest offers.
    pub platform: Platform,
    /// Another image of the case, by `registry/repository:tag` or `repository:tag`, whose digest this one shares.
    pub same_as: Option<String>,
    /// The name by which manifests and commands know its digest: `DIGEST` for `$DIGEST`.
    pub digest: Option<String>,
}

/// What a node finds behind a tag.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Platform {
    /// A manifest for the node's platform.
    #[default]
    Node,
    /// An index with the node's platform among others.
    Index,
    /// An index that lacks the node's platform.
    Other,
}

#[derive(Deserialize, JsonSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "only its schema is used")]
enum ImageForm {
    Name(String),
    Fields(ImageFields),
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct ImageFields {
    name: String,
    #[serde(default, deserialize_with = "bounds::padding")]
    #[schemars(range(max = 1_073_741_824))]
    padding: u64,
    #[serde(default)]
    platform: Platform,
    #[serde(default)]
    same_as: Option<String>,
    #[serde(default)]
    digest: Option<String>,
}

impl<'de> Deserialize<'de> for Image {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let image = string_or(from, "an image: \"repository:tag\" or its fields", |fields| {
            let ImageFields { name, padding, platform, same_as, digest } = match fields {
                Form::Text(name) => ImageFields {
                    name,
                    padding: 0,
                    platform: Platform::Node,
                    same_as: None,
                    digest: None,
                },
                Form::Fields(fields) => fields,
            };
            Image { name, padding, platform, same_as, digest }
        })?;
        bounds::image_name(&image.name).map_err(D::Error::custom)?;
        Ok(image)
    }
}

/// A fault the gateway injects. Without `path` it meets every request, without `nth` each of them.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Fault {
    /// Part of the request's path, for example `/manifests/` or `/blobs/`.
    #[serde(default)]
    pub path: Option<String>,
    /// The method, for example `HEAD`.
    #[serde(default)]
    pub method: Option<String>,
    /// Only requests that carry (true) or lack (false) credentials: an Authorization header, or user
    /// and password in the form of a token request.
    #[serde(default)]
    pub authorized: Option<bool>,
    /// Only the n-th request that matches, counted from 1.
    #[serde(default, deserialize_with = "bounds::nth")]
    #[schemars(range(min = 1))]
    pub nth: Option<u64>,
    /// What happens to it.
    #[serde(rename = "do")]
    pub action: FaultAction,
}

/// What the gateway does instead of, or to, the container's answer.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum FaultAction {
    /// Answers with this status and an OCI error body.
    Status(
        #[serde(deserialize_with = "bounds::status")]
        #[schemars(range(min = 200, max = 599))]
        u16,
    ),
    /// Answers 429 with `Retry-After` in seconds.
    TooManyRequests(u64),
    /// Waits this many milliseconds before it passes the request on.
    Delay(u64),
    /// Closes the connection without an answer.
    Reset,
    /// Ends the body after this many bytes.
    Cut(u64),
    /// Flips one byte of the body.
    Flip,
    /// Answers 307 to the same path on another registry of the case.
    Redirect(String),
    /// The same, to a name that differs from the first registry's in more than the port.
    RedirectAway(String),
    /// Turns the container's 401 into this status, dropping the challenge.
    Unchallenged(
        #[serde(deserialize_with = "bounds::status")]
        #[schemars(range(min = 200, max = 599))]
        u16,
    ),
}

/// A hosts.toml of the node for one image host, beyond what its registry brings.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Hosts {
    /// The registry of the case that is `server`; absent leaves `server` out.
    #[serde(default)]
    pub server: Option<String>,
    /// Registries of the case that are tried before `server`, in order.
    #[serde(default)]
    pub mirrors: Vec<String>,
}
