//! How often something came.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, de::Visitor};

/// How many: `2`, `>=2`, `<=2`, or `0`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, JsonSchema)]
#[schemars(with = "CountForm")]
pub struct Count {
    /// At least so many.
    pub least: u64,
    /// At most so many.
    pub most: Option<u64>,
}

/// A count as a text. `>=0` is none: it holds for any.
const PATTERN: &str = r"^(>=\s*0*[1-9][0-9]*|<=\s*[0-9]+|\s*[0-9]+)\s*$";

#[derive(JsonSchema)]
#[schemars(untagged, example = 2, example = ">=2", example = "<=2")]
#[expect(dead_code, reason = "only its schema is used")]
enum CountForm {
    /// Exactly so many.
    Exactly(u64),
    /// At least, at most or exactly so many.
    Range(#[schemars(regex(pattern = PATTERN))] String),
}

impl Default for Count {
    fn default() -> Self {
        Self { least: 1, most: None }
    }
}

impl Count {
    /// Whether there are as many.
    pub fn holds(&self, count: u64) -> bool {
        count >= self.least && self.most.is_none_or(|most| count <= most)
    }

    /// Whether one more could be one too many.
    pub fn is_bounded(&self) -> bool {
        self.most.is_some()
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
                let number = |text: &str| match text.trim() {
                    // `parse` would take it.
                    signed if signed.starts_with('+') => None,
                    plain => plain.parse::<u64>().ok(),
                };
                let (least, most) = match (text.strip_prefix(">="), text.strip_prefix("<=")) {
                    (Some(least), _) => (number(least), Some(None)),
                    (_, Some(most)) => (Some(0), number(most).map(Some)),
                    _ => (number(text), number(text).map(Some)),
                };
                match (least, most) {
                    (Some(0), Some(None)) => {
                        Err(E::custom("`>=0` holds for any count; write `0` or `>=1`"))
                    }
                    (Some(least), Some(most)) => Ok(Count { least, most }),
                    _ => Err(E::custom(format!(
                        "`{text}` is not a count; write `2`, `>=2` or `<=2`"
                    ))),
                }
            }
        }
        from.deserialize_any(Number)
    }
}
