//! Watching the pods and events of a cluster into the timelines of its namespaces.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard},
};

use futures::{Stream, StreamExt};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::{Event as KubeEvent, Pod};
use kube::{
    Api, Client, ResourceExt,
    runtime::{
        WatchStreamExt,
        watcher::{self, Event, watcher},
    },
};
use tokio::{sync::oneshot, task::JoinSet};

use crate::{evidence::Timeline, mutex::locked};

/// One watch of all pods and one of all events, for every case of a process: a pair a namespace would
/// be two lists and two watches a case. They end when this is dropped.
#[derive(Debug)]
pub struct Watches {
    followed: Followed,
    _tasks: JoinSet<()>,
}

impl Watches {
    /// Starts watching. Returns once the first lists are in, so that nothing later is missed; a watch
    /// that breaks lists again by itself.
    pub async fn start(client: &Client) -> Self {
        let followed = Followed::default();
        let mut tasks = JoinSet::new();
        let (pods_listed, pods) = oneshot::channel();
        let (events_listed, events) = oneshot::channel();
        let stream = watcher(Api::<Pod>::all(client.clone()), watcher::Config::default());
        tasks.spawn(follow_pods(stream.default_backoff(), followed.clone(), pods_listed));
        let stream = watcher(Api::<KubeEvent>::all(client.clone()), watcher::Config::default());
        tasks.spawn(follow_events(stream.default_backoff(), followed.clone(), events_listed));
        // A watch that ends before its list is in has lost its runtime, and so has this.
        drop(tokio::join!(pods, events));
        Self { followed, _tasks: tasks }
    }

    /// Follows a namespace from now on. What it held before is not told.
    pub fn follow(&self, namespace: &str, timeline: &Timeline) -> Following {
        self.followed.all().insert(namespace.to_owned(), timeline.clone());
        Following { namespace: namespace.to_owned(), followed: self.followed.clone() }
    }
}

/// A namespace that is followed until this is dropped.
#[derive(Debug)]
pub struct Following {
    namespace: String,
    followed: Followed,
}

impl Drop for Following {
    fn drop(&mut self) {
        self.followed.all().remove(&self.namespace);
    }
}

/// Timelines by namespace.
#[derive(Debug, Clone, Default)]
struct Followed(Arc<Mutex<HashMap<String, Timeline>>>);

impl Followed {
    fn of(&self, namespace: Option<&str>) -> Option<Timeline> {
        self.all().get(namespace?).cloned()
    }

    fn all(&self) -> MutexGuard<'_, HashMap<String, Timeline>> {
        locked(&self.0)
    }

    fn pod(&self, pod: Pod) {
        if let Some(timeline) = self.of(pod.metadata.namespace.as_deref()) {
            timeline.pod(pod, Timestamp::now());
        }
    }
}

async fn follow_pods(
    stream: impl Stream<Item = watcher::Result<Event<Pod>>>,
    followed: Followed,
    listed: oneshot::Sender<()>,
) {
    let mut listed = Some(listed);
    let mut relisted = Vec::new();
    let mut stream = std::pin::pin!(stream);
    while let Some(event) = stream.next().await {
        match event {
            Ok(Event::Apply(pod)) => followed.pod(pod),
            Ok(Event::Delete(pod)) => {
                if let Some(timeline) = followed.of(pod.metadata.namespace.as_deref()) {
                    timeline.gone(&pod.uid().unwrap_or_default());
                }
            }
            Ok(Event::Init) => relisted.clear(),
            Ok(Event::InitApply(pod)) => {
                relisted.extend(pod.uid());
                followed.pod(pod);
            }
            Ok(Event::InitDone) => {
                for timeline in followed.all().values() {
                    for uid in timeline.present().iter().filter(|uid| !relisted.contains(uid)) {
                        timeline.gone(uid);
                    }
                }
                if let Some(listed) = listed.take() {
                    listed.send(()).ok();
                }
            }
            // The watcher lists again after its backoff.
            Err(_) => {}
        }
    }
}

async fn follow_events(
    stream: impl Stream<Item = watcher::Result<Event<KubeEvent>>>,
    followed: Followed,
    listed: oneshot::Sender<()>,
) {
    let mut listed = Some(listed);
    let mut stream = std::pin::pin!(stream);
    while let Some(event) = stream.next().await {
        match event {
            Ok(Event::Apply(event) | Event::InitApply(event)) => {
                if let Some(timeline) = followed.of(event.involved_object.namespace.as_deref()) {
                    timeline.event(event, Timestamp::now());
                }
            }
            Ok(Event::InitDone) => {
                if let Some(listed) = listed.take() {
                    listed.send(()).ok();
                }
            }
            Ok(Event::Delete(_) | Event::Init) | Err(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::stream;

    use super::*;

    fn pod(uid: &str) -> Pod {
        let text = format!("{{metadata: {{name: {uid}, namespace: n, uid: {uid}}}}}");
        serde_saphyr::from_str(&text).unwrap()
    }

    #[tokio::test]
    async fn a_pod_that_vanished_in_a_gap_of_the_watch_is_gone() {
        let (timeline, followed) = (Timeline::default(), Followed::default());
        followed.all().insert("n".to_owned(), timeline.clone());
        let (listed, wait) = oneshot::channel();
        let events = [
            Event::Init,
            Event::InitApply(pod("a")),
            Event::InitDone,
            Event::Apply(pod("b")),
            Event::Init,
            Event::InitApply(pod("b")),
            Event::InitDone,
        ];
        follow_pods(stream::iter(events.map(Ok)), followed, listed).await;
        wait.await.unwrap();
        assert_eq!(timeline.names("n"), ["b"]);
    }
}
