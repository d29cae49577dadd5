//! `$NAME` in manifests, commands and expectations.

use std::collections::BTreeMap;

use serde_json::Value;

/// What `$NAME` stands for while a case runs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Variables(BTreeMap<String, String>);

impl Variables {
    /// Gives a name a value.
    pub fn set(&mut self, name: impl Into<String>, value: impl Into<String>) {
        self.0.insert(name.into(), value.into());
    }

    /// All names with their values.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Replaces each known `$NAME`; an unknown one stays as it is, for the shell.
    ///
    /// ```
    /// use pullproof::case::Variables;
    /// let mut variables = Variables::default();
    /// variables.set("REGISTRY", "127.0.0.1:5000");
    /// assert_eq!(variables.fill("$REGISTRY/team/app:$TAG"), "127.0.0.1:5000/team/app:$TAG");
    /// ```
    pub fn fill(&self, text: &str) -> String {
        let mut filled = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(at) = rest.find('$') {
            let (before, after) = rest.split_at(at);
            filled.push_str(before);
            let name = name_at(&after[1..]);
            match self.0.get(name) {
                Some(value) => filled.push_str(value),
                None => filled.push_str(&after[..=name.len()]),
            }
            rest = &after[1 + name.len()..];
        }
        filled.push_str(rest);
        filled
    }

    /// [`Variables::fill`] for every string in a value, keys included.
    pub fn fill_value(&self, value: &Value) -> Value {
        match value {
            Value::String(text) => Value::String(self.fill(text)),
            Value::Array(all) => all.iter().map(|one| self.fill_value(one)).collect(),
            Value::Object(map) => {
                map.iter().map(|(key, value)| (self.fill(key), self.fill_value(value))).collect()
            }
            other => other.clone(),
        }
    }
}

/// The name a registry or namespace of a case goes by in manifests: `the-mirror` is `THE_MIRROR`.
pub fn variable_name(name: &str) -> String {
    name.to_ascii_uppercase().replace(['-', '.'], "_")
}

/// All `$NAME`s of a value.
pub(super) fn names_in(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::String(text) => {
            for (at, _) in text.match_indices('$') {
                let name = name_at(&text[at + 1..]);
                if !name.is_empty() {
                    found.push(name.to_owned());
                }
            }
        }
        Value::Array(all) => all.iter().for_each(|one| names_in(one, found)),
        Value::Object(map) => map.iter().for_each(|(key, value)| {
            names_in(&Value::String(key.clone()), found);
            names_in(value, found);
        }),
        _ => {}
    }
}

/// The longest run of capitals, digits and `_` that starts with a capital and ends a word: `$Passw0rd`
/// names nothing.
fn name_at(text: &str) -> &str {
    if !text.starts_with(|c: char| c.is_ascii_uppercase()) {
        return "";
    }
    let end = text
        .find(|c: char| !(c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_'))
        .unwrap_or(text.len());
    if text[end..].starts_with(|c: char| c.is_ascii_lowercase()) { "" } else { &text[..end] }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dollar_without_a_name_stays() {
        let variables = Variables::default();
        for text in ["p&$:\"\\", "$", "cost: 5$", "$lower", "$$", "$Passw0rd"] {
            assert_eq!(variables.fill(text), text);
        }
    }

    #[test]
    fn the_longest_name_counts() {
        let mut variables = Variables::default();
        variables.set("REGISTRY", "a");
        variables.set("REGISTRY_TWO", "b");
        assert_eq!(variables.fill("$REGISTRY/$REGISTRY_TWO"), "a/b");
    }

    #[test]
    fn keys_are_filled_too() {
        let mut variables = Variables::default();
        variables.set("REGISTRY", "a");
        let value = serde_json::json!({"auths": {"$REGISTRY": {"n": 1}}});
        assert_eq!(variables.fill_value(&value), serde_json::json!({"auths": {"a": {"n": 1}}}));
    }
}
