//! The words of a case for registries, their images and faults, and for what nodes know of them.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use secrecy::SecretString;
use serde::{Deserialize, de::Error as _};

use super::{Fault, bounds};
use crate::case::forms::{Form, string_or};
use crate::case::{
    names::{VARIABLE, image_pattern},
    variables::variable_name,
};

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
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub enum Auth {
    /// Anyone may pull; never a challenge.
    None,
    /// htpasswd in the container: user to password.
    Basic(
        #[serde(deserialize_with = "bounds::users")]
        #[schemars(with = "BTreeMap<String, String>", extend("propertyNames" = {"pattern": bounds::USER}))]
        BTreeMap<String, SecretString>,
    ),
    /// The htpasswd file of the container as it stands. The container alone decides by it, so a
    /// password of more than 72 bytes counts by its first 72.
    Htpasswd(#[serde(deserialize_with = "bounds::htpasswd")] String),
    /// Bearer tokens from a token server, verified by the container.
    Token(TokenAuth),
}

/// Users and rights of a token server.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("anyOf" = [
    {"required": ["users"], "properties": {"users": {"minProperties": 1}}},
    {"required": ["public"], "properties": {"public": {"minItems": 1}}},
]))]
pub struct TokenAuth {
    /// The users, by name.
    #[serde(default, deserialize_with = "bounds::users")]
    #[schemars(extend("propertyNames" = {"pattern": bounds::USER}))]
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
    /// After how many seconds a token becomes valid; at most a year. Default: at once.
    #[serde(default, rename = "notBefore", deserialize_with = "bounds::seconds")]
    #[schemars(range(max = 31_536_000))]
    pub not_before: u64,
    /// The field of the token server's answer in which the token is.
    #[serde(default)]
    pub field: TokenField,
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
#[serde(rename_all = "camelCase")]
pub enum Anonymous {
    /// 401, as Harbor or a private token server does.
    #[default]
    Refused,
    /// A token without the scope asked for, as Docker Hub does.
    Scopeless,
}

/// Which token requests a token server answers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum TokenForms {
    /// POST oauth2 and GET.
    #[default]
    Both,
    /// GET only: POST is 404, as with older token servers.
    Get,
}

/// The field of an answer that holds the token.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum TokenField {
    /// `token` and `access_token`, as the specification has it for clients of both kinds.
    #[default]
    Both,
    /// `token` alone.
    Token,
    /// `access_token` alone.
    AccessToken,
}

/// A challenge other than the right one. In its values `$HOST` is the host that the client asked.
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
#[serde(rename_all = "camelCase")]
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
    /// A trusted CA, and nobody is let in without a client certificate of it, which hosts.toml names.
    ClientCertificate,
    /// hosts.toml says https, the registry speaks plain HTTP.
    HttpForHttps,
    /// hosts.toml says http, the registry speaks HTTPS.
    HttpsForHttp,
}

/// Whether the node gets a hosts.toml for a registry.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
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
    /// What it is made of.
    pub content: Content,
    /// Another image of the case, by `registry/repository:tag` or `repository:tag`, whose digest this one shares.
    pub same_as: Option<String>,
    /// The name by which manifests and commands know its digest: `DIGEST` for `$DIGEST`.
    pub digest: Option<String>,
}

/// What a node finds behind a tag.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Platform {
    /// A manifest for the node's platform.
    #[default]
    Node,
    /// An index with the node's platform among others.
    Index,
    /// An index that lacks the node's platform.
    Other,
}

/// What is behind a tag, beyond a plain image.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Content {
    /// An image with gzipped layers.
    #[default]
    Image,
    /// An image with layers of zstd.
    Zstd,
    /// An image and its attestations, in an index as BuildKit writes it.
    Attestations,
    /// An OCI artifact that is no image, as a Helm chart is one.
    Artifact,
}

#[derive(JsonSchema)]
#[schemars(untagged, example = "janedoe/jdoe-private:v1")]
#[expect(dead_code, reason = "only its schema is used")]
enum ImageForm {
    /// `repository:tag`.
    Name(#[schemars(regex(pattern = image_pattern()))] String),
    Fields(ImageFields),
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct ImageFields {
    /// `repository:tag`.
    #[schemars(regex(pattern = image_pattern()))]
    name: String,
    /// Bytes of random data in its layer, to make it large; at most 1 GiB. Default 0.
    #[serde(default, deserialize_with = "bounds::padding")]
    #[schemars(range(max = 1_073_741_824))]
    padding: u64,
    /// What the manifest offers.
    #[serde(default)]
    platform: Platform,
    /// What it is made of.
    #[serde(default)]
    content: Content,
    /// Another image of the case, by `registry/repository:tag` or `repository:tag`, whose digest this one shares.
    #[serde(default)]
    same_as: Option<String>,
    /// The name by which manifests and commands know its digest: `DIGEST` for `$DIGEST`.
    #[serde(default)]
    #[schemars(regex(pattern = format!("^{VARIABLE}$")))]
    digest: Option<String>,
}

impl Image {
    /// A plain image for the node's platform.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            padding: 0,
            platform: Platform::Node,
            content: Content::Image,
            same_as: None,
            digest: None,
        }
    }
}

impl<'de> Deserialize<'de> for Image {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let image =
            string_or(from, "an image: \"repository:tag\" or its fields", |form| match form {
                Form::Text(name) => Image::new(name),
                Form::Fields(ImageFields { name, padding, platform, content, same_as, digest }) => {
                    Image { name, padding, platform, content, same_as, digest }
                }
            })?;
        bounds::image_name(&image.name).map_err(D::Error::custom)?;
        Ok(image)
    }
}

/// A hosts.toml of the node for one image host, beyond what its registry brings.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend(
    "if" = {"required": ["toml"], "properties": {"toml": {"type": "string"}}},
    "then" = {"properties": {"server": {"type": "null"}, "mirrors": {"maxItems": 0}}},
))]
pub struct Hosts {
    /// The registry of the case that is `server`; absent leaves `server` out.
    #[serde(default)]
    pub server: Option<String>,
    /// Registries of the case that are tried before `server`, in order.
    #[serde(default)]
    pub mirrors: Vec<String>,
    /// The text of the file, in place of both. For each registry of the case, `$REGISTRY_NODE` is
    /// the address and port that the node reaches, and `$REGISTRY_CA` the path of its CA there; with
    /// `tls: clientCertificate`, `$REGISTRY_CLIENT_CERTIFICATE` and `$REGISTRY_CLIENT_KEY` are those
    /// of a client's certificate.
    #[serde(default)]
    pub toml: Option<String>,
}

impl Hosts {
    /// Returns those of the case's registries that the file leads to.
    pub fn leads_to<'a>(
        &'a self,
        registries: impl Iterator<Item = &'a String>,
    ) -> impl Iterator<Item = &'a String> {
        let toml = self.toml.as_deref().unwrap_or_default();
        let named = registries.filter(|name| toml.contains(&format!("${}", node_variable(name))));
        self.server.iter().chain(&self.mirrors).chain(named)
    }
}

/// The name by which a hosts.toml knows the address of a registry for nodes.
pub fn node_variable(registry: &str) -> String {
    format!("{}_NODE", variable_name(registry))
}

/// The name by which a hosts.toml knows the path of a registry's CA.
pub fn ca_variable(registry: &str) -> String {
    format!("{}_CA", variable_name(registry))
}

/// The name by which a hosts.toml knows the path of a client's certificate.
pub fn client_certificate_variable(registry: &str) -> String {
    format!("{}_CLIENT_CERTIFICATE", variable_name(registry))
}

/// The name by which a hosts.toml knows the path of the key of a client's certificate.
pub fn client_key_variable(registry: &str) -> String {
    format!("{}_CLIENT_KEY", variable_name(registry))
}
