//! Registry containers, handed out to one case at a time.
//!
//! Starting one takes half a second, a case may need less. A container is clean when it comes back:
//! the manifests that were pushed are deleted, so nothing of the case before can be pulled by
//! a name. One that cannot be cleaned is removed and never handed out again.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard};

use futures::future::join_all;
use jiff::Timestamp;
use secrecy::SecretString;

use super::client::Direct;
use super::container::{AuthKind, Container, ContainerError};
use super::push::{PushError, split_name};
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
        let shared = Shared { labels, files_in: None, most_idle, idle: Mutex::default() };
        Self { shared: Arc::new(shared) }
    }

    /// The pool, with the files that containers start with in a folder of the caller's until they are
    /// copied. Who ends with a signal then leaves none elsewhere. For a pool that is not shared yet.
    pub fn with_files_in(mut self, folder: PathBuf) -> Self {
        if let Some(shared) = Arc::get_mut(&mut self.shared) {
            shared.files_in = Some(folder);
        }
        self
    }

    /// Hands out a clean container with these users, started if none is idle.
    pub async fn take(
        &self,
        kind: AuthKind,
        users: &BTreeMap<String, SecretString>,
    ) -> Result<Lease, ContainerError> {
        let began = Timestamp::now();
        let (Idle { container, held }, since) = match self.take_idle(kind, users).await {
            Some(idle) => (idle, Timestamp::now()),
            None => {
                let Shared { labels, files_in, .. } = &*self.shared;
                let container = Container::start(kind, users, labels, files_in.as_deref()).await?;
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

    /// Removes the idle containers. What is handed out comes back to a pool that works on.
    pub async fn close(&self) -> Result<(), ContainerError> {
        let idle = std::mem::take(&mut *self.idle());
        join_all(idle.into_iter().map(|idle| idle.container.remove())).await.into_iter().collect()
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
