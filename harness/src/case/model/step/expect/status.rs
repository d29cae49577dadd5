//! Statuses that requests got, alone or by user.

use std::{borrow::Cow, collections::BTreeMap, fmt};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{
    Deserialize, Deserializer,
    de::{Error as _, MapAccess, SeqAccess, Visitor, value::MapAccessDeserializer},
};
use serde_json::json;

use super::Nothing;

/// Statuses that were seen: each of these at least once, and no other.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema)]
#[schemars(with = "StatusesForm")]
pub struct Statuses(pub Vec<u16>);

/// Users and the statuses their requests got.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema)]
#[schemars(with = "AuthenticatedForm")]
pub struct Authenticated(pub BTreeMap<String, Statuses>);

#[derive(JsonSchema)]
#[schemars(untagged, example = 401, example = [401, 200], example = &"none")]
#[expect(dead_code, reason = "only its schema is used")]
enum StatusesForm {
    None(Nothing),
    One(Status),
    Each(#[schemars(length(min = 1))] Vec<Status>),
}

#[derive(JsonSchema)]
#[schemars(untagged, example = json!({"janedoe": 200}), example = &"none")]
#[expect(dead_code, reason = "only its schema is used")]
enum AuthenticatedForm {
    None(Nothing),
    Users(#[schemars(extend("minProperties" = 1))] BTreeMap<String, Statuses>),
}

/// A status, as [`status`] reads it.
struct Status;

impl JsonSchema for Status {
    fn schema_name() -> Cow<'static, str> {
        "Status".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "An HTTP status, or 0 for a connection that was closed without an answer.",
            "type": "integer",
            "anyOf": [{"const": 0}, {"minimum": 100, "maximum": 599}],
        })
    }
}

impl<'de> Deserialize<'de> for Statuses {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Codes;
        impl<'de> Visitor<'de> for Codes {
            type Value = Statuses;
            fn expecting(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
                to.write_str("an HTTP status, a list of them, or `none`")
            }
            fn visit_u64<E: serde::de::Error>(self, code: u64) -> Result<Statuses, E> {
                status(code).map(|code| Statuses(vec![code]))
            }
            fn visit_i64<E: serde::de::Error>(self, code: i64) -> Result<Statuses, E> {
                self.visit_u64(u64::try_from(code).unwrap_or(u64::MAX))
            }
            fn visit_str<E: serde::de::Error>(self, word: &str) -> Result<Statuses, E> {
                match word {
                    "none" => Ok(Statuses(Vec::new())),
                    _ => Err(E::custom(format!("`{word}` is neither an HTTP status nor `none`"))),
                }
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Statuses, A::Error> {
                let mut all = Vec::new();
                while let Some(code) = list.next_element::<u64>()? {
                    all.push(status(code)?);
                }
                if all.is_empty() {
                    return Err(A::Error::custom("an empty list of statuses; write `none`"));
                }
                Ok(Statuses(all))
            }
        }
        from.deserialize_any(Codes)
    }
}

/// A status of HTTP, or 0 for a connection that was closed without an answer.
fn status<E: serde::de::Error>(code: u64) -> Result<u16, E> {
    match u16::try_from(code) {
        Ok(code @ (0 | 100..=599)) => Ok(code),
        _ => Err(E::custom(format!(
            "{code} is not an HTTP status; expected 100 to 599, or 0 for a closed connection"
        ))),
    }
}

impl<'de> Deserialize<'de> for Authenticated {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Users;
        impl<'de> Visitor<'de> for Users {
            type Value = Authenticated;
            fn expecting(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
                to.write_str("users and the statuses they got, `{janedoe: 200}`, or `none`")
            }
            fn visit_str<E: serde::de::Error>(self, word: &str) -> Result<Authenticated, E> {
                match word {
                    "none" => Ok(Authenticated(BTreeMap::new())),
                    _ => {
                        Err(E::custom(format!("`{word}` is neither `none` nor `{{user: status}}`")))
                    }
                }
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Authenticated, A::Error> {
                BTreeMap::deserialize(MapAccessDeserializer::new(map)).map(Authenticated)
            }
        }
        from.deserialize_any(Users)
    }
}
