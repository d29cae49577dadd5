//! Documented commands, run as a reader of the documentation would run them, in a world of the
//! case's own: home, kubeconfig, tools.

use std::{
    fs,
    io::Write,
    os::unix::fs::{OpenOptionsExt, symlink},
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::Context;
use serde_json::Value;

use crate::{
    case::{CaseFile, Variables},
    cluster::Cluster,
    process::{Call, CallError, Done},
    settings::Settings,
};

/// The longest a documented command may take.
const LIMIT: Duration = Duration::from_secs(60);

/// A home folder with the tools of the cluster's version and the case's fixtures.
#[derive(Debug)]
pub struct CommandSandbox {
    home: PathBuf,
    path: String,
    docker_host: Option<String>,
}

impl CommandSandbox {
    /// Makes the folder: `bin/kubectl` of the cluster's version, a kubeconfig whose namespace is the
    /// case's, the fixtures with the variables filled in, credential helpers among them in `bin/`.
    ///
    /// # Errors
    /// A file cannot be read or written.
    pub fn new(
        home: PathBuf,
        settings: &Settings,
        cluster: &Cluster,
        namespace: &str,
        file: &CaseFile,
        variables: &Variables,
    ) -> anyhow::Result<Self> {
        let bin = home.join("bin");
        fs::create_dir_all(&bin)?;
        symlink(settings.kubectl()?, bin.join("kubectl"))?;
        let kubeconfig = kubeconfig_for(&cluster.kubeconfig, namespace)?;
        write(&home.join("kubeconfig"), kubeconfig.as_bytes(), 0o600)?;
        for (name, bytes) in file.fixtures.files() {
            if name.starts_with("docker-credential-") {
                write(&bin.join(name), &bytes, 0o700)?;
                continue;
            }
            // What is not text has no variables.
            let text = String::from_utf8(bytes).map(|text| variables.fill(&text).into_bytes());
            write(&home.join(name), &text.unwrap_or_else(|error| error.into_bytes()), 0o600)?;
        }
        let path = format!("{}:{}", bin.display(), settings.path);
        Ok(Self { home, path, docker_host: settings.docker_host.clone() })
    }

    /// Runs a command line with `sh`. It sees nothing of this process's environment. By its HOME the
    /// reaper knows what it leaves running.
    ///
    /// # Errors
    /// It cannot be started or takes too long.
    pub async fn run(
        &self,
        command: &str,
        stdin: Option<String>,
        variables: &Variables,
    ) -> Result<Done, CallError> {
        let mut call = Call::new("/bin/sh")
            .clear_env()
            .arg("-c")
            .hidden(command)
            .dir(&self.home)
            .env("HOME", &self.home)
            .env("PATH", &self.path)
            .env("KUBECONFIG", self.home.join("kubeconfig"))
            .env("LANG", "C.UTF-8")
            .limit(LIMIT);
        if let Some(host) = &self.docker_host {
            call = call.env("DOCKER_HOST", host);
        }
        for (name, value) in variables.iter() {
            call = call.env(name, value);
        }
        call.stdin(stdin.unwrap_or_default()).output().await
    }
}

/// Writes a file that others cannot read at any moment.
fn write(path: &Path, bytes: &[u8], mode: u32) -> anyhow::Result<()> {
    let what = || format!("writing {}", path.display());
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(mode);
    let mut file = options.open(path).with_context(what)?;
    file.write_all(bytes).with_context(what)
}

/// A kubeconfig whose current context means another namespace.
fn kubeconfig_for(original: &Path, namespace: &str) -> anyhow::Result<String> {
    let read = || format!("reading {}", original.display());
    let text = fs::read_to_string(original).with_context(read)?;
    let mut config: Value = serde_saphyr::from_str(&text).with_context(read)?;
    for context in config["contexts"].as_array_mut().with_context(read)? {
        context["context"]["namespace"] = namespace.into();
    }
    // JSON is YAML to kubectl.
    Ok(config.to_string())
}
