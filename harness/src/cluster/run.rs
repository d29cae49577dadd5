//! A run: what one process makes, and the reaper that removes what it leaves.

use std::{
    fs::{self, File},
    io::{self, Write},
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use crate::{error::EnvironmentError, settings::Settings};

use super::Lock;

/// The label of everything a run makes in a cluster. In Docker it is `dev.pullproof.run`.
pub const RUN_LABEL: &str = "pullproof.dev/run";

const REAPER: &str = include_str!("reaper.sh");

/// One process's run.
///
/// Its reaper is a shell that waits for this process's end, by the closing of a pipe, and then
/// removes every container, namespace and node file that carries the run's label, the images of its
/// registries, and the run's folder. It ignores Ctrl-C and outlives SIGKILL. Both hold the run's lock: a
/// run whose lock is free has lost its reaper too, and the next run sweeps it.
#[derive(Debug)]
pub struct Run {
    /// A random name, the value of the labels.
    pub id: String,
    /// For files of this run alone.
    pub folder: PathBuf,
    reaper: Child,
    _lock: Lock,
}

impl Run {
    /// Starts a run and its reaper, and sweeps runs that nobody watches any more.
    ///
    /// # Errors
    /// Folders or processes cannot be made, kind or kubectl is missing.
    pub fn start(settings: &Settings) -> Result<Self, EnvironmentError> {
        let failed =
            |error: io::Error| EnvironmentError::other("a run could not be started")(error.into());
        let (kind, kubectl) = (settings.kind()?, settings.kubectl()?);
        let runs = settings.state().join("runs");
        fs::create_dir_all(&runs).map_err(failed)?;
        sweep(&runs, &kind, &kubectl).map_err(failed)?;

        let id = format!("{:08x}", rand::random::<u32>());
        let folder = runs.join(&id);
        // Locked before it is seen under its name, so that no other run takes it for a dead one.
        let hidden = runs.join(format!(".{id}"));
        fs::create_dir_all(hidden.join("clusters")).map_err(failed)?;
        let lock = Lock::try_exclusive(&hidden.join("lock"))
            .and_then(|lock| lock.ok_or_else(|| io::ErrorKind::AlreadyExists.into()))
            .map_err(failed)?;
        // For whoever wonders whose it is.
        fs::write(hidden.join("owner"), std::process::id().to_string()).map_err(failed)?;
        fs::rename(&hidden, &folder).map_err(failed)?;
        let reaper = reaper(&id, &folder, &kind, &kubectl)
            .stdin(Stdio::piped())
            .stdout(lock.file().map_err(failed)?)
            .spawn()
            .map_err(failed)?;
        Ok(Self { id, folder, reaper, _lock: lock })
    }

    /// Tells the reaper of a cluster in which this run makes things.
    pub(super) fn uses(&self, cluster: &str, node: &str, kubeconfig: &Path) -> io::Result<()> {
        let file = self.folder.join("clusters").join(cluster);
        fs::write(file, format!("{node} {}\n", kubeconfig.display()))
    }

    /// Tells the reaper of registries that only this run has: images of theirs go with it.
    pub(crate) fn pulls_from<'a>(&self, hosts: impl Iterator<Item = &'a str>) -> io::Result<()> {
        let lines: String = hosts.map(|host| format!("{host}/\n")).collect();
        let path = self.folder.join("hosts");
        // One write, so that lines of cases that start together stay whole.
        File::options().create(true).append(true).open(path)?.write_all(lines.as_bytes())
    }

    /// Tells the reaper that kind, of this process group, is creating a cluster.
    pub(super) fn creating(&self, group: u32, cluster: &str, kubeconfig: &Path) -> io::Result<()> {
        let text = format!("{group} {cluster} {}\n", kubeconfig.display());
        fs::write(self.folder.join("creating"), text)
    }

    /// Tells the reaper that no cluster is being created any more.
    pub(super) fn created(&self) -> io::Result<()> {
        fs::remove_file(self.folder.join("creating"))
    }

    /// The labels of everything this run makes in Docker.
    pub fn labels(&self) -> Vec<(String, String)> {
        vec![("dev.pullproof.run".to_owned(), self.id.clone())]
    }

    /// Lets the reaper do its work now and waits for it, as dropping does, without holding up others.
    pub async fn end(self) {
        drop(tokio::task::spawn_blocking(move || drop(self)).await);
    }

    /// Waits until dead runs have removed what they had created of a cluster. Whoever calls holds the
    /// cluster's creation lock, so no other living run can be creating it.
    pub(super) async fn wait_for_reapers_of(&self, cluster: &str) -> io::Result<()> {
        let Some(runs) = self.folder.parent() else { return Ok(()) };
        for entry in fs::read_dir(runs)? {
            let folder = entry?.path();
            let creating = fs::read_to_string(folder.join("creating")).unwrap_or_default();
            if folder != self.folder && creating.split_whitespace().nth(1) == Some(cluster) {
                // Gone in between is as good as released.
                drop(Lock::exclusive(&folder.join("lock"), || {}).await);
            }
        }
        Ok(())
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        // Its pipe's end is the reaper's sign; then the prompt comes back when all is gone.
        drop(self.reaper.stdin.take());
        self.reaper.wait().ok();
    }
}

/// Removes what runs left whose process and reaper are both gone, as after a power cut.
fn sweep(runs: &Path, kind: &Path, kubectl: &Path) -> io::Result<()> {
    for entry in fs::read_dir(runs)? {
        let folder = entry?.path();
        let id = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if id.starts_with('.') || !folder.join("lock").is_file() {
            continue;
        }
        let Some(lock) = Lock::try_exclusive(&folder.join("lock")).unwrap_or_default() else {
            continue;
        };
        reaper(&id, &folder, kind, kubectl).stdin(Stdio::null()).stdout(lock.file()?).status()?;
    }
    Ok(())
}

fn reaper(id: &str, folder: &Path, kind: &Path, kubectl: &Path) -> Command {
    let mut command = Command::new("/bin/sh");
    command
        .args(["-c", REAPER, "pullproof-reaper", id])
        .args([folder, kind, kubectl])
        // A terminal's Ctrl-C goes to the foreground group only.
        .process_group(0)
        .stderr(Stdio::null());
    command
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;

    fn wait_for(what: &str, mut holds: impl FnMut() -> bool) {
        let limit = Instant::now() + Duration::from_secs(20);
        while !holds() {
            assert!(Instant::now() < limit, "{what} did not come about");
            std::thread::yield_now();
        }
    }

    fn start(runs: &Path) -> (Child, PathBuf) {
        let folder = runs.join("abc");
        fs::create_dir_all(folder.join("clusters")).unwrap();
        let lock = Lock::try_exclusive(&folder.join("lock")).unwrap().unwrap();
        let no = Path::new("/bin/false");
        let reaper = reaper("abc", &folder, no, no)
            .stdin(Stdio::piped())
            .stdout(lock.file().unwrap())
            .spawn();
        (reaper.unwrap(), folder)
    }

    #[test]
    fn the_reaper_acts_when_its_pipe_closes_and_not_before() {
        let runs = tempfile::tempdir().unwrap();
        let (mut reaper, folder) = start(runs.path());
        assert!(reaper.try_wait().unwrap().is_none());
        assert!(Lock::try_exclusive(&folder.join("lock")).unwrap().is_none());
        drop(reaper.stdin.take());
        assert!(reaper.wait().unwrap().success());
        assert!(!folder.exists());
    }

    #[test]
    fn a_run_that_lost_its_reaper_is_swept() {
        let runs = tempfile::tempdir().unwrap();
        let (mut reaper, folder) = start(runs.path());
        let no = Path::new("/bin/false");
        sweep(runs.path(), no, no).unwrap();
        assert!(folder.exists(), "a run with a living reaper was swept");
        reaper.kill().unwrap();
        reaper.wait().unwrap();
        wait_for("the lock's release", || {
            sweep(runs.path(), no, no).unwrap();
            !folder.exists()
        });
    }

    #[test]
    fn the_reaper_ends_a_kind_that_was_creating() {
        let runs = tempfile::tempdir().unwrap();
        let (mut reaper, folder) = start(runs.path());
        let mut kind = Command::new("/bin/sleep").arg("60").process_group(0).spawn().unwrap();
        fs::write(folder.join("creating"), format!("{} name /none\n", kind.id())).unwrap();
        drop(reaper.stdin.take());
        reaper.wait().unwrap();
        wait_for("kind's end", || kind.try_wait().unwrap().is_some());
    }
}
