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
    model::{Authenticated, ExpectedRequests, Statuses, Text, Texts, When, Witnesses},
    range::VersionRange,
};

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Fields {
            contains: String,
            #[serde(default)]
            kubernetes: Option<VersionRange>,
            #[serde(default)]
            containerd: Option<VersionRange>,
        }
        string_or(from, "a text or `{contains: …, kubernetes: …, containerd: …}`", |form| {
            match form {
                Form::Text(contains) => Text { when: When::default(), contains },
                Form::Fields(Fields { contains, kubernetes, containerd }) => {
                    Text { when: When { kubernetes, containerd }, contains }
                }
            }
        })
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
                Ok(Texts(vec![Text { when: When::default(), contains: text.to_owned() }]))
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
                status(code).map(|code| Statuses(vec![code])).map_err(E::custom)
            }
            fn visit_i64<E: serde::de::Error>(self, code: i64) -> Result<Statuses, E> {
                self.visit_u64(u64::try_from(code).unwrap_or(0))
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
                    all.push(status(code).map_err(A::Error::custom)?);
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

fn status(code: u64) -> Result<u16, String> {
    match u16::try_from(code) {
        Ok(code @ 100..=599) => Ok(code),
        _ => Err(format!("{code} is not an HTTP status")),
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
