//! A run: what one process makes, and the reaper that removes what it leaves.

use std::{
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
    process::{Child, Stdio},
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process};

use crate::{error::EnvironmentError, process::apart, settings::Settings};

use super::{
    Lock, Progress,
    node_files::write,
    owner::{mark, owner_of},
};

/// The label of everything a run makes in a cluster. In Docker a container's name says whose it is:
/// [`Holder`](crate::registry::Holder).
pub const RUN_LABEL: &str = "pullproof.dev/run";

/// The file of a run's folder that holds the process of one that keeps what it made.
const KEPT: &str = "kept";

const REAPER: &str = include_str!("reaper.sh");

/// How long a new run waits for what is removed of older ones.
const SWEEPING: Duration = Duration::from_secs(60);
/// How long the reaper of a run that has ended may take with what another run needs.
const REAPING: Duration = Duration::from_secs(120);
/// From when on a run that has not started is taken for one that never will.
const STARTING: Duration = Duration::from_secs(600);

/// One process's run.
///
/// Its reaper is a shell that waits for this process's end, by the closing of a pipe, and then
/// ends every program that its cases left, removes every container, namespace and node file that is the
/// run's and the images of its registries, puts back what cases changed on the node, and
/// removes the run's folder. It ignores Ctrl-C and outlives SIGKILL. Both hold the run's lock: a run
/// whose lock is free has lost its reaper too, or that could not remove everything, and the next run
/// sweeps it. [`Run::end`] waits for the reaper, [`Run::leave`] does not.
#[derive(Debug)]
pub struct Run {
    /// A random name, the value of the labels.
    pub id: String,
    /// For files of this run alone. Nobody else reads them.
    pub folder: PathBuf,
    /// The id of the state folder.
    pub(super) owner: String,
    pub(super) settling: tokio::sync::Mutex<()>,
    kubectl: PathBuf,
    reaper: Child,
    /// Whether this process goes on while the reaper works.
    leaves: bool,
    _lock: Lock,
}

impl Run {
    /// Starts a run and its reaper, and sweeps runs that nobody watches any more.
    ///
    /// # Errors
    /// Folders or processes cannot be made, kubectl is missing.
    pub async fn start(settings: &Settings, progress: &Progress) -> Result<Self, EnvironmentError> {
        let failed =
            |error: io::Error| EnvironmentError::other("a run could not be started")(error.into());
        // Both, before anything is made.
        let (_, kubectl) = (settings.kind()?, settings.kubectl()?);
        let owner = owner_of(&settings.state()).map_err(failed)?;
        let runs = settings.state().join("runs");
        fs::create_dir_all(&runs).map_err(failed)?;
        let again = |log: &Path| {
            progress(&format!(
                "cleaning up what an earlier run could not remove: {}",
                log.display()
            ));
        };
        let reapers = sweep(&runs, &kubectl, &owner, again).map_err(failed)?;
        if !all_end(reapers, SWEEPING).await {
            progress("what earlier runs left is not removed yet; the next run tries again");
        }

        let id = format!("{:08x}", rand::random::<u32>());
        let folder = runs.join(&id);
        // Locked before it is seen under its name, so that no other run takes it for a dead one.
        let hidden = runs.join(format!(".{id}"));
        private(&hidden).map_err(failed)?;
        let lock = Lock::try_exclusive(&hidden.join("lock"))
            .and_then(|lock| lock.ok_or_else(|| io::ErrorKind::AlreadyExists.into()))
            .map_err(failed)?;
        // For people who look at the folder.
        fs::write(hidden.join("owner"), std::process::id().to_string()).map_err(failed)?;
        fs::create_dir(hidden.join("clusters")).map_err(failed)?;
        fs::rename(&hidden, &folder).map_err(failed)?;
        let reaper = reaper(&folder, &kubectl, &owner, &lock, Stdio::piped()).map_err(failed)?;
        let settling = tokio::sync::Mutex::default();
        Ok(Self { id, folder, owner, settling, kubectl, reaper, leaves: false, _lock: lock })
    }

    /// Notes for the reaper a cluster in which this run makes things.
    pub(super) fn uses(&self, cluster: &str, node: &str, kubeconfig: &Path) -> io::Result<()> {
        let file = self.folder.join("clusters").join(cluster);
        fs::write(file, format!("{node} {}\n", kubeconfig.display()))
    }

    /// Notes for the reaper registries that only this run has: images of theirs go with it.
    pub(crate) fn pulls_from<'a>(&self, hosts: impl Iterator<Item = &'a str>) -> io::Result<()> {
        let lines: String = hosts.map(|host| format!("{host}/\n")).collect();
        let path = self.folder.join("hosts");
        // One write, so that lines of cases that start together stay whole.
        File::options().create(true).append(true).open(path)?.write_all(lines.as_bytes())
    }

    /// Has the reaper run a script on a cluster's node if this run ends while it holds a lock, unless
    /// another run has taken that lock meanwhile.
    pub(crate) fn cleans_up_for(&self, cluster: &str, lock: &Path, script: &str) -> io::Result<()> {
        fs::create_dir_all(self.folder.join("held"))?;
        write(&self.held(cluster, lock), &format!("{}\n{script}\n", lock.display()))
    }

    /// Takes back [`Run::cleans_up_for`].
    pub(crate) fn cleaned_up_for(&self, cluster: &str, lock: &Path) -> io::Result<()> {
        fs::remove_file(self.held(cluster, lock))
    }

    fn held(&self, cluster: &str, lock: &Path) -> PathBuf {
        self.folder.join("held").join(held(cluster, lock))
    }

    /// Notes for the reaper that a cluster is being created, by kind of this process group, or by none that
    /// runs if it is 0.
    pub(super) fn creating(&self, group: u32, cluster: &str, kubeconfig: &Path) -> io::Result<()> {
        let text = format!("{group} {cluster} {}\n", kubeconfig.display());
        write(&self.folder.join("creating"), &text)
    }

    /// Notes for the reaper that no cluster is being created any more.
    pub(super) fn created(&self) -> io::Result<()> {
        fs::remove_file(self.folder.join("creating"))
    }

    /// Has `pullproof down` find this run, which keeps what it made.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn is_kept(&self) -> io::Result<()> {
        write(&self.folder.join(KEPT), &std::process::id().to_string())
    }

    /// Lets the reaper do its work now, and does not wait for it. Who needs what it removes or puts back
    /// waits for it: a case with the same literal host, one that needs the node, `pullproof down`. What
    /// it cannot do stays noted for the next run, as its log does: `reaper.log` in the run's folder.
    pub fn leave(mut self) {
        self.leaves = true;
    }

    /// Lets the reaper do its work now and waits for it, as dropping does, without holding up others.
    pub async fn end(self) {
        drop(tokio::task::spawn_blocking(move || drop(self)).await);
    }

    /// Waits until dead runs have removed what they had created of a cluster. The caller holds the
    /// cluster's creation lock, so no other living run can be creating it.
    pub(super) async fn wait_for_reapers_of(&self, cluster: &str) -> io::Result<()> {
        for folder in self.others()? {
            let creating = fs::read_to_string(folder.join("creating")).unwrap_or_default();
            if creating.split_whitespace().nth(1) == Some(cluster) {
                // Gone in between is as good as released.
                drop(Lock::exclusive(&folder.join("lock"), || {}).await);
            }
        }
        Ok(())
    }

    /// Waits until the reapers of ended runs have done what is noted under `note` in their folders; one
    /// that has gone without doing it is started once more. The caller holds a lock without which no
    /// living run has such a note. Returns the folder of a run that still has it in the end.
    pub(super) async fn settle(
        &self,
        cluster: &str,
        note: &Path,
        waiting: impl Fn(),
    ) -> io::Result<Option<PathBuf>> {
        for other in self.others()? {
            let noted = || other.join(note).is_file();
            if !noted() || !other.join("clusters").join(cluster).is_file() {
                continue;
            }
            let reaped = async {
                let lock = Lock::exclusive(&other.join("lock"), &waiting).await;
                if let Ok(lock) = lock
                    && noted()
                {
                    self.reap(&other, &lock).await?;
                }
                io::Result::Ok(())
            };
            match tokio::time::timeout(REAPING, reaped).await {
                Ok(Ok(())) if !noted() => {}
                _ => return Ok(Some(other)),
            }
        }
        Ok(None)
    }

    /// Waits until what ended runs did under a lock that is held now is cleaned up, as by
    /// [`Run::cleans_up_for`].
    ///
    /// # Errors
    /// The folders of runs cannot be read.
    pub(crate) async fn settle_lock(
        &self,
        cluster: &str,
        lock: &Path,
        waiting: impl Fn(),
    ) -> io::Result<()> {
        let note = Path::new("held").join(held(cluster, lock));
        // Where it could not be, the present holder of the lock does it.
        self.settle(cluster, &note, waiting).await.map(drop)
    }

    /// The folder of all runs.
    pub(super) fn runs(&self) -> &Path {
        self.folder.parent().unwrap_or(&self.folder)
    }

    /// The folders of the other runs.
    pub(super) fn others(&self) -> io::Result<Vec<PathBuf>> {
        let all = fs::read_dir(self.runs())?.map(|entry| Ok(entry?.path()));
        all.filter(|folder| folder.as_ref().map_or(true, |one| *one != self.folder)).collect()
    }

    /// Has the reaper of another run, whose lock is held, try once more.
    pub(super) async fn reap(&self, folder: &Path, lock: &Lock) -> io::Result<()> {
        let reaper = reaper(folder, &self.kubectl, &self.owner, lock, Stdio::null())?;
        all_end(vec![reaper], SWEEPING).await;
        Ok(())
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        // Its pipe's end is the reaper's sign; then the prompt comes back when all is gone.
        drop(self.reaper.stdin.take());
        if !self.leaves {
            self.reaper.wait().ok();
        }
    }
}

/// The name of a note about a lock.
fn held(cluster: &str, lock: &Path) -> String {
    let name = lock.file_name().unwrap_or_default().to_string_lossy();
    format!("{cluster}:{name}")
}

/// Whether a run of this id has a folder, be it that it is just starting.
pub(super) fn is_known(runs: &Path, id: &str) -> bool {
    runs.join(id).exists() || runs.join(format!(".{id}")).exists()
}

/// Sweeps as a new run does. Best effort: the next run does it again.
pub(super) async fn sweep_now(settings: &Settings) {
    let state = settings.state();
    // Where it is missing, what needs it is tried again later.
    let kubectl = settings.kubectl().unwrap_or_default();
    if let Ok(owner) = owner_of(&state)
        && let Ok(reapers) = sweep(&state.join("runs"), &kubectl, &owner, |_| {})
    {
        all_end(reapers, SWEEPING).await;
    }
}

/// Ends the runs that keep what they made in a cluster, or in any if none is named, and waits until all
/// of it is removed. Best effort: a cluster of one that goes on is in use.
pub(super) async fn end_kept(settings: &Settings, cluster: Option<&str>) {
    let runs = fs::read_dir(settings.state().join("runs"));
    let mut ending = Vec::new();
    for folder in runs.into_iter().flatten().flatten().map(|entry| entry.path()) {
        let owner = fs::read_to_string(folder.join(KEPT)).ok().and_then(|id| id.parse().ok());
        let concerned = cluster.is_none_or(|name| folder.join("clusters").join(name).is_file());
        // A run whose lock is free is dead, and its number may be another's.
        if let Some(owner) = owner.and_then(Pid::from_raw)
            && concerned
            && matches!(Lock::try_exclusive(&folder.join("lock")), Ok(None))
            && kill_process(owner, Signal::TERM).is_ok()
        {
            ending.push(folder);
        }
    }
    let gone = async {
        while ending.iter().any(|folder| folder.exists()) {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(SWEEPING, gone).await.ok();
}

/// Waits until the reapers of the runs of a cluster have ended. The caller has its usage lock, so no
/// run of it lives. Best effort: a reaper goes on when its time here is over.
pub(super) async fn end_reapers(settings: &Settings, cluster: &str) {
    let runs = fs::read_dir(settings.state().join("runs"));
    let all = async {
        for folder in runs.into_iter().flatten().flatten().map(|entry| entry.path()) {
            if folder.join("clusters").join(cluster).is_file() {
                // Gone in between is as good as released.
                drop(Lock::exclusive(&folder.join("lock"), || {}).await);
            }
        }
    };
    tokio::time::timeout(SWEEPING, all).await.ok();
}

/// Starts to remove what runs left whose process and reaper are both gone, as after a power cut, or whose
/// reaper could not remove everything: then `again` is called with the log that says why.
fn sweep(
    runs: &Path,
    kubectl: &Path,
    owner: &str,
    again: impl Fn(&Path),
) -> io::Result<Vec<Child>> {
    let mut reapers = Vec::new();
    for entry in fs::read_dir(runs)? {
        let folder = entry?.path();
        let starting = folder.file_name().is_some_and(|id| id.to_string_lossy().starts_with('.'));
        if starting {
            if age(&folder).is_some_and(|age| age > STARTING) {
                fs::remove_dir_all(folder).ok();
            }
            continue;
        }
        // One that ends meanwhile has no lock any more, and needs none.
        if folder.join("lock").is_file()
            && let Some(lock) = Lock::try_exclusive(&folder.join("lock")).unwrap_or_default()
        {
            let log = folder.join("reaper.log");
            if log.metadata().is_ok_and(|log| log.len() > 0) {
                again(&log);
            }
            reapers.push(reaper(&folder, kubectl, owner, &lock, Stdio::null())?);
        }
    }
    Ok(reapers)
}

fn age(folder: &Path) -> Option<Duration> {
    fs::metadata(folder).ok()?.modified().ok()?.elapsed().ok()
}

/// A folder for this user only.
fn private(folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    fs::DirBuilder::new().mode(0o700).create(folder)
}

/// Waits until processes have ended. Returns whether they did so in time; they go on all the same.
async fn all_end(processes: Vec<Child>, limit: Duration) -> bool {
    // In threads, for which nobody waits should this be given up.
    let (ended, mut all) = tokio::sync::mpsc::channel::<()>(1);
    for mut process in processes {
        let ended = ended.clone();
        std::thread::spawn(move || {
            process.wait().ok();
            drop(ended);
        });
    }
    drop(ended);
    tokio::time::timeout(limit, all.recv()).await.is_ok()
}

/// Starts the reaper of a run. It holds the run's lock as long as it runs.
fn reaper(
    folder: &Path,
    kubectl: &Path,
    owner: &str,
    lock: &Lock,
    stdin: Stdio,
) -> io::Result<Child> {
    let id = folder.file_name().unwrap_or_default();
    let mark = mark(owner);
    let words = ["-c".as_ref(), REAPER.as_ref(), "pullproof-reaper".as_ref(), id];
    let words = words.into_iter().chain([folder.as_ref(), kubectl.as_ref(), mark.as_ref()]);
    apart("/bin/sh", words, stdin, lock.file()?)
}

#[cfg(test)]
mod tests;
