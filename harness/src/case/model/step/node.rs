//! `node`: files and images of the node.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::{Action, Output};
use crate::{
    case::{
        error::CaseError,
        names::is_literal,
        secrets::Found,
        source::{Source, at},
        tree::Node,
        variables::variable_name,
    },
    redaction::Redaction,
};

/// What happens on the node. A case that writes files or restarts the kubelet has the node to
/// itself; images are its own.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct NodeChange {
    /// Files to write, by absolute path; removed or restored after the case.
    #[serde(default)]
    #[schemars(extend("propertyNames" = {"pattern": FILE, "not": {"anyOf": [{"enum": FOLDERS}, {"pattern": "^/(dev|proc|sys)/"}]}}))]
    pub files: BTreeMap<String, String>,
    /// Images to remove from the node, as a pod would name them.
    #[serde(default)]
    #[schemars(inner(regex(pattern = r"^\S+$")))]
    pub remove_images: Vec<String>,
    /// Images to bring onto the node without the kubelet, as a preload does.
    #[serde(default)]
    pub preload: Vec<String>,
    /// Restarts the kubelet and waits until it answers.
    #[serde(default)]
    pub restart_kubelet: bool,
    /// Looks at what the kubelet has recorded of who may use an image (1.35 and later).
    #[serde(default)]
    pub record: Option<ImageRecord>,
}

/// The kubelet's record of an image that it pulled (KEP-2535).
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ImageRecord {
    /// The image as the record names it, without tag and digest: `$REGISTRY/janedoe/jdoe-private`.
    #[schemars(regex(pattern = r"^(.*/)?[^/:@]+$"))]
    pub image: String,
    /// What the record shows. Where there is none, it is empty: `{equals: ''}`.
    pub matches: Output,
}

/// Folders of which a node has many: a file of that name would replace them.
const FOLDERS: [&str; 17] = [
    "/etc/containerd",
    "/etc/containerd/certs.d",
    "/etc/cni",
    "/etc/default",
    "/etc/kubernetes",
    "/etc/kubernetes/manifests",
    "/etc/kubernetes/pki",
    "/etc/systemd",
    "/etc/systemd/system",
    "/opt/cni",
    "/usr/bin",
    "/usr/lib",
    "/usr/local",
    "/var/lib",
    "/var/lib/containerd",
    "/var/lib/kubelet",
    "/var/log",
];

/// The pattern of a file's path, as `not_a_file` has it: two parts or more, none of them `.` or `..`.
const FILE: &str = r"^(/([^/.\x00-\x1f\x7f-\x9f]|\.[^/.\x00-\x1f\x7f-\x9f]|\.\.[^/\x00-\x1f\x7f-\x9f])[^/\x00-\x1f\x7f-\x9f]*){2,}$";

/// Where there are no files to write.
const NOT_FILES: [&str; 3] = ["/dev/", "/proc/", "/sys/"];

impl Action for NodeChange {
    fn check(&self, source: Source<'_>, index: usize) -> Result<(), CaseError> {
        self.check_files(source, index)?;
        self.check_images(source, index)?;
        match &self.record {
            Some(record) => record.check(source, index),
            None => Ok(()),
        }
    }

    fn filled<'a>(&self, written: &'a Node) -> Vec<&'a Node> {
        vec![written]
    }

    fn secrets(&self, found: &mut Found) {
        self.files.values().for_each(|text| found.file(text));
    }

    fn proves(&self) -> bool {
        self.record.is_some()
    }

    fn needs_node_alone(&self) -> bool {
        !self.files.is_empty() || self.restart_kubelet
    }

    fn describe(&self, _: &[Value], _: &Redaction) -> Vec<String> {
        let files = self.files.keys().map(|path| format!("write {path} on the node"));
        let removed = self.remove_images.iter().map(|i| format!("remove {i} from the node"));
        let brought = self.preload.iter().map(|i| format!("bring {i} onto the node"));
        let record = self.record.iter();
        let looks = record.map(|one| format!("look at the kubelet's record of {}", one.image));
        let restart = self.restart_kubelet.then(|| "restart the kubelet".to_owned());
        files.chain(removed).chain(brought).chain(looks).chain(restart).collect()
    }
}

impl NodeChange {
    fn check_files(&self, source: Source<'_>, index: usize) -> Result<(), CaseError> {
        for file in self.files.keys() {
            let path = at!["steps", index, "node", "files", file];
            if let Some(why) = not_a_file(file) {
                let problem = format!("`{file}` cannot be written on the node: {why}");
                return Err(source.error(path, problem));
            }
            let inside = format!("{file}/");
            if self.files.keys().any(|other| other.starts_with(&inside)) {
                let problem = format!("`{file}` is a folder to another file of this step");
                return Err(source.error(path, problem));
            }
        }
        Ok(())
    }

    fn check_images(&self, source: Source<'_>, index: usize) -> Result<(), CaseError> {
        for (at, image) in self.remove_images.iter().enumerate() {
            if image.is_empty() || image.contains(char::is_whitespace) {
                let problem = format!("`{image}` is not an image");
                return Err(source.error(at!["steps", index, "node", "removeImages", at], problem));
            }
        }
        for (at, image) in self.preload.iter().enumerate() {
            let known = images(source, index);
            if !known.contains(image) {
                let problem = format!("`{image}` is not an image of the case");
                let path = at!["steps", index, "node", "preload", at];
                return Err(source.error(path, problem).among(image, known));
            }
        }
        Ok(())
    }
}

impl ImageRecord {
    fn check(&self, source: Source<'_>, index: usize) -> Result<(), CaseError> {
        let last = self.image.rsplit('/').next().unwrap_or_default();
        if last.is_empty() || last.contains([':', '@']) {
            let problem = format!(
                "`{}` cannot be in a record: the kubelet records images without tag and digest",
                self.image
            );
            return Err(source.error(at!["steps", index, "node", "record", "image"], problem));
        }
        self.matches.check(source, at!["steps", index, "node", "record", "matches"])
    }
}

fn not_a_file(path: &str) -> Option<&'static str> {
    if !path.starts_with('/') {
        return Some("its path is not absolute");
    }
    if path.contains(char::is_control) {
        return Some("its path has a line break or another control character");
    }
    let mut parts = path[1..].split('/');
    if parts.any(|part| matches!(part, "" | "." | "..")) {
        return Some("its path has an empty part, `.` or `..`");
    }
    if path.matches('/').count() < 2 || FOLDERS.contains(&path) {
        return Some("it is a folder, or beside the node's own");
    }
    if NOT_FILES.iter().any(|folder| path.starts_with(folder)) {
        return Some("there are no files there");
    }
    None
}

/// The images that a step can bring onto the node, as a pod would name them.
fn images(source: Source<'_>, index: usize) -> Vec<String> {
    let case = &source.file.case;
    let only = case.registries.keys().next();
    let before = case
        .registries
        .iter()
        .flat_map(|(name, registry)| registry.images.iter().map(move |image| (name, &image.name)));
    let changes = source.file.registry_changes().take_while(|(step, _)| *step < index);
    let pushed = changes.flat_map(|(_, change)| {
        let of = change.registry.as_ref().or(only);
        of.into_iter().flat_map(|of| change.push.iter().map(move |image| (of, &image.name)))
    });
    let mut all: Vec<String> = before
        .chain(pushed)
        .map(|(registry, image)| match is_literal(registry) {
            true => format!("{registry}/{image}"),
            false => format!("${}/{image}", variable_name(registry)),
        })
        .collect();
    all.dedup();
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_files_that_the_harness_can_put_back_are_written() {
        for good in ["/var/lib/kubelet/config.json", "/etc/default/kubelet", "/etc/pullproof/a.b"] {
            assert_eq!(not_a_file(good), None, "{good}");
        }
        for bad in [
            "etc/x",
            "/",
            "/etc",
            "/etc/",
            "/etc/../x",
            "/etc/./x",
            "/etc//x",
            "/etc/x\n",
            "/etc/x/",
            "/var/lib",
            "/dev/null",
            "/proc/1/mem",
            "",
        ] {
            assert!(not_a_file(bad).is_some(), "{bad:?}");
        }
    }
}
