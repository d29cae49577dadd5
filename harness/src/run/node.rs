//! What the node knows for a case: hosts.toml files, images by literal name, files of steps.

use std::collections::BTreeSet;

use crate::{
    case::{
        CaseFile,
        model::{Hosts, NodeSetting},
    },
    cluster::quote,
    registry::hosts_file,
};

use super::scene::{Scene, label};

impl Scene<'_> {
    /// Leaves the node as the case found it. Best effort: the reaper removes hosts.toml files as well.
    pub(super) async fn restore_node(&self) {
        let mut commands = Vec::new();
        let literal = literal_hosts(self.file);
        if !literal.is_empty() {
            let folders = literal.iter().map(|host| format!("/etc/containerd/certs.d/{host}"));
            commands.push(format!("rm -rf {}", quoted(folders)));
        }
        commands.extend(remove_images(&self.literal_images()));
        if !self.node_files.is_empty() {
            commands.extend(restore_files(&self.node_files));
            if restarts_kubelet(self.file) {
                // It runs with what the files said.
                commands.push("systemctl restart kubelet".to_owned());
            }
        }
        self.best_effort(commands).await.ok();
    }

    /// Runs commands on the node, each whatever became of the one before.
    async fn best_effort(&self, commands: Vec<String>) -> anyhow::Result<()> {
        if commands.is_empty() {
            return Ok(());
        }
        self.session.cluster.node.shell(&one_after_the_other(commands)).await.map(drop)
    }

    /// Removes images from the node; that one is not there is no error.
    pub(super) async fn remove_images(&self, names: &[String]) -> anyhow::Result<()> {
        self.best_effort(remove_images(names)).await
    }

    /// Literal names may be on the node from a case before, with another digest.
    pub(super) async fn forget_images(&self) -> anyhow::Result<()> {
        self.remove_images(&self.literal_images()).await
    }

    pub(super) fn literal_images(&self) -> Vec<String> {
        let literal = literal_hosts(self.file);
        let hosts = self.image_hosts().into_iter();
        hosts
            .filter(|(host, _)| literal.contains(host))
            .flat_map(|(host, registry)| {
                let images = &self.file.case.registries[registry].images;
                images.iter().map(move |image| format!("{host}/{}", image.name))
            })
            .collect()
    }

    /// One hosts.toml a registry, and those the case writes itself.
    pub(super) async fn write_hosts(&self) -> anyhow::Result<()> {
        let case = &self.file.case;
        let mut files = Vec::new();
        for (name, spec) in &case.registries {
            let live = &self.registries[name];
            if spec.node == NodeSetting::Hosts && !case.hosts.contains_key(name) {
                let hosts = Hosts { server: Some(name.clone()), ..Hosts::default() };
                files.extend(self.hosts_files(&live.host, &hosts)?);
            }
        }
        for (host, hosts) in &case.hosts {
            let host = self.registries.get(host).map_or(host.clone(), |live| live.host.clone());
            let host = self.variables.fill(&host);
            files.extend(self.hosts_files(&host, hosts)?);
        }
        if files.is_empty() { Ok(()) } else { self.session.cluster.node.write(&files).await }
    }

    pub(super) fn hosts_files(
        &self,
        host: &str,
        hosts: &Hosts,
    ) -> anyhow::Result<Vec<(String, String)>> {
        let folder = format!("/etc/containerd/certs.d/{host}");
        let mut files = Vec::new();
        let text = hosts_file(hosts, self.file.case.registries.keys(), |name| {
            let live = self.registry(Some(name))?;
            let ca = format!("{folder}/{}.crt", label(name));
            if let Some(pem) = live.registry.ca() {
                files.push((ca.clone(), pem.to_owned()));
            }
            anyhow::Ok(live.registry.host_entry(&ca))
        })?;
        // By this line the reaper knows what is whose.
        let mark = format!("# pullproof run {}\n", self.session.run.id);
        files.push((format!("{folder}/hosts.toml"), format!("{mark}{text}")));
        Ok(files)
    }
}

/// The hosts that only one case at a time can have, in the order in which they are taken.
pub(super) fn literal_hosts(file: &CaseFile) -> Vec<String> {
    let case = &file.case;
    let names = case.registries.keys().chain(case.hosts.keys());
    let hosts: BTreeSet<String> = names.filter(|name| is_literal(name)).cloned().collect();
    hosts.into_iter().collect()
}

/// The folder of certs.d that counts for every host without one of its own.
const EVERY_HOST: &str = "_default";

/// Whether a registry's name is a host to be taken literally.
pub(super) fn is_literal(name: &str) -> bool {
    name.contains(['.', ':']) || name == "localhost" || name == EVERY_HOST
}

/// Removes images, also by the names of their digests, and, from 1.35 on, what the kubelet remembers of
/// who may use them (KEP-2535: /var/lib/kubelet/image_manager).
fn remove_images(names: &[String]) -> Vec<String> {
    if names.is_empty() {
        return Vec::new();
    }
    let patterns: String = names.iter().map(|name| format!(" -e {}", quote(name))).collect();
    vec![
        format!("crictl rmi {} >/dev/null 2>&1", quoted(names.iter().cloned())),
        format!("grep -lsr -F{patterns} /var/lib/kubelet/image_manager | xargs -r rm -f"),
    ]
}

/// Puts back what was there before a step wrote files.
fn restore_files(paths: &[String]) -> impl Iterator<Item = String> {
    paths.iter().map(|path| {
        let (path, kept) = (quote(path), quote(&format!("{path}.before-pullproof")));
        format!("if [ -e {kept} ]; then mv {kept} {path}; else rm -rf {path}; fi")
    })
}

/// A script that ends well however its commands end.
fn one_after_the_other(mut commands: Vec<String>) -> String {
    commands.push("true".to_owned());
    commands.join("; ")
}

fn quoted(words: impl Iterator<Item = String>) -> String {
    words.map(|word| quote(&word)).collect::<Vec<_>>().join(" ")
}

fn restarts_kubelet(file: &CaseFile) -> bool {
    file.steps().any(|(_, step)| step.node.as_ref().is_some_and(|node| node.restart_kubelet))
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    fn run(commands: Vec<String>) -> bool {
        let script = one_after_the_other(commands);
        Command::new("sh").args(["-c", &script]).status().unwrap().success()
    }

    #[test]
    fn each_command_runs_whatever_became_of_the_one_before() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| format!("{}/{name}", folder.path().display());
        let (old, new) = (path("it's old"), path("new"));
        std::fs::write(format!("{old}.before-pullproof"), "before").unwrap();
        std::fs::write(&old, "by a step").unwrap();
        std::fs::write(&new, "by a step").unwrap();
        let mut commands = remove_images(&["no.such.example.com/image:v1".to_owned()]);
        commands.extend(restore_files(&[old.clone(), new.clone()]));
        assert!(run(commands));
        assert_eq!(std::fs::read_to_string(&old).unwrap(), "before");
        assert!(!std::path::Path::new(&new).exists());
        assert!(run(Vec::new()));
    }
}
