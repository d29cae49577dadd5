//! Manifests of a step: files by name, or objects written in place.

use std::{fmt, path::PathBuf};

use schemars::JsonSchema;
use serde::{
    Deserialize, Deserializer,
    de::{Error as _, MapAccess, SeqAccess, Visitor, value::MapAccessDeserializer},
};
use serde_json::Value;

use super::{error::CaseError, tree::Node};

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

#[derive(JsonSchema)]
#[schemars(untagged, example = "private-reg-pod.yaml")]
#[expect(dead_code, reason = "only its schema is used")]
enum ManifestsForm {
    One(ManifestForm),
    Many(Vec<ManifestForm>),
}

#[derive(JsonSchema)]
#[schemars(untagged)]
#[expect(dead_code, reason = "only its schema is used")]
enum ManifestForm {
    /// A file beside the case or under fixtures/; it may hold several documents.
    File(String),
    Object(ObjectForm),
}

/// An object, written in place.
#[derive(JsonSchema)]
#[schemars(rename_all = "camelCase")]
#[expect(dead_code, reason = "only its schema is used")]
struct ObjectForm {
    /// For example `v1`.
    api_version: String,
    /// For example `Pod`.
    kind: String,
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

/// A manifest file that was read.
pub(super) struct ManifestFile {
    /// The file.
    pub path: PathBuf,
    /// Its objects.
    pub objects: Vec<Value>,
    /// Its documents as they are written.
    pub documents: Vec<Node>,
}

impl ManifestFile {
    /// Reads all objects of a file.
    ///
    /// # Errors
    /// It is not YAML, holds no object, or one without `apiVersion` or `kind`.
    pub(super) fn parse(path: PathBuf, text: &str) -> Result<Self, CaseError> {
        let documents = Node::documents(text);
        let read: Vec<Value> = serde_saphyr::from_multiple(text)
            .map_err(|error| CaseError::from_yaml(&path, &error, documents.first()))?;
        let objects: Vec<Value> = read.into_iter().filter(|object| !object.is_null()).collect();
        if objects.is_empty() {
            return Err(CaseError::at(path, None, "holds no object"));
        }
        for (at, object) in objects.iter().enumerate() {
            let lacking = ["apiVersion", "kind"].into_iter().find(|key| !object[*key].is_string());
            if let Some(key) = lacking {
                let place = documents.get(at).map(|document| document.place);
                return Err(CaseError::at(path, place, format!("an object lacks `{key}`")));
            }
        }
        Ok(Self { path, objects, documents })
    }
}
