//! Watching the pods and events of a namespace into a timeline.

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

use crate::evidence::Timeline;

/// Watches that end when this is dropped.
#[derive(Debug, Default)]
pub struct Watches(JoinSet<()>);

impl Watches {
    /// Watches a namespace. Returns once the first lists are in, so that nothing later is missed; a
    /// watch that breaks lists again by itself.
    pub async fn add(&mut self, client: &Client, namespace: &str, timeline: &Timeline) {
        let (pods_listed, pods) = oneshot::channel();
        let (events_listed, events) = oneshot::channel();
        let api = Api::<Pod>::namespaced(client.clone(), namespace);
        let stream = watcher(api, watcher::Config::default()).default_backoff();
        self.0.spawn(follow_pods(stream, timeline.clone(), pods_listed));
        let api = Api::<KubeEvent>::namespaced(client.clone(), namespace);
        let stream = watcher(api, watcher::Config::default()).default_backoff();
        self.0.spawn(follow_events(stream, timeline.clone(), events_listed));
        // A watch that ends before its list is in has lost its runtime, and so has this.
        drop(tokio::join!(pods, events));
    }
}

async fn follow_pods(
    stream: impl Stream<Item = watcher::Result<Event<Pod>>>,
    timeline: Timeline,
    listed: oneshot::Sender<()>,
) {
    let mut listed = Some(listed);
    let mut relisted = Vec::new();
    let mut stream = std::pin::pin!(stream);
    while let Some(event) = stream.next().await {
        match event {
            Ok(Event::Apply(pod)) => timeline.pod(pod, Timestamp::now()),
            Ok(Event::Delete(pod)) => timeline.gone(&pod.uid().unwrap_or_default()),
            Ok(Event::Init) => relisted.clear(),
            Ok(Event::InitApply(pod)) => {
                relisted.extend(pod.uid());
                timeline.pod(pod, Timestamp::now());
            }
            Ok(Event::InitDone) => {
                for uid in timeline.present().iter().filter(|uid| !relisted.contains(uid)) {
                    timeline.gone(uid);
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
    timeline: Timeline,
    listed: oneshot::Sender<()>,
) {
    let mut listed = Some(listed);
    let mut stream = std::pin::pin!(stream);
    while let Some(event) = stream.next().await {
        match event {
            Ok(Event::Apply(event) | Event::InitApply(event)) => {
                timeline.event(event, Timestamp::now());
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
        let timeline = Timeline::default();
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
        follow_pods(stream::iter(events.map(Ok)), timeline.clone(), listed).await;
        wait.await.unwrap();
        assert!(timeline.pod_named("n", "a").unwrap().gone);
        assert!(!timeline.pod_named("n", "b").unwrap().gone);
    }
}
