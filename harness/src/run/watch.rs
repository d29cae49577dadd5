//! Watching the pods and events of a cluster into the timelines of its namespaces.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use anyhow::Context;
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
use tokio::{sync::watch, task::JoinSet, time::Instant};

use crate::{evidence::Timeline, limit::too_long, mutex::locked};

/// How long the first list may take, failed ones included.
const LISTED: Duration = Duration::from_secs(60);
/// Failures so close together are in a row: a watch that fails is tried again after 30 s at the latest
/// (kube-runtime's default backoff).
const ROW: Duration = Duration::from_secs(90);

/// One watch of all pods and one of all events, for every case of a process: a pair a namespace would
/// be two lists and two watches a case. They end when this is dropped.
#[derive(Debug)]
pub struct Watches {
    followed: Followed,
    states: [(&'static str, State); 2],
    _tasks: JoinSet<()>,
}

/// How a watch is.
#[derive(Debug, Default)]
struct Health {
    listed: bool,
    /// How many failures in a row it has had, and the last of them.
    failures: u32,
    last: Option<(Instant, String)>,
}

/// How a watch is, for whoever waits for it. Clones share it.
#[derive(Debug, Clone, Default)]
struct State(Arc<watch::Sender<Health>>);

impl State {
    fn works(&self, listed: bool) {
        self.0.send_modify(|health| {
            *health = Health { listed: health.listed || listed, failures: 0, last: None };
        });
    }

    fn failed(&self, error: &watcher::Error) {
        tracing::debug!("a watch fails: {error}");
        self.0.send_modify(|health| {
            let again = health.last.as_ref().is_some_and(|(at, _)| at.elapsed() < ROW);
            health.failures = if again { health.failures + 1 } else { 1 };
            health.last = Some((Instant::now(), error.to_string()));
        });
    }

    /// The last failure of several in a row. One alone is no more than a watch that starts anew.
    fn trouble(&self) -> Option<String> {
        let health = self.0.borrow();
        let (at, error) = health.last.as_ref()?;
        (health.failures > 1 && at.elapsed() < ROW).then(|| error.clone())
    }

    /// Waits for the first list.
    async fn listed(&self, what: &str, limit: Duration) -> anyhow::Result<()> {
        let mut states = self.0.subscribe();
        let listed = states.wait_for(|health| health.listed);
        match tokio::time::timeout(limit, listed).await {
            Ok(listed) => listed.map(drop).context("the watch ended"),
            Err(_) => {
                let late = too_long(format!("listing the cluster's {what}"), limit);
                Err(match &self.0.borrow().last {
                    Some((_, error)) => late.context(error.clone()),
                    None => late,
                })
            }
        }
    }
}

impl Watches {
    /// Starts watching. Returns once the first lists are in, so that nothing later is missed; a watch
    /// that breaks lists again by itself.
    ///
    /// # Errors
    /// The API server refuses, or the lists are not in after a minute.
    pub async fn start(client: &Client) -> anyhow::Result<Self> {
        let followed = Followed::default();
        let mut tasks = JoinSet::new();
        let (pods, events) = (State::default(), State::default());
        let stream = watcher(Api::<Pod>::all(client.clone()), watcher::Config::default());
        tasks.spawn(follow_pods(stream.default_backoff(), followed.clone(), pods.clone()));
        let stream = watcher(Api::<KubeEvent>::all(client.clone()), watcher::Config::default());
        tasks.spawn(follow_events(stream.default_backoff(), followed.clone(), events.clone()));
        let states = [("pods", pods), ("events", events)];
        for (what, state) in &states {
            state.listed(what, LISTED).await?;
        }
        Ok(Self { followed, states, _tasks: tasks })
    }

    /// Why nothing is seen any more, if a watch fails again and again.
    pub fn trouble(&self) -> Option<String> {
        self.states.iter().find_map(|(what, state)| {
            Some(format!("the watch of {what} fails: {}", state.trouble()?))
        })
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
    state: State,
) {
    let mut relisted = Vec::new();
    let mut stream = std::pin::pin!(stream);
    while let Some(event) = stream.next().await {
        match event {
            Ok(Event::Apply(pod)) => {
                state.works(false);
                followed.pod(pod);
            }
            Ok(Event::Delete(pod)) => {
                state.works(false);
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
                state.works(true);
            }
            // The watcher lists again after its backoff.
            Err(error) => state.failed(&error),
        }
    }
}

async fn follow_events(
    stream: impl Stream<Item = watcher::Result<Event<KubeEvent>>>,
    followed: Followed,
    state: State,
) {
    let mut stream = std::pin::pin!(stream);
    while let Some(event) = stream.next().await {
        match event {
            Ok(Event::Apply(event) | Event::InitApply(event)) => {
                state.works(false);
                if let Some(timeline) = followed.of(event.involved_object.namespace.as_deref()) {
                    timeline.event(event, Timestamp::now());
                }
            }
            Ok(Event::InitDone) => state.works(true),
            Ok(Event::Delete(_) | Event::Init) => {}
            Err(error) => state.failed(&error),
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
        let state = State::default();
        let events = [
            Event::Init,
            Event::InitApply(pod("a")),
            Event::InitDone,
            Event::Apply(pod("b")),
            Event::Init,
            Event::InitApply(pod("b")),
            Event::InitDone,
        ];
        follow_pods(stream::iter(events.map(Ok)), followed, state.clone()).await;
        state.listed("pods", LISTED).await.unwrap();
        assert_eq!(timeline.names("n"), ["b"]);
    }

    fn refused() -> watcher::Error {
        let status = kube::core::Status::failure("pods is forbidden", "Forbidden").with_code(403);
        watcher::Error::InitialListFailed(kube::Error::Api(status.boxed()))
    }

    #[tokio::test]
    async fn a_watch_that_is_refused_says_so_when_its_time_is_over() {
        let state = State::default();
        let events = stream::iter([Err(refused())]).chain(stream::pending());
        let task = tokio::spawn(follow_pods(events, Followed::default(), state.clone()));
        let error = state.listed("pods", Duration::from_millis(20)).await.unwrap_err();
        let said = format!("{error:#}");
        assert!(said.contains("pods is forbidden"), "{said}");
        assert!(said.contains("listing the cluster's pods took more than 0 s"), "{said}");
        task.abort();
    }

    #[tokio::test]
    async fn a_watch_that_fails_twice_in_a_row_is_in_trouble() {
        let cases = [
            (None, false),
            (Some(Err(refused())), true),
            (Some(Ok(Event::Apply(pod("a")))), false),
        ];
        for (then, trouble) in cases {
            let state = State::default();
            let events = [Ok(Event::Init), Ok(Event::InitDone), Err(refused())];
            let events = stream::iter(events.into_iter().chain(then));
            follow_pods(events, Followed::default(), state.clone()).await;
            let watches = Watches {
                followed: Followed::default(),
                states: [("pods", state), ("events", State::default())],
                _tasks: JoinSet::new(),
            };
            assert_eq!(watches.trouble().is_some(), trouble, "{:?}", watches.trouble());
        }
    }
}
