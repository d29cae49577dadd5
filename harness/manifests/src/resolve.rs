//! Aliases and merge keys, which are replaced by the values that they stand for.

use std::collections::HashMap;

use crate::tree::{Content, Fault, Node, Place};

/// How many values the aliases of a document may add: a short text may stand for billions.
const ADDED: usize = 1_000_000;

/// Replaces the aliases and merge keys of a document. A value that an alias stands for has the place of
/// the alias, and what it contains keeps its own.
pub(crate) fn resolve(document: Node) -> Result<Node, Fault> {
    if !is_needed(&document) {
        return Ok(document);
    }
    Resolver { anchors: HashMap::new(), left: ADDED }.resolve(document)
}

fn is_needed(node: &Node) -> bool {
    match &node.content {
        Content::Alias(_) => true,
        Content::Scalar { .. } => false,
        Content::List(list) => list.iter().any(is_needed),
        Content::Map(map) => map
            .iter()
            .any(|(key, value)| key.text() == Some("<<") || is_needed(key) || is_needed(value)),
    }
}

struct Resolver {
    anchors: HashMap<usize, Node>,
    left: usize,
}

impl Resolver {
    fn resolve(&mut self, node: Node) -> Result<Node, Fault> {
        let Node { place, bytes, anchor, content } = node;
        let content = match content {
            Content::Alias(anchor) => return self.copy(anchor, place),
            Content::Scalar { .. } => content,
            Content::List(list) => Content::List(
                list.into_iter().map(|node| self.resolve(node)).collect::<Result<_, _>>()?,
            ),
            Content::Map(map) => Content::Map(self.map(map)?),
        };
        let node = Node { place, bytes, anchor, content };
        if anchor != 0 {
            self.spend(&node, place)?;
            self.anchors.insert(anchor, node.clone());
        }
        Ok(node)
    }

    fn copy(&mut self, anchor: usize, place: Place) -> Result<Node, Fault> {
        let Some(node) = self.anchors.get(&anchor) else {
            let problem = "the alias stands for a value that contains it".to_owned();
            return Err(Fault { place, problem });
        };
        let node = Node { place, ..node.clone() };
        self.spend(&node, place)?;
        Ok(node)
    }

    /// A key of the mapping itself precedes one that is merged into it, and the first of several merged
    /// mappings the others (https://yaml.org/type/merge.html).
    fn map(&mut self, map: Vec<(Node, Node)>) -> Result<Vec<(Node, Node)>, Fault> {
        let mut own = Vec::with_capacity(map.len());
        let mut merged: Vec<(Node, Node)> = Vec::new();
        for (key, value) in map {
            let (key, value) = (self.resolve(key)?, self.resolve(value)?);
            match key.text() {
                Some("<<") => {
                    let maps = value.each().iter().flat_map(Node::entries);
                    merged.extend(maps.cloned());
                }
                _ => own.push((key, value)),
            }
        }
        let mut first: Vec<(Node, Node)> = Vec::new();
        for (key, value) in merged {
            let has =
                |entries: &[(Node, Node)]| entries.iter().any(|(k, _)| k.text() == key.text());
            if !has(&own) && !has(&first) {
                first.push((key, value));
            }
        }
        first.extend(own);
        Ok(first)
    }

    fn spend(&mut self, node: &Node, place: Place) -> Result<(), Fault> {
        self.left = self.left.checked_sub(size(node)).ok_or_else(|| Fault {
            place,
            problem: format!("the aliases of a document add more than {ADDED} values"),
        })?;
        Ok(())
    }
}

fn size(node: &Node) -> usize {
    1 + match &node.content {
        Content::List(list) => list.iter().map(size).sum(),
        Content::Map(map) => map.iter().map(|(key, value)| size(key) + size(value)).sum(),
        Content::Scalar { .. } | Content::Alias(_) => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolved(text: &str) -> Result<Node, Fault> {
        resolve(Node::documents(text).remove(0))
    }

    #[test]
    fn an_alias_has_its_own_place_and_what_it_contains_that_of_the_anchor() {
        let tree = resolved("a: &a {image: x}\nb: *a\nc: &c y\nd: *c\n").unwrap();
        let b = tree.get("b").unwrap();
        assert_eq!((b.place.0, b.get("image").unwrap().place.0), (2, 1));
        let d = tree.get("d").unwrap();
        assert_eq!((d.text(), d.place.0), (Some("y"), 4));
    }

    #[test]
    fn merged_keys_come_after_the_mappings_own() {
        let tree = resolved("a: &a {x: 1, y: 1}\nb: &b {x: 2, z: 2}\nc:\n  <<: [*a, *b]\n  y: 3\n")
            .unwrap();
        let c = tree.get("c").unwrap();
        let value = |key| c.get(key).and_then(Node::text);
        assert_eq!([value("x"), value("y"), value("z")], [Some("1"), Some("3"), Some("2")]);
        assert_eq!(c.entries().len(), 3);
    }

    #[test]
    fn a_short_text_that_stands_for_billions_of_values_is_refused() {
        let mut text = "a0: &a0 [x, x, x, x, x, x, x, x]\n".to_owned();
        for level in 1..12 {
            let before = level - 1;
            text.push_str(&format!(
                "a{level}: &a{level} [{}]\n",
                format!("*a{before}, ").repeat(8)
            ));
        }
        assert!(resolved(&text).unwrap_err().problem.contains("more than 1000000 values"));
        assert!(resolved("a: &a [*a]\n").is_err());
    }
}
