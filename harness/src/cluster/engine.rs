//! The Docker engine: does it answer, and what is special about it.

use std::net::IpAddr;

use anyhow::Context;
use bollard::Docker;

use crate::error::EnvironmentError;

use super::owner::owners;

/// The network that kind puts its nodes on.
const NETWORK: &str = "kind";

/// The runtime that scripts/setup configures where CAP_SYS_RESOURCE cannot be had.
const RUNTIME_WITHOUT_SYS_RESOURCE: &str = "pullproof-runc";

/// A Docker engine that answers.
#[derive(Debug, Clone)]
pub struct Engine {
    docker: Docker,
    /// Its version.
    pub version: String,
    /// Whether containers see cgroup v1.
    pub cgroup_v1: bool,
    /// Whether privileged containers go without CAP_SYS_RESOURCE.
    pub without_sys_resource: bool,
    /// The architecture of its containers, as OCI names it.
    pub architecture: String,
}

impl Engine {
    /// Connects as the docker command does: `DOCKER_HOST`, or the local socket.
    ///
    /// # Errors
    /// [`EnvironmentError::Docker`] when nothing answers.
    pub async fn connect() -> Result<Self, EnvironmentError> {
        let docker = Docker::connect_with_defaults().map_err(EnvironmentError::Docker)?;
        let docker = docker.negotiate_version().await.map_err(EnvironmentError::Docker)?;
        let info = docker.info().await.map_err(EnvironmentError::Docker)?;
        Ok(Self {
            version: info.server_version.unwrap_or_default(),
            cgroup_v1: info.cgroup_version.is_some_and(|version| version.to_string() == "1"),
            without_sys_resource: info.default_runtime.as_deref()
                == Some(RUNTIME_WITHOUT_SYS_RESOURCE),
            architecture: match info.architecture.as_deref() {
                Some("aarch64" | "arm64") => "arm64".to_owned(),
                _ => "amd64".to_owned(),
            },
            docker,
        })
    }

    /// The client.
    pub fn client(&self) -> &Docker {
        &self.docker
    }

    /// Id and labels of an image, if it is there.
    ///
    /// # Errors
    /// The engine does not answer.
    pub async fn image(&self, name: &str) -> anyhow::Result<Option<Image>> {
        match self.docker.inspect_image(name).await {
            Ok(image) => Ok(Some(Image {
                id: image.id.unwrap_or_default(),
                labels: image.config.and_then(|config| config.labels).unwrap_or_default(),
            })),
            Err(error) if is_404(&error) => Ok(None),
            Err(error) => Err(error).with_context(|| format!("inspecting the image {name}")),
        }
    }

    /// What is known of a container; nothing if it is not there.
    ///
    /// # Errors
    /// The engine does not answer.
    pub async fn container(&self, name: &str) -> anyhow::Result<Option<Container>> {
        container(&self.docker, name).await
    }

    /// The host's address on kind's network, where a node reaches servers of this process.
    ///
    /// # Errors
    /// There is no such network, or it has no IPv4 gateway.
    pub async fn host_address(&self) -> anyhow::Result<IpAddr> {
        let network = self.docker.inspect_network(NETWORK, None).await?;
        network
            .ipam
            .and_then(|ipam| ipam.config)
            .into_iter()
            .flatten()
            .filter_map(|config| config.gateway?.parse::<IpAddr>().ok())
            .find(IpAddr::is_ipv4)
            .with_context(|| format!("Docker's network {NETWORK} has no IPv4 gateway"))
    }

    /// Removes kind's network if nothing is on it: the next cluster makes it again.
    ///
    /// # Errors
    /// The engine does not answer.
    pub async fn remove_empty_network(&self) -> anyhow::Result<()> {
        match self.docker.inspect_network(NETWORK, None).await {
            Ok(network) if network.containers.as_ref().is_none_or(|all| all.is_empty()) => {
                match self.docker.remove_network(NETWORK).await {
                    // Somebody joined it in between, or removed it.
                    Err(error) if is_404(&error) || is_409_or_403(&error) => Ok(()),
                    other => other.context("removing Docker's network kind"),
                }
            }
            Ok(_) => Ok(()),
            Err(error) if is_404(&error) => Ok(()),
            Err(error) => Err(error).context("inspecting Docker's network kind"),
        }
    }
}

/// What is known of a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Container {
    /// As Docker says it: `running`, `paused`, `exited`.
    pub state: String,
    /// When it was started.
    pub started: String,
    /// Whose node it is, if it is one that was made here.
    pub owners: Vec<String>,
}

impl Container {
    /// Whether its processes run.
    pub fn is_running(&self) -> bool {
        self.state == "running"
    }
}

pub(super) async fn container(docker: &Docker, name: &str) -> anyhow::Result<Option<Container>> {
    let found = match docker.inspect_container(name, None).await {
        Ok(found) => found,
        Err(error) if is_404(&error) => return Ok(None),
        Err(error) => return Err(error).with_context(|| format!("inspecting {name}")),
    };
    let state = found.state.unwrap_or_default();
    let mounts = found.mounts.unwrap_or_default();
    Ok(Some(Container {
        state: state.status.map(|status| status.to_string()).unwrap_or_default(),
        started: state.started_at.unwrap_or_default(),
        owners: owners(mounts.iter().filter_map(|mount| mount.destination.as_deref())),
    }))
}

/// What is known of an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// Its id.
    pub id: String,
    /// Its labels.
    pub labels: std::collections::HashMap<String, String>,
}

fn is_404(error: &bollard::errors::Error) -> bool {
    status(error) == Some(404)
}

fn is_409_or_403(error: &bollard::errors::Error) -> bool {
    matches!(status(error), Some(403 | 409))
}

fn status(error: &bollard::errors::Error) -> Option<u16> {
    match error {
        bollard::errors::Error::DockerResponseServerError { status_code, .. } => Some(*status_code),
        _ => None,
    }
}

/// Whether the bounding set of this process lacks CAP_SYS_RESOURCE, bit 24 (capabilities(7)).
/// Only Linux tells; a process elsewhere does not share the engine's kernel.
pub fn host_without_sys_resource() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    lacks_sys_resource(&status)
}

fn lacks_sys_resource(status: &str) -> bool {
    let bounding = status.lines().find_map(|line| line.strip_prefix("CapBnd:"));
    bounding
        .and_then(|bits| u64::from_str_radix(bits.trim(), 16).ok())
        .is_some_and(|bits| bits & (1 << 24) == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bounding_set_is_read_bit_by_bit() {
        assert!(lacks_sys_resource("Name:\tx\nCapBnd:\t00000000a80425fb\n"));
        assert!(!lacks_sys_resource("CapBnd:\t000001ffffffffff\n"));
        assert!(!lacks_sys_resource(""));
    }
}
