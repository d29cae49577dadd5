//! Everything of manifests that decides about pulls.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crate::object::{Object, ObjectId, Reading};
use crate::slip::{Slip, SlipKind};
use crate::stream::documents;
use crate::template::{Templates, mentions};
use crate::{Location, ManifestError, PodTemplate, Secret, ServiceAccount};

/// A text of manifests, and what it is called.
#[derive(Debug, Clone, Copy)]
pub struct Source<'a> {
    /// The file.
    pub name: &'a str,
    /// Its text.
    pub text: &'a str,
    /// Whether it was found in a folder: documents that are no objects, such as a chart's values, are
    /// then left out.
    pub found: bool,
}

impl<'a> Source<'a> {
    /// Returns a text that has to be manifests.
    pub fn named(name: &'a str, text: &'a str) -> Self {
        Self { name, text, found: false }
    }
}

/// The pod templates of manifests, and the objects that decide about their pulls.
#[derive(Debug, Clone, Default)]
pub struct Manifests {
    /// How many objects there are.
    pub objects: usize,
    /// The pod templates, in the order of the text.
    pub templates: Vec<PodTemplate>,
    /// The service accounts.
    pub service_accounts: Vec<ServiceAccount>,
    /// The secrets.
    pub secrets: Vec<Secret>,
    /// The namespaces that are created.
    pub namespaces: Vec<String>,
    /// Mistakes that are seen without looking at credentials.
    pub slips: Vec<Slip>,
    /// What is worth knowing and not a mistake.
    pub notes: Vec<String>,
    /// The names that objects mention where they name secrets, pull secrets of pods left out.
    pub(crate) mentioned: HashSet<String>,
}

impl Manifests {
    /// Reads texts. Objects that name no namespace are in `namespace`.
    ///
    /// # Errors
    /// A text that is not YAML, or no manifest, or a template that was not rendered; no pod template at
    /// all, as there would be nothing to check.
    pub fn read<'a>(
        sources: impl IntoIterator<Item = Source<'a>>,
        namespace: &str,
    ) -> Result<Self, ManifestError> {
        let mut manifests = Self::default();
        let mut names = Vec::new();
        let mut seen = HashMap::new();
        for source in sources {
            let file: Arc<str> = source.name.into();
            let reading = Reading { file, text: source.text, namespace, found: source.found };
            let mut objects = Vec::new();
            for document in documents(source.name, source.text)? {
                reading.objects(document, &mut objects)?;
            }
            for object in &objects {
                manifests.add(object, &reading, &mut seen)?;
            }
            names.push(source.name);
        }
        let named = match names.as_slice() {
            [] => "the input".to_owned(),
            [one] => (*one).to_owned(),
            [first, others @ ..] => format!("{first} and {} more files", others.len()),
        };
        if manifests.objects == 0 {
            return Err(ManifestError::at(&named, None, "no manifest was found"));
        }
        if manifests.templates.is_empty() {
            let problem = format!(
                "none of {} objects has a container with an image, so there is nothing to check",
                manifests.objects
            );
            return Err(ManifestError::at(&named, None, problem));
        }
        Ok(manifests)
    }

    fn add(
        &mut self,
        object: &Object,
        reading: &Reading<'_>,
        seen: &mut HashMap<(String, ObjectId), Location>,
    ) -> Result<(), ManifestError> {
        self.objects += 1;
        self.note_duplicate(object, seen);
        mentions(object, &mut self.mentioned);
        match (object.id.api_version.as_str(), object.id.kind.as_str()) {
            ("v1", "Secret") => {
                let secret = Secret::read(object, &mut self.slips);
                self.secrets.push(secret);
            }
            ("v1", "ServiceAccount") => {
                let account = ServiceAccount::read(object, &mut self.slips);
                self.service_accounts.push(account);
            }
            ("v1", "Namespace") => self.namespaces.push(object.id.name.clone()),
            _ => {
                let mut templates =
                    Templates { object, reading, found: vec![], slips: vec![], notes: vec![] };
                templates.find()?;
                self.templates.extend(templates.found);
                self.slips.extend(templates.slips);
                self.notes.extend(templates.notes);
            }
        }
        Ok(())
    }

    /// Versions of a kind are the same object.
    fn note_duplicate(
        &mut self,
        object: &Object,
        seen: &mut HashMap<(String, ObjectId), Location>,
    ) {
        if object.generated {
            return;
        }
        let group = object.id.api_version.rsplit_once('/').map_or("", |(group, _)| group);
        let id = ObjectId { api_version: String::new(), ..object.id.clone() };
        let first = seen.entry((group.to_owned(), id)).or_insert_with(|| object.location.clone());
        if *first != object.location {
            let kind = SlipKind::DuplicateObject { first: first.clone() };
            self.slips.push(object.slip(kind, &object.node));
        }
    }

    /// Returns the service account of a name; the last of several counts.
    pub fn service_account(&self, namespace: &str, name: &str) -> Option<&ServiceAccount> {
        let is_it = |id: &ObjectId| id.namespace == namespace && id.name == name;
        self.service_accounts.iter().rev().find(|account| !account.refused && is_it(&account.id))
    }
}
