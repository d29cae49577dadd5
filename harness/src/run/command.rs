//! Documented commands, run as a reader of the documentation would run them, in a world of the
//! case's own: home, kubeconfig, tools.

use std::{
    ffi::OsString,
    fs,
    os::unix::fs::{DirBuilderExt, PermissionsExt, symlink},
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
        // What commands write here are often passwords.
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&home)?;
        fs::create_dir_all(&bin)?;
        symlink(settings.kubectl()?, bin.join("kubectl"))?;
        let kubeconfig = kubeconfig_for(&cluster.kubeconfig, namespace)?;
        fs::write(home.join("kubeconfig"), kubeconfig)?;
        fs::set_permissions(home.join("kubeconfig"), fs::Permissions::from_mode(0o600))?;
        for companion in Companion::of(file) {
            companion.copy(&home, &bin, variables)?;
        }
        let path = format!("{}:{}", bin.display(), settings.path);
        Ok(Self { home, path, docker_host: settings.docker_host.clone() })
    }

    /// Runs a command line with `sh`. It sees nothing of this process's environment.
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

/// A file that a case's commands find in their home: a fixture, or one beside the case.
#[derive(Debug)]
pub struct Companion {
    /// Where it lies.
    pub path: PathBuf,
    name: OsString,
}

impl Companion {
    /// All of a case. Other cases are none: they lie beside it, but not for it.
    pub fn of(file: &CaseFile) -> Vec<Self> {
        let beside = file.path.parent().map(|folder| match folder.as_os_str().is_empty() {
            true => Path::new("."),
            false => folder,
        });
        let folders = file.fixtures.as_deref().into_iter().chain(beside);
        let entries = folders.filter_map(|folder| fs::read_dir(folder).ok()).flatten().flatten();
        let companions = entries.map(|entry| Self { path: entry.path(), name: entry.file_name() });
        companions
            .filter(|one| one.path.is_file() && one.path != file.path && !one.is_case())
            .collect()
    }

    fn is_case(&self) -> bool {
        let yaml = self.path.extension().is_some_and(|end| end == "yaml" || end == "yml");
        yaml && fs::read_to_string(&self.path).is_ok_and(|text| is_case(&text))
    }

    /// Copies it, with the variables filled in if it is a text.
    fn copy(&self, home: &Path, bin: &Path, variables: &Variables) -> anyhow::Result<()> {
        let what = || format!("copying {} to the case's home", self.path.display());
        if self.name.to_string_lossy().starts_with("docker-credential-") {
            return fs::copy(&self.path, bin.join(&self.name)).with_context(what).map(drop);
        }
        let bytes = match String::from_utf8(fs::read(&self.path).with_context(what)?) {
            Ok(text) => variables.fill(&text).into_bytes(),
            Err(error) => error.into_bytes(),
        };
        fs::write(home.join(&self.name), bytes).with_context(what)
    }
}

/// Whether a text is one of a case, even one with mistakes.
fn is_case(text: &str) -> bool {
    serde_saphyr::from_str::<Value>(text)
        .is_ok_and(|value| value["title"].is_string() && value["steps"].is_array())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_find_files_of_any_kind_but_no_other_case() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, bytes: &[u8]| fs::write(folder.path().join(name), bytes).unwrap();
        let case = "title: t\nsource: s\nsteps:\n- run: 'true'\n";
        write("case.yaml", case.as_bytes());
        write("other.yaml", case.replace("source: s", "surce: s").as_bytes());
        write("pod.yaml", b"kind: Pod\nimage: $REGISTRY/a\n");
        write("picture.png", b"\x89PNG\r\n$REGISTRY\xff");
        write("docker-credential-x", b"#!/bin/sh\n");
        fs::create_dir(folder.path().join("folder")).unwrap();

        let file = CaseFile::read(&folder.path().join("case.yaml")).unwrap();
        let home = tempfile::tempdir().unwrap();
        let (home, bin) = (home.path(), &home.path().join("bin"));
        fs::create_dir(bin).unwrap();
        let mut variables = Variables::default();
        variables.set("REGISTRY", "r:1");
        for companion in Companion::of(&file) {
            companion.copy(home, bin, &variables).unwrap();
        }
        let mut names: Vec<_> =
            fs::read_dir(home).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        assert_eq!(names, ["bin", "picture.png", "pod.yaml"]);
        assert_eq!(fs::read(home.join("pod.yaml")).unwrap(), b"kind: Pod\nimage: r:1/a\n");
        assert_eq!(fs::read(home.join("picture.png")).unwrap(), b"\x89PNG\r\n$REGISTRY\xff");
        assert!(bin.join("docker-credential-x").is_file());
    }
}
