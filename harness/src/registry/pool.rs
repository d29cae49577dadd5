//! Registry containers, handed out to one case at a time.
//!
//! Starting one takes half a second, a case may need less. A container is clean when it comes back:
//! the manifests that were pushed are deleted, so nothing of the case before can be pulled by
//! a name. One that cannot be cleaned is removed and never handed out again. When a pool of a run is
//! closed, some of its containers stay [`Warm`] for the next run.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard};

use futures::future::join_all;
use jiff::Timestamp;
use secrecy::SecretString;

use super::client::Direct;
use super::container::{AuthKind, Container, ContainerError};
use super::push::{PushError, split_name};
use super::warm::Warm;
use crate::image::Image;
use crate::mutex::locked;

/// Blobs stay in the container's memory after their manifests are gone; beyond this it is replaced.
const MOST_HELD: u64 = 64 * 1024 * 1024;

/// Containers to hand out. Clones share them.
#[derive(Debug, Clone)]
pub struct Pool {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    labels: Vec<(String, String)>,
    warm: Option<Warm>,
    files_in: Option<PathBuf>,
    most_idle: usize,
    idle: Mutex<Vec<Idle>>,
}

#[derive(Debug)]
struct Idle {
    container: Container,
    held: u64,
}

impl Pool {
    /// A pool that labels its containers and keeps so many of them idle.
    pub fn new(labels: Vec<(String, String)>, most_idle: usize) -> Self {
        Self::with(labels, None, most_idle, None)
    }

    /// A pool of a run, which uses containers that earlier runs have left, and leaves some itself. The
    /// files that containers start with lie in a folder of the run's until they are copied: if it ends
    /// with a signal, it leaves none elsewhere.
    pub fn warm(warm: Warm, most_idle: usize, files_in: PathBuf) -> Self {
        Self::with(warm.labels().to_vec(), Some(warm), most_idle, Some(files_in))
    }

    fn with(
        labels: Vec<(String, String)>,
        warm: Option<Warm>,
        most_idle: usize,
        files_in: Option<PathBuf>,
    ) -> Self {
        let shared = Shared { labels, warm, files_in, most_idle, idle: Mutex::default() };
        Self { shared: Arc::new(shared) }
    }

    /// Hands out a clean container with these users, started if none is idle.
    pub async fn take(
        &self,
        kind: AuthKind,
        users: &BTreeMap<String, SecretString>,
    ) -> Result<Lease, ContainerError> {
        let began = Timestamp::now();
        let known = match self.take_idle(kind, users).await {
            None => self.take_warm(kind, users).await,
            idle => idle,
        };
        let (Idle { container, held }, since) = match known {
            Some(idle) => (idle, Timestamp::now()),
            None => {
                let Shared { labels, warm, files_in, .. } = &*self.shared;
                let name = warm.as_ref().map(Warm::name);
                let files_in = files_in.as_deref();
                let container = Container::start(kind, users, labels, name, files_in).await?;
                (Idle { container, held: 0 }, began)
            }
        };
        Ok(Lease {
            container: Some(container),
            since,
            pool: self.clone(),
            pushed: Mutex::default(),
            held: Mutex::new(held),
        })
    }

    /// An idle container with these users. One that does not serve any more is passed over.
    async fn take_idle(
        &self,
        kind: AuthKind,
        users: &BTreeMap<String, SecretString>,
    ) -> Option<Idle> {
        loop {
            let next = {
                let mut idle = self.idle();
                let fits = |idle: &Idle| idle.container.kind() == kind;
                let at = idle
                    .iter()
                    .rposition(|idle| fits(idle) && idle.container.has_users(users))
                    .or_else(|| idle.iter().rposition(fits))?;
                idle.remove(at)
            };
            if next.container.answers().await && next.container.set_users(users).await.is_ok() {
                return Some(next);
            }
            // What cannot be removed carries labels, by which it is found later.
            next.container.remove().await.ok();
        }
    }

    /// A container that an earlier run has left. One that does not serve any more is passed over.
    async fn take_warm(
        &self,
        kind: AuthKind,
        users: &BTreeMap<String, SecretString>,
    ) -> Option<Idle> {
        let warm = self.shared.warm.as_ref()?;
        loop {
            let claimed = warm.claim(kind).await?;
            let held = claimed.held;
            // Dropped on the way, it is removed.
            if let Ok(container) = Container::adopt(warm, claimed, kind, users).await {
                return Some(Idle { container, held });
            }
        }
    }

    /// Leaves some of the idle containers to the next run, and removes the others. What is handed out
    /// comes back to a pool that works on.
    pub async fn close(&self) -> Result<(), ContainerError> {
        let mut idle = std::mem::take(&mut *self.idle());
        let mut left = Vec::new();
        if let Some(warm) = &self.shared.warm {
            // The key of one with tokens ends with this process.
            let stays = idle.extract_if(.., |idle| idle.container.kind() != AuthKind::Token);
            left = stays.take(warm.room().await).collect();
        }
        let left = left.into_iter().map(|Idle { container, held }| async move {
            match &self.shared.warm {
                Some(warm) => container.leave(warm, held).await,
                None => container.remove().await,
            }
        });
        let removed = idle.into_iter().map(|idle| idle.container.remove());
        let (left, removed) = tokio::join!(join_all(left), join_all(removed));
        left.into_iter().chain(removed).collect()
    }

    /// How many containers are idle.
    pub fn idle_count(&self) -> usize {
        self.idle().len()
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Idle>> {
        locked(&self.shared.idle)
    }
}

/// A container that one case has for itself. Dropped without [`Lease::give_back`], it is removed.
#[derive(Debug)]
pub struct Lease {
    container: Option<Container>,
    since: Timestamp,
    pool: Pool,
    pushed: Mutex<Vec<Pushed>>,
    held: Mutex<u64>,
}

#[derive(Debug)]
struct Pushed {
    repository: String,
    digests: Vec<String>,
}

impl Lease {
    /// The container.
    pub fn container(&self) -> &Container {
        let Some(container) = &self.container else {
            unreachable!("a lease loses its container only when it is consumed");
        };
        container
    }

    /// What the container wrote since it was handed out.
    pub async fn logs(&self) -> String {
        self.container().logs(self.since).await
    }

    /// Pushes an image under `repository:tag`, past the gateway and as the harness's own user.
    pub async fn push(&self, name: &str, image: &Image) -> Result<(), PushError> {
        let (repository, tag) = split_name(name)?;
        let client = self.pusher(repository).await?;
        // Before it is pushed: a push that fails half-way leaves something behind as well.
        locked(&self.pushed).push(Pushed {
            repository: repository.to_owned(),
            digests: image.manifests().iter().rev().map(|it| it.digest.clone()).collect(),
        });
        *locked(&self.held) += image.size();
        image.push(&client, repository, tag).await
    }

    async fn pusher(&self, repository: &str) -> Result<Direct, PushError> {
        self.container()
            .pusher(repository)
            .await
            .map_err(|error| PushError::Credentials(error.into()))
    }

    /// Gives the container back: cleaned where possible, else it is removed. `written` says that
    /// others than the harness may have pushed into it.
    pub async fn give_back(mut self, written: bool) -> Result<(), ContainerError> {
        let Some(container) = self.container.take() else { return Ok(()) };
        let held = *locked(&self.held);
        let pushed = std::mem::take(&mut *locked(&self.pushed));
        if written || held > MOST_HELD || !clean(&container, pushed).await {
            return container.remove().await;
        }
        let oldest = {
            let mut idle = self.pool.idle();
            idle.push(Idle { container, held });
            (idle.len() > self.pool.shared.most_idle).then(|| idle.remove(0))
        };
        match oldest {
            Some(oldest) => oldest.container.remove().await,
            None => Ok(()),
        }
    }
}

/// Deletes what was pushed. Tells whether all of it is gone.
async fn clean(container: &Container, pushed: Vec<Pushed>) -> bool {
    let deletions = pushed.iter().map(|pushed| async move {
        let Ok(client) = container.pusher(&pushed.repository).await else { return false };
        for digest in &pushed.digests {
            if client.delete_manifest(&pushed.repository, digest).await.is_err() {
                return false;
            }
        }
        true
    });
    join_all(deletions).await.into_iter().all(|gone| gone)
}
