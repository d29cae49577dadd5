//! The requests to the API server: read-only, and as few as do.

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
    apimachinery::pkg::{apis::meta::v1::LabelSelector, version::Info},
};
use kube::{Api, Client, Resource, ResourceExt, api::ListParams, core::Selector};
use pullproof_credentials::PullSecret;
use serde::de::DeserializeOwned;

use crate::{mutex::locked, suggest::nearest};

use super::{
    ReadError, Target,
    failing::waiting_for_a_sandbox,
    failing_containers,
    gathered::{
        Failing, Secrets, Versions, is_bare_back_off, kubernetes, last_seen, serves, uid_of_events,
    },
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

/// Reads from a cluster, and notes what it may not.
pub(super) struct Reader {
    pub(super) client: Client,
    pub(super) unread: Mutex<BTreeSet<String>>,
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

    pub(super) async fn pods(
        &self,
        namespace: &str,
        target: &Target,
    ) -> Result<Vec<Pod>, ReadError> {
        match target {
            Target::Pod(name) => {
                let api = self.api::<Pod>(namespace);
                match api.get_opt(name).await.map_err(failed(format!("the pod {name}")))? {
                    Some(pod) => Ok(vec![pod]),
                    None => Err(self.absent::<Pod>("pod", name, namespace).await),
                }
            }
            Target::Workload(kind, name) => {
                let mut pods = Vec::new();
                for selector in self.selectors(kind, name, namespace).await? {
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

    /// The selectors of the pods of a workload.
    async fn selectors(
        &self,
        kind: &str,
        name: &str,
        namespace: &str,
    ) -> Result<Vec<LabelSelector>, ReadError> {
        let lower = kind.to_lowercase();
        let failed = || failed(format!("the {lower} {name}"));
        macro_rules! workload {
            ($kind:ty) => {
                match self.api::<$kind>(namespace).get_opt(name).await.map_err(failed())? {
                    Some(found) => found,
                    None => return Err(self.absent::<$kind>(&lower, name, namespace).await),
                }
            };
        }
        let selector = match kind {
            "Deployment" => workload!(Deployment).spec.map(|spec| spec.selector),
            "StatefulSet" => workload!(StatefulSet).spec.map(|spec| spec.selector),
            "DaemonSet" => workload!(DaemonSet).spec.map(|spec| spec.selector),
            "ReplicaSet" => workload!(ReplicaSet).spec.map(|spec| spec.selector),
            "Job" => workload!(Job).spec.and_then(|spec| spec.selector),
            _ => {
                let uid = workload!(CronJob).uid();
                let owned = |job: Job| {
                    let mut owners = job.owner_references().iter();
                    let is_owned = owners.any(|one| Some(&one.uid) == uid.as_ref());
                    job.spec.filter(|_| is_owned).and_then(|spec| spec.selector)
                };
                let jobs = self.api::<Job>(namespace);
                let listed = self.list(&jobs, ListParams::default(), owned).await;
                return listed.map_err(failed());
            }
        };
        Ok(selector.into_iter().collect())
    }

    /// The events that count of pods, by UID.
    pub(super) async fn events(&self, pods: &[Pod], whole: bool) -> HashMap<String, Vec<Event>> {
        let mut by_pod: HashMap<String, Vec<Event>> = HashMap::new();
        let wanted: BTreeSet<String> = pods.iter().filter_map(uid_of_events).collect();
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
                let selector =
                    format!("involvedObject.uid={}", uid_of_events(pod).unwrap_or_default());
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

    pub(super) async fn nodes(&self, failing: &[Failing]) -> BTreeMap<String, Versions> {
        let server = async { self.client.apiserver_version().await.ok() };
        let (mut nodes, server) = tokio::join!(self.node_versions(failing), server);
        for versions in nodes.values_mut() {
            let same = |server: &Info| versions.kubelet.as_ref() == Some(&server.git_version);
            versions.go = server.clone().filter(same).map(|server| server.go_version);
        }
        nodes
    }

    async fn node_versions(&self, failing: &[Failing]) -> BTreeMap<String, Versions> {
        let names: BTreeSet<&str> = failing.iter().filter_map(Failing::node).collect();
        let versions = |node: Node| {
            let name = node.name_any();
            let info = node.status.and_then(|status| status.node_info)?;
            let (kubelet, runtime) = (info.kubelet_version, info.container_runtime_version);
            Some((name, Versions { kubelet: Some(kubelet), runtime: Some(runtime), go: None }))
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
    pub(super) async fn secrets(&self, failing: &[Failing]) -> Secrets {
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
        let (missing, mut absent): (BTreeSet<_>, BTreeSet<_>) =
            missing.into_iter().partition(|(_, name)| is_name(name));
        let read = stream::iter(missing).map(async |(namespace, name)| {
            let secret = self.api::<Secret>(&namespace).get_opt(&name).await;
            (namespace, name, secret)
        });
        let read: Vec<_> = read.buffer_unordered(AT_ONCE).collect().await;
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
        let names: BTreeSet<&String> =
            absent.iter().map(|(_, name)| name).filter(|name| is_name(name)).collect();
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
    pub(super) async fn accounts(&self, failing: &[Failing], whole: bool) -> Vec<String> {
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
    pub(super) async fn unused_secrets(
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

/// Wraps what the API server answered to a request for `what`.
fn failed(what: String) -> impl FnOnce(kube::Error) -> ReadError {
    |error| ReadError::Api { what, source: Box::new(error) }
}

/// An event that gives only the waiting reason.
fn is_only_reason(event: &Event) -> bool {
    event.message.as_deref().unwrap_or_default().starts_with("Error: ")
}

/// Whether an object can have a name. In a request, another could be a path or a query.
fn is_name(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_alphanumeric())
        && name.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.'))
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
