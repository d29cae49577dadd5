//! What the node knows for a case: hosts.toml files, images by literal name, files of steps.

use std::collections::BTreeSet;

use anyhow::Context;
use secrecy::ExposeSecret as _;

use crate::{
    case::{
        EVERY_HOST,
        model::{Hosts, NodeSetting},
    },
    cluster::quote,
    registry::hosts_file,
};

use crate::{case::namespace_part, run::context::CaseContext};

impl CaseContext<'_> {
    /// Leaves the node as the case found it. Best effort: the reaper removes hosts.toml files as well.
    pub(in crate::run) async fn restore_node(&self) {
        let mut commands = Vec::new();
        let literal = self.file.literal_hosts();
        if !literal.is_empty() {
            let folders = literal.iter().map(|host| format!("/etc/containerd/certs.d/{host}"));
            commands.push(format!("rm -rf {}", quoted(folders)));
        }
        commands.extend(remove_images_of(&literal));
        if let Some(before) = &self.images_before {
            // What it pulled by settings for every host, nobody else knows of.
            let now = self.images_on_node().await.unwrap_or_default();
            let new: Vec<String> = now.difference(before).cloned().collect();
            commands.extend(remove_images(&new));
        }
        self.best_effort(commands).await.ok();
        self.session.run.restores_node_files(&self.session.cluster.node).await.ok();
    }

    /// The names of all images on the node.
    pub(in crate::run) async fn images_on_node(&self) -> anyhow::Result<BTreeSet<String>> {
        let listed =
            self.session.cluster.node.shell("ctr -n k8s.io images ls -q 2>/dev/null").await?;
        Ok(listed.lines().map(str::to_owned).collect())
    }

    /// Runs commands on the node, each whatever became of the one before.
    async fn best_effort(&self, commands: Vec<String>) -> anyhow::Result<()> {
        if commands.is_empty() {
            return Ok(());
        }
        self.session.cluster.node.shell(&one_after_the_other(commands)).await.map(drop)
    }

    /// Removes images from the node; that one is not there is no error.
    pub(in crate::run) async fn remove_images(&self, names: &[String]) -> anyhow::Result<()> {
        self.best_effort(remove_images(names)).await
    }

    /// Images of literal hosts may be on the node from a run that was killed, with another digest.
    pub(in crate::run) async fn forget_images(&self) -> anyhow::Result<()> {
        self.best_effort(remove_images_of(&self.file.literal_hosts())).await
    }

    /// One hosts.toml per registry, those the case writes itself, and for each of these hosts the alias
    /// by which the control pull finds the same registries.
    pub(in crate::run) async fn write_hosts(&self) -> anyhow::Result<()> {
        let case = &self.file.case;
        let mut files = Vec::new();
        for (name, spec) in &case.registries {
            if case.hosts.contains_key(name) {
                continue;
            }
            let host = &self.registries[name].host;
            let hosts = Hosts { server: Some(name.clone()), ..Hosts::default() };
            if spec.node == NodeSetting::Hosts {
                files.extend(self.hosts_files(host, &hosts, false)?);
            }
            files.extend(self.hosts_files(&self.alias_of(host)?, &hosts, true)?);
        }
        for (host, hosts) in &case.hosts {
            let host = self.registries.get(host).map_or(host.clone(), |live| live.host.clone());
            let host = self.variables.fill(&host);
            files.extend(self.hosts_files(&host, hosts, false)?);
            files.extend(self.hosts_files(&self.alias_of(&host)?, hosts, true)?);
        }
        if files.is_empty() { Ok(()) } else { self.session.cluster.node.write(&files).await }
    }

    /// The host that stands for another in control pulls.
    pub(in crate::run) fn alias_of(&self, host: &str) -> anyhow::Result<String> {
        let hosts: BTreeSet<String> =
            self.image_hosts().into_iter().map(|(host, _)| host).collect();
        let at = hosts.iter().position(|known| known == host);
        let at = at.or_else(|| hosts.iter().position(|known| known == EVERY_HOST));
        let at = at.with_context(|| format!("no registry of the case serves {host}"))?;
        // RFC 2606 keeps the name from ever being somebody's.
        Ok(format!("control-{}-{at}.pullproof.invalid", self.id))
    }

    fn hosts_files(
        &self,
        host: &str,
        hosts: &Hosts,
        control: bool,
    ) -> anyhow::Result<Vec<(String, String)>> {
        let folder = format!("/etc/containerd/certs.d/{host}");
        let mut files = Vec::new();
        let text = hosts_file(hosts, self.file.case.registries.keys(), |name| {
            let registry = &self.registry(Some(name))?.registry;
            let path = format!("{folder}/{}", namespace_part(name));
            if let Some(pem) = registry.ca() {
                files.push((format!("{path}.crt"), pem.to_owned()));
            }
            if let Some(client) = registry.client_certificate() {
                files.push((format!("{path}.client.crt"), client.certificate.clone()));
                files.push((format!("{path}.client.key"), client.key.expose_secret().to_owned()));
            }
            anyhow::Ok(match control {
                true => registry.control_entry(&path),
                false => registry.host_entry(&path),
            })
        })?;
        // By this line the reaper knows what is whose.
        let mark = format!("# pullproof run {}\n", self.session.run.id);
        files.push((format!("{folder}/hosts.toml"), format!("{mark}{text}")));
        Ok(files)
    }
}

/// Removes images by the names that a pod would give them, and, from 1.35 on, what the kubelet
/// remembers of who may use them. Its record of an image has the image's id, and the names without tag
/// (KEP-2535: /var/lib/kubelet/image_manager, pkg/kubelet/images/pullmanager).
fn remove_images(names: &[String]) -> Vec<String> {
    names.iter().map(|name| remove(&quote(name))).collect()
}

/// Removes all images of hosts, also those of which only the digest is left, and the kubelet's records
/// of them. Docker Hub's images are recorded without their host; those that kind brought stay.
fn remove_images_of(hosts: &[String]) -> Vec<String> {
    if hosts.is_empty() {
        return Vec::new();
    }
    let folders = || hosts.iter().map(|host| format!("{host}/"));
    let records: String =
        folders().map(|folder| format!(" -e {}", quote(&format!("\"{folder}")))).collect();
    vec![
        format!(
            "for image in $(ctr -n k8s.io images ls -q 2>/dev/null | awk {} {} | grep -v ^docker.io/kindest/); do \
             {}; done",
            quote(BEGINS_WITH),
            quoted(folders()),
            remove("\"$image\"")
        ),
        forget(&records),
    ]
}

/// The script that removes all images of a host, whatever fails.
pub(in crate::run) fn forget_images_of(host: &str) -> String {
    one_after_the_other(remove_images_of(&[host.to_owned()]))
}

/// The script that removes all images of a host but those that were there, and its hosts.toml. They are
/// removed many at once, as they may be thousands.
pub(crate) fn forget_images_but(host: &str, there: &[String]) -> String {
    let folder = format!("{host}/");
    let patterns: String = there.iter().map(|name| format!(" -e {}", quote(name))).collect();
    let new = if there.is_empty() { "cat".to_owned() } else { format!("grep -Fvx{patterns}") };
    one_after_the_other(vec![
        format!("rm -rf {}", quote(&format!("/etc/containerd/certs.d/{host}"))),
        format!(
            "ctr -n k8s.io images ls -q 2>/dev/null | awk {} {} | {new} | \
             xargs -r -n 100 crictl rmi >/dev/null 2>&1",
            quote(BEGINS_WITH),
            quote(&folder),
        ),
        forget(&format!("-e {}", quote(&format!("\"{folder}")))),
    ])
}

/// Removes an image with all its names, or by its name if CRI does not know it, as its manifest is none;
/// and the kubelet's records of it. `image` is a word of the shell.
fn remove(image: &str) -> String {
    format!(
        "id=$(crictl inspecti -o go-template --template '{{{{.status.id}}}}' {image} 2>/dev/null); \
         crictl rmi {image} >/dev/null 2>&1 || ctr -n k8s.io images rm {image} >/dev/null 2>&1; \
         [ -z \"$id\" ] || {}",
        forget("-e \"$id\"")
    )
}

/// Prints the lines that begin with one of the arguments. A host may hold what is a pattern to grep.
const BEGINS_WITH: &str = "BEGIN { for (i = 1; i < ARGC; i++) { begin[i] = ARGV[i]; ARGV[i] = \"\" } } \
    { for (i in begin) if (index($0, begin[i]) == 1) { print; next } }";

/// Removes the kubelet's records in which one of the patterns of `grep -F` stands.
fn forget(patterns: &str) -> String {
    format!("grep -lsr -F {patterns} /var/lib/kubelet/image_manager | xargs -r rm -f")
}

/// A script that ends well however its commands end.
fn one_after_the_other(mut commands: Vec<String>) -> String {
    commands.push("true".to_owned());
    commands.join("; ")
}

fn quoted(words: impl Iterator<Item = String>) -> String {
    words.map(|word| quote(&word)).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use std::{os::unix::fs::PermissionsExt, process::Command};

    use super::*;

    /// Runs commands with stubs in place of the node's programs, and returns what `crictl` was asked for.
    fn run(commands: Vec<String>, images: &str) -> String {
        let folder = tempfile::tempdir().unwrap();
        let asked = folder.path().join("asked");
        let stub = |name: &str, script: String| {
            let path = folder.path().join(name);
            std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        };
        stub("ctr", format!("printf '%s\\n' {images}"));
        stub("crictl", format!("echo \"$@\" >>{}; exit 1", asked.display()));
        let script = one_after_the_other(commands);
        let path = format!("{}:{}", folder.path().display(), std::env::var("PATH").unwrap());
        let status = Command::new("sh").args(["-c", &script]).env("PATH", path).status().unwrap();
        assert!(status.success(), "{script}");
        std::fs::read_to_string(asked).unwrap_or_default()
    }

    #[test]
    fn each_command_runs_whatever_became_of_the_one_before() {
        let folder = tempfile::tempdir().unwrap();
        let last = folder.path().join("last");
        let mut commands = remove_images(&["no.such.example.com/image:v1".to_owned()]);
        commands.push(format!("touch {}", quote(&last.to_string_lossy())));
        assert!(run(commands, "").contains("rmi no.such.example.com/image:v1"));
        assert!(last.exists());
        assert_eq!(run(Vec::new(), ""), "");
    }

    #[test]
    fn all_images_of_a_literal_host_go_but_not_those_that_kind_brought() {
        let images = "docker.io/janedoe/app:v1 docker.io/janedoe/app@sha256:00 \
                      docker.io/kindest/kindnetd:v1 not-docker.io/app:v1 dockerXio/app:v1 \
                      '[2001:db8::1]:5000/app:v1' '[2001:db8::1]:5001/app:v1'";
        let hosts = ["docker.io".to_owned(), "[2001:db8::1]:5000".to_owned()];
        let asked = run(remove_images_of(&hosts), images);
        let removed: Vec<&str> =
            asked.lines().filter_map(|line| line.strip_prefix("rmi ")).collect();
        let expected = [
            "docker.io/janedoe/app:v1",
            "docker.io/janedoe/app@sha256:00",
            "[2001:db8::1]:5000/app:v1",
        ];
        assert_eq!(removed, expected);
    }
}
