//! Mistakes of manifests that are seen without looking at credentials.

use std::fmt;
use std::sync::Arc;

use crate::Location;
use crate::object::{Object, ObjectId, items, value};
use crate::stream::is_null;
use crate::template::SecretReference;
use crate::tree::{Content, Node};

/// The key of a pod and of a service account.
pub(crate) const KEY: &str = "imagePullSecrets";

/// A mistake in a manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slip {
    /// What it is.
    pub kind: SlipKind,
    /// Where it is.
    pub location: Location,
    /// The object in which it is.
    pub object: ObjectId,
    /// The template that Helm rendered the object from.
    pub rendered_from: Option<Arc<str>>,
}

/// A kind of mistake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SlipKind {
    /// A key that is nearly `imagePullSecrets`. The API server drops it, with a warning.
    MisspeltKey {
        /// The key.
        written: String,
    },
    /// `imagePullSecrets` at a level where it means nothing. The API server drops it, with a warning.
    MisplacedKey {
        /// The key.
        written: String,
        /// The level, as a path: `spec.template`.
        level: String,
    },
    /// A key that is there twice, of which the last counts.
    DuplicateKey {
        /// The key.
        key: &'static str,
    },
    /// A pull secret as a text, not as an object with its name. The API server refuses the object.
    SecretAsText {
        /// The text.
        name: String,
    },
    /// `imagePullSecrets` is not a list. The API server refuses the object.
    NotAList,
    /// An entry without a name. It fills the list, so that those of the service account are not added.
    EmptyName,
    /// A Secret that the API server refuses.
    SecretRefused(Refusal),
    /// An object of a name that another has.
    DuplicateObject {
        /// The other.
        first: Location,
    },
}

/// Why the API server refuses a Secret (`ValidateSecret` in `pkg/apis/core/validation/validation.go`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// A value of `data` is not base64.
    NotBase64 {
        /// Its key.
        key: String,
    },
    /// The key that its type wants is missing.
    NoDataKey {
        /// That key.
        expected: &'static str,
    },
    /// What is under that key is not a JSON object.
    NotJson {
        /// That key.
        key: &'static str,
    },
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotBase64 { key } => write!(f, "data.{key} is not base64"),
            Self::NoDataKey { expected } => write!(f, "its type wants the data key {expected}"),
            Self::NotJson { key } => write!(f, "{key} is not a JSON object"),
        }
    }
}

impl Object {
    pub(crate) fn slip(&self, kind: SlipKind, node: &Node) -> Slip {
        let location = Location::new(&self.location.file, node.place);
        let rendered_from = self.rendered_from.clone();
        Slip { kind, location, object: self.id.clone(), rendered_from }
    }

    /// Reads the pull secrets of a pod or service account. The second value is whether the API server
    /// refuses the object for them.
    pub(crate) fn pull_secrets(
        &self,
        holder: &Node,
        slips: &mut Vec<Slip>,
    ) -> (Vec<SecretReference>, bool) {
        let Some(list) = value(holder, KEY) else { return (Vec::new(), false) };
        if !matches!(list.content, Content::List(_)) {
            slips.push(self.slip(SlipKind::NotAList, list));
            return (Vec::new(), true);
        }
        let mut refused = false;
        let references = items(list).iter().filter(|entry| !is_null(entry)).map(|entry| {
            let name = match entry.text() {
                Some(name) => {
                    refused = true;
                    slips.push(self.slip(SlipKind::SecretAsText { name: name.to_owned() }, entry));
                    name
                }
                None => value(entry, "name").and_then(Node::text).unwrap_or_default(),
            };
            if name.is_empty() {
                slips.push(self.slip(SlipKind::EmptyName, entry));
            }
            let location = Location::new(&self.location.file, entry.place);
            SecretReference { name: name.to_owned(), location }
        });
        (references.collect(), refused)
    }

    /// Looks for keys of a pod or service account that were meant to be `imagePullSecrets`.
    pub(crate) fn misspelt(&self, holder: &Node, slips: &mut Vec<Slip>) {
        for (key, _) in holder.entries() {
            if let Some(written) = key.text().filter(|key| is_meant(key) && *key != KEY) {
                let kind = SlipKind::MisspeltKey { written: written.to_owned() };
                slips.push(self.slip(kind, key));
            }
        }
    }

    /// Looks for `imagePullSecrets`, also misspelt, at a level that has no such key.
    pub(crate) fn misplaced(&self, holder: &Node, level: &str, slips: &mut Vec<Slip>) {
        for (key, _) in holder.entries() {
            if let Some(written) = key.text().filter(|key| is_meant(key)) {
                let (written, level) = (written.to_owned(), level.to_owned());
                slips.push(self.slip(SlipKind::MisplacedKey { written, level }, key));
            }
        }
    }

    /// Looks for a key that is there twice, at the first of them.
    pub(crate) fn duplicate_keys(&self, holder: &Node, slips: &mut Vec<Slip>) {
        for key in [KEY, "containers", "initContainers", "serviceAccountName"] {
            let mut places = holder.entries().iter().filter(|(name, _)| name.text() == Some(key));
            if let (Some((first, _)), Some(_)) = (places.next(), places.next()) {
                slips.push(self.slip(SlipKind::DuplicateKey { key }, first));
            }
        }
    }
}

/// Whether a key was meant to be `imagePullSecrets`.
fn is_meant(key: &str) -> bool {
    let key = key.to_lowercase();
    key.ends_with("pullsecret")
        || key.ends_with("pullsecrets")
        || key.len() < 30 && strsim::levenshtein(&key, "imagepullsecrets") <= 3
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("imagePullSecret", true)]
    #[case("imagepullsecrets", true)]
    #[case("imagePullsSecrets", true)]
    #[case("imagePullSecretes", true)]
    #[case("pullSecrets", true)]
    #[case("ImagePullSecrets", true)]
    #[case("imagePullPolicy", false)]
    #[case("secrets", false)]
    #[case("image", false)]
    fn a_key_that_is_nearly_the_one_is_known(#[case] key: &str, #[case] meant: bool) {
        assert_eq!(is_meant(key), meant);
    }
}
