//! Whether a pod that was captured and the pod of its case came to the same end.

use std::sync::LazyLock;

use crate::{
    evidence::volatile::{self, Volatile},
    explain::{PodEvidence, PullEvidence},
};

/// Returns in what a replayed pod differs from the captured one: a container that cannot pull there or
/// here alone, its cause, its message. What every run has otherwise (addresses, digests, times) is no
/// difference, and neither is whether a pull is in its back-off.
pub(crate) fn difference(captured: &PodEvidence, replayed: &PodEvidence) -> Option<String> {
    failing(captured).find_map(|one| {
        let name = &one.container.name;
        let Some(other) = failing(replayed).find(|other| other.container.name == *name) else {
            return Some(format!("container {name} does not fail to pull"));
        };
        let (expected, seen) = (causes(one), causes(other));
        if expected != seen {
            return Some(format!("cause: {expected} became {seen}"));
        }
        let (expected, seen) = (message(one), message(other));
        (expected != seen).then(|| format!("message: {expected}\n      became {seen}"))
    })
}

fn failing(evidence: &PodEvidence) -> impl Iterator<Item = &PullEvidence> {
    evidence.pulls.iter().filter(|pull| pull.diagnosis.is_some())
}

fn causes(pull: &PullEvidence) -> String {
    let candidates = pull.diagnosis.iter().flat_map(|one| one.candidates());
    let ids: Vec<&str> = candidates.map(|one| one.id.id()).collect();
    ids.join(", ")
}

fn message(pull: &PullEvidence) -> String {
    let text = pull.message.as_ref().map_or("", |(text, _)| text.as_str());
    plain(text)
}

/// A message without what another run has otherwise.
fn plain(message: &str) -> String {
    // A back-off repeats the message of the failure (kubernetes/kubernetes#127918).
    let text = match message.split_once(": ErrImagePull: ") {
        Some((before, cause)) if before.starts_with("Back-off") => cause.to_owned(),
        _ => message.to_owned(),
    };
    VOLATILE.replace(&text.replace(".invalid", ""))
}

static VOLATILE: LazyLock<Volatile> = LazyLock::new(|| {
    Volatile::new([
        volatile::DIGEST,
        volatile::TIME,
        volatile::IPV4,
        volatile::IPV6,
        // A server of hosts.toml that is not the image's host is given its name.
        (r#"[?&]ns=[^&"' ]+"#, ""),
        (r"expected \d+ bytes", "expected <n> bytes"),
        volatile::DURATION,
    ])
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_another_run_has_otherwise_makes_no_difference() {
        assert_eq!(VOLATILE.len(), 7);
        let one = "Back-off pulling image \"127.0.0.1:41005/a:v1\": ErrImagePull: Head \
                   \"http://172.18.0.1:41005/v2/a/manifests/v1?ns=127.0.0.1%3A41005\": 401 Unauthorized";
        let other =
            "Head \"http://172.18.0.1:9/v2/a/manifests/v1?ns=127.0.0.1%3A41005\": 401 Unauthorized";
        assert_eq!(plain(one), plain(other));
        assert_ne!(plain(one), plain(&other.replace("401", "403")));
    }
}
