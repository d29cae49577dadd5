//! Pod templates, in whatever object they stand.

use std::collections::HashSet;
use std::sync::Arc;

use crate::json::json;
use crate::object::{Object, ObjectId, Reading, items, text, value};
use crate::slip::{KEY, Slip};
use crate::stream::is_null;
use crate::tree::{Content, Node};
use crate::{Location, ManifestError};

/// The lists of containers that a pod has.
const LISTS: [&str; 3] = ["initContainers", "containers", "ephemeralContainers"];

/// A pod, or what pods are made of.
#[derive(Debug, Clone)]
pub struct PodTemplate {
    /// The object in which it stands.
    pub object: ObjectId,
    /// Where in the object: `spec.template.spec`.
    pub path: String,
    /// Where the object begins.
    pub location: Location,
    /// When Helm runs it, if it is a hook or test: the annotation `helm.sh/hook`.
    pub hook: Option<String>,
    /// The template that Helm rendered it from.
    pub rendered_from: Option<Arc<str>>,
    /// The service account that it names.
    pub service_account: Option<SecretReference>,
    /// Its own pull secrets.
    pub pull_secrets: Vec<SecretReference>,
    /// Its `imagePullSecrets` as they are written, whatever they are.
    pub written: Option<serde_json::Value>,
    /// Whether the API server refuses it for the form of its pull secrets.
    pub refused: bool,
    /// Its containers, in the order in which their images are pulled, and its image volumes.
    pub containers: Vec<Container>,
}

/// The name of a secret or service account, and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretReference {
    /// The name.
    pub name: String,
    /// Where it stands.
    pub location: Location,
}

/// A container, or a volume that is an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Container {
    /// What it is.
    pub kind: ContainerKind,
    /// Its name.
    pub name: String,
    /// Its image.
    pub image: String,
    /// Its `imagePullPolicy`, if it names one.
    pub policy: Option<String>,
    /// Where the image stands.
    pub location: Location,
}

/// What needs an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ContainerKind {
    /// A container.
    Container,
    /// An init container.
    Init,
    /// An init container that keeps running: `restartPolicy: Always`.
    Sidecar,
    /// An ephemeral container.
    Ephemeral,
    /// A volume of the type `image`.
    ImageVolume,
}

/// Returns where the kinds of Kubernetes have their pod.
pub(crate) fn path_of(id: &ObjectId) -> Option<&'static [&'static str]> {
    let group = id.api_version.split_once('/').map_or("", |(group, _)| group);
    Some(match (group, id.kind.as_str()) {
        ("", "Pod") => &["spec"],
        ("", "PodTemplate") => &["template", "spec"],
        ("", "ReplicationController")
        | ("apps" | "extensions", "Deployment" | "StatefulSet" | "DaemonSet" | "ReplicaSet")
        | ("batch", "Job") => &["spec", "template", "spec"],
        ("batch", "CronJob") => &["spec", "jobTemplate", "spec", "template", "spec"],
        _ => return None,
    })
}

/// What is found in an object.
pub(crate) struct Templates<'a> {
    pub(crate) object: &'a Object,
    pub(crate) reading: &'a Reading<'a>,
    pub(crate) found: Vec<PodTemplate>,
    pub(crate) slips: Vec<Slip>,
    pub(crate) notes: Vec<String>,
}

impl Templates<'_> {
    /// Finds the pods of the object.
    pub(crate) fn find(&mut self) -> Result<(), ManifestError> {
        let object = self.object;
        if object.id.kind == "CustomResourceDefinition" {
            return Ok(());
        }
        self.levels();
        let mut path = Vec::new();
        self.walk(&object.node, &mut path)
    }

    /// Looks at the levels around a pod of Kubernetes' own kinds for keys that belong into it.
    fn levels(&mut self) {
        let object = self.object;
        let Some(path) = path_of(&object.id) else { return };
        let mut node = &object.node;
        for (depth, key) in path.iter().enumerate() {
            let level = path[..depth].join(".");
            object.misplaced(node, &level, &mut self.slips);
            if let Some(metadata) = value(node, "metadata") {
                let dot = if level.is_empty() { "" } else { "." };
                object.misplaced(metadata, &format!("{level}{dot}metadata"), &mut self.slips);
            }
            let Some(next) = value(node, key) else { return };
            node = next;
        }
        object.misspelt(node, &mut self.slips);
        object.duplicate_keys(node, &mut self.slips);
        let lists = LISTS.iter().filter_map(|list| Some((list, value(node, list)?)));
        for (list, container) in
            lists.flat_map(|(list, all)| items(all).iter().map(move |it| (list, it)))
        {
            let level = format!("{}.{list}", path.join("."));
            object.misplaced(container, &level, &mut self.slips);
        }
    }

    fn walk<'n>(&mut self, node: &'n Node, path: &mut Vec<&'n str>) -> Result<(), ManifestError> {
        if is_pod(node) {
            return self.pod(node, path);
        }
        match &node.content {
            Content::Map(entries) => {
                for (key, value) in entries {
                    path.push(key.text().unwrap_or_default());
                    self.walk(value, path)?;
                    path.pop();
                }
            }
            Content::List(list) => {
                for value in list {
                    self.walk(value, path)?;
                }
            }
            Content::Scalar { .. } | Content::Alias(_) => {}
        }
        Ok(())
    }

    fn pod(&mut self, spec: &Node, path: &[&str]) -> Result<(), ManifestError> {
        let object = self.object;
        let mut containers = Vec::new();
        for list in LISTS {
            for container in value(spec, list).map(items).unwrap_or_default() {
                let kind = match list {
                    "initContainers" if text(container, "restartPolicy") == Some("Always") => {
                        ContainerKind::Sidecar
                    }
                    "initContainers" => ContainerKind::Init,
                    "ephemeralContainers" => ContainerKind::Ephemeral,
                    _ => ContainerKind::Container,
                };
                let name = text(container, "name").unwrap_or_default();
                let policy = text(container, "imagePullPolicy");
                containers.extend(self.container(container, "image", kind, name, policy)?);
            }
        }
        for volume in value(spec, "volumes").map(items).unwrap_or_default() {
            if let Some(image) = value(volume, "image").filter(|image| image.text().is_none()) {
                let name = text(volume, "name").unwrap_or_default();
                let (kind, policy) = (ContainerKind::ImageVolume, text(image, "pullPolicy"));
                containers.extend(self.container(image, "reference", kind, name, policy)?);
            }
        }
        // The deprecated name counts if the other is empty.
        let account = ["serviceAccountName", "serviceAccount"].into_iter().find_map(|key| {
            let node = value(spec, key)?;
            let name = node.text().filter(|name| !name.is_empty())?.to_owned();
            Some(SecretReference { name, location: Location::new(&self.reading.file, node.place) })
        });
        let (pull_secrets, refused) = object.pull_secrets(spec, &mut self.slips);
        self.found.push(PodTemplate {
            object: object.id.clone(),
            path: path.join("."),
            location: object.location.clone(),
            hook: self.hook(),
            rendered_from: object.rendered_from.clone(),
            service_account: account,
            pull_secrets,
            written: value(spec, KEY).map(json),
            refused,
            containers,
        });
        Ok(())
    }

    /// A container whose image another program fills in is noted, if the object is of another program.
    fn container(
        &mut self,
        node: &Node,
        key: &str,
        kind: ContainerKind,
        name: &str,
        policy: Option<&str>,
    ) -> Result<Option<Container>, ManifestError> {
        let Some(place) = value(node, key) else { return Ok(None) };
        let location = Location::new(&self.reading.file, place.place);
        let image = match self.reading.rendered(node, key) {
            Ok(image) => image.unwrap_or_default().to_owned(),
            Err(_) if path_of(&self.object.id).is_none() => {
                self.notes
                    .push(format!("{location}: the image is filled in later; it is not checked"));
                return Ok(None);
            }
            Err(error) => return Err(error),
        };
        let (name, policy) = (name.to_owned(), policy.map(str::to_owned));
        Ok(Some(Container { kind, name, image, policy, location }))
    }

    fn hook(&self) -> Option<String> {
        let annotations = value(value(&self.object.node, "metadata")?, "annotations")?;
        text(annotations, "helm.sh/hook").map(str::to_owned)
    }
}

/// Whether a mapping is a pod's: it has a list of containers that have images.
fn is_pod(node: &Node) -> bool {
    let has_image = |container: &Node| value(container, "image").is_some();
    LISTS.iter().any(|list| value(node, list).is_some_and(|list| items(list).iter().any(has_image)))
}

/// Adds every name that an object of another kind mentions where secrets are named.
pub(crate) fn mentions(object: &Object, mentioned: &mut HashSet<String>) {
    if !matches!(object.id.kind.as_str(), "Secret" | "ServiceAccount" | "CustomResourceDefinition")
    {
        let own = path_of(&object.id).is_some();
        mention(&object.node, false, own, mentioned);
    }
}

fn mention(node: &Node, named: bool, own: bool, mentioned: &mut HashSet<String>) {
    match &node.content {
        Content::Scalar { text, .. } if named && !is_null(node) => {
            mentioned.insert(text.clone());
        }
        Content::List(list) => list.iter().for_each(|node| mention(node, named, own, mentioned)),
        Content::Map(entries) => {
            // Those of pods are looked at one by one.
            let looked_at = own && is_pod(node);
            let others = entries.iter().filter(|(key, _)| !looked_at || key.text() != Some(KEY));
            others.for_each(|(key, value)| {
                let key = key.text().unwrap_or_default().to_lowercase();
                mention(value, named || key.contains("secret"), own, mentioned);
            });
        }
        Content::Scalar { .. } | Content::Alias(_) => {}
    }
}
