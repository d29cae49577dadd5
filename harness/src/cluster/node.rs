//! The node: its files, its images, its logs.

use std::net::IpAddr;

use anyhow::Context;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use bollard::{Docker, body_full, query_parameters::UploadToContainerOptionsBuilder};

use super::shell::{Shells, quote};

/// Files of together so many bytes are written by a shell, larger ones by Docker, which unpacks an
/// archive in a process of its own.
const BY_SHELL: usize = 256 * 1024;

/// A kind node container.
#[derive(Debug, Clone)]
pub struct Node {
    docker: Docker,
    /// The container's name.
    pub container: String,
    /// Where the node reaches servers of this process.
    pub host_address: IpAddr,
    shells: Shells,
}

impl Node {
    pub(super) fn new(docker: Docker, container: String, host_address: IpAddr) -> Self {
        Self { docker, container, host_address, shells: Shells::default() }
    }

    /// Runs a shell script on the node and returns what it printed.
    ///
    /// # Errors
    /// Docker refuses, or the script ends with a status other than 0.
    pub async fn shell(&self, script: &str) -> anyhow::Result<String> {
        self.shells.run(&self.docker, &self.container, script).await
    }

    /// Writes files, making the folders they lie in. A script, told by its `#!`, can be executed.
    ///
    /// # Errors
    /// Docker refuses.
    pub async fn write<T: AsRef<[u8]>>(&self, files: &[(String, T)]) -> anyhow::Result<()> {
        if files.iter().map(|(_, content)| content.as_ref().len()).sum::<usize>() <= BY_SHELL {
            return self.shell(&writing(files)).await.map(drop);
        }
        let mut archive = tar::Builder::new(Vec::new());
        for (path, content) in files {
            let content = content.as_ref();
            let mut header = tar::Header::new_gnu();
            header.set_size(content.len() as u64);
            header.set_mode(mode(content));
            header.set_cksum();
            archive.append_data(&mut header, path.trim_start_matches('/'), content)?;
        }
        let archive = archive.into_inner()?;
        let options = UploadToContainerOptionsBuilder::default().path("/").build();
        self.docker
            .upload_to_container(&self.container, Some(options), body_full(archive.into()))
            .await
            .with_context(|| format!("writing files to {}", self.container))
    }

    /// Restarts the kubelet and waits until it answers.
    ///
    /// # Errors
    /// It does not answer within 60 s, or ends again and again, as with a wrong flag: the last lines of
    /// its log are in the error.
    pub async fn restart_kubelet(&self) -> anyhow::Result<()> {
        self.shell(RESTART_KUBELET).await.context("restarting the kubelet").map(drop)
    }

    /// What kubelet and containerd logged since a time.
    ///
    /// # Errors
    /// As [`Node::shell`].
    pub async fn journal(&self, since: jiff::Timestamp) -> anyhow::Result<String> {
        let since = since.as_second();
        self.shell(&format!(
            "journalctl --no-pager --output short-iso-precise --since @{since} -u kubelet -u containerd"
        ))
        .await
    }
}

/// systemctl returns once the kubelet's process is there; its health server answers when it runs. systemd
/// starts one that ends anew each second, so one that has ended three times has a reason to.
const RESTART_KUBELET: &str = r#"systemctl restart kubelet || exit
since=$(date +%s)
until curl -sf -m 2 -o /dev/null http://127.0.0.1:10248/healthz; do
  restarts=$(systemctl show kubelet --property NRestarts --value)
  took=$(($(date +%s) - since))
  if [ "${restarts:-0}" -ge 3 ] || [ "$took" -ge 60 ]; then
    echo "it ended ${restarts:-0} times and did not answer within $took s; its log ends:"
    journalctl --no-pager --output cat -u kubelet -t kubelet --since "@$since" | tail -n 3
    exit 1
  fi
  sleep 0.1
done"#;

/// The mode of a file: a script can be executed.
fn mode(content: &[u8]) -> u32 {
    if content.starts_with(b"#!") { 0o755 } else { 0o644 }
}

/// The script that writes files.
fn writing<T: AsRef<[u8]>>(files: &[(String, T)]) -> String {
    let each = files.iter().map(|(path, content)| {
        let content = content.as_ref();
        let folder = quote(path.rsplit_once('/').map_or("/", |(folder, _)| folder));
        let path = quote(path);
        // What the shell can write by itself, it does.
        let print = match std::str::from_utf8(content) {
            Ok(text) if !text.contains('\0') => format!("printf %s {}", quote(text)),
            _ => format!("printf %s {} | base64 -d", STANDARD.encode(content)),
        };
        let mode = mode(content);
        let chmod =
            if mode == 0o644 { String::new() } else { format!(" && chmod {mode:o} {path}") };
        format!("mkdir -p {folder} && {print} >{path}{chmod}")
    });
    each.collect::<Vec<_>>().join(" && ")
}

#[cfg(test)]
mod tests {
    use std::{os::unix::fs::PermissionsExt, process::Command};

    use super::*;

    /// Restarts a kubelet of which the programs of the node say what stands in `programs`.
    fn restart(programs: &[(&str, &str)]) -> (bool, String) {
        let folder = tempfile::tempdir().unwrap();
        for (name, script) in programs {
            let path = folder.path().join(name);
            std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
        }
        let path = format!("{}:/usr/bin:/bin", folder.path().display());
        let mut shell = Command::new("/bin/sh");
        shell.args(["-c", RESTART_KUBELET]).current_dir(folder.path()).env("PATH", path);
        let done = shell.output().unwrap();
        (done.status.success(), String::from_utf8(done.stdout).unwrap())
    }

    #[test]
    fn a_kubelet_is_restarted_when_it_answers() {
        let programs = [
            ("systemctl", "case $1 in restart) touch restarted;; *) echo 0;; esac"),
            ("curl", "[ -e restarted ] && [ -e asked ] || { touch asked; exit 7; }"),
        ];
        assert_eq!(restart(&programs), (true, String::new()));
    }

    #[test]
    fn a_kubelet_that_ends_again_and_again_shows_its_last_words() {
        let programs = [
            ("systemctl", "[ $1 = restart ] || echo 3"),
            ("curl", "exit 7"),
            ("journalctl", "echo unknown flag: --no-such"),
        ];
        let (done, said) = restart(&programs);
        assert!(!done && said.starts_with("it ended 3 times"), "{said}");
        assert!(said.ends_with("its log ends:\nunknown flag: --no-such\n"), "{said}");
    }

    #[test]
    fn files_arrive_whole_with_their_mode() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| format!("{}/{name}", folder.path().display());
        let (text, script, binary) = (path("a folder/it's"), path("plugin"), path("binary"));
        let files = [
            (text.clone(), &b"one\n\n\"two\" 'three' \\n %s\n"[..]),
            (script.clone(), b"#!/bin/sh\n"),
            (binary.clone(), b"a\0b\xff\n"),
        ];
        assert!(Command::new("sh").args(["-c", &writing(&files)]).status().unwrap().success());
        for (path, content) in &files {
            assert_eq!(std::fs::read(path).unwrap(), *content, "{path}");
        }
        let mode = |path: &str| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&text), mode(&script)), (0o644, 0o755));
    }
}
