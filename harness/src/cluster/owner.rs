//! Whose a cluster is: that of the folder whose locks guard it.
//!
//! Several users, homes and containers can share a Docker engine, and with it the names of its
//! containers, but not the locks of a state folder. Each folder has a random id, which the nodes made
//! from it carry as the path of a mount: kind gives its containers no other labels than its own.

use std::{
    fs::{self, File},
    io::{self, Write},
    path::Path,
};

/// The label of registry containers with the owner of their cluster.
pub(super) const OWNER_LABEL: &str = "dev.pullproof.owner";
/// The label of registry containers with the name of their cluster.
pub(super) const CLUSTER_LABEL: &str = "dev.pullproof.cluster";

/// Where /dev/null is mounted in a node, with the owner's id behind it.
const MARKS: &str = "/etc/pullproof/owner";

/// The id of a state folder, made when it is first asked for.
pub(super) fn owner_of(state: &Path) -> io::Result<String> {
    let path = state.join("owner");
    let read = || fs::read_to_string(&path).map(|id| id.trim().to_owned());
    match read() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        read => return read,
    }
    fs::create_dir_all(state)?;
    // It appears whole, and the first of several stays.
    let id = format!("{:016x}", rand::random::<u64>());
    let own = state.join(format!(".owner-{id}"));
    File::create_new(&own)?.write_all(id.as_bytes())?;
    let linked = fs::hard_link(&own, &path);
    fs::remove_file(&own)?;
    match linked {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => read(),
        linked => linked.map(|()| id),
    }
}

/// The labels of an owner's registry containers beside a cluster.
pub(super) fn labels(owner: &str, cluster: &str) -> Vec<(String, String)> {
    let label = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    vec![label(OWNER_LABEL, owner), label(CLUSTER_LABEL, cluster)]
}

/// The path that marks a node as an owner's.
pub(super) fn mark(owner: &str) -> String {
    format!("{MARKS}/{owner}")
}

/// The owners that the mounts of a container name.
pub(super) fn owners<'a>(mounts: impl Iterator<Item = &'a str>) -> Vec<String> {
    mounts
        .filter_map(|path| path.strip_prefix(MARKS)?.strip_prefix('/'))
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_folder_keeps_its_id_whoever_asks_first() {
        let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let state = one.path().join("state");
        let ids: Vec<String> = std::thread::scope(|scope| {
            let asked: Vec<_> = (0..8).map(|_| scope.spawn(|| owner_of(&state).unwrap())).collect();
            asked.into_iter().map(|asked| asked.join().unwrap()).collect()
        });
        assert!(ids.iter().all(|id| *id == ids[0] && id.len() == 16), "{ids:?}");
        assert_ne!(owner_of(other.path()).unwrap(), ids[0]);
        assert_eq!(fs::read_dir(&state).unwrap().count(), 1);
    }

    #[test]
    fn a_nodes_mark_names_its_owner() {
        let mounts = ["/var", &mark("abc"), "/etc/pullproof/owners", "/lib/modules"];
        assert_eq!(owners(mounts.into_iter()), ["abc"]);
    }
}
