//! File locks, which the kernel releases when their last holder is gone, killed or not.

use std::{
    collections::HashMap,
    fs::{self, File, TryLockError},
    io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::Mutex,
    thread,
    time::{Duration, Instant},
};

use tokio::sync::oneshot;

use crate::mutex::locked;

/// How often a wait looks whether it is another process's turn.
const LOOK: Duration = Duration::from_millis(200);

/// How many locks of a path this process holds.
static HELD: Mutex<Option<HashMap<PathBuf, usize>>> = Mutex::new(None);

/// A held lock. Processes that inherit its file hold it too.
#[derive(Debug)]
pub struct Lock {
    file: File,
    waited: Duration,
    _here: Here,
}

impl Lock {
    /// Waits until nobody else holds the lock. `waiting` is called once if another process holds it.
    ///
    /// # Errors
    /// The file cannot be made or locked.
    pub async fn exclusive(path: &Path, waiting: impl FnOnce()) -> io::Result<Self> {
        take(path, waiting, File::try_lock, File::lock).await
    }

    /// Waits until nobody holds the lock exclusively. `waiting` is called as by [`Lock::exclusive`].
    ///
    /// # Errors
    /// The file cannot be made or locked.
    pub async fn shared(path: &Path, waiting: impl FnOnce()) -> io::Result<Self> {
        take(path, waiting, File::try_lock_shared, File::lock_shared).await
    }

    /// The lock, if it is free right now.
    ///
    /// # Errors
    /// The file cannot be made or locked.
    pub fn try_exclusive(path: &Path) -> io::Result<Option<Self>> {
        loop {
            let file = open(path)?;
            match file.try_lock() {
                Ok(()) if !is_at(&file, path) => {}
                Ok(()) => return Ok(Some(Self::held(file, path, Duration::ZERO))),
                Err(TryLockError::WouldBlock) => return Ok(None),
                Err(TryLockError::Error(error)) => return Err(error),
            }
        }
    }

    /// How long it was waited for.
    pub fn waited(&self) -> Duration {
        self.waited
    }

    /// The locked file, to be handed to a child that shall hold the lock as well.
    ///
    /// # Errors
    /// The file cannot be duplicated.
    pub fn file(&self) -> io::Result<File> {
        self.file.try_clone()
    }

    fn held(file: File, path: &Path, waited: Duration) -> Self {
        Self { file, waited, _here: Here::new(path) }
    }
}

/// Counts a lock as one of this process's.
#[derive(Debug)]
struct Here(PathBuf);

impl Here {
    fn new(path: &Path) -> Self {
        *locked(&HELD).get_or_insert_default().entry(path.to_owned()).or_default() += 1;
        Self(path.to_owned())
    }

    fn is_held(path: &Path) -> bool {
        locked(&HELD).as_ref().is_some_and(|held| held.contains_key(path))
    }
}

impl Drop for Here {
    fn drop(&mut self) {
        let mut held = locked(&HELD);
        let held = held.get_or_insert_default();
        if let Some(count) = held.get_mut(&self.0) {
            *count -= 1;
            if *count == 0 {
                held.remove(&self.0);
            }
        }
    }
}

fn open(path: &Path) -> io::Result<File> {
    File::options().create(true).truncate(false).write(true).open(path)
}

/// Whether a file still has its name: who removes a cluster removes its locks, and a lock that nobody
/// else can find is none.
fn is_at(file: &File, path: &Path) -> bool {
    match (file.metadata(), fs::metadata(path)) {
        (Ok(one), Ok(other)) => (one.dev(), one.ino()) == (other.dev(), other.ino()),
        _ => false,
    }
}

async fn take(
    path: &Path,
    waiting: impl FnOnce(),
    attempt: fn(&File) -> Result<(), TryLockError>,
    wait: fn(&File) -> io::Result<()>,
) -> io::Result<Lock> {
    let began = Instant::now();
    let mut waiting = Some(waiting);
    loop {
        let mut file = open(path)?;
        match attempt(&file) {
            Ok(()) => {}
            Err(TryLockError::Error(error)) => return Err(error),
            Err(TryLockError::WouldBlock) => {
                let mut locked = in_a_thread(file, wait);
                // A child that has not yet become another program holds it for a moment, so it is
                // somebody else's only at the second look.
                let mut elsewhere = 0;
                file = loop {
                    elsewhere = if Here::is_held(path) { 0 } else { elsewhere + 1 };
                    if elsewhere == 2
                        && let Some(waiting) = waiting.take()
                    {
                        waiting();
                    }
                    tokio::select! {
                        locked = &mut locked => break locked.map_err(io::Error::other)??,
                        () = tokio::time::sleep(LOOK) => {}
                    }
                };
            }
        }
        if is_at(&file, path) {
            return Ok(Lock::held(file, path, began.elapsed()));
        }
    }
}

/// Locks a file in a thread of its own, for which no runtime waits: given up, it ends with the process,
/// or gives the lock back as soon as it has it.
fn in_a_thread(
    file: File,
    wait: fn(&File) -> io::Result<()>,
) -> oneshot::Receiver<io::Result<File>> {
    let (done, locked) = oneshot::channel();
    thread::spawn(move || done.send(wait(&file).map(|()| file)).ok());
    locked
}

#[cfg(test)]
mod tests {
    use std::process::{Child, Command, Stdio};

    use super::*;

    /// A process that holds a lock.
    fn holder(path: &Path) -> Child {
        let lock = Lock::try_exclusive(path).unwrap().unwrap();
        let mut sleep = Command::new("sleep");
        sleep.arg("600").stdin(Stdio::from(lock.file().unwrap())).spawn().unwrap()
    }

    fn end(mut child: Child) {
        child.kill().unwrap();
        child.wait().unwrap();
    }

    #[tokio::test]
    async fn a_shared_lock_keeps_out_an_exclusive_one_until_its_copies_are_gone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lock");
        let one = Lock::shared(&path, || {}).await.unwrap();
        let two = Lock::shared(&path, || panic!("shared locks do not wait for each other"));
        let two = two.await.unwrap();
        let inherited = one.file().unwrap();
        drop((one, two));
        assert!(Lock::try_exclusive(&path).unwrap().is_none());
        drop(inherited);
        // A child of another test that has not yet become its program holds a copy for a moment.
        let free = tokio::time::timeout(Duration::from_secs(20), Lock::exclusive(&path, || {}));
        free.await.expect("nobody holds it any more").unwrap();
    }

    #[tokio::test]
    async fn who_waits_for_another_process_is_told_and_knows_how_long() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lock");
        let other = holder(&path);
        let (told, hears) = oneshot::channel();
        let (lock, ()) =
            tokio::join!(Lock::exclusive(&path, move || told.send(()).unwrap()), async {
                hears.await.unwrap();
                tokio::time::sleep(Duration::from_millis(20)).await;
                end(other);
            });
        assert!(lock.unwrap().waited() >= Duration::from_millis(20));
    }

    #[tokio::test]
    async fn who_waits_for_its_own_process_is_told_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lock");
        let one = Lock::exclusive(&path, || {}).await.unwrap();
        let wait = Lock::exclusive(&path, || panic!("nobody else holds it"));
        let (lock, ()) = tokio::join!(wait, async {
            tokio::time::sleep(LOOK * 2).await;
            drop(one);
        });
        lock.unwrap();
    }

    #[test]
    fn a_wait_that_is_given_up_holds_up_no_runtime() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lock");
        let other = holder(&path);
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let (told, hears) = oneshot::channel();
        runtime.block_on(async {
            tokio::select! {
                _ = Lock::exclusive(&path, || told.send(()).unwrap()) => panic!("it is held"),
                told = hears => told.unwrap(),
            }
        });
        let (ended, end_of_runtime) = std::sync::mpsc::channel();
        thread::spawn(move || {
            drop(runtime);
            ended.send(()).unwrap();
        });
        let ends = end_of_runtime.recv_timeout(Duration::from_secs(20));
        end(other);
        ends.expect("the runtime waits for the lock");
    }

    #[tokio::test]
    async fn a_lock_that_was_removed_under_its_waiters_is_none() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lock");
        let removed = Lock::exclusive(&path, || {}).await.unwrap();
        let (one, ()) = tokio::join!(Lock::exclusive(&path, || {}), async {
            tokio::task::yield_now().await;
            fs::remove_file(&path).unwrap();
            drop(removed);
        });
        let one = one.unwrap();
        assert!(Lock::try_exclusive(&path).unwrap().is_none(), "two hold the same lock");
        drop(one);
    }
}
