//! Values that may be written short, as one string, or long, as a mapping.

use std::{fmt, marker::PhantomData};

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor, value::MapAccessDeserializer};

/// How a value was written.
pub enum Form<F> {
    /// As one string (or another scalar).
    Text(String),
    /// As a mapping.
    Fields(F),
}

/// Reads a string or a mapping, without serde's untagged enums: their errors name neither the key
/// nor what was expected.
pub fn string_or<'de, D, F, T>(
    from: D,
    expecting: &'static str,
    build: impl FnOnce(Form<F>) -> T,
) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    F: Deserialize<'de>,
{
    struct Either<F>(&'static str, PhantomData<F>);
    impl<'de, F: Deserialize<'de>> Visitor<'de> for Either<F> {
        type Value = Form<F>;
        fn expecting(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
            to.write_str(self.0)
        }
        fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
            Ok(Form::Text(text.to_owned()))
        }
        fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
            F::deserialize(MapAccessDeserializer::new(map)).map(Form::Fields)
        }
    }
    from.deserialize_any(Either(expecting, PhantomData)).map(build)
}
