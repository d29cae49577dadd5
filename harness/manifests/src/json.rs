//! Values as kubectl and Helm pass them to the API server.

use serde_json::{Map, Number, Value};

use crate::stream::is_null;
use crate::tree::{Content, Node};

/// Returns a value as JSON. A plain scalar is what YAML makes of it: a number is no text to the API server.
/// Of equal keys the last counts.
pub(crate) fn json(node: &Node) -> Value {
    match &node.content {
        Content::Scalar { .. } if is_null(node) => Value::Null,
        Content::Scalar { text, plain: true } => scalar(text),
        Content::Scalar { text, plain: false } => Value::String(text.clone()),
        Content::List(list) => list.iter().map(json).collect(),
        Content::Map(entries) => {
            let entries = entries.iter();
            let entries = entries
                .map(|(key, value)| (key.text().unwrap_or_default().to_owned(), json(value)));
            Value::Object(entries.collect::<Map<_, _>>())
        }
        Content::Alias(_) => Value::Null,
    }
}

fn scalar(text: &str) -> Value {
    let number = || {
        let whole = text.parse::<i64>().ok().map(Number::from);
        let is_decimal = text.bytes().all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte));
        whole.or_else(|| text.parse().ok().filter(|_| is_decimal).and_then(Number::from_f64))
    };
    match text {
        "true" | "True" | "TRUE" => Value::Bool(true),
        "false" | "False" | "FALSE" => Value::Bool(false),
        _ => number().map_or_else(|| Value::String(text.to_owned()), Value::Number),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_scalar_is_what_yaml_makes_of_it() {
        let text = "[{name: a}, b, 'c', 12, '12', 1.5, true, null, ~, -a, {x: 1, x: 2}]";
        let list = json(&Node::documents(text)[0]);
        let expected = serde_json::json!([
            {"name": "a"}, "b", "c", 12, "12", 1.5, true, null, null, "-a", {"x": 2}
        ]);
        assert_eq!(list, expected);
    }
}
