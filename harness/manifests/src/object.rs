//! The objects of a document.

use std::fmt;
use std::sync::Arc;

use crate::stream::{Document, is_null};
use crate::tree::{Content, Node};
use crate::{Location, ManifestError};

/// What names an object.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectId {
    /// Its `apiVersion`.
    pub api_version: String,
    /// Its kind.
    pub kind: String,
    /// Its namespace, also if the manifest has none.
    pub namespace: String,
    /// Its name, or what a generated one begins with.
    pub name: String,
}

/// Displays as `NAMESPACE/KIND/NAME`.
impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.namespace, self.kind, self.name)
    }
}

/// An object as it is written.
pub(crate) struct Object {
    pub(crate) id: ObjectId,
    /// Whether the API server makes up its name.
    pub(crate) generated: bool,
    pub(crate) location: Location,
    pub(crate) node: Node,
    pub(crate) rendered_from: Option<Arc<str>>,
}

/// Returns the value of a key; of several equal ones the last counts, as for kubectl and Helm.
pub(crate) fn field<'a>(node: &'a Node, key: &str) -> Option<&'a Node> {
    let mut entries = node.entries().iter().rev();
    entries.find(|(name, _)| name.text() == Some(key)).map(|(_, value)| value)
}

/// Returns the value of a key, if it is one.
pub(crate) fn value<'a>(node: &'a Node, key: &str) -> Option<&'a Node> {
    field(node, key).filter(|value| !is_null(value))
}

/// Returns the text of a key.
pub(crate) fn text<'a>(node: &'a Node, key: &str) -> Option<&'a str> {
    value(node, key).and_then(Node::text)
}

/// Returns the items of a list.
pub(crate) fn items(node: &Node) -> &[Node] {
    match &node.content {
        Content::List(list) => list,
        _ => &[],
    }
}

/// What objects are read for.
pub(crate) struct Reading<'a> {
    pub(crate) file: Arc<str>,
    pub(crate) text: &'a str,
    pub(crate) namespace: &'a str,
    /// Whether the file was found in a folder, and may be none of manifests.
    pub(crate) found: bool,
}

impl Reading<'_> {
    fn error(&self, node: &Node, problem: &str) -> ManifestError {
        ManifestError::at(&self.file, Some(node.place), problem).of_template(self.text)
    }

    /// Adds the objects of a document, those of lists included.
    pub(crate) fn objects(
        &self,
        document: Document,
        objects: &mut Vec<Object>,
    ) -> Result<(), ManifestError> {
        let Document { node, rendered_from } = document;
        let is_object = [field(&node, "apiVersion"), field(&node, "kind")].map(|it| it.is_some());
        if self.found && is_object == [false; 2] {
            return Ok(());
        }
        self.object(node, None, rendered_from, objects)
    }

    /// `of_list` is the `apiVersion` and kind that items have which name none.
    fn object(
        &self,
        mut node: Node,
        of_list: Option<(&str, &str)>,
        rendered_from: Option<Arc<str>>,
        objects: &mut Vec<Object>,
    ) -> Result<(), ManifestError> {
        if node.entries().is_empty() {
            let problem = "expected a Kubernetes object, a mapping with apiVersion and kind";
            return Err(self.error(&node, problem));
        }
        let api_version = self.word(&node, "apiVersion", of_list.map(|list| list.0))?;
        let kind = self.word(&node, "kind", of_list.map(|list| list.1))?;
        if kind.ends_with("List")
            && let Some(items) = value(&node, "items")
        {
            let of_list = Some((api_version.as_str(), kind.trim_end_matches("List")));
            let of_list = of_list.filter(|(_, kind)| !kind.is_empty());
            for item in self::items(items).to_vec() {
                self.object(item, of_list, rendered_from.clone(), objects)?;
            }
            return Ok(());
        }
        let empty = Node { content: Content::Map(Vec::new()), ..node.clone_place() };
        let metadata = value(&node, "metadata").unwrap_or(&empty);
        let given = self.rendered(metadata, "name")?;
        let generated = given.is_none();
        let name = match given {
            Some(name) => Some(name),
            None => self.rendered(metadata, "generateName")?,
        };
        let namespace = self.rendered(metadata, "namespace")?;
        let id = ObjectId {
            api_version,
            kind,
            namespace: namespace.filter(|it| !it.is_empty()).unwrap_or(self.namespace).to_owned(),
            name: name.unwrap_or_default().to_owned(),
        };
        let location = Location::new(&self.file, node.place);
        node.anchor = 0;
        objects.push(Object { id, generated, location, node, rendered_from });
        Ok(())
    }

    fn word(&self, node: &Node, key: &str, default: Option<&str>) -> Result<String, ManifestError> {
        let word = self.rendered(node, key)?.or(default).filter(|word| !word.is_empty());
        let expected = || self.error(node, &format!("expected an object, which has `{key}`"));
        word.map(str::to_owned).ok_or_else(expected)
    }

    /// Returns a text that Helm has to have rendered.
    pub(crate) fn rendered<'n>(
        &self,
        node: &'n Node,
        key: &str,
    ) -> Result<Option<&'n str>, ManifestError> {
        let Some(value) = value(node, key) else { return Ok(None) };
        match value.text() {
            Some(text) if text.contains("{{") => {
                Err(self.error(value, &format!("`{key}` is a template and not a text")))
            }
            Some(text) => Ok(Some(text)),
            None => Err(self.error(value, &format!("expected a text for `{key}`"))),
        }
    }
}

impl Node {
    /// An empty value at the same place.
    fn clone_place(&self) -> Self {
        let content = Content::Scalar { text: String::new(), plain: true };
        Self { place: self.place, bytes: self.bytes.clone(), anchor: 0, content }
    }
}
