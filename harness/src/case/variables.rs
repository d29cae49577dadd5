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

    /// Replaces each known `$NAME`; an unknown one stays as it is, for the shell. `$$NAME` becomes
    /// `$NAME`.
    ///
    /// ```
    /// use pullproof::case::Variables;
    /// let mut variables = Variables::default();
    /// variables.set("REGISTRY", "127.0.0.1:5000");
    /// assert_eq!(variables.fill("$REGISTRY/team/app:$TAG"), "127.0.0.1:5000/team/app:$TAG");
    /// assert_eq!(variables.fill("robot$$REGISTRY"), "robot$REGISTRY");
    /// ```
    pub fn fill(&self, text: &str) -> String {
        let mut filled = String::with_capacity(text.len());
        for part in parts(text) {
            match part {
                Part::Text(text) | Part::Literal(text) => filled.push_str(text),
                Part::Name(name) => match self.0.get(name) {
                    Some(value) => filled.push_str(value),
                    None => filled.extend(["$", name]),
                },
            }
        }
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

/// A part of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part<'a> {
    /// What stands as it is.
    Text(&'a str),
    /// `$NAME`, written `$$NAME`.
    Literal(&'a str),
    /// `NAME`, written `$NAME`.
    Name(&'a str),
}

/// The parts of a text.
pub(super) fn parts(text: &str) -> impl Iterator<Item = Part<'_>> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let (part, length) = match rest.strip_prefix('$') {
            None => {
                let text = &rest[..rest.find('$').unwrap_or(rest.len())];
                (Part::Text(text), text.len())
            }
            Some(after) => match (name_at(after), after.strip_prefix('$').map(name_at)) {
                ("", None | Some("")) => (Part::Text("$"), 1),
                ("", Some(name)) => (Part::Literal(&after[..=name.len()]), 2 + name.len()),
                (name, _) => (Part::Name(name), 1 + name.len()),
            },
        };
        rest = &rest[length..];
        Some(part)
    })
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
    fn a_name_after_two_dollars_is_not_replaced() {
        let mut variables = Variables::default();
        variables.set("CI", "value");
        let cases = [
            ("robot$$CI", "robot$CI"),
            ("$$CI/$CI", "$CI/value"),
            ("$$$CI", "$$CI"),
            ("$$Ci $$ $$1", "$$Ci $$ $$1"),
        ];
        for (text, filled) in cases {
            assert_eq!(variables.fill(text), filled, "{text}");
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
