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
pub struct Workplace {
    home: PathBuf,
    path: String,
    docker_host: Option<String>,
}

impl Workplace {
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
        let mut private = fs::File::options();
        let file_of_its_own = private.create_new(true).write(true).mode(0o600);
        file_of_its_own.open(home.join("kubeconfig"))?.write_all(kubeconfig.as_bytes())?;
        let beside = file.path.parent().map(Path::to_owned);
        for folder in file.fixtures.iter().chain(&beside) {
            for entry in fs::read_dir(folder)? {
                let path = entry?.path();
                let (Some(name), true) =
                    (path.file_name().map(|n| n.to_string_lossy()), path.is_file())
                else {
                    continue;
                };
                if name.starts_with("docker-credential-") {
                    fs::copy(&path, bin.join(&*name))?;
                } else if path != file.path {
                    let text = fs::read_to_string(&path)
                        .with_context(|| format!("reading {}", path.display()))?;
                    fs::write(home.join(&*name), variables.fill(&text))?;
                }
            }
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
