//! What was gathered of pods that cannot pull, and what follows from it.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use k8s_openapi::api::core::v1::{Event, Pod};
use kube::ResourceExt as _;
use pullproof_credentials::{KubernetesVersion, Lookup, PodSecrets, PullSecret};
use pullproof_diagnosis::{
    Evidence, Place, PullPolicy, Request, Runtime, Said, diagnose, keyring as diagnosis,
    pull_secrets::{lookup, of_lookup},
};

use crate::evidence::mirrored_uid;

use super::{
    Explanation, FailingContainer, Finding, Pull,
    failing::waiting_for_a_sandbox,
    failing_containers,
    probed::{Probes, of_answers},
};

/// What was read, from which a diagnosis may be made with and without other evidence.
pub(crate) struct Gathered {
    pub(super) failing: Vec<Failing>,
    /// The events that count, by the UID of their pod.
    pub(super) events: HashMap<String, Vec<Event>>,
    pub(super) nodes: BTreeMap<String, Versions>,
    pub(super) secrets: Secrets,
    pub(super) notes: Vec<String>,
    pub(super) unread: Vec<String>,
    /// What registries answer, if they were asked.
    pub(super) probes: Probes,
}

impl Gathered {
    /// Returns why the pods cannot pull, with what the registry recorded of their pulls.
    pub(crate) fn explain(&self, requests: &[Request]) -> Explanation {
        let findings = self.failing.iter().filter_map(|one| one.finding(self, requests));
        Explanation::of(findings, self.unread.clone(), self.notes.clone())
    }

    /// The versions of a container's node, as far as they are known.
    pub(super) fn versions(&self, one: &Failing) -> Versions {
        one.node().and_then(|node| self.nodes.get(node)).cloned().unwrap_or_default()
    }
}

/// A container that may fail, with its pod.
pub(super) struct Failing {
    pub(super) pod: Pod,
    pub(super) container: FailingContainer,
}

/// What is known of secrets, by namespace and name.
#[derive(Default)]
pub(super) struct Secrets {
    pub(super) known: Vec<PullSecret>,
    pub(super) unreadable: BTreeSet<(String, String)>,
}

/// The versions of a node.
#[derive(Clone, Default)]
pub(super) struct Versions {
    pub(super) kubelet: Option<String>,
    pub(super) runtime: Option<String>,
    /// The release of Go that the kubelet is built with: the API server's, if both are of one version.
    pub(super) go: Option<String>,
}

impl Failing {
    /// The containers of a pod that may fail.
    pub(super) fn of(pod: Pod) -> impl Iterator<Item = Self> {
        let containers = match failing_containers(&pod) {
            none if none.is_empty() => waiting_for_a_sandbox(&pod),
            some => some,
        };
        containers.into_iter().map(move |container| Self { pod: pod.clone(), container })
    }

    pub(super) fn namespace(&self) -> &str {
        self.pod.metadata.namespace.as_deref().unwrap_or_default()
    }

    pub(super) fn node(&self) -> Option<&str> {
        self.pod.spec.as_ref()?.node_name.as_deref()
    }

    /// The names of its pod's secrets: those of the service account are there since the pod was made.
    pub(super) fn secrets(&self) -> Vec<&str> {
        let listed = self.pod.spec.iter().flat_map(|spec| spec.image_pull_secrets.iter().flatten());
        listed.map(|secret| secret.name.as_str()).filter(|name| !name.is_empty()).collect()
    }

    /// The image that cannot be pulled: the container's, or that of a volume.
    pub(super) fn image(&self) -> String {
        let volumes = self.pod.spec.iter().flat_map(|spec| spec.volumes.iter().flatten());
        let mut of_volumes =
            volumes.filter_map(|volume| volume.image.as_ref()?.reference.as_deref());
        let says = |image: &str| self.container.message.contains(&format!("\"{image}\""));
        match of_volumes.find(|image| says(image)) {
            Some(image) if !says(&self.container.image) => image.to_owned(),
            _ => self.container.image.clone(),
        }
    }

    /// Whether its pod has no sandbox yet, so that it is not its image that is waited for.
    pub(super) fn is_starting(&self) -> bool {
        self.container.message.is_empty()
            && ["ContainerCreating", "PodInitializing"].contains(&self.container.reason.as_str())
    }

    pub(super) fn lookup(&self, secrets: &Secrets, version: KubernetesVersion) -> Option<Lookup> {
        let (names, image) = (self.secrets(), self.image());
        let namespace = self.namespace();
        let unreadable =
            |name: &&str| secrets.unreadable.contains(&(namespace.to_owned(), (*name).to_owned()));
        if names.iter().any(unreadable) {
            return None;
        }
        let (mut known, elsewhere): (Vec<&PullSecret>, Vec<_>) =
            secrets.known.iter().partition(|secret| secret.namespace == namespace);
        let mut absent = names.clone();
        absent.retain(|name| known.iter().all(|secret| secret.name != *name));
        // One of the same name elsewhere was meant only if it would serve the image.
        known.extend(elsewhere.into_iter().filter(|secret| {
            absent.contains(&secret.name.as_str()) && serves(secret, &image, version)
        }));
        let known: Vec<PullSecret> = known.into_iter().cloned().collect();
        lookup(&PodSecrets::resolve(namespace, &names, &known), &image, version)
    }

    /// The message that decides, where it stood.
    pub(super) fn said(&self, gathered: &Gathered, secrets_unknown: bool) -> Option<Said> {
        let uid = uid_of_events(&self.pod).unwrap_or_default();
        let events = gathered.events.get(&uid).map_or(&[][..], Vec::as_slice);
        self.messages(events, secrets_unknown).0.into_iter().next()
    }

    pub(super) fn finding(&self, gathered: &Gathered, requests: &[Request]) -> Option<Finding> {
        let versions = gathered.versions(self);
        let lookup = self.lookup(&gathered.secrets, kubernetes(&versions));
        let answers = gathered.answers(self);
        let uid = uid_of_events(&self.pod).unwrap_or_default();
        let events = gathered.events.get(&uid).map_or(&[][..], Vec::as_slice);
        let (messages, at) = self.messages(events, lookup.is_none());
        let evidence = Evidence {
            messages,
            image: Some(self.image()),
            on_node: None,
            policy: self.container.policy.as_deref().and_then(policy),
            pod: Some(pullproof_diagnosis::Pod {
                namespace: self.namespace().to_owned(),
                secrets: self.secrets().into_iter().map(str::to_owned).collect(),
            }),
            keyring: Some(match &lookup {
                Some(lookup) => diagnosis::Lookup::Read(of_lookup(lookup)),
                None => diagnosis::Lookup::Unreadable,
            }),
            kubernetes: versions.kubelet.as_deref().and_then(version),
            runtime: versions.runtime.as_deref().map(runtime),
            at,
            requests: requests.to_vec(),
            probe: answers.map(|answers| of_answers(answers)),
        };
        let diagnosis = diagnose(&evidence);
        if self.is_starting() && diagnosis.is_unknown() {
            // It waits for something else: a volume, an address.
            return None;
        }
        let pull = Pull {
            namespace: self.namespace().to_owned(),
            pod: self.pod.name_any(),
            container: self.container.name.clone(),
            image: self.image(),
            node: self.node().map(str::to_owned),
            reason: self.container.reason.clone(),
        };
        let probes = answers.cloned().into_iter().collect();
        Some(Finding { diagnosis, lookup, pulls: vec![pull], probes })
    }

    /// The messages that count now, and when the API server had the event among them: the waiting
    /// message if it carries a cause, otherwise the last event. Events before may be of a cause that is
    /// over.
    fn messages(
        &self,
        events: &[Event],
        secrets_unknown: bool,
    ) -> (Vec<Said>, Option<jiff::Timestamp>) {
        let container = &self.container;
        let of_container = |event: &&Event| {
            let path = event.involved_object.field_path.as_deref().unwrap_or_default();
            path.is_empty() || path.ends_with(&format!("{{{}}}", container.name))
        };
        let last = |reasons: &[&str]| {
            events
                .iter()
                .filter(of_container)
                .filter(|event| reasons.contains(&event.reason.as_deref().unwrap_or_default()))
                // "Error: ErrImagePull" follows the event with the cause.
                .filter(|event| {
                    !event.message.as_deref().unwrap_or_default().starts_with("Error: ")
                })
                .max_by_key(|event| last_seen(event))
        };
        let mut messages = Vec::new();
        let pulled = last(&["Failed", "InspectFailed", "FailedCreatePodSandBox"]);
        if container.message.is_empty() || is_bare_back_off(&container.message) {
            messages.extend(pulled.map(said));
        }
        if messages.is_empty() && (!container.message.is_empty() || container.reason.contains(' '))
        {
            let place = Place::Waiting(container.reason.clone());
            let text = match container.message.is_empty() {
                true => container.reason.clone(),
                false => container.message.clone(),
            };
            messages.push(Said { text, place });
        }
        if secrets_unknown {
            messages.extend(last(&["FailedToRetrieveImagePullSecret"]).map(said));
        }
        let at = pulled.and_then(|event| event.metadata.creation_timestamp.as_ref());
        (messages, at.map(|time| time.0))
    }
}

/// Whether a secret holds credentials for an image.
pub(super) fn serves(secret: &PullSecret, image: &str, version: KubernetesVersion) -> bool {
    let alone = PodSecrets { found: vec![secret.clone()], absent: Vec::new() };
    lookup(&alone, image, version).is_some_and(|found| found.sent().next().is_some())
}

/// The UID by which events refer to a pod.
pub(super) fn uid_of_events(pod: &Pod) -> Option<String> {
    mirrored_uid(pod).cloned().or_else(|| pod.uid())
}

/// Through 1.31 a back-off does not repeat its cause (kubernetes/kubernetes#127918).
pub(super) fn is_bare_back_off(message: &str) -> bool {
    message.starts_with("Back-off pulling image") && !message.contains("ErrImagePull: ")
}

fn said(event: &Event) -> Said {
    Said {
        text: event.message.clone().unwrap_or_default(),
        place: Place::Event(event.reason.clone().unwrap_or_default()),
    }
}

pub(super) fn last_seen(event: &Event) -> Option<jiff::Timestamp> {
    let series = event.series.as_ref().and_then(|series| series.last_observed_time.as_ref());
    let seen = series.map(|time| time.0).or(event.last_timestamp.as_ref().map(|time| time.0));
    seen.or(event.event_time.as_ref().map(|time| time.0)).or(event
        .metadata
        .creation_timestamp
        .as_ref()
        .map(|time| time.0))
}

fn policy(text: &str) -> Option<PullPolicy> {
    match text {
        "Always" => Some(PullPolicy::Always),
        "IfNotPresent" => Some(PullPolicy::IfNotPresent),
        "Never" => Some(PullPolicy::Never),
        _ => None,
    }
}

fn version(text: &str) -> Option<semver::Version> {
    semver::Version::parse(text.strip_prefix('v').unwrap_or(text)).ok()
}

/// Reads `containerd://2.3.7`.
fn runtime(text: &str) -> Runtime {
    let (name, number) = text.split_once("://").unwrap_or((text, ""));
    Runtime { name: name.to_owned(), version: version(number) }
}

/// The version by whose rules secrets are read; one of a node that is not known is a recent one.
pub(super) fn kubernetes(versions: &Versions) -> KubernetesVersion {
    let kubelet = versions.kubelet.as_deref().and_then(|text| text.parse().ok());
    let version = kubelet.unwrap_or(KubernetesVersion::new(34, 0));
    match versions.go.as_deref().and_then(go_release) {
        Some((minor, patch)) => version.built_with(minor, patch),
        None => version,
    }
}

/// Reads `go1.26.8`.
fn go_release(text: &str) -> Option<(u32, u32)> {
    let release = text.split(' ').next()?.strip_prefix("go1.")?;
    let (minor, patch) = release.split_once('.').unwrap_or((release, "0"));
    Some((minor.parse().ok()?, patch.parse().ok()?))
}
