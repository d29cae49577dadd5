//! The states of pods and the events of a namespace, in the order in which they came.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard},
};

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{Event, Pod};
use kube::ResourceExt;
use serde::Serialize;
use tokio::sync::watch;

use super::PodState;
use crate::mutex::locked;

/// What was seen of a case's namespaces. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct Timeline(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    seen: Mutex<Seen>,
    changes: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct Seen {
    /// By UID: a pod of the same name made later is another.
    pods: BTreeMap<String, PodHistory>,
    events: BTreeMap<String, EventSeen>,
    made: u64,
}

/// One pod's states.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PodHistory {
    /// The pod's namespace.
    pub namespace: String,
    /// The pod's name.
    pub name: String,
    /// The order in which pods were first seen.
    pub order: u64,
    /// Its states, each different from the one before.
    pub states: Vec<PodState>,
    /// Whether it is gone.
    pub gone: bool,
    /// What it was last, whole, without managed fields.
    #[serde(skip)]
    pub object: Pod,
}

/// An event about an object.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EventSeen {
    /// When this process saw it first.
    pub at: Timestamp,
    /// The object's namespace.
    pub namespace: String,
    /// The object's kind and name: `Pod/private-reg`.
    pub about: String,
    /// `Normal` or `Warning`.
    pub kind: String,
    /// Its reason.
    pub reason: String,
    /// Its message.
    pub message: String,
    /// How often it came.
    pub count: i32,
}

impl Timeline {
    /// Adds what a pod's status says now.
    pub fn pod(&self, mut pod: Pod, at: Timestamp) {
        pod.metadata.managed_fields = None;
        self.change(|seen| {
            let Some(uid) = pod.uid() else { return };
            let state = PodState::of(&pod, at);
            seen.made += 1;
            let order = seen.made;
            let history = seen.pods.entry(uid).or_insert_with(|| PodHistory {
                namespace: pod.namespace().unwrap_or_default(),
                name: pod.name_any(),
                order,
                states: Vec::new(),
                gone: false,
                object: Pod::default(),
            });
            if history.states.last().is_none_or(|last| last.differs(&state)) {
                history.states.push(state);
            }
            history.object = pod;
        });
    }

    /// Notes that a pod is gone.
    pub fn gone(&self, uid: &str) {
        self.change(|seen| {
            if let Some(history) = seen.pods.get_mut(uid) {
                history.gone = true;
            }
        });
    }

    /// Adds an event.
    pub fn event(&self, event: Event, at: Timestamp) {
        self.change(|seen| {
            let Some(uid) = event.uid() else { return };
            let about = event.involved_object;
            let new = EventSeen {
                at,
                namespace: about.namespace.unwrap_or_default(),
                about: format!(
                    "{}/{}",
                    about.kind.unwrap_or_default(),
                    about.name.unwrap_or_default()
                ),
                kind: event.type_.unwrap_or_default(),
                reason: event.reason.unwrap_or_default(),
                message: event.message.unwrap_or_default(),
                count: event.count.unwrap_or(1),
            };
            let at = seen.events.get(&uid).map_or(new.at, |old| old.at);
            seen.events.insert(uid, EventSeen { at, ..new });
        });
    }

    /// The newest pod of a name.
    pub fn pod_named(&self, namespace: &str, name: &str) -> Option<PodHistory> {
        let seen = self.seen();
        let named = seen.pods.values().filter(|pod| pod.namespace == namespace && pod.name == name);
        named.max_by_key(|pod| pod.order).cloned()
    }

    /// All pods, in the order in which they were first seen.
    pub fn pods(&self) -> Vec<PodHistory> {
        let mut pods: Vec<_> = self.seen().pods.values().cloned().collect();
        pods.sort_by_key(|pod| pod.order);
        pods
    }

    /// The UIDs of pods that are not known to be gone.
    pub fn present(&self) -> Vec<String> {
        let seen = self.seen();
        seen.pods.iter().filter(|(_, pod)| !pod.gone).map(|(uid, _)| uid.clone()).collect()
    }

    /// The events about a pod, oldest first.
    pub fn events_of(&self, namespace: &str, pod: &str) -> Vec<EventSeen> {
        let about = format!("Pod/{pod}");
        self.events().into_iter().filter(|e| e.namespace == namespace && e.about == about).collect()
    }

    /// All events, oldest first.
    pub fn events(&self) -> Vec<EventSeen> {
        let mut events: Vec<_> = self.seen().events.values().cloned().collect();
        events.sort_by_key(|event| event.at);
        events
    }

    /// Tells of every change.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.0.changes.subscribe()
    }

    fn change(&self, make: impl FnOnce(&mut Seen)) {
        make(&mut self.seen());
        self.0.changes.send_modify(|count| *count += 1);
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        // What a panicking writer had added so far is still what was seen.
        locked(&self.0.seen)
    }
}

impl PodHistory {
    /// The waiting reasons of a container in the order in which they came, progress and repetitions
    /// left out. Without a name: of the first container that failed to start.
    pub fn reasons(&self, container: Option<&str>) -> Vec<String> {
        let mut reasons: Vec<String> = Vec::new();
        let container = container.map(str::to_owned).or_else(|| self.first_failing());
        for state in &self.states {
            for one in state.containers.iter().filter(|one| Some(&one.name) == container.as_ref()) {
                if let Some(waiting) = one.waiting.as_ref().filter(|waiting| !waiting.is_progress())
                    && reasons.last() != Some(&waiting.reason)
                {
                    reasons.push(waiting.reason.clone());
                }
            }
        }
        reasons
    }

    /// The messages that came with a waiting reason.
    pub fn messages(&self, container: Option<&str>, reason: Option<&str>) -> Vec<String> {
        let container = container.map(str::to_owned).or_else(|| self.first_failing());
        let states = self.states.iter().flat_map(|state| &state.containers);
        let mut messages: Vec<String> = states
            .filter(|one| container.is_none() || Some(&one.name) == container.as_ref())
            .filter_map(|one| one.waiting.as_ref())
            .filter(|waiting| !waiting.is_progress())
            .filter(|waiting| reason.is_none_or(|reason| waiting.reason == reason))
            .map(|waiting| waiting.message.clone())
            .collect();
        messages.dedup();
        messages
    }

    /// The state it was in last.
    pub fn now(&self) -> Option<&PodState> {
        self.states.last()
    }

    /// Why a container waits now, progress left out.
    pub fn waits_now(&self, container: Option<&str>) -> Option<&super::Waiting> {
        let containers = self.now()?.containers.iter();
        containers
            .filter(|one| container.is_none_or(|name| one.name == name))
            .filter_map(|one| one.waiting.as_ref())
            .find(|waiting| !waiting.is_progress())
    }

    fn first_failing(&self) -> Option<String> {
        let states = self.states.iter().flat_map(|state| &state.containers);
        states
            .filter(|one| one.waiting.as_ref().is_some_and(|waiting| !waiting.is_progress()))
            .map(|one| one.name.clone())
            .next()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pod(status: &str) -> Pod {
        let text = format!("{{metadata: {{name: a, namespace: n, uid: u}}, status: {status}}}");
        serde_saphyr::from_str(&text).unwrap()
    }

    fn waiting(reason: &str) -> Pod {
        pod(&format!(
            "{{phase: Pending, containerStatuses: [{{name: c, image: i, imageID: '', ready: false, \
             restartCount: 0, state: {{waiting: {{reason: {reason}, message: 'why {reason}'}}}}}}]}}"
        ))
    }

    fn seen(states: &[&str]) -> PodHistory {
        let timeline = Timeline::default();
        for reason in states {
            timeline.pod(waiting(reason), Timestamp::UNIX_EPOCH);
        }
        timeline.pod_named("n", "a").unwrap()
    }

    #[test]
    fn reasons_come_in_order_without_progress_or_repetition() {
        let history =
            seen(&["ContainerCreating", "ErrImagePull", "ErrImagePull", "ImagePullBackOff"]);
        assert_eq!(history.reasons(None), ["ErrImagePull", "ImagePullBackOff"]);
        assert_eq!(history.reasons(Some("c")), ["ErrImagePull", "ImagePullBackOff"]);
        assert_eq!(history.reasons(Some("other")), Vec::<String>::new());
    }

    #[test]
    fn a_message_belongs_to_its_reason() {
        let history = seen(&["ErrImagePull", "ImagePullBackOff"]);
        assert_eq!(history.messages(None, Some("ErrImagePull")), ["why ErrImagePull"]);
        assert_eq!(history.messages(None, None).len(), 2);
    }

    #[test]
    fn a_pod_made_again_under_the_same_name_is_another() {
        let timeline = Timeline::default();
        timeline.pod(waiting("ErrImagePull"), Timestamp::UNIX_EPOCH);
        let mut again = pod("{phase: Running}");
        again.metadata.uid = Some("v".into());
        timeline.pod(again, Timestamp::UNIX_EPOCH);
        assert_eq!(timeline.pod_named("n", "a").unwrap().now().unwrap().phase, "Running");
        assert!(timeline.pod_named("n", "a").unwrap().reasons(None).is_empty());
    }

    #[test]
    fn nothing_is_known_of_a_pod_without_status() {
        let timeline = Timeline::default();
        timeline.pod(pod("{}"), Timestamp::UNIX_EPOCH);
        let history = timeline.pod_named("n", "a").unwrap();
        assert!(history.reasons(None).is_empty() && history.waits_now(None).is_none());
    }
}
