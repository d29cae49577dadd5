//! YAML as it is written: every key and value with its place, for checks and errors that point at it.

use std::ops::Range;

use serde_saphyr::granit_parser::{Event, Parser, ScalarStyle, ScanError, Span};

/// Line and column, counted from 1.
pub type Place = (u64, u64);

/// How deep values may be nested.
const DEPTH: usize = 200;

/// A value, and where it stands.
#[derive(Debug, Clone)]
pub struct Node {
    /// Where it begins.
    pub place: Place,
    /// Its bytes in the text. Those of a mapping or list are those of its first token.
    pub bytes: Range<usize>,
    /// The anchor that it has; 0 if it has none.
    pub anchor: usize,
    /// What it is.
    pub content: Content,
}

/// Why a text is not YAML.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{problem}")]
pub struct Fault {
    /// Where.
    pub place: Place,
    /// What is wrong.
    pub problem: String,
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
    /// A reference to an anchor, which is not followed here.
    Alias(usize),
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
        Self::read(text).0
    }

    /// Reads all documents of a text, up to the first fault if there is one.
    pub fn read(text: &str) -> (Vec<Self>, Option<Fault>) {
        let events = Parser::new_from_str(text).filter(|event| {
            // Presentation, not values.
            !matches!(event, Ok((Event::Comment(..) | Event::Anchor(..), _)))
        });
        let mut reader = Reader { events };
        let mut documents = Vec::new();
        loop {
            match reader.document() {
                Ok(Some(node)) => documents.push(node),
                Ok(None) => return (documents, None),
                Err(fault) => return (documents, Some(fault)),
            }
        }
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
            Content::Alias(_) => {}
        }
    }
}

/// Makes values of the events of a parser.
struct Reader<I> {
    events: I,
}

impl<'a, I: Iterator<Item = Result<(Event<'a>, Span), ScanError>>> Reader<I> {
    fn document(&mut self) -> Result<Option<Node>, Fault> {
        loop {
            let Some(event) = self.events.next() else { return Ok(None) };
            match event? {
                (Event::StreamStart | Event::DocumentStart(..) | Event::DocumentEnd, _) => {}
                (Event::StreamEnd, _) => return Ok(None),
                (event, span) => return self.node(event, &span, DEPTH).map(Some),
            }
        }
    }

    fn next(&mut self) -> Result<(Event<'a>, Span), Fault> {
        let end = || Fault { place: (1, 1), problem: "the text ends within a value".to_owned() };
        Ok(self.events.next().ok_or_else(end)??)
    }

    fn node(&mut self, event: Event<'a>, span: &Span, depth: usize) -> Result<Node, Fault> {
        let place = place(span);
        if depth == 0 {
            let problem = format!("values are nested more than {DEPTH} deep");
            return Err(Fault { place, problem });
        }
        let (anchor, content) = match event {
            Event::Scalar(text, style, anchor, _) => {
                let plain = style == ScalarStyle::Plain;
                (anchor, Content::Scalar { text: text.into_owned(), plain })
            }
            Event::SequenceStart(_, anchor, _) => {
                let mut list = Vec::new();
                loop {
                    match self.next()? {
                        (Event::SequenceEnd, _) => break (anchor, Content::List(list)),
                        (event, span) => list.push(self.node(event, &span, depth - 1)?),
                    }
                }
            }
            Event::MappingStart(_, anchor, _) => {
                let mut map = Vec::new();
                loop {
                    match self.next()? {
                        (Event::MappingEnd, _) => break (anchor, Content::Map(map)),
                        (event, span) => {
                            let key = self.node(event, &span, depth - 1)?;
                            let (event, span) = self.next()?;
                            map.push((key, self.node(event, &span, depth - 1)?));
                        }
                    }
                }
            }
            Event::Alias(anchor) => (0, Content::Alias(anchor)),
            _ => (0, Content::Alias(0)),
        };
        Ok(Node { place, bytes: span.byte_range().unwrap_or_default(), anchor, content })
    }
}

fn place(span: &Span) -> Place {
    (span.start.line() as u64, span.start.col() as u64 + 1)
}

impl From<ScanError> for Fault {
    fn from(error: ScanError) -> Self {
        let at = error.marker();
        Self { place: (at.line() as u64, at.col() as u64 + 1), problem: error.info() }
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
        let fault = Node::read("a: 1\nb: [c\nd: e\n").1.unwrap();
        assert_eq!(fault.place.0, 3, "{fault}");
    }

    #[test]
    fn nesting_has_a_limit() {
        for (open, close) in [("[", "]"), ("{a: ", "}"), ("- ", "")] {
            let nested = |depth: usize| [open.repeat(depth), close.repeat(depth)].concat();
            assert_eq!(Node::read(&nested(100)).1, None);
            assert!(Node::read(&nested(100_000)).1.is_some());
        }
    }
}
