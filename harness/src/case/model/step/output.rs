//! What a command prints, or a record holds.

use schemars::{JsonSchema, Schema};
use serde::Deserialize;
use serde_json::Value;

use crate::case::{
    error::CaseError,
    forms::{given, never_null, says_something},
    model::Texts,
    source::Source,
    tree::{Content, Key, Node},
    validate::versions,
};

/// What a command prints.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(transform = form)]
pub struct Output {
    /// Texts it contains.
    #[serde(default)]
    pub contains: Texts,
    /// Exactly this, line ends at the end aside.
    #[serde(default, deserialize_with = "given")]
    pub equals: Option<String>,
    /// JSON (or YAML) that holds at least these values.
    #[serde(default, deserialize_with = "given")]
    pub json: Option<Value>,
    /// Texts it must not contain.
    #[serde(default, rename = "notContains")]
    pub not_contains: Texts,
}

fn form(schema: &mut Schema) {
    never_null(schema);
    says_something(schema, &[]);
}

/// Keys whose value is compared as a whole: nothing is a value as well.
const EXACT: [&str; 2] = ["equals", "json"];

impl Output {
    /// Checks that something is looked for.
    pub(super) fn check(&self, source: Source<'_>, path: &[Key<'_>]) -> Result<(), CaseError> {
        if let Some(written) = source.tree.value_of(path) {
            if says_nothing(written, &[]) {
                let problem = "says nothing; add `contains`, `equals`, `json` or `notContains`";
                return Err(source.error(path, problem));
            }
            not_empty(source, written)?;
        }
        versions::texts(source, path, &self.contains)
    }
}

/// Whether a mapping holds nothing beside some keys.
pub(super) fn says_nothing(node: &Node, beside: &[&str]) -> bool {
    let keys = node.entries().iter().filter_map(|(key, _)| key.text());
    matches!(&node.content, Content::Map(_))
        && keys.filter(|key| !beside.contains(key)).count() == 0
}

/// Checks that nothing empty is looked for: an empty text is in every text, an empty list holds for
/// anything.
pub(super) fn not_empty(source: Source<'_>, node: &Node) -> Result<(), CaseError> {
    for (key, value) in node.entries() {
        let name = key.text().unwrap_or_default();
        if EXACT.contains(&name) {
            continue;
        }
        if let Some(empty) = empty(value) {
            let problem = format!(
                "`{name}` is empty here, which holds for anything; say what must be seen, or leave it out"
            );
            return Err(CaseError::at(&source.file.path, Some(empty.place), problem));
        }
        for value in value.each() {
            not_empty(source, value)?;
        }
    }
    Ok(())
}

fn empty(value: &Node) -> Option<&Node> {
    match &value.content {
        Content::Scalar { text, plain } => {
            let null = *plain && matches!(text.as_str(), "~" | "null" | "Null" | "NULL");
            (text.trim().is_empty() || null).then_some(value)
        }
        Content::List(list) if list.is_empty() => Some(value),
        Content::List(list) => list.iter().find_map(empty),
        Content::Map(entries) => entries.is_empty().then_some(value),
        Content::Alias(_) => None,
    }
}
