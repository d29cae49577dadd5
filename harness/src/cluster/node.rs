//! The node: its files, its images, its logs.

use std::net::IpAddr;

use anyhow::{Context, bail};
use bollard::{
    Docker, body_full, exec::StartExecResults, models::ExecConfig,
    query_parameters::UploadToContainerOptionsBuilder,
};
use futures::TryStreamExt;

/// A kind node container.
#[derive(Debug, Clone)]
pub struct Node {
    docker: Docker,
    /// The container's name.
    pub container: String,
    /// Where the node reaches servers of this process.
    pub host_address: IpAddr,
}

impl Node {
    pub(super) fn new(docker: Docker, container: String, host_address: IpAddr) -> Self {
        Self { docker, container, host_address }
    }

    /// Runs a shell script on the node and returns what it printed.
    ///
    /// # Errors
    /// Docker refuses, or the script ends with a status other than 0.
    pub async fn shell(&self, script: &str) -> anyhow::Result<String> {
        let config = ExecConfig {
            cmd: Some(["sh", "-c", script].map(str::to_owned).to_vec()),
            attach_stdout: Some(true),
            attach_stderr: Some(true),
            ..ExecConfig::default()
        };
        let on = || format!("running a command on {}", self.container);
        let exec = self.docker.create_exec(&self.container, config).await.with_context(on)?;
        let started = self.docker.start_exec(&exec.id, None).await.with_context(on)?;
        let StartExecResults::Attached { output, .. } = started else {
            bail!("{}: detached", on())
        };
        let text: Vec<String> =
            output.map_ok(|part| part.to_string()).try_collect().await.with_context(on)?;
        let text = text.concat();
        match self.docker.inspect_exec(&exec.id).await.with_context(on)?.exit_code {
            Some(0) => Ok(text),
            status => bail!("{} ended with {status:?}: {}", on(), text.trim()),
        }
    }

    /// Writes files, making the folders they lie in. A script, told by its `#!`, can be executed.
    ///
    /// # Errors
    /// Docker refuses.
    pub async fn write<T: AsRef<[u8]>>(&self, files: &[(String, T)]) -> anyhow::Result<()> {
        let mut archive = tar::Builder::new(Vec::new());
        for (path, content) in files {
            let content = content.as_ref();
            let mut header = tar::Header::new_gnu();
            header.set_size(content.len() as u64);
            header.set_mode(if content.starts_with(b"#!") { 0o755 } else { 0o644 });
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
