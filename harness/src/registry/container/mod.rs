//! The registry container: CNCF distribution, doing the authentication itself.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::time::{Duration, Instant};

use bollard::Docker;
use bollard::models::PortBinding;
use bollard::query_parameters::{RemoveContainerOptionsBuilder, UploadToContainerOptionsBuilder};
use bytes::Bytes;
use hyper::{Method, StatusCode};
use jiff::Timestamp;
use secrecy::{ExposeSecret as _, SecretString};
use testcontainers::core::IntoContainerPort as _;
use testcontainers::core::client::docker_client_instance;
use testcontainers::runners::AsyncRunner as _;
use testcontainers::{ContainerAsync, GenericImage, ImageExt as _};
use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::sync::Mutex;

use super::client::{Credentials, Direct};
use super::htpasswd::{HtpasswdError, htpasswd};
use super::jwt::{SigningKey, push_token};
use super::warm::{Claimed, Warm};

mod config;
mod error;
mod log;

pub use config::AuthKind;
use config::{config, folder};
pub use error::ContainerError;

/// The registry image that `scripts/setup` provides, by name.
pub const IMAGE: &str = "localhost/pullproof/registry";
/// The registry image that `scripts/setup` provides, by tag.
pub const TAG: &str = "3";

pub(super) const PORT: u16 = 5000;
const FOLDER: &str = "/etc/distribution";
const HTPASSWD: &str = "htpasswd";
/// The harness's own user, which pushes what a case says is there.
const PUSHER: &str = "pullproof-push";

/// On a loaded machine Docker takes its time; a quiet one needs half a second.
const START: Duration = Duration::from_secs(120);
const READY: Duration = Duration::from_secs(60);
/// How long a drop waits for the removal, which goes on without it.
const REMOVE: Duration = Duration::from_secs(10);
const POLL: Duration = Duration::from_millis(10);
/// An address that leads nowhere does not refuse, it stays silent; and once in some thousand starts a
/// request that Docker's proxy had accepted too early was never answered, with its connection gone.
const ANSWER: Duration = Duration::from_millis(500);

/// A running registry container. Dropping it removes it and waits for that, 10 s at most;
/// [`Container::remove`] does the same without blocking.
#[derive(Debug)]
pub struct Container {
    /// Only of one that this process has started.
    running: Option<ContainerAsync<GenericImage>>,
    /// Whether it is to be removed with this value.
    owned: bool,
    docker: Docker,
    id: String,
    address: SocketAddr,
    access: Access,
}

#[derive(Debug)]
enum Access {
    None,
    Basic(Mutex<Users>),
    Token(SigningKey),
}

/// The present users of a container.
#[derive(Debug)]
struct Users {
    users: BTreeMap<String, SecretString>,
    /// Lines of the case's own.
    lines: String,
    pusher: SecretString,
    written: u64,
    /// Whether the container's own file is another, of which nothing is known.
    unknown: bool,
}

impl Users {
    /// Those of a container that another process has used.
    fn unknown() -> Self {
        let (users, lines, pusher) = (BTreeMap::new(), String::new(), random());
        // The time of the file has to differ from the one before, whatever it is.
        let written = rand::random::<u32>().into();
        Self { users, lines, pusher, written, unknown: true }
    }

    fn are(&self, users: &BTreeMap<String, SecretString>, lines: &str) -> bool {
        !self.unknown && same(&self.users, users) && self.lines == lines
    }

    fn file(&self) -> Result<String, HtpasswdError> {
        let mut all = self.users.clone();
        all.insert(PUSHER.to_owned(), self.pusher.clone());
        // Of two lines for one user the last counts: a case's own must not be the harness's.
        Ok(format!("{}\n{}", self.lines, htpasswd(&all)?))
    }
}

impl Container {
    /// Starts a container and waits until it serves. `users` count for [`AuthKind::Basic`]. Until they
    /// are copied its files lie in `files_in`, or where temporary files usually do.
    pub async fn start(
        kind: AuthKind,
        users: &BTreeMap<String, SecretString>,
        labels: &[(String, String)],
        name: Option<String>,
        files_in: Option<&Path>,
    ) -> Result<Self, ContainerError> {
        let docker = docker().await?;
        let mut files = Vec::new();
        let access = match kind {
            AuthKind::None => Access::None,
            AuthKind::Basic => {
                let (users, lines) = (users.clone(), String::new());
                let users = Users { users, lines, pusher: random(), written: 0, unknown: false };
                files.push((HTPASSWD, users.file()?));
                Access::Basic(Mutex::new(users))
            }
            AuthKind::Token => {
                let key = SigningKey::generate()?;
                files.push(("jwks.json", key.jwks()));
                Access::Token(key)
            }
        };
        files.push(("config.yml", config(kind)));

        let request = GenericImage::new(IMAGE, TAG)
            .with_exposed_port(PORT.tcp())
            .with_startup_timeout(START)
            .with_labels(labels.iter().cloned())
            // Otherwise it traces every request for a collector that is not there.
            .with_env_var("OTEL_TRACES_EXPORTER", "none")
            .with_host_config_modifier(|host| {
                // By default every port is published on every address of the machine.
                let local = PortBinding {
                    host_ip: Some(Ipv4Addr::LOCALHOST.to_string()),
                    host_port: Some(String::new()),
                };
                host.publish_all_ports = Some(false);
                host.port_bindings = Some([(format!("{PORT}/tcp"), Some(vec![local]))].into());
            });
        // In one copy: Docker unpacks each in a process of its own.
        let folder = folder(&files, files_in).map_err(ContainerError::Files)?;
        let request = request.with_copy_to(FOLDER, folder.path());
        let request = match name {
            Some(name) => request.with_container_name(name),
            None => request,
        };
        let running =
            request.start().await.map_err(|source| ContainerError::Start(source.into()))?;
        let (bridge, published) = addresses(&docker, running.id()).await?;
        let mut container = Self {
            id: running.id().to_owned(),
            running: Some(running),
            owned: true,
            docker,
            address: published,
            access,
        };
        container.ready().await?;
        container.shorten(bridge).await;
        Ok(container)
    }

    /// Takes over a container that was left to this run, if it still serves, with these users.
    pub(super) async fn adopt(
        warm: &Warm,
        Claimed { id, addresses: (bridge, published), .. }: Claimed,
        kind: AuthKind,
        users: &BTreeMap<String, SecretString>,
    ) -> Result<Self, ContainerError> {
        let access = match kind {
            AuthKind::Basic => Access::Basic(Mutex::new(Users::unknown())),
            AuthKind::None | AuthKind::Token => Access::None,
        };
        let docker = warm.docker().clone();
        let mut container =
            Self { id, running: None, owned: true, docker, address: published, access };
        container.shorten(bridge).await;
        container.set_users(users).await?;
        match container.answers().await {
            true => Ok(container),
            false => Err(ContainerError::Silent),
        }
    }

    /// Leaves it to the next run. One that cannot be left is removed.
    pub(super) async fn leave(mut self, warm: &Warm, held: u64) -> Result<(), ContainerError> {
        if !warm.leave(&self.id, self.kind(), held).await {
            return self.remove().await;
        }
        self.owned = false;
        if let Some(running) = self.running.take() {
            // Dropped, it would remove the container.
            std::mem::forget(running);
        }
        Ok(())
    }

    /// Its own address spares a detour through Docker's proxy, but is reached only where the bridge is
    /// this machine's.
    async fn shorten(&mut self, bridge: Option<SocketAddr>) {
        if let Some(bridge) = bridge
            && answers(bridge).await
        {
            self.address = bridge;
        }
    }

    /// Where the container itself is reached from the host.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Docker's id of the container.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// How it authenticates.
    pub fn kind(&self) -> AuthKind {
        match self.access {
            Access::None => AuthKind::None,
            Access::Basic(_) => AuthKind::Basic,
            Access::Token(_) => AuthKind::Token,
        }
    }

    /// The key whose tokens it accepts.
    pub fn signing_key(&self) -> Option<&SigningKey> {
        match &self.access {
            Access::Token(key) => Some(key),
            Access::None | Access::Basic(_) => None,
        }
    }

    /// A client that may push to a repository and delete from it.
    pub async fn pusher(&self, repository: &str) -> Result<Direct, ContainerError> {
        let credentials = match &self.access {
            Access::None => Credentials::None,
            Access::Basic(users) => Credentials::Basic {
                user: PUSHER.to_owned(),
                password: users.lock().await.pusher.clone(),
            },
            Access::Token(key) => Credentials::Bearer(push_token(key, repository)?),
        };
        Ok(Direct::new(self.address, credentials))
    }

    /// Replaces users and passwords, and waits until the new ones count. Nothing happens where they
    /// are the same already, or where the container knows no users.
    ///
    /// For a moment the container may find no file and answer 500: hold requests back meanwhile.
    pub async fn set_users(
        &self,
        users: &BTreeMap<String, SecretString>,
    ) -> Result<(), ContainerError> {
        self.replace(users.clone(), String::new()).await
    }

    /// The same with lines of an htpasswd file as they stand.
    pub(super) async fn set_lines(&self, lines: &str) -> Result<(), ContainerError> {
        self.replace(BTreeMap::new(), lines.to_owned()).await
    }

    async fn replace(
        &self,
        users: BTreeMap<String, SecretString>,
        lines: String,
    ) -> Result<(), ContainerError> {
        let Access::Basic(known) = &self.access else { return Ok(()) };
        let mut known = known.lock().await;
        if known.are(&users, &lines) {
            return Ok(());
        }
        // The harness's own password changes with the file, and so shows when it has been read.
        let next =
            Users { users, lines, pusher: random(), written: known.written + 1, unknown: false };
        self.upload(HTPASSWD, next.file()?, next.written).await?;
        let credentials =
            Credentials::Basic { user: PUSHER.to_owned(), password: next.pusher.clone() };
        *known = next;
        let probe = Direct::new(self.address, credentials).within(ANSWER);
        let deadline = Instant::now() + READY;
        loop {
            let answer = probe.send(Method::GET, "/v2/", None, Bytes::new()).await;
            if answer.is_ok_and(|answer| answer.status() == StatusCode::OK) {
                return Ok(());
            }
            if Instant::now() > deadline {
                return Err(ContainerError::UsersNotTaken);
            }
            tokio::time::sleep(POLL).await;
        }
    }

    /// Whether it has these users already.
    pub(super) fn has_users(&self, users: &BTreeMap<String, SecretString>) -> bool {
        match &self.access {
            Access::Basic(known) => known.try_lock().is_ok_and(|known| known.are(users, "")),
            Access::None | Access::Token(_) => true,
        }
    }

    /// Whether it still serves: Docker may have been restarted meanwhile.
    pub(super) async fn answers(&self) -> bool {
        answers(self.address).await
    }

    /// Removes the container.
    pub async fn remove(mut self) -> Result<(), ContainerError> {
        self.owned = false;
        match self.running.take() {
            Some(running) => {
                running.rm().await.map_err(|error| ContainerError::Remove(error.into()))
            }
            None => remove(&self.docker, &self.id).await,
        }
    }

    /// Waits until it serves.
    async fn ready(&self) -> Result<(), ContainerError> {
        let probe = Direct::new(self.address, Credentials::None).within(ANSWER);
        let deadline = Instant::now() + READY;
        for asked in 1.. {
            // Any answer will do: with authentication it is 401. Docker's proxy accepts the
            // connection before the registry listens, and then closes it.
            let last = match probe.send(Method::GET, "/v2/", None, Bytes::new()).await {
                Ok(_) => return Ok(()),
                Err(error) => error,
            };
            if asked % 25 == 0 && !self.is_running().await {
                return Err(ContainerError::Ended { log: self.logs(Timestamp::UNIX_EPOCH).await });
            }
            if Instant::now() > deadline {
                let log = self.logs(Timestamp::UNIX_EPOCH).await;
                return Err(ContainerError::NotReady { log, last });
            }
            tokio::time::sleep(POLL).await;
        }
        unreachable!("the loop ends only by returning")
    }

    async fn is_running(&self) -> bool {
        match &self.running {
            Some(running) => running.is_running().await.unwrap_or(true),
            None => false,
        }
    }

    /// Writes a file, with a time of its own: the registry reads htpasswd again when the time of
    /// its last change differs, and two writes within a second must differ too.
    async fn upload(
        &self,
        file: &'static str,
        content: String,
        version: u64,
    ) -> Result<(), ContainerError> {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        header.set_mtime(1_000_000_000 + version);
        let mut archive = tar::Builder::new(Vec::new());
        let archive = archive
            .append_data(&mut header, file, content.as_bytes())
            .and_then(|()| archive.into_inner())
            .map_err(|source| ContainerError::Upload { file, source: source.into() })?;
        let options = UploadToContainerOptionsBuilder::new().path(FOLDER).build();
        self.docker
            .upload_to_container(&self.id, Some(options), bollard::body_full(archive.into()))
            .await
            .map_err(|source| ContainerError::Upload { file, source: source.into() })
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        if !self.owned {
            return;
        }
        let running = self.running.take();
        let (docker, id) = (self.docker.clone(), std::mem::take(&mut self.id));
        let (removed, wait) = std::sync::mpsc::channel::<()>();
        // testcontainers removes on drop, but panics outside a runtime and may be refused inside
        // one that is shutting down; a runtime of its own works everywhere.
        std::thread::spawn(move || {
            match tokio::runtime::Builder::new_current_thread().enable_all().build() {
                // What cannot be removed carries labels, by which it is found later.
                Ok(runtime) => runtime.block_on(async {
                    match running {
                        Some(running) => drop(running.rm().await),
                        None => drop(remove(&docker, &id).await),
                    }
                }),
                Err(_) => std::mem::forget(running),
            }
            drop(removed);
        });
        // As long as Docker usually takes; meanwhile other threads do what this one would have done.
        let wait = move || wait.recv_timeout(REMOVE).ok();
        match Handle::try_current().map(|runtime| runtime.runtime_flavor()) {
            Ok(RuntimeFlavor::MultiThread) => tokio::task::block_in_place(wait),
            _ => wait(),
        };
    }
}

/// Whether a registry answers at an address.
async fn answers(address: SocketAddr) -> bool {
    let probe = Direct::new(address, Credentials::None).within(ANSWER);
    probe.send(Method::GET, "/v2/", None, Bytes::new()).await.is_ok()
}

async fn remove(docker: &Docker, id: &str) -> Result<(), ContainerError> {
    let now = RemoveContainerOptionsBuilder::new().force(true).v(true).build();
    let removed = docker.remove_container(id, Some(now)).await;
    removed.map_err(|error| ContainerError::Remove(error.into()))
}

/// Where a container is reached: on its bridge, and on the port that is published.
async fn addresses(
    docker: &Docker,
    id: &str,
) -> Result<(Option<SocketAddr>, SocketAddr), ContainerError> {
    let container = docker
        .inspect_container(id, None)
        .await
        .map_err(|error| ContainerError::NoDocker(error.into()))?;
    let network = container.network_settings.unwrap_or_default();
    let published = network.ports.unwrap_or_default().remove(&format!("{PORT}/tcp")).flatten();
    let port = published
        .unwrap_or_default()
        .iter()
        .find_map(|binding| binding.host_port.as_deref()?.parse().ok())
        .ok_or(ContainerError::NotPublished)?;
    let bridge = network
        .networks
        .unwrap_or_default()
        .values()
        .find_map(|endpoint| endpoint.ip_address.as_deref()?.parse().ok())
        .map(|ip| SocketAddr::new(ip, PORT));
    Ok((bridge, SocketAddr::new(Ipv4Addr::LOCALHOST.into(), port)))
}

/// A Docker that answers and has the image.
async fn docker() -> Result<Docker, ContainerError> {
    let docker =
        docker_client_instance().await.map_err(|error| ContainerError::NoDocker(error.into()))?;
    let docker =
        docker.negotiate_version().await.map_err(|error| ContainerError::NoDocker(error.into()))?;
    let image = format!("{IMAGE}:{TAG}");
    match docker.inspect_image(&image).await {
        Ok(_) => Ok(docker),
        Err(bollard::errors::Error::DockerResponseServerError { status_code: 404, .. }) => {
            Err(ContainerError::NoImage { image })
        }
        Err(error) => Err(ContainerError::NoDocker(error.into())),
    }
}

fn random() -> SecretString {
    format!("{:032x}", rand::random::<u128>()).into()
}

fn same(one: &BTreeMap<String, SecretString>, other: &BTreeMap<String, SecretString>) -> bool {
    one.len() == other.len()
        && one.iter().zip(other).all(|((name, password), (other, known))| {
            name == other && password.expose_secret() == known.expose_secret()
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_are_the_same_only_with_the_same_passwords() {
        let users =
            |password: &str| BTreeMap::from([("janedoe".to_owned(), SecretString::from(password))]);
        assert!(same(&users("a"), &users("a")));
        assert!(!same(&users("a"), &users("b")));
        assert!(!same(&users("a"), &BTreeMap::new()));
    }
}
