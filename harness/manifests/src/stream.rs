//! The documents of a text: YAML, JSON, or JSON objects one after another.

use std::sync::Arc;

use serde::de::IgnoredAny;

use crate::ManifestError;
use crate::resolve::resolve;
use crate::tree::{Content, Node};

/// A document, and the template that Helm rendered it from.
pub(crate) struct Document {
    pub(crate) node: Node,
    pub(crate) rendered_from: Option<Arc<str>>,
}

/// Returns the documents of a text that are not empty.
pub(crate) fn documents(file: &str, text: &str) -> Result<Vec<Document>, ManifestError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let lines: Vec<&str> = text.lines().collect();
    let mut nodes = Vec::new();
    for (line, part) in parts(text) {
        let (read, fault) = Node::read(part);
        if let Some(mut fault) = fault {
            fault.place.0 += line;
            return Err(ManifestError::of_fault(file, text, &fault));
        }
        nodes.extend(read.into_iter().map(|node| moved(node, line)));
    }
    let documents = nodes.into_iter().filter(|node| !is_null(node)).map(|node| {
        let rendered_from = source_comment(&lines, node.place.0);
        let node = resolve(node).map_err(|fault| ManifestError::of_fault(file, text, &fault))?;
        Ok(Document { node, rendered_from })
    });
    documents.collect()
}

/// Whether a value is none: nothing at all, or `null`.
pub(crate) fn is_null(node: &Node) -> bool {
    match &node.content {
        Content::Scalar { text, plain: true } => {
            matches!(text.as_str(), "" | "~" | "null" | "Null" | "NULL")
        }
        _ => false,
    }
}

/// The parts of a text that are YAML, each with the lines before it. JSON objects one after another are
/// not, and kubectl accepts them.
fn parts(text: &str) -> Vec<(u64, &str)> {
    let mut parts = Vec::new();
    if text.trim_start().starts_with('{') {
        let mut values = serde_json::Deserializer::from_str(text).into_iter::<IgnoredAny>();
        let mut start = 0;
        let mut line = 0;
        while let Some(Ok(_)) = values.next() {
            let part = &text[start..values.byte_offset()];
            parts.push((line, part));
            line += part.matches('\n').count() as u64;
            start = values.byte_offset();
        }
        if !text[start..].trim().is_empty() {
            parts.clear();
        }
    }
    if parts.is_empty() {
        parts.push((0, text));
    }
    parts
}

fn moved(mut node: Node, lines: u64) -> Node {
    if lines == 0 {
        return node;
    }
    node.place.0 += lines;
    node.content = match node.content {
        Content::List(list) => {
            Content::List(list.into_iter().map(|node| moved(node, lines)).collect())
        }
        Content::Map(map) => Content::Map(
            map.into_iter().map(|(key, value)| (moved(key, lines), moved(value, lines))).collect(),
        ),
        other => other,
    };
    node
}

/// The template that `helm template` names in a comment before each document.
fn source_comment(lines: &[&str], first: u64) -> Option<Arc<str>> {
    let before = lines.get(..first.saturating_sub(1) as usize)?;
    let comments = before.iter().rev().take_while(|line| line.starts_with('#'));
    comments
        .filter_map(|line| line.strip_prefix("# Source: "))
        .next()
        .map(|path| path.trim().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<(u64, Option<String>)> {
        let documents = documents("f", text).unwrap().into_iter();
        let named = |from: Arc<str>| from.to_string();
        documents.map(|one| (one.node.place.0, one.rendered_from.map(named))).collect()
    }

    #[test]
    fn empty_documents_are_left_out_and_comments_name_templates() {
        let text = "---\n# nothing\n---\n---\n# Source: shop/templates/web.yaml\nkind: A\n---\nnull\n\
                    ---\r\nkind: B\r\n...\n";
        assert_eq!(lines(text), [(6, Some("shop/templates/web.yaml".into())), (10, None)]);
    }

    #[test]
    fn json_objects_follow_one_another() {
        let text = "\u{feff}{\"kind\": \"A\"}\n{\n  \"kind\": \"B\"}{\"kind\": \"C\"}\n";
        let lines: Vec<_> = lines(text).into_iter().map(|(line, _)| line).collect();
        assert_eq!(lines, [1, 2, 3]);
        assert_eq!(documents("f", "{a: 1}\n---\nb: 2\n").unwrap().len(), 2);
    }

    #[test]
    fn a_fault_has_its_line_and_a_template_a_hint() {
        let error = |text| documents("web.yaml", text).map(|_| ()).unwrap_err().to_string();
        let fault = error("a: 1\n---\na: [b\nc: d\n");
        assert!(fault.starts_with("web.yaml:4:2: is not YAML: "), "{fault}");
        assert!(!fault.contains("hint"));
        let template = error("{{- if .Values.on }}\na: {{ .Values.a }}\n{{- end }}\n");
        assert!(template.starts_with("web.yaml:1:"), "{template}");
        assert!(template.contains("run helm template first"), "{template}");
    }
}
