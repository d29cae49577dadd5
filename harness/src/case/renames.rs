//! Words of the format that have changed: one table for the errors, the migration and its help.

use std::{ops::Range, path::Path};

use super::{
    error::CaseError,
    tree::{Content, Node, Place},
};

/// A word that has another name now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rename {
    /// Where it stands: the keys above it, in today's words; `*` is any, and list entries do not count.
    pub under: &'static str,
    /// What it was.
    pub old: &'static str,
    /// What it is.
    pub new: &'static str,
    /// Whether it is a key or a value.
    pub kind: RenameKind,
}

/// What a changed word is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RenameKind {
    /// The key of a mapping.
    Key,
    /// A value.
    Value,
    /// Either: `action: reset`, `action: {cut: 20}`.
    Either,
}

const fn key(under: &'static str, old: &'static str, new: &'static str) -> Rename {
    Rename { under, old, new, kind: RenameKind::Key }
}

const fn value(under: &'static str, old: &'static str, new: &'static str) -> Rename {
    Rename { under, old, new, kind: RenameKind::Value }
}

/// Every word that has changed.
pub const RENAMES: &[Rename] = &[
    key("steps.expect", "no_events", "noEvents"),
    key("steps.expect", "pair", "privacyCheck"),
    value("steps.expect.privacyCheck", "anonymous", "nodePull"),
    value("steps.expect.privacyCheck", "registry", "registryAnswer"),
    value("steps.expect.sync", "hastened", "nudged"),
    key("steps.expect.registry", "of", "registry"),
    key("steps.registry", "of", "registry"),
    key("steps.node", "remove-images", "removeImages"),
    key("steps.node", "restart-kubelet", "restartKubelet"),
    key("steps.node.record", "shows", "matches"),
    key("steps.node.record.matches", "lacks", "notContains"),
    key("steps.run.stdout", "lacks", "notContains"),
    key("steps.run.stderr", "lacks", "notContains"),
    key("registries.*.images", "same-as", "sameAs"),
    key("steps.registry.push", "same-as", "sameAs"),
    value("registries.*.tls", "wrong-name", "wrongName"),
    value("registries.*.tls", "http-for-https", "httpForHttps"),
    value("registries.*.tls", "https-for-http", "httpsForHttp"),
    key("registries.*.faults", "do", "action"),
    key("steps.registry.faults", "do", "action"),
];

/// What faults do, in the words of toxiproxy if it has them. Each is a value (`action: reset`) or the key
/// of one (`action: {cut: 20}`).
const FAULTS: [(&str, &str); 7] = [
    ("too-many-requests", "tooManyRequests"),
    ("redirect-away", "redirectToOtherHost"),
    ("delay", "latency"),
    ("reset", "resetPeer"),
    ("cut", "limitData"),
    ("flip", "corrupt"),
    ("unchallenged", "withoutChallenge"),
];

/// Where faults are.
const FAULTS_UNDER: [&str; 2] = ["registries.*.faults.action", "steps.registry.faults.action"];

/// The table with the faults, whose words are at each of their places.
pub fn renames() -> impl Iterator<Item = Rename> {
    let faults = FAULTS_UNDER.iter().flat_map(|under| {
        let kind = RenameKind::Either;
        FAULTS.iter().map(move |(old, new)| Rename { under, old, new, kind })
    });
    RENAMES.iter().copied().chain(faults)
}

/// A place of a text at which an old word stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Found {
    pub rename: Rename,
    pub place: Place,
    /// The bytes of the word, without quotes.
    pub bytes: Range<usize>,
}

impl Found {
    /// What is said of an old word in place of the nearest one.
    pub(super) fn error(&self, file: &Path) -> CaseError {
        let Rename { old, new, .. } = self.rename;
        let problem =
            format!("`{old}` is now `{new}`; run scripts/migrate-cases {}", file.display());
        CaseError::at(file, Some(self.place), problem)
    }
}

/// The old words of a case, in the order in which they stand.
pub(super) fn find(tree: &Node, text: &str) -> Vec<Found> {
    let mut found = Vec::new();
    search(tree, text, &mut Vec::new(), &mut found);
    found.sort_by_key(|found| found.bytes.start);
    found
}

fn search<'a>(node: &'a Node, text: &str, path: &mut Vec<&'a str>, found: &mut Vec<Found>) {
    match &node.content {
        Content::Map(entries) => {
            for (key, value) in entries {
                let Some(name) = key.text() else { continue };
                let rename = look(key, text, path, true, found);
                path.push(rename.map_or(name, |rename| rename.new));
                search(value, text, path, found);
                path.pop();
            }
        }
        Content::List(list) => list.iter().for_each(|node| search(node, text, path, found)),
        Content::Scalar { .. } => {
            look(node, text, path, false, found);
        }
        Content::Alias(_) => {}
    }
}

/// Notes a scalar that is an old word.
fn look(
    node: &Node,
    text: &str,
    path: &[&str],
    is_key: bool,
    found: &mut Vec<Found>,
) -> Option<Rename> {
    let word = node.text()?;
    let rename = renames().find(|rename| {
        let other = if is_key { RenameKind::Value } else { RenameKind::Key };
        rename.kind != other && rename.old == word && lies_under(path, rename.under)
    })?;
    // Quotes stay. A word written with escapes or as a block is left alone.
    let source = text.get(node.bytes.clone())?;
    let start = node.bytes.start + source.find(word)?;
    found.push(Found { rename, place: node.place, bytes: start..start + word.len() });
    Some(rename)
}

fn lies_under(path: &[&str], under: &str) -> bool {
    let parts: Vec<&str> = under.split('.').collect();
    parts.len() == path.len()
        && parts.iter().zip(path).all(|(part, key)| *part == "*" || part == key)
}

/// Returns a case in today's words, and how many of its words were old. All else stays as it is written.
pub fn migrate(text: &str) -> (String, usize) {
    let Some(tree) = Node::documents(text).into_iter().next() else { return (text.to_owned(), 0) };
    let found = find(&tree, text);
    let mut migrated = text.to_owned();
    for found in found.iter().rev() {
        migrated.replace_range(found.bytes.clone(), found.rename.new);
    }
    (migrated, found.len())
}
