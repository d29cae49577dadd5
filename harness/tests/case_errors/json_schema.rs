//! Validation by the keywords of JSON Schema that the schema of a case uses. The crates that know all of them
//! turn on features far down, which would have everything compiled twice, for tests and for the command.

use std::{
    collections::HashMap,
    sync::{LazyLock, Mutex},
};

use regex::Regex;
use serde_json::{Map, Value};

/// Returns what is wrong with a value by a whole schema, with its place.
pub fn errors(root: &Value, value: &Value) -> Vec<String> {
    Schema { root, at: String::new() }.errors(root, value)
}

/// A schema and a place in the value that it is about.
struct Schema<'a> {
    root: &'a Value,
    at: String,
}

impl Schema<'_> {
    fn below(&self, key: &str) -> Self {
        Schema { root: self.root, at: format!("{}/{key}", self.at) }
    }

    fn errors(&self, schema: &Value, value: &Value) -> Vec<String> {
        match schema {
            Value::Bool(true) => Vec::new(),
            Value::Object(all) => all
                .iter()
                .flat_map(|(keyword, of)| self.keyword(all, (keyword, of), value))
                .collect(),
            _ => vec![format!("{} is not expected", self.at)],
        }
    }

    fn accepts(&self, schema: &Value, value: &Value) -> bool {
        self.errors(schema, value).is_empty()
    }

    fn keyword(
        &self,
        all: &Map<String, Value>,
        (keyword, of): (&str, &Value),
        value: &Value,
    ) -> Vec<String> {
        let accepted = || list(of).iter().filter(|form| self.accepts(form, value)).count();
        let held = match keyword {
            "$schema" | "$defs" | "title" | "description" | "default" | "examples" | "format"
            | "then" => true,
            "$ref" => {
                let name = of.as_str().and_then(|path| path.strip_prefix("#/$defs/"));
                return self.errors(&self.root["$defs"][name.expect("a definition")], value);
            }
            "type" => match of {
                Value::Array(kinds) => kinds.iter().any(|kind| is(kind, value)),
                kind => is(kind, value),
            },
            "const" => of == value,
            "enum" => list(of).contains(value),
            "anyOf" => accepted() > 0,
            "oneOf" => accepted() == 1,
            "not" => !self.accepts(of, value),
            "if" => !self.accepts(of, value) || self.accepts(&all["then"], value),
            _ => return self.of_type(all, (keyword, of), value),
        };
        self.error(held, keyword, of)
    }

    /// A keyword that is about values of one type.
    fn of_type(
        &self,
        all: &Map<String, Value>,
        (keyword, of): (&str, &Value),
        value: &Value,
    ) -> Vec<String> {
        let held = match (keyword, value) {
            ("properties", Value::Object(map)) => {
                let known = map.iter().filter_map(|(key, value)| Some((key, of.get(key)?, value)));
                return known
                    .flat_map(|(key, schema, value)| self.below(key).errors(schema, value))
                    .collect();
            }
            ("additionalProperties", Value::Object(map)) => {
                let known =
                    |key: &str| all.get("properties").is_some_and(|of| of.get(key).is_some());
                let others = map.iter().filter(|(key, _)| !known(key));
                return others.flat_map(|(key, value)| self.below(key).errors(of, value)).collect();
            }
            ("items", Value::Array(items)) => {
                let each = items.iter().enumerate();
                return each
                    .flat_map(|(at, value)| self.below(&at.to_string()).errors(of, value))
                    .collect();
            }
            ("propertyNames", Value::Object(map)) => {
                map.keys().all(|key| self.accepts(of, &Value::from(key.as_str())))
            }
            ("required", Value::Object(map)) => has_all(map, of),
            ("dependentRequired", Value::Object(map)) => {
                let mut needs = of.as_object().into_iter().flatten();
                needs.all(|(key, others)| !map.contains_key(key) || has_all(map, others))
            }
            ("minProperties", Value::Object(map)) => map.len() >= count(of),
            ("minItems", Value::Array(items)) => items.len() >= count(of),
            ("maxItems", Value::Array(items)) => items.len() <= count(of),
            ("maxLength", Value::String(text)) => text.chars().count() <= count(of),
            ("pattern", Value::String(text)) => matches(of.as_str().expect("a pattern"), text),
            ("minimum", Value::Number(number)) => number.as_f64() >= of.as_f64(),
            ("maximum", Value::Number(number)) => number.as_f64() <= of.as_f64(),
            (
                "properties"
                | "additionalProperties"
                | "items"
                | "propertyNames"
                | "required"
                | "dependentRequired"
                | "minProperties"
                | "minItems"
                | "maxItems"
                | "maxLength"
                | "pattern"
                | "minimum"
                | "maximum",
                _,
            ) => true,
            _ => panic!("the schema uses `{keyword}`, which is not known here"),
        };
        self.error(held, keyword, of)
    }

    fn error(&self, held: bool, keyword: &str, of: &Value) -> Vec<String> {
        if held { Vec::new() } else { vec![format!("{}: {keyword} {of}", self.at)] }
    }
}

fn list(of: &Value) -> &[Value] {
    of.as_array().expect("a list")
}

fn count(of: &Value) -> usize {
    of.as_u64().and_then(|count| usize::try_from(count).ok()).expect("a count")
}

fn has_all(map: &Map<String, Value>, keys: &Value) -> bool {
    list(keys).iter().all(|key| map.contains_key(key.as_str().expect("a key")))
}

fn is(kind: &Value, value: &Value) -> bool {
    match kind.as_str().expect("a type") {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_u64() || value.is_i64(),
        "number" => value.is_number(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        other => panic!("`{other}` is not a type"),
    }
}

/// Whether a text has a pattern. Each is compiled once.
fn matches(pattern: &str, text: &str) -> bool {
    static PATTERNS: LazyLock<Mutex<HashMap<String, Regex>>> = LazyLock::new(Mutex::default);
    let mut patterns = PATTERNS.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    let compile = || Regex::new(pattern).unwrap_or_else(|error| panic!("{error}"));
    patterns.entry(pattern.to_owned()).or_insert_with(compile).is_match(text)
}
