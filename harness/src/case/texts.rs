//! Short forms of what an expectation looks for: texts, statuses, users.

use std::{collections::BTreeMap, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{
        Error as _, MapAccess, SeqAccess, Visitor,
        value::{MapAccessDeserializer, SeqAccessDeserializer},
    },
};

use super::{
    forms::{Form, string_or},
    model::{
        Authenticated, Count, ExpectedRequests, Requests, Statuses, Text, TextMatch, Texts, When,
        Witnesses,
    },
    range::VersionRange,
};

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Fields {
            #[serde(default)]
            contains: Option<String>,
            #[serde(default)]
            equals: Option<String>,
            #[serde(default, rename = "notContains")]
            lacks: Option<String>,
            #[serde(default)]
            kubernetes: Option<VersionRange>,
            #[serde(default)]
            containerd: Option<VersionRange>,
        }
        let form =
            string_or(from, "a text or `{contains: …, kubernetes: …, containerd: …}`", |it| it)?;
        let Fields { contains, equals, lacks, kubernetes, containerd } = match form {
            Form::Text(text) => return Ok(Text::contains(text)),
            Form::Fields(fields) => fields,
        };
        let ways = [
            (TextMatch::Contains, contains),
            (TextMatch::Equals, equals),
            (TextMatch::Lacks, lacks),
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

impl<'de> Deserialize<'de> for Count {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Number;
        impl Visitor<'_> for Number {
            type Value = Count;
            fn expecting(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
                to.write_str("a count: `2`, `>=2` or `<=2`")
            }
            fn visit_u64<E>(self, count: u64) -> Result<Count, E> {
                Ok(Count { least: count, most: Some(count) })
            }
            fn visit_i64<E: serde::de::Error>(self, count: i64) -> Result<Count, E> {
                self.visit_str(&count.to_string())
            }
            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Count, E> {
                let number = |text: &str| text.trim().parse::<u64>();
                let (least, most) = match (text.strip_prefix(">="), text.strip_prefix("<=")) {
                    (Some(least), _) => (number(least), Ok(None)),
                    (_, Some(most)) => (Ok(0), number(most).map(Some)),
                    _ => (number(text), number(text).map(Some)),
                };
                match (least, most) {
                    (Ok(0), Ok(None)) => {
                        Err(E::custom("`>=0` holds for any count; write `0` or `>=1`"))
                    }
                    (Ok(least), Ok(most)) => Ok(Count { least, most }),
                    _ => Err(E::custom(format!(
                        "`{text}` is not a count; write `2`, `>=2` or `<=2`"
                    ))),
                }
            }
        }
        from.deserialize_any(Number)
    }
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

#[cfg(test)]
mod tests {
    use super::super::model::Expect;

    fn witnesses(yaml: &str) -> Result<Vec<Option<String>>, String> {
        let expect: Result<Expect, _> = serde_saphyr::from_str(yaml);
        match expect {
            Ok(expect) => Ok(expect.registry.0.into_iter().map(|seen| seen.of).collect()),
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
