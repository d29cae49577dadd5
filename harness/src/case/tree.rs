//! YAML as it is written: every key and value with its place, for checks and errors that point at it.

use std::ops::Range;

use serde_saphyr::granit_parser::{Event, Parser, ScalarStyle, Span};

/// Line and column, counted from 1.
pub type Place = (u64, u64);

/// A value, and where it stands.
#[derive(Debug, Clone)]
pub struct Node {
    /// Where it begins.
    pub place: Place,
    /// Its bytes in the text. Those of a mapping or list are those of its first token.
    pub bytes: Range<usize>,
    /// What it is.
    pub content: Content,
}

/// What a value is.
#[derive(Debug, Clone)]
pub enum Content {
    /// A scalar, as YAML reads it.
    Scalar {
        /// Its text.
        text: String,
        /// Whether it stands without quotes and not as a block.
        plain: bool,
    },
    /// A list.
    List(Vec<Node>),
    /// A mapping, in the order in which it is written.
    Map(Vec<(Node, Node)>),
    /// A reference to an anchor, which is not followed.
    Alias,
}

/// One part of the way to a value.
#[derive(Debug, Clone, Copy)]
pub enum Key<'a> {
    /// A key of a mapping.
    Name(&'a str),
    /// A position in a list.
    Index(usize),
}

impl<'a> From<&'a str> for Key<'a> {
    fn from(name: &'a str) -> Self {
        Self::Name(name)
    }
}

impl<'a> From<&'a String> for Key<'a> {
    fn from(name: &'a String) -> Self {
        Self::Name(name)
    }
}

impl From<usize> for Key<'_> {
    fn from(index: usize) -> Self {
        Self::Index(index)
    }
}

impl Node {
    /// Reads all documents of a text. A text that is not YAML has those before the fault.
    pub fn documents(text: &str) -> Vec<Self> {
        let mut events = Parser::new_from_str(text).map_while(Result::ok).filter(|(event, _)| {
            // Presentation, not values.
            !matches!(event, Event::Comment(..) | Event::Anchor(..))
        });
        let mut documents = Vec::new();
        while let Some((event, span)) = events.next() {
            match event {
                Event::StreamStart | Event::DocumentStart(..) | Event::DocumentEnd => {}
                Event::StreamEnd => break,
                other => match Self::build(other, &span, &mut events) {
                    Some(node) => documents.push(node),
                    None => break,
                },
            }
        }
        documents
    }

    fn build<'a>(
        event: Event<'a>,
        span: &Span,
        events: &mut impl Iterator<Item = (Event<'a>, Span)>,
    ) -> Option<Self> {
        let content = match event {
            Event::Scalar(text, style, ..) => {
                Content::Scalar { text: text.into_owned(), plain: style == ScalarStyle::Plain }
            }
            Event::SequenceStart(..) => {
                let mut list = Vec::new();
                loop {
                    match events.next()? {
                        (Event::SequenceEnd, _) => break Content::List(list),
                        (event, span) => list.push(Self::build(event, &span, events)?),
                    }
                }
            }
            Event::MappingStart(..) => {
                let mut map = Vec::new();
                loop {
                    match events.next()? {
                        (Event::MappingEnd, _) => break Content::Map(map),
                        (event, span) => {
                            let key = Self::build(event, &span, events)?;
                            let (event, span) = events.next()?;
                            map.push((key, Self::build(event, &span, events)?));
                        }
                    }
                }
            }
            _ => Content::Alias,
        };
        let place = (span.start.line() as u64, span.start.col() as u64 + 1);
        Some(Self { place, bytes: span.byte_range().unwrap_or_default(), content })
    }

    /// The text of a scalar.
    pub fn text(&self) -> Option<&str> {
        match &self.content {
            Content::Scalar { text, .. } => Some(text),
            _ => None,
        }
    }

    /// The keys and values of a mapping.
    pub fn entries(&self) -> &[(Self, Self)] {
        match &self.content {
            Content::Map(entries) => entries,
            _ => &[],
        }
    }

    /// The values of a list, or the one value that stands for a list of one.
    pub fn each(&self) -> &[Self] {
        match &self.content {
            Content::List(list) => list,
            _ => std::slice::from_ref(self),
        }
    }

    /// The value of a key.
    pub fn get(&self, key: &str) -> Option<&Self> {
        self.entries().iter().find(|(name, _)| name.text() == Some(key)).map(|(_, value)| value)
    }

    /// The place of the key or list entry that a path leads to, or of the last one on the way that
    /// there is. A value that stands for a list of one is its entry.
    pub fn place_of(&self, path: &[Key<'_>]) -> Place {
        self.follow(path).0
    }

    /// The value that a path leads to.
    pub fn value_of(&self, path: &[Key<'_>]) -> Option<&Self> {
        self.follow(path).1
    }

    fn follow(&self, path: &[Key<'_>]) -> (Place, Option<&Self>) {
        let (mut place, mut node) = (self.place, self);
        for key in path {
            let next = match (key, &node.content) {
                (Key::Name(name), Content::Map(entries)) => entries
                    .iter()
                    .find(|(key, _)| key.text() == Some(name))
                    .map(|(key, value)| (key.place, value)),
                (Key::Index(index), Content::List(list)) => {
                    list.get(*index).map(|value| (value.place, value))
                }
                (Key::Index(_), _) => Some((place, node)),
                _ => None,
            };
            match next {
                Some(next) => (place, node) = next,
                None => return (place, None),
            }
        }
        (place, Some(node))
    }

    /// The keys that lead to the value or key at a place; list entries are not counted.
    pub fn path_to(&self, place: Place) -> Option<Vec<&str>> {
        match &self.content {
            Content::Map(entries) => entries.iter().find_map(|(key, value)| {
                let name = key.text().unwrap_or_default();
                if key.place == place {
                    return Some(vec![name]);
                }
                let mut path = value.path_to(place)?;
                path.insert(0, name);
                Some(path)
            }),
            Content::List(list) => list.iter().find_map(|node| node.path_to(place)),
            _ => None,
        }
        .or_else(|| (self.place == place).then(Vec::new))
    }

    /// Visits every scalar, keys included, with its place.
    pub fn scalars<'a>(&'a self, visit: &mut impl FnMut(&'a str, Place)) {
        match &self.content {
            Content::Scalar { text, .. } => visit(text, self.place),
            Content::List(list) => list.iter().for_each(|node| node.scalars(visit)),
            Content::Map(entries) => entries.iter().for_each(|(key, value)| {
                key.scalars(visit);
                value.scalars(visit);
            }),
            Content::Alias => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "# a case\nsteps:\n- expect: {pod: app, message: 'é'}\n- run: |\n    do: it\nlast: x # end\n";

    fn tree() -> Node {
        Node::documents(TEXT).remove(0)
    }

    #[test]
    fn a_path_leads_to_a_place() {
        let tree = tree();
        assert_eq!(tree.place_of(&["steps".into(), 0.into(), "expect".into()]), (3, 3));
        let pod = ["steps".into(), 0.into(), "expect".into(), "pod".into()];
        assert_eq!(tree.place_of(&pod), (3, 12));
        assert_eq!(tree.place_of(&["steps".into(), 1.into()]), (4, 3));
        // What is not there has the place of what holds it.
        assert_eq!(tree.place_of(&["last".into(), "more".into()]), (6, 1));
    }

    #[test]
    fn a_place_leads_back_to_its_path() {
        assert_eq!(tree().path_to((3, 12)), Some(vec!["steps", "expect", "pod"]));
        assert_eq!(tree().path_to((99, 1)), None);
    }

    #[test]
    fn bytes_are_those_of_the_token() {
        let tree = tree();
        let (key, value) = &tree.entries()[1];
        assert_eq!(&TEXT[key.bytes.clone()], "last");
        assert_eq!(&TEXT[value.bytes.clone()], "x");
    }

    #[test]
    fn several_documents_and_what_comes_before_a_fault_are_read() {
        assert_eq!(Node::documents("a: 1\n---\nb: 2\n").len(), 2);
        assert_eq!(Node::documents("a: 1\n---\n{b: 2\n").len(), 1);
    }
}
