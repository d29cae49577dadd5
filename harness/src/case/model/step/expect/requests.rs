//! What a registry must have seen: requests, one by one or by who made them.

use std::{collections::BTreeMap, fmt};

use schemars::{JsonSchema, Schema};
use secrecy::SecretString;
use serde::{
    Deserialize, Deserializer,
    de::{
        MapAccess, SeqAccess, Visitor,
        value::{MapAccessDeserializer, SeqAccessDeserializer},
    },
};
use serde_json::json;

use super::{Authenticated, Count, Statuses};
use crate::case::{
    forms::{NOT_BLANK, never_null, says_something},
    model::{RequestKind, bounds},
};

/// What registries must have seen, each of them.
#[derive(Debug, Clone, Default, JsonSchema)]
#[schemars(with = "WitnessesForm")]
pub struct Witnesses(pub Vec<ExpectedRequests>);

#[derive(JsonSchema)]
#[schemars(untagged)]
#[expect(dead_code, reason = "only its schema is used")]
enum WitnessesForm {
    One(ExpectedRequests),
    Many(#[schemars(length(min = 1))] Vec<ExpectedRequests>),
}

/// What a registry must have seen.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(transform = witness_form)]
pub struct ExpectedRequests {
    /// The registry; may be left out where the case has one.
    #[serde(default)]
    #[schemars(regex(pattern = NOT_BLANK))]
    pub registry: Option<String>,
    /// Statuses of requests without Authorization; `none`: there were none.
    #[serde(default)]
    pub anonymous: Option<Statuses>,
    /// Statuses of requests with Basic credentials, by user; `none`: there were none.
    #[serde(default)]
    pub authenticated: Option<Authenticated>,
    /// Statuses of requests with a bearer token, by the token's subject; `none`: there were none.
    #[serde(default)]
    pub bearer: Option<Authenticated>,
    /// Statuses of requests to the token server, by user (`anonymous` without credentials).
    #[serde(default)]
    pub tokens: Option<Authenticated>,
    /// Requests of the node that must have come, others beside them; `none`: the registry saw nothing
    /// at all of the node.
    #[serde(default)]
    pub requests: Option<Requests>,
    /// Whether the requests must have come in the order in which they are listed.
    #[serde(default, rename = "inOrder")]
    pub in_order: bool,
    /// Users in the order in which they first came.
    #[serde(default)]
    #[schemars(length(min = 1), inner(regex(pattern = NOT_BLANK)))]
    pub order: Vec<String>,
}

/// Keys that say of whom and how, and not what must have been seen.
pub(super) const OF_WHOM_AND_HOW: [&str; 2] = ["registry", "inOrder"];

fn witness_form(schema: &mut Schema) {
    never_null(schema);
    says_something(schema, &OF_WHOM_AND_HOW);
}

fn header_form(schema: &mut Schema) {
    schema.insert("minProperties".to_owned(), json!(1));
    schema.insert("propertyNames".to_owned(), json!({"pattern": bounds::HEADER}));
    schema
        .insert("additionalProperties".to_owned(), json!({"type": "string", "pattern": NOT_BLANK}));
}

impl ExpectedRequests {
    /// The key that says that the registry did not see something, if there is one: it holds before
    /// anything has happened.
    pub fn absence(&self) -> Option<&'static str> {
        let Self { anonymous, authenticated, bearer, tokens, requests, .. } = self;
        let nobody = |users: &Option<Authenticated>| {
            users.as_ref().is_some_and(|users| users.0.is_empty() || users.0.values().any(is_none))
        };
        match requests {
            Some(Requests::None) => return Some("requests"),
            Some(Requests::Each(each)) if each.iter().any(|one| one.count.is_bounded()) => {
                return Some("requests");
            }
            _ => {}
        }
        if anonymous.as_ref().is_some_and(is_none) {
            return Some("anonymous");
        }
        [("authenticated", authenticated), ("bearer", bearer), ("tokens", tokens)]
            .into_iter()
            .find_map(|(key, users)| nobody(users).then_some(key))
    }
}

fn is_none(statuses: &Statuses) -> bool {
    statuses.0.is_empty()
}

/// Requests that must have come.
#[derive(Debug, Clone, JsonSchema)]
#[schemars(with = "RequestsForm")]
pub enum Requests {
    /// Not one.
    None,
    /// Each of these.
    Each(Vec<ExpectedRequest>),
}

#[derive(JsonSchema)]
#[schemars(untagged)]
#[expect(dead_code, reason = "only its schema is used")]
enum RequestsForm {
    None(Nothing),
    Each(#[schemars(length(min = 1))] Vec<ExpectedRequest>),
}

/// The word `none`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Nothing {
    /// Not one.
    None,
}

/// Requests of the node, by what is said of them; what is not said may be anything.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(transform = never_null, extend("minProperties" = 1))]
pub struct ExpectedRequest {
    /// What they ask for.
    #[serde(default)]
    pub kind: Option<RequestKind>,
    /// The method, for example `HEAD`.
    #[serde(default)]
    #[schemars(regex(pattern = NOT_BLANK))]
    pub method: Option<String>,
    /// Part of the path, for example `/janedoe/jdoe-private/`.
    #[serde(default)]
    #[schemars(regex(pattern = NOT_BLANK))]
    pub path: Option<String>,
    /// By whom: the user of Basic credentials or of a token request's form, the subject of a bearer
    /// token; `anonymous` without credentials.
    #[serde(default)]
    #[schemars(regex(pattern = NOT_BLANK))]
    pub user: Option<String>,
    /// The password that they carried.
    #[serde(default)]
    #[schemars(with = "Option<String>", regex(pattern = NOT_BLANK))]
    pub password: Option<SecretString>,
    /// What their headers contain, by name in any spelling: `User-Agent: containerd/`.
    #[serde(default, deserialize_with = "bounds::request_headers")]
    #[schemars(transform = header_form)]
    pub headers: BTreeMap<String, String>,
    /// The statuses that they got, any of these; 0 stands for a connection closed without an answer.
    #[serde(default)]
    pub status: Option<Statuses>,
    /// How many there were. Default: at least one.
    #[serde(default)]
    pub count: Count,
}

impl<'de> Deserialize<'de> for Witnesses {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Many;
        impl<'de> Visitor<'de> for Many {
            type Value = Witnesses;
            fn expecting(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
                to.write_str("what a registry saw, or a list of that, each with `registry`")
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Witnesses, A::Error> {
                let one = ExpectedRequests::deserialize(MapAccessDeserializer::new(map))?;
                Ok(Witnesses(vec![one]))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Witnesses, A::Error> {
                Vec::deserialize(SeqAccessDeserializer::new(list)).map(Witnesses)
            }
        }
        from.deserialize_any(Many)
    }
}

impl<'de> Deserialize<'de> for Requests {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Many;
        impl<'de> Visitor<'de> for Many {
            type Value = Requests;
            fn expecting(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
                to.write_str("`none`, or a list of requests, `[{kind: manifest, status: 401}]`")
            }
            fn visit_str<E: serde::de::Error>(self, word: &str) -> Result<Requests, E> {
                match word {
                    "none" => Ok(Requests::None),
                    _ => {
                        Err(E::custom(format!("`{word}` is neither `none` nor a list of requests")))
                    }
                }
            }
            fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Requests, A::Error> {
                Vec::deserialize(SeqAccessDeserializer::new(list)).map(Requests::Each)
            }
        }
        from.deserialize_any(Many)
    }
}

#[cfg(test)]
mod tests {
    use super::super::Expect;

    fn witnesses(yaml: &str) -> Result<Vec<Option<String>>, String> {
        let expect: Result<Expect, _> = serde_saphyr::from_str(yaml);
        match expect {
            Ok(expect) => Ok(expect.registry.0.into_iter().map(|seen| seen.registry).collect()),
            Err(error) => Err(error.without_snippet().to_string()),
        }
    }

    #[test]
    fn one_registry_or_several_are_witnesses() {
        assert_eq!(witnesses("{registry: {anonymous: 401}}"), Ok(vec![None]));
        let two =
            "{registry: [{registry: mirror, anonymous: 404}, {registry: origin, requests: none}]}";
        assert_eq!(witnesses(two), Ok(vec![Some("mirror".into()), Some("origin".into())]));
        assert_eq!(witnesses("{pod: a}"), Ok(vec![]));
    }

    #[test]
    fn a_misspelt_witness_is_told() {
        let error = witnesses("{registry: [{registri: mirror}]}").unwrap_err();
        assert!(error.contains("registri"), "{error}");
    }
}
