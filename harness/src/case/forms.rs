//! Values that may be written short, as one string, or long, as a mapping; and what the schema says of forms.

use std::{fmt, marker::PhantomData};

use schemars::Schema;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor, value::MapAccessDeserializer};
use serde_json::{Value, json};

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

/// Reads a value that may be left out, but is not `null`.
pub fn given<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    from: D,
) -> Result<Option<T>, D::Error> {
    T::deserialize(from).map(Some)
}

/// The pattern of a text that is not blank.
pub const NOT_BLANK: &str = r"\S";

/// Has a schema refuse `null` under every key: it may be left out.
pub fn never_null(schema: &mut Schema) {
    let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) else {
        return;
    };
    for property in properties.values_mut().filter_map(Value::as_object_mut) {
        // A default that stands for nothing would be offered, and refused.
        let nothing = [json!(null), json!([]), json!({})];
        if property.get("default").is_some_and(|value| nothing.contains(value)) {
            property.remove("default");
        }
        if let Some(Value::Array(types)) = property.get_mut("type") {
            types.retain(|one| one != "null");
            if let [one] = &types[..] {
                let one = one.clone();
                property.insert("type".to_owned(), one);
            }
        }
        if let Some(Value::Array(forms)) = property.get_mut("anyOf") {
            forms.retain(|form| form["type"] != "null");
            if let [Value::Object(one)] = &forms[..] {
                let one = one.clone();
                property.remove("anyOf");
                property.extend(one);
            }
        }
    }
}

/// Has a schema require one of its keys beside some.
pub fn says_something(schema: &mut Schema, beside: &[&str]) {
    let properties = schema.get("properties").and_then(Value::as_object);
    let keys = properties.into_iter().flatten().map(|(key, _)| key);
    let keys = keys.filter(|key| !beside.contains(&key.as_str()));
    let forms: Vec<Value> = keys.map(|key| json!({"required": [key]})).collect();
    schema.insert("anyOf".to_owned(), forms.into());
}
