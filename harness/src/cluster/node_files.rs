//! Files of the node that a case changes, and how they become again what they were.
//!
//! The node keeps the files as they were; the run's folder says, before the first is touched, how they
//! are put back. So the reaper can do it for a run that was killed at any moment, and what a case before
//! wrote is never taken for what was there first.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use anyhow::Context;
use sha2::{Digest, Sha256};

use super::{Node, Run, quote};

/// Where the node keeps what was there first.
const KEPT: &str = "/var/lib/pullproof/before";
/// The file of a run's folder that says how.
const RECORD: &str = "node-files";

impl Run {
    /// Has the node keep files as they are before a case writes them. [`Run::restores_node_files`]
    /// puts them back, or, should it not come to that, the reaper.
    ///
    /// # Errors
    /// A path is a folder, the run's folder cannot be written, or the node does not answer.
    pub async fn changes_node_files(
        &self,
        node: &Node,
        paths: &[String],
        restarts_kubelet: bool,
    ) -> anyhow::Result<()> {
        let record = self.node_record();
        let mut known = read(&record)?;
        for path in paths {
            let line = put_back(path);
            if !known.contains(&line) {
                known.push_str(&line);
            }
        }
        let end = if restarts_kubelet { RESTART } else { "" };
        let script = known.replace(RESTART, "") + end;
        write(&record, &script).with_context(|| format!("writing {}", record.display()))?;
        let keep: String = paths.iter().map(|path| keep(path)).collect();
        node.shell(&format!("mkdir -p {KEPT}\n{keep}"))
            .await
            .context("keeping the node's files as they are")
            .map(drop)
    }

    /// Puts back what was there before [`Run::changes_node_files`]. Nothing happens if there is nothing
    /// to put back.
    ///
    /// # Errors
    /// The node does not answer, or a file cannot be written; then the reaper tries again.
    pub async fn restores_node_files(&self, node: &Node) -> anyhow::Result<()> {
        let record = self.node_record();
        let script = read(&record)?;
        if script.is_empty() {
            return Ok(());
        }
        node.shell(&script).await.context("putting back the node's files")?;
        fs::remove_file(&record).with_context(|| format!("removing {}", record.display()))
    }

    /// Waits until the node is free of what cases of runs that have ended changed. Whoever calls holds the
    /// node's lock, so no living case changes it.
    ///
    /// # Errors
    /// It could not be put back.
    pub async fn settle_node(
        &self,
        cluster: &str,
        node: &Node,
        waiting: impl Fn(),
    ) -> anyhow::Result<()> {
        let _one_at_a_time = self.settling.lock().await;
        self.restores_node_files(node).await?;
        let left = self.settle(cluster, Path::new(RECORD), waiting).await;
        match left.context("looking for runs that ended")? {
            None => Ok(()),
            Some(other) => anyhow::bail!(
                "{} holds files of a run that has ended, and they could not be put back\n  \
                 {} says why; `pullproof down` removes the cluster",
                node.container,
                other.join("reaper.log").display()
            ),
        }
    }

    fn node_record(&self) -> PathBuf {
        self.folder.join(RECORD)
    }
}

fn read(path: &PathBuf) -> anyhow::Result<String> {
    match fs::read_to_string(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(String::new()),
        read => read.with_context(|| format!("reading {}", path.display())),
    }
}

/// Writes a file that is never seen in part.
pub(super) fn write(path: &PathBuf, text: &str) -> io::Result<()> {
    let next = path.with_extension("next");
    fs::write(&next, text)?;
    fs::rename(&next, path)
}

/// What is kept of a path: its content in `.file`, or in `.absent` the folder or file that has to go.
fn kept(path: &str) -> String {
    let hash = Sha256::digest(path);
    let name: String = hash.iter().take(12).map(|byte| format!("{byte:02x}")).collect();
    format!("{KEPT}/{name}")
}

/// The script that keeps a file, unless it is kept already.
fn keep(path: &str) -> String {
    let (kept, path) = (kept(path), quote(path));
    format!(
        "if [ -d {path} ]; then printf '%s is a folder' {path}; exit 1; fi\n\
         if [ ! -e {kept}.file ] && [ ! -e {kept}.absent ]; then\n\
           if [ -e {path} ]; then cp -p {path} {kept}.next && mv {kept}.next {kept}.file || exit\n\
           else\n\
             top={path}\n\
             while up=${{top%/*}}; [ -n \"$up\" ] && [ ! -e \"$up\" ]; do top=$up; done\n\
             printf %s \"$top\" >{kept}.next && mv {kept}.next {kept}.absent || exit\n\
           fi\n\
         fi\n"
    )
}

/// The script that puts a file back, if it is kept.
fn put_back(path: &str) -> String {
    let (kept, path) = (kept(path), quote(path));
    format!(
        "if [ -e {kept}.file ]; then cp -p {kept}.file {path} && rm -f {kept}.file && changed=1 || exit\n\
         elif [ -e {kept}.absent ]; then rm -rf \"$(cat {kept}.absent)\" && rm -f {kept}.absent && changed=1 || exit\n\
         fi\n"
    )
}

/// The end of a script that puts files back which the kubelet has read: it runs with what they said.
const RESTART: &str = concat!(
    "[ -z \"$changed\" ] || { systemctl restart kubelet && for try in $(seq 100); do\n",
    "  ! curl -sf -m 2 -o /dev/null http://127.0.0.1:10248/healthz || break; sleep 0.2\n",
    "done; }\n"
);

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    /// Runs a script as the node would, with another folder for what is kept.
    fn run(folder: &Path, script: &str) -> (bool, String) {
        let script = script.replace(KEPT, &folder.join("kept").to_string_lossy());
        fs::create_dir_all(folder.join("kept")).unwrap();
        let done = Command::new("sh").args(["-c", &script]).output().unwrap();
        (done.status.success(), String::from_utf8(done.stdout).unwrap())
    }

    #[test]
    fn files_become_what_they_were_however_often_they_were_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name).to_string_lossy().into_owned();
        let (old, new) = (path("it's old"), path("a/new/file"));
        fs::write(&old, "before").unwrap();
        for text in ["first", "second"] {
            let keep = keep(&old) + &keep(&new);
            assert_eq!(run(folder.path(), &keep), (true, String::new()));
            fs::create_dir_all(path("a/new")).unwrap();
            fs::write(&old, text).unwrap();
            fs::write(&new, text).unwrap();
        }
        let back = put_back(&old) + &put_back(&new);
        for _ in 0..2 {
            assert!(run(folder.path(), &back).0);
            assert_eq!(fs::read_to_string(&old).unwrap(), "before");
            assert!(!folder.path().join("a").exists());
            assert_eq!(fs::read_dir(path("kept")).unwrap().count(), 0);
        }
    }

    #[test]
    fn what_was_not_kept_yet_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let old = folder.path().join("old");
        fs::write(&old, "before").unwrap();
        assert!(run(folder.path(), &put_back(&old.to_string_lossy())).0);
        assert_eq!(fs::read_to_string(&old).unwrap(), "before");
    }

    #[test]
    fn a_folder_cannot_be_kept() {
        let folder = tempfile::tempdir().unwrap();
        let (done, said) = run(folder.path(), &keep(&folder.path().to_string_lossy()));
        assert!(!done && said.ends_with(" is a folder"), "{said}");
        assert_eq!(fs::read_dir(folder.path().join("kept")).unwrap().count(), 0);
    }
}
