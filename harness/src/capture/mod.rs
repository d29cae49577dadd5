//! A pod of any cluster as a case file, without its secrets.
//!
//! [`capture`] takes what was read of a pod and writes a case that `run` and `reproduce` take: the pod
//! reduced to what a pull depends on, its secrets with invented values of the same shape, a registry that
//! answers as the real one did, and what was seen as the expectation. What is not known stands in its
//! `note`, with what was assumed.

use std::collections::{BTreeMap, BTreeSet};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use kube::ResourceExt as _;
use pullproof_credentials::{PullSecret, Sent};
use pullproof_diagnosis::Cause;
use pullproof_pseudonym::{Leak, Pseudonyms};
use secrecy::ExposeSecret as _;
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::{
    case::{model::FORMAT, variable_name},
    explain::{PodEvidence, PullEvidence},
    image::Reference,
};

mod answers;
mod expectation;
mod likeness;
mod pod;
mod registry;

use expectation::{Seen, expectation};
pub(crate) use likeness::difference;
use registry::{Login, Model, Pull, is_absent};

/// What a capture is asked for.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    /// Whether names of hosts are replaced too.
    pub anonymise: bool,
    /// From what the invented values follow. For a file that is given away it is random.
    pub seed: u64,
}

/// Why a pod cannot be captured.
#[derive(Debug, thiserror::Error)]
pub enum CaptureError {
    /// The file would hold something secret.
    #[error("the file would hold {}; nothing was written", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "))]
    Leak(Vec<Leak>),
    /// It cannot be written as YAML.
    #[error("the case cannot be written as YAML: {0}")]
    Yaml(String),
}

/// A case, in the order in which a reader wants it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Captured {
    title: String,
    source: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<String>,
    format: u64,
    seen_on: Value,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    namespaces: Vec<String>,
    #[serde(skip_serializing_if = "Map::is_empty")]
    registries: Map<String, Value>,
    #[serde(skip_serializing_if = "Map::is_empty")]
    hosts: Map<String, Value>,
    steps: Vec<Value>,
}

/// Returns the text of a case.
///
/// # Errors
/// Something secret is still in it, or it cannot be written.
pub(crate) fn capture(evidence: &PodEvidence, options: Options) -> Result<String, CaptureError> {
    let mut builder = Pseudonyms::builder(options.seed);
    for secret in &evidence.secrets {
        builder = builder.secret(secret);
    }
    let mut images = BTreeSet::new();
    pod::reduce(&evidence.pod, |image| {
        images.insert(image.to_owned());
        String::new()
    });
    for image in &images {
        builder = builder.image(image);
    }
    if options.anonymise {
        builder = builder.anonymise();
    }
    let pseudonyms = builder.build();
    let captured = Capture {
        evidence,
        pseudonyms: &pseudonyms,
        images: references(&images, &absent(evidence), &pseudonyms),
    };
    let yaml = serde_saphyr::to_string(&captured.case())
        .map_err(|error| CaptureError::Yaml(error.to_string()))?;
    let text = format!("# yaml-language-server: $schema=case.schema.json\n{yaml}");
    match pseudonyms.leaks(text.as_bytes()) {
        none if none.is_empty() => Ok(text),
        leaks => Err(CaptureError::Leak(leaks)),
    }
}

/// An image as the case names it.
struct CaseImage {
    /// What stands in the pod.
    text: String,
    reference: Reference,
    /// The variable of its digest.
    digest: Option<String>,
}

/// The images that no registry has, whose digests are those of nothing.
fn absent(evidence: &PodEvidence) -> BTreeSet<&str> {
    let absent = evidence.pulls.iter().filter(|pull| is_absent(cause(pull)));
    absent.map(|pull| pull.image.as_str()).collect()
}

/// The cause, or else the likeliest.
fn cause(pull: &PullEvidence) -> Option<Cause> {
    let diagnosis = pull.diagnosis.as_ref()?;
    diagnosis.cause().or_else(|| diagnosis.candidates().first().map(|one| one.id))
}

/// The images by what stands in the captured pod.
fn references(
    images: &BTreeSet<String>,
    absent: &BTreeSet<&str>,
    pseudonyms: &Pseudonyms,
) -> BTreeMap<String, CaseImage> {
    let of = |(at, image): (usize, &String)| {
        let renamed = pseudonyms.image(image);
        let reference = Reference::of(&renamed);
        let is_there = reference.digest.is_some() && !absent.contains(image.as_str());
        let digest = is_there.then(|| format!("DIGEST_{at}"));
        let text = match (&digest, renamed.split_once('@')) {
            // The real image is not here, and a stand-in has a digest of its own.
            (Some(name), Some((before, _))) => format!("{before}@${name}"),
            _ => renamed.replace('$', "$$"),
        };
        (image.clone(), CaseImage { text, reference, digest })
    };
    images.iter().enumerate().map(of).collect()
}

struct Capture<'a> {
    evidence: &'a PodEvidence,
    pseudonyms: &'a Pseudonyms,
    images: BTreeMap<String, CaseImage>,
}

impl Capture<'_> {
    fn case(&self) -> Captured {
        let evidence = self.evidence;
        let mut notes: Vec<String> = evidence.unread.clone();
        let failing: Vec<&PullEvidence> =
            evidence.pulls.iter().filter(|pull| pull.diagnosis.is_some()).collect();
        let (registries, hosts, closed) = self.registries(&mut notes);
        let (namespaces, secrets) = self.secrets(&mut notes);
        let reduced = pod::reduce(&evidence.pod, |image| {
            self.images.get(image).map_or_else(|| image.to_owned(), |one| one.text.clone())
        });
        notes.extend(reduced.notes);
        let mut steps: Vec<Value> = closed
            .iter()
            .map(|host| json!({"registry": {"registry": host, "listening": false}}))
            .collect();
        let account = reduced.pod["spec"]["serviceAccountName"].as_str().map(str::to_owned);
        let mut objects = secrets;
        objects.extend(account.map(|name| {
            json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name}})
        }));
        objects.push(reduced.pod);
        steps.push(json!({"apply": objects}));
        steps.extend(self.expectations(&failing, &mut notes));
        let pod = evidence.pod.name_any();
        let image = failing.first().map(|pull| self.pseudonyms.image(&pull.image));
        Captured {
            title: match image {
                Some(image) => format!("The pod {pod} cannot pull {image}"),
                None => format!("The pod {pod} pulls its images"),
            },
            source: "captured from a cluster by pullproof".to_owned(),
            note: (!notes.is_empty()).then(|| format!("{}.", notes.join(". "))),
            format: FORMAT,
            seen_on: json!({"kubernetes": evidence.kubelet, "runtime": evidence.runtime}),
            namespaces,
            registries,
            hosts,
            steps,
        }
    }

    fn registries(
        &self,
        notes: &mut Vec<String>,
    ) -> (Map<String, Value>, Map<String, Value>, Vec<String>) {
        let mut by_host: BTreeMap<String, Vec<Pull>> = BTreeMap::new();
        for pull in &self.evidence.pulls {
            let Some(pull) = self.pull(pull) else { continue };
            by_host.entry(pull.host.clone()).or_default().push(pull);
        }
        let (mut registries, mut hosts, mut closed) = (Map::new(), Map::new(), Vec::new());
        for (host, pulls) in by_host {
            let model = Model::of(&host, &pulls.iter().collect::<Vec<_>>());
            notes.extend(model.notes);
            if model.closed {
                closed.push(host.clone());
            }
            if let Some(registry) = model.registry {
                registries.insert(model.name.map_or_else(|| host.clone(), str::to_owned), registry);
            }
            if let Some(file) = model.hosts {
                hosts.insert(host, file);
            }
        }
        (registries, hosts, closed)
    }

    /// What a registry has to answer for a container; none if its image is not named as one.
    fn pull(&self, pull: &PullEvidence) -> Option<Pull> {
        let image = self.images.get(&pull.image)?;
        let logins = pull.lookup.iter().flat_map(|lookup| &lookup.tried);
        let logins = logins.filter(|one| one.sent == Sent::Yes).filter_map(|one| {
            let password = String::from_utf8(one.password()?.expose_secret().to_vec()).ok()?;
            let (user, password) = self.pseudonyms.login(&one.user(), &password);
            Some(Login { user, password })
        });
        let diagnosis = pull.diagnosis.as_ref();
        if cause(pull) == Some(Cause::InvalidName) {
            // No registry is asked.
            return None;
        }
        Some(Pull {
            host: image.reference.host.clone(),
            repository: image.reference.repository.clone(),
            tag: match (&image.reference.tag, &image.digest) {
                (None, None) => Some("latest".to_owned()),
                (tag, _) => tag.clone(),
            },
            digest: image.digest.clone(),
            cause: cause(pull),
            is_assumed: diagnosis.is_some_and(|one| one.cause().is_none()),
            message: pull.message.as_ref().map(|(text, _)| text.clone()).unwrap_or_default(),
            logins: logins.filter(|login| !login.user.is_empty()).collect(),
        })
    }

    /// The manifests of the secrets, with the namespaces that they need besides the pod's.
    fn secrets(&self, notes: &mut Vec<String>) -> (Vec<String>, Vec<Value>) {
        let own = self.evidence.pod.namespace().unwrap_or_default();
        let mut namespaces: Vec<String> = Vec::new();
        let mut manifests = Vec::new();
        for secret in &self.evidence.secrets {
            match self.secret(secret) {
                Err(why) => notes.push(why),
                Ok(mut manifest) => {
                    if secret.namespace != own {
                        let name = format!("elsewhere-{}", namespaces.len() + 1);
                        manifest["metadata"]["namespace"] =
                            json!(format!("${}", variable_name(&name)));
                        namespaces.push(name);
                    }
                    manifests.push(manifest);
                }
            }
        }
        for name in &self.evidence.unreadable {
            notes.push(format!("the secret {name} may not be read and is missing"));
        }
        (namespaces, manifests)
    }

    fn secret(&self, secret: &PullSecret) -> Result<Value, String> {
        let data = self
            .pseudonyms
            .secret(secret)
            .map_err(|error| format!("the secret {} is left out: {error}", secret.name))?;
        let (mut text, mut bytes) = (Map::new(), Map::new());
        for (key, value) in data {
            match String::from_utf8(value) {
                // A `$` would be a variable of the case, and some characters no YAML holds.
                Ok(plain) if plain.chars().all(|c| c == '\n' || c == '\t' || !c.is_control()) => {
                    text.insert(key, json!(plain.replace('$', "$$")));
                }
                Ok(odd) => drop(bytes.insert(key, json!(STANDARD.encode(odd)))),
                Err(error) => drop(bytes.insert(key, json!(STANDARD.encode(error.into_bytes())))),
            }
        }
        let mut manifest = Map::from_iter([
            ("apiVersion".to_owned(), json!("v1")),
            ("kind".to_owned(), json!("Secret")),
            ("metadata".to_owned(), json!({"name": secret.name})),
            ("type".to_owned(), json!(secret.kind)),
        ]);
        if !bytes.is_empty() {
            manifest.insert("data".to_owned(), Value::Object(bytes));
        }
        if !text.is_empty() {
            manifest.insert("stringData".to_owned(), Value::Object(text));
        }
        Ok(Value::Object(manifest))
    }

    fn expectations(&self, failing: &[&PullEvidence], notes: &mut Vec<String>) -> Vec<Value> {
        let evidence = self.evidence;
        let pod = evidence.pod.name_any();
        let phase = evidence.pod.status.as_ref().and_then(|status| status.phase.clone());
        let phase = phase.unwrap_or_else(|| "Pending".to_owned());
        if failing.is_empty() {
            let seen = Seen { pod: &pod, phase: &phase, ..Seen::default() };
            return vec![json!({"expect": expectation(&seen)})];
        }
        let runtime = evidence.runtime.as_deref().unwrap_or_default();
        let has_words_of_here = runtime.starts_with("containerd://");
        if !has_words_of_here {
            notes.push(format!("the node's runtime was {runtime}, so no message is expected"));
        }
        let several = evidence.pulls.len() > 1;
        failing
            .iter()
            .map(|pull| {
                let (message, of_event) = pull.message.clone().unwrap_or_default();
                let message = self.pseudonyms.text(&message);
                let seen = Seen {
                    pod: &pod,
                    container: several.then_some(pull.container.name.as_str()),
                    phase: if several { "Pending" } else { &phase },
                    reason: if pull.container.reason.contains(' ') {
                        ""
                    } else {
                        &pull.container.reason
                    },
                    message: &message,
                    of_event,
                    cause: pull.diagnosis.as_ref().and_then(|one| one.cause()),
                    has_words_of_here,
                };
                json!({"expect": expectation(&seen)})
            })
            .collect()
    }
}
