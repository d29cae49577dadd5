//! Texts that are looked for in messages and outputs.

use std::{borrow::Cow, fmt};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{
    Deserialize, Deserializer,
    de::{Error as _, MapAccess, SeqAccess, Visitor, value::MapAccessDeserializer},
};

use super::When;
use crate::case::{
    forms::{Form, NOT_BLANK, given, string_or},
    range::VersionRange,
};

/// A text, and the versions it holds for.
#[derive(Debug, Clone, PartialEq)]
pub struct Text {
    /// The versions the text holds for.
    pub when: When,
    /// How it is looked for.
    pub how: TextMatch,
    /// What is looked for.
    pub text: String,
}

/// How a text is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TextMatch {
    /// It is a part.
    Contains,
    /// It is all there is.
    Equals,
    /// It is no part of any.
    NotContains,
}

/// Texts that are looked for; each that applies to the version must be found.
#[derive(Debug, Clone, Default, PartialEq, JsonSchema)]
#[schemars(with = "TextsForm")]
pub struct Texts(pub Vec<Text>);

#[derive(JsonSchema)]
#[schemars(untagged)]
#[expect(dead_code, reason = "only its schema is used")]
enum TextsForm {
    One(Text),
    Many(#[schemars(length(min = 1))] Vec<Text>),
}

impl JsonSchema for Text {
    fn schema_name() -> Cow<'static, str> {
        "Text".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let range = generator.subschema_for::<Option<VersionRange>>();
        json_schema!({
            "description": "A text, and the versions it holds for.",
            "anyOf": [
                {"description": "It is a part.", "type": "string", "pattern": NOT_BLANK},
                {
                    "description": "How it is looked for, and on which versions.",
                    "type": "object",
                    "properties": {
                        "contains": {
                            "description": "It is a part.", "type": "string", "pattern": NOT_BLANK,
                        },
                        "equals": {"description": "It is all there is.", "type": "string"},
                        "notContains": {
                            "description": "It is no part of any.", "type": "string", "pattern": NOT_BLANK,
                        },
                        "kubernetes": range,
                        "containerd": range,
                    },
                    "additionalProperties": false,
                    "oneOf": [
                        {"required": ["contains"]},
                        {"required": ["equals"]},
                        {"required": ["notContains"]},
                    ],
                },
            ],
            "examples": [
                "no basic auth credentials",
                {"contains": "authorization failed", "kubernetes": ">=1.34"},
            ],
        })
    }
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields, rename_all = "camelCase")]
        struct Fields {
            #[serde(default, deserialize_with = "given")]
            contains: Option<String>,
            #[serde(default, deserialize_with = "given")]
            equals: Option<String>,
            #[serde(default, deserialize_with = "given")]
            not_contains: Option<String>,
            #[serde(default)]
            kubernetes: Option<VersionRange>,
            #[serde(default)]
            containerd: Option<VersionRange>,
        }
        let form =
            string_or(from, "a text or `{contains: …, kubernetes: …, containerd: …}`", |it| it)?;
        let Fields { contains, equals, not_contains, kubernetes, containerd } = match form {
            Form::Text(text) => return Ok(Text::contains(text)),
            Form::Fields(fields) => fields,
        };
        let ways = [
            (TextMatch::Contains, contains),
            (TextMatch::Equals, equals),
            (TextMatch::NotContains, not_contains),
        ];
        let mut given = ways.into_iter().filter_map(|(how, text)| Some((how, text?)));
        match (given.next(), given.next()) {
            (Some((how, text)), None) => {
                Ok(Text { when: When { kubernetes, containerd }, how, text })
            }
            _ => Err(D::Error::custom(
                "a text needs exactly one of `contains`, `equals`, `notContains`",
            )),
        }
    }
}

impl Text {
    /// A part, on every version.
    pub fn contains(text: String) -> Self {
        Self { when: When::default(), how: TextMatch::Contains, text }
    }
}

impl<'de> Deserialize<'de> for Texts {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Many;
        impl<'de> Visitor<'de> for Many {
            type Value = Texts;
            fn expecting(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
                to.write_str("a text, `{contains: …}`, or a list of them")
            }
            fn visit_str<E>(self, text: &str) -> Result<Texts, E> {
                Ok(Texts(vec![Text::contains(text.to_owned())]))
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Texts, A::Error> {
                Ok(Texts(vec![Text::deserialize(MapAccessDeserializer::new(map))?]))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Texts, A::Error> {
                let mut all = Vec::new();
                while let Some(one) = list.next_element()? {
                    all.push(one);
                }
                Ok(Texts(all))
            }
        }
        from.deserialize_any(Many)
    }
}
