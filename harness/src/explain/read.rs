//! Reads from a cluster what decides why pods cannot pull. Read-only, and as few requests as do.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Mutex,
};

use futures::{StreamExt as _, future::join_all, stream};
use k8s_openapi::{
    api::{
        apps::v1::{DaemonSet, Deployment, ReplicaSet, StatefulSet},
        batch::v1::{CronJob, Job},
        core::v1::{Event, Node, Pod, Secret, ServiceAccount},
    },
    apimachinery::pkg::apis::meta::v1::LabelSelector,
};
use kube::{Api, Client, Resource, ResourceExt, api::ListParams, core::Selector};
use pullproof_credentials::{KubernetesVersion, Lookup, PodSecrets, PullSecret};
use pullproof_diagnosis::{
    Evidence, Place, PullPolicy, Request, Runtime, Said, diagnose, keyring as diagnosis,
};
use serde::de::DeserializeOwned;

use crate::{mutex::locked, suggest::nearest};

use super::{
    Explanation, FailingContainer, Finding, Pull, Target,
    failing::waiting_for_a_sandbox,
    failing_containers,
    keyring::{lookup, of_lookup},
};

/// Objects of a list per request.
const PAGE: u32 = 500;
/// Requests at the same time.
const AT_ONCE: usize = 8;
/// Secrets that are asked for one by one; of more, the pull secrets are listed.
const ONE_BY_ONE: usize = 8;
/// Names of absent secrets that are looked for in other namespaces.
const LOOKED_FOR: usize = 4;
/// The types of pull secrets.
const TYPES: [&str; 2] = ["kubernetes.io/dockerconfigjson", "kubernetes.io/dockercfg"];

/// Why a cluster could not be looked at.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// It has no such object.
    #[error("{what} not found in the namespace {namespace}{}", meant.as_ref().map_or(String::new(), |name| format!("; did you mean `{name}`?")))]
    Absent {
        /// Its kind and name.
        what: String,
        /// The namespace.
        namespace: String,
        /// The nearest name there is.
        meant: Option<String>,
    },
    /// The API server refuses or does not answer.
    #[error("{what} cannot be read")]
    Api {
        /// What was asked for.
        what: String,
        /// Why.
        #[source]
        source: Box<kube::Error>,
    },
}

/// Reads why pods cannot pull.
///
/// # Errors
/// The pods themselves cannot be read. What else cannot be is listed in the answer.
pub async fn read(
    client: &Client,
    namespace: &str,
    target: &Target,
) -> Result<Explanation, ReadError> {
    read_with(client, namespace, target, &[]).await
}

/// Reads why pods cannot pull, with what the registry recorded of their pulls.
///
/// # Errors
/// As [`read`].
pub(crate) async fn read_with(
    client: &Client,
    namespace: &str,
    target: &Target,
    requests: &[Request],
) -> Result<Explanation, ReadError> {
    let reader = Reader { client: client.clone(), unread: Mutex::default() };
    let pods = reader.pods(namespace, target).await?;
    let whole = *target == Target::All;
    let events = reader.events(&pods, whole).await;
    let failing: Vec<Failing> = pods
        .into_iter()
        .flat_map(|pod| {
            let containers = match failing_containers(&pod) {
                none if none.is_empty() => waiting_for_a_sandbox(&pod),
                some => some,
            };
            containers.into_iter().map(move |container| Failing { pod: pod.clone(), container })
        })
        .collect();
    let (nodes, secrets, accounts) = tokio::join!(
        reader.nodes(&failing),
        reader.secrets(&failing),
        reader.accounts(&failing, whole),
    );
    let mut notes = accounts;
    let findings: Vec<Finding> = failing
        .iter()
        .filter_map(|failing| failing.finding(&events, &nodes, &secrets, requests))
        .collect();
    if !whole {
        notes.extend(reader.unused_secrets(&failing, &nodes).await);
    }
    notes.dedup();
    let unread = locked(&reader.unread).iter().cloned().collect();
    Ok(Explanation::of(findings, unread, notes))
}

/// A container that may fail, with its pod.
struct Failing {
    pod: Pod,
    container: FailingContainer,
}

/// What is known of secrets, by namespace and name.
#[derive(Default)]
struct Secrets {
    known: Vec<PullSecret>,
    unreadable: BTreeSet<(String, String)>,
}

/// The versions of a node.
#[derive(Clone, Default)]
struct Versions {
    kubelet: Option<String>,
    runtime: Option<String>,
}

impl Failing {
    fn namespace(&self) -> &str {
        self.pod.metadata.namespace.as_deref().unwrap_or_default()
    }

    fn node(&self) -> Option<&str> {
        self.pod.spec.as_ref()?.node_name.as_deref()
    }

    /// The names of its pod's secrets: those of the service account are there since the pod was made.
    fn secrets(&self) -> Vec<&str> {
        let listed = self.pod.spec.iter().flat_map(|spec| spec.image_pull_secrets.iter().flatten());
        listed.map(|secret| secret.name.as_str()).filter(|name| !name.is_empty()).collect()
    }

    /// The image that cannot be pulled: the container's, or that of a volume.
    fn image(&self) -> String {
        let volumes = self.pod.spec.iter().flat_map(|spec| spec.volumes.iter().flatten());
        let mut of_volumes =
            volumes.filter_map(|volume| volume.image.as_ref()?.reference.as_deref());
        let says = |image: &str| self.container.message.contains(&format!("\"{image}\""));
        match of_volumes.find(|image| says(image)) {
            Some(image) if !says(&self.container.image) => image.to_owned(),
            _ => self.container.image.clone(),
        }
    }

    fn lookup(&self, secrets: &Secrets, version: KubernetesVersion) -> Option<Lookup> {
        let (names, image) = (self.secrets(), self.image());
        let namespace = self.namespace();
        let unreadable =
            |name: &&str| secrets.unreadable.contains(&(namespace.to_owned(), (*name).to_owned()));
        if names.iter().any(unreadable) {
            return None;
        }
        // One of the same name elsewhere was meant only if it would serve the image.
        let known: Vec<PullSecret> = secrets
            .known
            .iter()
            .filter(|secret| secret.namespace == namespace || serves(secret, &image, version))
            .cloned()
            .collect();
        lookup(&PodSecrets::resolve(namespace, &names, &known), &image, version)
    }

    fn finding(
        &self,
        events: &HashMap<String, Vec<Event>>,
        nodes: &BTreeMap<String, Versions>,
        secrets: &Secrets,
        requests: &[Request],
    ) -> Option<Finding> {
        let versions = self.node().and_then(|node| nodes.get(node)).cloned().unwrap_or_default();
        let lookup = self.lookup(secrets, kubernetes(&versions));
        let uid = self.pod.uid().unwrap_or_default();
        let events = events.get(&uid).map_or(&[][..], Vec::as_slice);
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
            probe: None,
        };
        let diagnosis = diagnose(&evidence);
        let is_sandbox = self.container.message.is_empty()
            && ["ContainerCreating", "PodInitializing"].contains(&self.container.reason.as_str());
        if is_sandbox && diagnosis.is_unknown() {
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
        Some(Finding { diagnosis, lookup, pulls: vec![pull] })
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
fn serves(secret: &PullSecret, image: &str, version: KubernetesVersion) -> bool {
    let alone = PodSecrets { found: vec![secret.clone()], absent: Vec::new() };
    lookup(&alone, image, version).is_some_and(|found| found.sent().next().is_some())
}

/// Through 1.31 a back-off does not repeat its cause (kubernetes/kubernetes#127918).
fn is_bare_back_off(message: &str) -> bool {
    message.starts_with("Back-off pulling image") && !message.contains("ErrImagePull: ")
}

fn said(event: &Event) -> Said {
    Said {
        text: event.message.clone().unwrap_or_default(),
        place: Place::Event(event.reason.clone().unwrap_or_default()),
    }
}

fn last_seen(event: &Event) -> Option<jiff::Timestamp> {
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
fn kubernetes(versions: &Versions) -> KubernetesVersion {
    let kubelet = versions.kubelet.as_deref().and_then(|text| text.parse().ok());
    kubelet.unwrap_or(KubernetesVersion::new(34, 0))
}

/// Reads from a cluster, and notes what it may not.
struct Reader {
    client: Client,
    unread: Mutex<BTreeSet<String>>,
}

impl Reader {
    fn api<K>(&self, namespace: &str) -> Api<K>
    where
        K: Resource<DynamicType = (), Scope = kube::core::NamespaceResourceScope>,
    {
        Api::namespaced(self.client.clone(), namespace)
    }

    /// Passes on what was read; what may not be read or is not there is nothing, and the first is noted.
    fn allowed<T>(&self, what: impl FnOnce() -> String, read: kube::Result<T>) -> Option<T> {
        match read {
            Ok(read) => Some(read),
            Err(kube::Error::Api(status)) if status.code == 404 => None,
            Err(error) => {
                let why = match error {
                    kube::Error::Api(status) if [401, 403].contains(&status.code) => {
                        "may not be read".to_owned()
                    }
                    other => format!("cannot be read: {other}"),
                };
                locked(&self.unread).insert(format!("{} {why}", what()));
                None
            }
        }
    }

    /// All objects of a list, page by page, as far as they are kept.
    async fn list<K, T>(
        &self,
        api: &Api<K>,
        parameters: ListParams,
        mut keep: impl FnMut(K) -> Option<T>,
    ) -> kube::Result<Vec<T>>
    where
        K: Clone + DeserializeOwned + std::fmt::Debug,
    {
        let mut all = Vec::new();
        let mut parameters = parameters.limit(PAGE);
        loop {
            let page = api.list(&parameters).await?;
            let next = page.metadata.continue_.clone().filter(|token| !token.is_empty());
            all.extend(page.items.into_iter().filter_map(&mut keep));
            match next {
                Some(token) => parameters.continue_token = Some(token),
                None => return Ok(all),
            }
        }
    }

    async fn pods(&self, namespace: &str, target: &Target) -> Result<Vec<Pod>, ReadError> {
        let failed =
            |what: String| |error: kube::Error| ReadError::Api { what, source: Box::new(error) };
        match target {
            Target::Pod(name) => {
                let api = self.api::<Pod>(namespace);
                match api.get_opt(name).await.map_err(failed(format!("the pod {name}")))? {
                    Some(pod) => Ok(vec![pod]),
                    None => Err(self.absent::<Pod>("pod", name, namespace).await),
                }
            }
            Target::Workload(kind, name) => {
                let what = format!("{} {name}", kind.to_lowercase());
                let selector = self.selector(kind, name, namespace).await;
                let selectors = match selector.map_err(failed(what))? {
                    Some(selectors) => selectors,
                    None => return Err(self.absent_workload(kind, name, namespace).await),
                };
                let mut pods = Vec::new();
                for selector in selectors {
                    let Ok(selector) = Selector::try_from(selector) else { continue };
                    let parameters = ListParams::default().labels_from(&selector);
                    let listed = self.list(&self.api::<Pod>(namespace), parameters, Some).await;
                    pods.extend(listed.map_err(failed(format!("the pods of {name}")))?);
                }
                Ok(pods)
            }
            Target::All => {
                let keep = |mut pod: Pod| {
                    let fails = !failing_containers(&pod).is_empty()
                        || !waiting_for_a_sandbox(&pod).is_empty();
                    pod.metadata.managed_fields = None;
                    fails.then_some(pod)
                };
                let all = Api::<Pod>::all(self.client.clone());
                let listed = self.list(&all, ListParams::default(), keep).await;
                listed.map_err(failed("the pods of the cluster".to_owned()))
            }
        }
    }

    async fn absent<K>(&self, kind: &str, name: &str, namespace: &str) -> ReadError
    where
        K: Resource<DynamicType = (), Scope = kube::core::NamespaceResourceScope>
            + Clone
            + DeserializeOwned
            + std::fmt::Debug,
    {
        let api = self.api::<K>(namespace);
        let name_of = |one: K| one.meta().name.clone();
        let names = self.list(&api, ListParams::default(), name_of).await.unwrap_or_default();
        ReadError::Absent {
            what: format!("{kind} {name}"),
            namespace: namespace.to_owned(),
            meant: nearest(name, &names).map(str::to_owned),
        }
    }

    async fn absent_workload(&self, kind: &str, name: &str, namespace: &str) -> ReadError {
        match kind {
            "Deployment" => self.absent::<Deployment>("deployment", name, namespace).await,
            "StatefulSet" => self.absent::<StatefulSet>("statefulset", name, namespace).await,
            "DaemonSet" => self.absent::<DaemonSet>("daemonset", name, namespace).await,
            "ReplicaSet" => self.absent::<ReplicaSet>("replicaset", name, namespace).await,
            "Job" => self.absent::<Job>("job", name, namespace).await,
            _ => self.absent::<CronJob>("cronjob", name, namespace).await,
        }
    }

    /// The selectors of the pods of a workload, if it exists.
    async fn selector(
        &self,
        kind: &str,
        name: &str,
        namespace: &str,
    ) -> kube::Result<Option<Vec<LabelSelector>>> {
        macro_rules! selector_of {
            ($kind:ty, $of:expr) => {
                self.api::<$kind>(namespace)
                    .get_opt(name)
                    .await?
                    .map(|one| one.spec.and_then($of).into_iter().collect())
            };
        }
        Ok(match kind {
            "Deployment" => selector_of!(Deployment, |spec| Some(spec.selector)),
            "StatefulSet" => selector_of!(StatefulSet, |spec| Some(spec.selector)),
            "DaemonSet" => selector_of!(DaemonSet, |spec| Some(spec.selector)),
            "ReplicaSet" => selector_of!(ReplicaSet, |spec| Some(spec.selector)),
            "Job" => selector_of!(Job, |spec| spec.selector),
            _ => {
                let Some(cron) = self.api::<CronJob>(namespace).get_opt(name).await? else {
                    return Ok(None);
                };
                let uid = cron.uid();
                let owned = |job: Job| {
                    let owner =
                        job.owner_references().iter().any(|one| Some(&one.uid) == uid.as_ref());
                    job.spec.filter(|_| owner).and_then(|spec| spec.selector)
                };
                let jobs = self.api::<Job>(namespace);
                Some(self.list(&jobs, ListParams::default(), owned).await?)
            }
        })
    }

    /// The events that count of pods, by UID.
    async fn events(&self, pods: &[Pod], whole: bool) -> HashMap<String, Vec<Event>> {
        let mut by_pod: HashMap<String, Vec<Event>> = HashMap::new();
        let wanted: BTreeSet<String> = pods.iter().filter_map(ResourceExt::uid).collect();
        // The last of each reason and container, however many there are.
        let mut keep = |event: Event| -> Option<()> {
            let uid = event.involved_object.uid.clone().filter(|uid| wanted.contains(uid))?;
            let known = by_pod.entry(uid).or_default();
            let same = known.iter_mut().find(|one| {
                one.reason == event.reason
                    && one.involved_object.field_path == event.involved_object.field_path
                    && is_only_reason(one) == is_only_reason(&event)
            });
            match same {
                Some(one) if last_seen(one) < last_seen(&event) => *one = event,
                Some(_) => {}
                None => known.push(event),
            }
            None
        };
        if !whole {
            let namespaces: BTreeSet<String> =
                pods.iter().filter_map(ResourceExt::namespace).collect();
            for pod in pods.iter().take(ONE_BY_ONE) {
                let api = self.api::<Event>(&pod.namespace().unwrap_or_default());
                let selector = format!("involvedObject.uid={}", pod.uid().unwrap_or_default());
                let listed =
                    self.list(&api, ListParams::default().fields(&selector), &mut keep).await;
                self.allowed(|| "events of the pod".to_owned(), listed);
            }
            if pods.len() > ONE_BY_ONE {
                for namespace in namespaces {
                    let listed = self
                        .list(&self.api::<Event>(&namespace), ListParams::default(), &mut keep)
                        .await;
                    self.allowed(|| format!("events of the namespace {namespace}"), listed);
                }
            }
            return by_pod;
        }
        let mute = |pod: &Pod| {
            let failing = failing_containers(pod);
            failing.iter().any(|one| one.message.is_empty() || is_bare_back_off(&one.message))
        };
        let mut reasons = Vec::new();
        if pods.iter().any(mute) {
            reasons.extend(["Failed", "InspectFailed"]);
        }
        if pods.iter().any(|pod| failing_containers(pod).is_empty()) {
            reasons.push("FailedCreatePodSandBox");
        }
        for reason in reasons {
            let all = Api::<Event>::all(self.client.clone());
            let parameters = ListParams::default().fields(&format!("reason={reason}"));
            let listed = self.list(&all, parameters, &mut keep).await;
            self.allowed(|| "events of the cluster".to_owned(), listed);
        }
        by_pod
    }

    async fn nodes(&self, failing: &[Failing]) -> BTreeMap<String, Versions> {
        let names: BTreeSet<&str> = failing.iter().filter_map(Failing::node).collect();
        let versions = |node: Node| {
            let name = node.name_any();
            let info = node.status.and_then(|status| status.node_info)?;
            let (kubelet, runtime) = (info.kubelet_version, info.container_runtime_version);
            Some((name, Versions { kubelet: Some(kubelet), runtime: Some(runtime) }))
        };
        let api = Api::<Node>::all(self.client.clone());
        if names.len() > ONE_BY_ONE {
            let listed = self.list(&api, ListParams::default(), versions).await;
            let listed = self.allowed(|| "nodes, and with them the versions,".to_owned(), listed);
            return listed.unwrap_or_default().into_iter().collect();
        }
        let read = names.into_iter().map(async |name| {
            let node = api.get(name).await;
            self.allowed(|| format!("the node {name}, and with it the versions,"), node)
        });
        join_all(read).await.into_iter().flatten().filter_map(versions).collect()
    }

    /// The secrets that pods name; for those that are not there, others that may have been meant.
    async fn secrets(&self, failing: &[Failing]) -> Secrets {
        let wanted: BTreeSet<(String, String)> = failing
            .iter()
            .flat_map(|one| {
                one.secrets().into_iter().map(|name| (one.namespace().to_owned(), name.to_owned()))
            })
            .collect();
        let mut secrets = Secrets::default();
        let mut missing = wanted.clone();
        if wanted.len() > ONE_BY_ONE {
            let names: BTreeSet<&str> = wanted.iter().map(|(_, name)| name.as_str()).collect();
            for kind in TYPES {
                let keep = |secret: Secret| {
                    names.contains(secret.name_any().as_str()).then(|| pull_secret(secret))
                };
                let all = Api::<Secret>::all(self.client.clone());
                let parameters = ListParams::default().fields(&format!("type={kind}"));
                // If they may not be listed, perhaps they may be read.
                let listed = self.list(&all, parameters, keep).await.unwrap_or_default();
                secrets.known.extend(listed);
            }
            for secret in &secrets.known {
                missing.remove(&(secret.namespace.clone(), secret.name.clone()));
            }
        }
        let read = stream::iter(missing).map(async |(namespace, name)| {
            let secret = self.api::<Secret>(&namespace).get_opt(&name).await;
            (namespace, name, secret)
        });
        let read: Vec<_> = read.buffer_unordered(AT_ONCE).collect().await;
        let mut absent = BTreeSet::new();
        for (namespace, name, secret) in read {
            let readable = secret.is_ok();
            let what = || format!("the secret {name} of the namespace {namespace}");
            match self.allowed(what, secret).flatten() {
                Some(secret) => secrets.known.push(pull_secret(secret)),
                None if readable => drop(absent.insert((namespace, name))),
                None => drop(secrets.unreadable.insert((namespace, name))),
            }
        }
        secrets.known.extend(self.meant(&absent).await);
        secrets
    }

    /// Secrets of the same name elsewhere, and pull secrets of the same namespace. Best effort: without
    /// them it is not said which one was meant.
    async fn meant(&self, absent: &BTreeSet<(String, String)>) -> Vec<PullSecret> {
        let mut found = Vec::new();
        let names: BTreeSet<&String> = absent.iter().map(|(_, name)| name).collect();
        for name in names.into_iter().take(LOOKED_FOR) {
            let all = Api::<Secret>::all(self.client.clone());
            let parameters = ListParams::default().fields(&format!("metadata.name={name}"));
            let listed = self.list(&all, parameters, |secret| Some(pull_secret(secret))).await;
            let what = || format!("secrets of other namespaces, where {name} may be,");
            found.extend(self.allowed(what, listed).unwrap_or_default());
        }
        let namespaces: BTreeSet<&String> = absent.iter().map(|(namespace, _)| namespace).collect();
        for namespace in namespaces.into_iter().take(LOOKED_FOR) {
            found.extend(self.pull_secrets(namespace).await);
        }
        found
    }

    async fn pull_secrets(&self, namespace: &str) -> Vec<PullSecret> {
        let parameters = ListParams::default().fields(&format!("type={}", TYPES[0]));
        let api = self.api::<Secret>(namespace);
        self.list(&api, parameters, |secret| Some(pull_secret(secret))).await.unwrap_or_default()
    }

    /// Notes about service accounts of pods without secrets.
    async fn accounts(&self, failing: &[Failing], whole: bool) -> Vec<String> {
        if whole {
            return Vec::new();
        }
        let mut notes = Vec::new();
        let without = failing.iter().filter(|one| one.secrets().is_empty());
        let accounts: BTreeSet<(&str, &str)> = without
            .filter_map(|one| {
                let account = one.pod.spec.as_ref()?.service_account_name.as_deref()?;
                Some((one.namespace(), account))
            })
            .collect();
        for (namespace, name) in accounts {
            let read = self.api::<ServiceAccount>(namespace).get(name).await;
            let what = || format!("the service account {name} of the namespace {namespace}");
            let Some(account) = self.allowed(what, read) else { continue };
            let listed = account.image_pull_secrets.unwrap_or_default();
            let names: Vec<&str> = listed.iter().map(|secret| secret.name.as_str()).collect();
            notes.push(match names.as_slice() {
                [] => format!("the pod names no secret, and neither does its service account {name}"),
                names => format!(
                    "the service account {name} names {} by now, which the pod was made without; a new pod gets it",
                    names.join(", ")
                ),
            });
        }
        notes
    }

    /// Notes about secrets of the namespace that match and that the pod does not name.
    async fn unused_secrets(
        &self,
        failing: &[Failing],
        nodes: &BTreeMap<String, Versions>,
    ) -> Vec<String> {
        let mut notes = Vec::new();
        let Some(first) = failing.first() else { return notes };
        if failing.iter().any(|one| !one.secrets().is_empty()) {
            return notes;
        }
        let versions = first.node().and_then(|node| nodes.get(node)).cloned().unwrap_or_default();
        for secret in self.pull_secrets(first.namespace()).await {
            if serves(&secret, &first.image(), kubernetes(&versions)) {
                notes.push(format!(
                    "the secret {} of the namespace has a key that matches {}; the pod does not name it",
                    secret.name,
                    first.image()
                ));
            }
        }
        notes
    }
}

/// An event that gives only the waiting reason.
fn is_only_reason(event: &Event) -> bool {
    event.message.as_deref().unwrap_or_default().starts_with("Error: ")
}

fn pull_secret(secret: Secret) -> PullSecret {
    let namespace = secret.metadata.namespace.unwrap_or_default();
    let name = secret.metadata.name.unwrap_or_default();
    let kind = secret.type_.unwrap_or_default();
    let data = secret.data.unwrap_or_default();
    data.into_iter().fold(PullSecret::new(namespace, name, kind), |all, (key, value)| {
        all.with_data(key, value.0)
    })
}
