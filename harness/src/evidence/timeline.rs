//! The states of pods and the events of a namespace, in the order in which they came.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard},
};

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{Event, Pod};
use kube::ResourceExt;
use serde::Serialize;
use tokio::sync::watch;

use super::{PodState, mirrored_uid};
use crate::{case::PodSelector, mutex::locked};

/// An event that comes so often in one update is counted no further.
const MOST_AT_ONCE: i32 = 1000;

/// What was seen of a case's namespaces. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct Timeline(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    seen: Mutex<Seen>,
    changes: watch::Sender<u64>,
}

/// A place in a timeline.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mark(u64);

#[derive(Debug, Default)]
struct Seen {
    /// By UID: a pod of the same name made later is another.
    pods: BTreeMap<String, PodHistory>,
    /// By the event's own UID.
    events: BTreeMap<String, EventSeen>,
    /// The UIDs of pods by namespace and name, as the API server gave them to a step.
    made: BTreeMap<(String, String), String>,
    /// The UIDs of pods that are gone, also of those whose states have not come yet.
    gone: BTreeSet<String>,
    last: Mark,
}

/// One pod's states.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PodHistory {
    /// The pod's UID.
    pub uid: String,
    /// The pod's namespace.
    pub namespace: String,
    /// The pod's name.
    pub name: String,
    /// When it was first seen, among everything seen.
    #[serde(skip)]
    pub first: Mark,
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
    /// The object's UID.
    pub uid: String,
    /// The object's namespace.
    pub namespace: String,
    /// The object's kind and name: `Pod/private-reg`.
    pub about: String,
    /// The container it is about: of `spec.containers{app}`, `app`.
    pub container: Option<String>,
    /// `Normal` or `Warning`.
    pub kind: String,
    /// Its reason.
    pub reason: String,
    /// Its message.
    pub message: String,
    /// How often it came.
    pub count: i32,
    /// When it was seen to have come, each time.
    #[serde(skip)]
    pub marks: Vec<Mark>,
}

impl Timeline {
    /// Adds what a pod's status says now.
    pub fn pod(&self, mut pod: Pod, at: Timestamp) {
        pod.metadata.managed_fields = None;
        self.change(|seen, mark| {
            let Some(uid) = pod.uid() else { return };
            let state = PodState::of(&pod, at, mark);
            let gone = seen.gone.contains(&uid);
            let history = seen.pods.entry(uid.clone()).or_insert_with(|| PodHistory {
                uid,
                namespace: pod.namespace().unwrap_or_default(),
                name: pod.name_any(),
                first: mark,
                states: Vec::new(),
                gone,
                object: Pod::default(),
            });
            if history.states.last().is_none_or(|last| last.differs(&state)) {
                history.states.push(state);
            }
            history.object = pod;
        });
    }

    /// Notes the UID that the API server gave to a pod of a step: from now on this one is judged,
    /// although its states come later than those of the one before.
    pub fn made(&self, namespace: &str, name: &str, uid: &str) {
        self.change(|seen, _| {
            seen.made.insert((namespace.to_owned(), name.to_owned()), uid.to_owned());
        });
    }

    /// Notes that a pod is gone.
    pub fn gone(&self, uid: &str) {
        self.change(|seen, _| {
            seen.gone.insert(uid.to_owned());
            if let Some(history) = seen.pods.get_mut(uid) {
                history.gone = true;
            }
        });
    }

    /// Adds an event.
    pub fn event(&self, event: Event, at: Timestamp) {
        self.change(|seen, mark| {
            let Some(uid) = event.uid() else { return };
            let about = event.involved_object;
            let count = event.count.unwrap_or(1).max(1);
            let old = seen.events.remove(&uid);
            let more = count - old.as_ref().map_or(0, |old| old.count);
            let (at, mut marks) = old.map_or((at, Vec::new()), |old| (old.at, old.marks));
            marks.extend((0..more.min(MOST_AT_ONCE)).map(|_| mark));
            let new = EventSeen {
                at,
                uid: about.uid.unwrap_or_default(),
                namespace: about.namespace.unwrap_or_default(),
                about: format!(
                    "{}/{}",
                    about.kind.unwrap_or_default(),
                    about.name.unwrap_or_default()
                ),
                container: about.field_path.as_deref().and_then(container_of),
                kind: event.type_.unwrap_or_default(),
                reason: event.reason.unwrap_or_default(),
                message: event.message.unwrap_or_default(),
                count,
                marks,
            };
            seen.events.insert(uid, new);
        });
    }

    /// The place after everything seen so far.
    pub fn mark(&self) -> Mark {
        self.seen().last
    }

    /// The pod that a case means: of those that exist now the newest. None, while one that a step
    /// made has not been seen yet, although an older one of its name may have been.
    pub fn find(&self, namespace: &str, which: &PodSelector) -> Option<PodHistory> {
        let seen = self.seen();
        if let PodSelector::Name(name) = which
            && let Some(uid) = seen.made.get(&(namespace.to_owned(), name.clone()))
            && !seen.gone.contains(uid)
        {
            return seen.pods.get(uid).cloned();
        }
        let there = seen.pods.values().filter(|pod| pod.namespace == namespace && !pod.gone);
        there
            .filter(|pod| which.selects(&pod.object))
            // One that is being deleted has its successor beside it for a while.
            .max_by_key(|pod| (pod.now().is_none_or(|now| !now.deleting), pod.first))
            .cloned()
    }

    /// Looks at a pod and the events about it, in no order, without copying them.
    pub fn look<T>(
        &self,
        uid: &str,
        look: impl FnOnce(Option<&PodHistory>, &[&EventSeen]) -> T,
    ) -> T {
        let seen = self.seen();
        let events: Vec<_> = seen.events.values().filter(|event| event.uid == uid).collect();
        look(seen.pods.get(uid), &events)
    }

    /// Forgets the pods that are gone, and the events about them.
    pub fn forget_gone(&self) {
        let mut seen = self.seen();
        let Seen { pods, events, gone, .. } = &mut *seen;
        events.retain(|_, event| !gone.contains(&event.uid));
        pods.retain(|uid, _| !gone.contains(uid));
    }

    /// The names of the pods that exist in a namespace.
    pub fn names(&self, namespace: &str) -> Vec<String> {
        let seen = self.seen();
        let there = seen.pods.values().filter(|pod| pod.namespace == namespace && !pod.gone);
        there.map(|pod| pod.name.clone()).collect()
    }

    /// All pods, in the order in which they were first seen.
    pub fn pods(&self) -> Vec<PodHistory> {
        let mut pods: Vec<_> = self.seen().pods.values().cloned().collect();
        pods.sort_by_key(|pod| pod.first);
        pods
    }

    /// The UIDs of pods that are not known to be gone.
    pub fn present(&self) -> Vec<String> {
        let seen = self.seen();
        seen.pods.iter().filter(|(_, pod)| !pod.gone).map(|(uid, _)| uid.clone()).collect()
    }

    /// Whether a pod was seen that a controller makes again after its deletion.
    pub fn has_controlled_pods(&self) -> bool {
        let controlled =
            |pod: &Pod| pod.owner_references().iter().any(|owner| owner.controller == Some(true));
        self.seen().pods.values().any(|pod| controlled(&pod.object))
    }

    /// The events about a pod, by its UID, that came after a mark, oldest first; one that came before
    /// as well is counted from the mark on. Those of a static pod have the UID of its manifest.
    pub fn events_of(&self, pod: &PodHistory, since: Mark) -> Vec<EventSeen> {
        let mirrored = mirrored_uid(&pod.object);
        let mut events = self.events();
        events.retain_mut(|event| {
            event.marks.retain(|mark| *mark > since);
            event.count = i32::try_from(event.marks.len()).unwrap_or(i32::MAX);
            let is_its_own = event.uid == pod.uid || Some(&event.uid) == mirrored;
            is_its_own && !event.marks.is_empty()
        });
        events.sort_by_key(|event| event.marks[0]);
        events
    }

    /// All events, oldest first.
    pub fn events(&self) -> Vec<EventSeen> {
        let mut events: Vec<_> = self.seen().events.values().cloned().collect();
        events.sort_by_key(|event| event.marks.first().copied());
        events
    }

    /// Notifies of every change.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.0.changes.subscribe()
    }

    fn change(&self, make: impl FnOnce(&mut Seen, Mark)) {
        let mut seen = self.seen();
        seen.last = Mark(seen.last.0 + 1);
        let mark = seen.last;
        make(&mut seen, mark);
        drop(seen);
        self.0.changes.send_modify(|count| *count += 1);
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        // What a panicking writer had added so far is still what was seen.
        locked(&self.0.seen)
    }
}

/// The container that a field path of an event names.
fn container_of(path: &str) -> Option<String> {
    path.strip_suffix('}')?.rsplit_once('{').map(|(_, name)| name.to_owned())
}

impl PodHistory {
    /// The waiting reasons of a container in the order in which they came, progress and repetitions
    /// left out. Without a name: of the first container that failed to start.
    pub fn reasons(&self, container: Option<&str>) -> Vec<String> {
        let mut reasons: Vec<String> = Vec::new();
        for waiting in self.waited(container) {
            if reasons.last() != Some(&waiting.reason) {
                reasons.push(waiting.reason.clone());
            }
        }
        reasons
    }

    /// The messages that came with a waiting reason.
    pub fn messages(&self, container: Option<&str>, reason: Option<&str>) -> Vec<String> {
        let waited = self.waited(container).into_iter();
        let mut messages: Vec<String> = waited
            .filter(|waiting| reason.is_none_or(|reason| waiting.reason == reason))
            .map(|waiting| waiting.message.clone())
            .collect();
        messages.dedup();
        messages
    }

    /// The same pod with the states that it had at a mark or later.
    pub fn since(&self, mark: Mark) -> Self {
        let from = self.states.iter().rposition(|state| state.mark <= mark).unwrap_or(0);
        Self { states: self.states[from..].to_vec(), ..self.clone() }
    }

    /// The state it was in last.
    pub fn now(&self) -> Option<&PodState> {
        self.states.last()
    }

    /// Why a container waits now, progress left out.
    pub fn waits_now(&self, container: Option<&str>) -> Option<&super::Waiting> {
        self.now()?.waits(container)
    }

    /// The names of its containers: init, plain and ephemeral ones.
    pub fn container_names(&self) -> Vec<&str> {
        let Some(spec) = &self.object.spec else { return Vec::new() };
        let init = spec.init_containers.iter().flatten().map(|one| one.name.as_str());
        let plain = spec.containers.iter().map(|one| one.name.as_str());
        let ephemeral = spec.ephemeral_containers.iter().flatten().map(|one| one.name.as_str());
        init.chain(plain).chain(ephemeral).collect()
    }

    /// Why a container waited, each time its state changed, progress left out.
    fn waited(&self, container: Option<&str>) -> Vec<&super::Waiting> {
        let container = container.map(str::to_owned).or_else(|| self.first_failing());
        let states = self.states.iter().flat_map(|state| &state.containers);
        states
            .filter(|one| Some(&one.name) == container.as_ref())
            .filter_map(|one| one.waiting.as_ref())
            .filter(|waiting| !waiting.is_progress())
            .collect()
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

    fn named(name: &str) -> PodSelector {
        PodSelector::Name(name.to_owned())
    }

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
        timeline.find("n", &named("a")).unwrap()
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
        assert_eq!(timeline.find("n", &named("a")).unwrap().now().unwrap().phase, "Running");
        assert!(timeline.find("n", &named("a")).unwrap().reasons(None).is_empty());
    }

    #[test]
    fn nothing_is_known_of_a_pod_without_status() {
        let timeline = Timeline::default();
        timeline.pod(pod("{}"), Timestamp::UNIX_EPOCH);
        let history = timeline.find("n", &named("a")).unwrap();
        assert!(history.reasons(None).is_empty() && history.waits_now(None).is_none());
    }

    fn with_uid(mut pod: Pod, uid: &str) -> Pod {
        pod.metadata.uid = Some(uid.to_owned());
        pod
    }

    #[test]
    fn a_pod_that_is_gone_or_goes_is_not_the_one_that_is_meant() {
        let timeline = Timeline::default();
        timeline.pod(waiting("ErrImagePull"), Timestamp::UNIX_EPOCH);
        timeline.gone("u");
        assert_eq!(timeline.find("n", &named("a")), None);
        assert!(timeline.names("n").is_empty());

        // A step knows the new UID before the watch delivers its states.
        timeline.pod(waiting("ErrImagePull"), Timestamp::UNIX_EPOCH);
        timeline.made("n", "a", "v");
        assert_eq!(timeline.find("n", &named("a")), None);
        timeline.pod(with_uid(pod("{phase: Running}"), "v"), Timestamp::UNIX_EPOCH);
        assert_eq!(timeline.find("n", &named("a")).unwrap().uid, "v");

        // Its successor of a controller, while it is being deleted.
        timeline.gone("v");
        timeline.pod(with_uid(pod("{phase: Pending}"), "w"), Timestamp::UNIX_EPOCH);
        let mut going = with_uid(pod("{phase: Running}"), "x");
        going.metadata.deletion_timestamp = serde_saphyr::from_str("2026-11-25T00:00:00Z").unwrap();
        timeline.pod(going, Timestamp::UNIX_EPOCH);
        assert_eq!(timeline.find("n", &named("a")).unwrap().uid, "w");
    }

    #[test]
    fn what_is_known_to_be_gone_does_not_come_back_with_a_late_state() {
        let timeline = Timeline::default();
        timeline.gone("u");
        timeline.pod(waiting("ErrImagePull"), Timestamp::UNIX_EPOCH);
        assert_eq!(timeline.find("n", &named("a")), None);
    }

    fn event(uid: &str, count: i32) -> Event {
        let text = format!(
            "{{metadata: {{name: e, uid: e-{uid}}}, reason: Failed, count: {count}, involvedObject: \
             {{kind: Pod, name: a, namespace: n, uid: {uid}, fieldPath: 'spec.containers{{c}}'}}}}"
        );
        serde_saphyr::from_str(&text).unwrap()
    }

    #[test]
    fn events_belong_to_a_uid_and_are_counted_from_a_mark_on() {
        let timeline = Timeline::default();
        timeline.event(event("u", 2), Timestamp::UNIX_EPOCH);
        timeline.event(event("v", 1), Timestamp::UNIX_EPOCH);
        for uid in ["u", "v"] {
            timeline.pod(with_uid(pod("{phase: Pending}"), uid), Timestamp::UNIX_EPOCH);
        }
        let of = |uid: &str, mark| {
            let pods = timeline.pods();
            timeline.events_of(pods.iter().find(|pod| pod.uid == uid).unwrap(), mark)
        };
        assert_eq!(of("u", Mark::default())[0].count, 2);
        assert_eq!(of("u", Mark::default())[0].container.as_deref(), Some("c"));
        assert_eq!(of("v", Mark::default()).len(), 1);
        let mark = timeline.mark();
        assert!(of("u", mark).is_empty());
        timeline.event(event("u", 5), Timestamp::UNIX_EPOCH);
        assert_eq!(of("u", mark)[0].count, 3);
        assert_eq!(of("u", Mark::default())[0].count, 5);
        assert!(of("v", mark).is_empty());
    }

    #[test]
    fn a_controllers_pod_is_known_by_its_owner() {
        let timeline = Timeline::default();
        timeline.pod(pod("{phase: Pending}"), Timestamp::UNIX_EPOCH);
        assert!(!timeline.has_controlled_pods());
        let mut web = with_uid(pod("{phase: Pending}"), "v");
        let owner = "{apiVersion: apps/v1, kind: ReplicaSet, name: web, uid: r, controller: true}";
        web.owner_references_mut().push(serde_saphyr::from_str(owner).unwrap());
        timeline.pod(web, Timestamp::UNIX_EPOCH);
        assert!(timeline.has_controlled_pods());
    }

    #[test]
    fn the_events_of_a_static_pod_have_the_uid_of_its_manifest() {
        let timeline = Timeline::default();
        let mut mirror = pod("{phase: Pending}");
        mirror.annotations_mut().insert("kubernetes.io/config.mirror".into(), "hash".into());
        timeline.pod(mirror, Timestamp::UNIX_EPOCH);
        timeline.event(event("hash", 1), Timestamp::UNIX_EPOCH);
        assert_eq!(timeline.events_of(&timeline.pods()[0], Mark::default()).len(), 1);
    }

    #[test]
    fn since_a_mark_a_pod_has_the_state_of_then_and_later_ones() {
        let timeline = Timeline::default();
        timeline.pod(waiting("ErrImagePull"), Timestamp::UNIX_EPOCH);
        timeline.pod(waiting("ImagePullBackOff"), Timestamp::UNIX_EPOCH);
        let mark = timeline.mark();
        let reasons = || timeline.find("n", &named("a")).unwrap().since(mark).reasons(None);
        assert_eq!(reasons(), ["ImagePullBackOff"]);
        timeline.pod(waiting("ErrImagePull"), Timestamp::UNIX_EPOCH);
        assert_eq!(reasons(), ["ImagePullBackOff", "ErrImagePull"]);
    }
}
