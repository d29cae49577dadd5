//! Files and images of the node.

use super::{Source, at, expectation};
use crate::case::{error::CaseError, model::NodeChange, variables::variable_name};

/// Folders of which a node has many: a file of that name would replace them.
const FOLDERS: [&str; 17] = [
    "/etc/containerd",
    "/etc/containerd/certs.d",
    "/etc/cni",
    "/etc/default",
    "/etc/kubernetes",
    "/etc/kubernetes/manifests",
    "/etc/kubernetes/pki",
    "/etc/systemd",
    "/etc/systemd/system",
    "/opt/cni",
    "/usr/bin",
    "/usr/lib",
    "/usr/local",
    "/var/lib",
    "/var/lib/containerd",
    "/var/lib/kubelet",
    "/var/log",
];

/// Where there are no files to write.
const NOT_FILES: [&str; 3] = ["/dev/", "/proc/", "/sys/"];

pub(super) fn check(
    source: Source<'_>,
    index: usize,
    change: &NodeChange,
) -> Result<(), CaseError> {
    for file in change.files.keys() {
        let path = at!["steps", index, "node", "files", file];
        if let Some(why) = not_a_file(file) {
            let problem = format!("`{file}` cannot be written on the node: {why}");
            return Err(source.error(path, problem));
        }
        let inside = format!("{file}/");
        if change.files.keys().any(|other| other.starts_with(&inside)) {
            let problem = format!("`{file}` is a folder to another file of this step");
            return Err(source.error(path, problem));
        }
    }
    for (at, image) in change.remove_images.iter().enumerate() {
        if image.is_empty() || image.contains(char::is_whitespace) {
            let problem = format!("`{image}` is not an image");
            return Err(source.error(at!["steps", index, "node", "removeImages", at], problem));
        }
    }
    for (at, image) in change.preload.iter().enumerate() {
        let known = images(source, index);
        if !known.contains(image) {
            let problem = format!("`{image}` is not an image of the case");
            let path = at!["steps", index, "node", "preload", at];
            return Err(source.error(path, problem).among(image, known));
        }
    }
    if let Some(record) = &change.record {
        let last = record.image.rsplit('/').next().unwrap_or_default();
        if last.is_empty() || last.contains([':', '@']) {
            let problem = format!(
                "`{}` cannot be in a record: the kubelet records images without tag and digest",
                record.image
            );
            return Err(source.error(at!["steps", index, "node", "record", "image"], problem));
        }
        expectation::output(source, at!["steps", index, "node", "record", "matches"])?;
    }
    Ok(())
}

fn not_a_file(path: &str) -> Option<&'static str> {
    if !path.starts_with('/') {
        return Some("its path is not absolute");
    }
    if path.contains(char::is_control) {
        return Some("its path has a line break or another control character");
    }
    let mut parts = path[1..].split('/');
    if parts.any(|part| matches!(part, "" | "." | "..")) {
        return Some("its path has an empty part, `.` or `..`");
    }
    if path.matches('/').count() < 2 || FOLDERS.contains(&path) {
        return Some("it is a folder, or beside the node's own");
    }
    if NOT_FILES.iter().any(|folder| path.starts_with(folder)) {
        return Some("there are no files there");
    }
    None
}

/// The images that a step can bring onto the node, as a pod would name them.
fn images(source: Source<'_>, index: usize) -> Vec<String> {
    let case = &source.file.case;
    let only = case.registries.keys().next();
    let before = case
        .registries
        .iter()
        .flat_map(|(name, registry)| registry.images.iter().map(move |image| (name, &image.name)));
    let steps = source.file.steps().take_while(|(step, _)| *step < index);
    let pushed = steps.filter_map(|(_, step)| step.registry.as_ref()).flat_map(|change| {
        let of = change.of.as_ref().or(only);
        of.into_iter().flat_map(|of| change.push.iter().map(move |image| (of, &image.name)))
    });
    let mut all: Vec<String> = before
        .chain(pushed)
        .map(|(registry, image)| match crate::case::names::is_literal(registry) {
            true => format!("{registry}/{image}"),
            false => format!("${}/{image}", variable_name(registry)),
        })
        .collect();
    all.dedup();
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_files_that_the_harness_can_put_back_are_written() {
        for good in ["/var/lib/kubelet/config.json", "/etc/default/kubelet", "/etc/pullproof/a.b"] {
            assert_eq!(not_a_file(good), None, "{good}");
        }
        for bad in [
            "etc/x",
            "/",
            "/etc",
            "/etc/",
            "/etc/../x",
            "/etc/./x",
            "/etc//x",
            "/etc/x\n",
            "/etc/x/",
            "/var/lib",
            "/dev/null",
            "/proc/1/mem",
            "",
        ] {
            assert!(not_a_file(bad).is_some(), "{bad:?}");
        }
    }
}
