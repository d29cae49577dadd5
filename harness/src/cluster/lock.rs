//! File locks, which the kernel releases when their last holder is gone, killed or not.

use std::{
    fs::{File, TryLockError},
    io,
    path::Path,
};

/// A held lock. Processes that inherit its file hold it too.
#[derive(Debug)]
pub struct Lock(File);

impl Lock {
    /// Waits until nobody else holds the lock. `waiting` is called when that takes a while.
    ///
    /// # Errors
    /// The file cannot be made or locked.
    pub async fn exclusive(path: &Path, waiting: impl FnOnce()) -> io::Result<Self> {
        take(path, waiting, File::try_lock, File::lock).await
    }

    /// Waits until nobody holds the lock exclusively.
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
        let file = open(path)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Self(file))),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    /// The locked file, to be handed to a child that shall hold the lock as well.
    ///
    /// # Errors
    /// The file cannot be duplicated.
    pub fn file(&self) -> io::Result<File> {
        self.0.try_clone()
    }
}

fn open(path: &Path) -> io::Result<File> {
    File::options().create(true).truncate(false).write(true).open(path)
}

async fn take(
    path: &Path,
    waiting: impl FnOnce(),
    attempt: fn(&File) -> Result<(), TryLockError>,
    wait: fn(&File) -> io::Result<()>,
) -> io::Result<Lock> {
    let file = open(path)?;
    match attempt(&file) {
        Ok(()) => return Ok(Lock(file)),
        Err(TryLockError::WouldBlock) => {}
        Err(TryLockError::Error(error)) => return Err(error),
    }
    waiting();
    // A cancelled wait leaves the thread with its own file, which it then closes.
    tokio::task::spawn_blocking(move || wait(&file).map(|()| Lock(file)))
        .await
        .map_err(io::Error::other)?
}

#[cfg(test)]
mod tests {
    use super::*;

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
        assert!(Lock::try_exclusive(&path).unwrap().is_some());
    }

    #[tokio::test]
    async fn who_has_to_wait_is_told() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lock");
        let one = Lock::exclusive(&path, || {}).await.unwrap();
        let (told, hears) = tokio::sync::oneshot::channel();
        let (other, ()) =
            tokio::join!(Lock::exclusive(&path, move || told.send(()).unwrap()), async {
                hears.await.unwrap();
                drop(one);
            });
        other.unwrap();
    }
}
