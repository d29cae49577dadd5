//! Manifests of a step: files by name, or objects written in place.

use std::fmt;

use schemars::JsonSchema;
use serde::{
    Deserialize, Deserializer,
    de::{Error as _, MapAccess, SeqAccess, Visitor, value::MapAccessDeserializer},
};
use serde_json::Value;

/// What a step applies.
#[derive(Debug, Clone, PartialEq, JsonSchema)]
#[schemars(with = "ManifestsForm")]
pub struct Manifests(pub Vec<Manifest>);

/// One manifest.
#[derive(Debug, Clone, PartialEq)]
pub enum Manifest {
    /// A file beside the case or under fixtures/; it may hold several documents.
    File(String),
    /// An object.
    Object(Value),
}

#[derive(Deserialize, JsonSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "only its schema is used")]
enum ManifestsForm {
    File(String),
    Object(serde_json::Map<String, Value>),
    List(Vec<Value>),
}

impl<'de> Deserialize<'de> for Manifest {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct One;
        impl<'de> Visitor<'de> for One {
            type Value = Manifest;
            fn expecting(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
                to.write_str("the name of a manifest file or an object with apiVersion and kind")
            }
            fn visit_str<E>(self, name: &str) -> Result<Manifest, E> {
                Ok(Manifest::File(name.to_owned()))
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Manifest, A::Error> {
                let object = Value::deserialize(MapAccessDeserializer::new(map))?;
                for key in ["apiVersion", "kind"] {
                    if !object[key].is_string() {
                        return Err(A::Error::custom(format!(
                            "an object written in place lacks `{key}`"
                        )));
                    }
                }
                Ok(Manifest::Object(object))
            }
        }
        from.deserialize_any(One)
    }
}

impl<'de> Deserialize<'de> for Manifests {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Many;
        impl<'de> Visitor<'de> for Many {
            type Value = Manifests;
            fn expecting(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
                to.write_str("a manifest file, an object, or a list of them")
            }
            fn visit_str<E>(self, name: &str) -> Result<Manifests, E> {
                Ok(Manifests(vec![Manifest::File(name.to_owned())]))
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Manifests, A::Error> {
                Ok(Manifests(vec![Manifest::deserialize(MapAccessDeserializer::new(map))?]))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Manifests, A::Error> {
                let mut all = Vec::new();
                while let Some(one) = list.next_element()? {
                    all.push(one);
                }
                Ok(Manifests(all))
            }
        }
        from.deserialize_any(Many)
    }
}
