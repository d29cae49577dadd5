//! What a run is asked for by its environment, and where its files are.

use std::{
    env,
    path::{Path, PathBuf},
};

use sha2::{Digest, Sha256};

use crate::{
    error::{EnvironmentError, Usage},
    versions::{UnknownVersion, Versions},
};

/// The cache folder whose clusters have plain names. Whose it is, is known: only root's own.
const ROOTS: &str = "/root/.cache/pullproof";

/// Which cluster a run means and where everything of it lies.
///
/// The only place that reads the environment.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The matrix.
    pub versions: Versions,
    /// The Kubernetes minor.
    pub kubernetes: String,
    /// The containerd minor, where another than the image's own is asked for.
    pub containerd: Option<String>,
    /// What scripts/setup made, and the state of clusters.
    pub cache: PathBuf,
    /// Where evidence goes.
    pub evidence: PathBuf,
    /// The PATH that commands of cases extend.
    pub path: String,
    /// What the names of clusters end in, as users and cache folders share an engine but no locks;
    /// nothing for root's own cache folder.
    pub scope: Option<String>,
    /// The Docker engine that commands of cases talk to, where it is not the local one.
    pub docker_host: Option<String>,
}

impl Settings {
    /// Reads `PULLPROOF_KUBERNETES`, `PULLPROOF_CONTAINERD`, `PULLPROOF_CACHE`,
    /// `PULLPROOF_EVIDENCE` and `PULLPROOF_VERSIONS`.
    ///
    /// # Errors
    /// A version that is not in the matrix, an unreadable versions file, no home folder.
    pub fn from_env() -> anyhow::Result<Self> {
        let variable = |name: &str| env::var(name).ok().filter(|value| !value.is_empty());
        let versions = match variable("PULLPROOF_VERSIONS") {
            Some(path) => Versions::read(Path::new(&path))?,
            None => Versions::built_in(),
        };
        let kubernetes =
            variable("PULLPROOF_KUBERNETES").unwrap_or_else(|| versions.default.clone());
        let kubernetes = versions.kubernetes(&kubernetes)?;
        let containerd = variable("PULLPROOF_CONTAINERD")
            .map(|wanted| versions.containerd(&wanted))
            .transpose()?;
        let cache =
            match (variable("PULLPROOF_CACHE"), variable("XDG_CACHE_HOME"), variable("HOME")) {
                (Some(cache), _, _) => PathBuf::from(cache),
                (None, Some(caches), _) => Path::new(&caches).join("pullproof"),
                (None, None, Some(home)) => Path::new(&home).join(".cache/pullproof"),
                (None, None, None) => {
                    let problem = "neither PULLPROOF_CACHE nor HOME is set".to_owned();
                    return Err(Usage(problem).into());
                }
            };
        let cache = resolved(&cache)?;
        let scope = scope(&cache, rustix::process::getuid().as_raw());
        let evidence = variable("PULLPROOF_EVIDENCE")
            .map_or_else(|| project_root().join("target/pullproof"), PathBuf::from);
        let path = variable("PATH").unwrap_or_default();
        let docker_host = variable("DOCKER_HOST");
        Ok(Self { versions, kubernetes, containerd, cache, evidence, path, scope, docker_host })
    }

    /// The same settings for another Kubernetes minor.
    ///
    /// # Errors
    /// A version that is not in the matrix.
    pub fn for_kubernetes(&self, wanted: &str) -> Result<Self, UnknownVersion> {
        Ok(Self { kubernetes: self.versions.kubernetes(wanted)?, ..self.clone() })
    }

    /// The cluster's name: `pullproof-1-37`, `pullproof-1-37-containerd-2-2`.
    pub fn cluster_name(&self) -> String {
        let mut name = format!("pullproof-{}", self.kubernetes.replace('.', "-"));
        if let Some(containerd) = &self.containerd {
            name.push_str("-containerd-");
            name.push_str(&containerd.replace('.', "-"));
        }
        if let Some(scope) = &self.scope {
            name.push_str(&format!("-{scope}"));
        }
        name
    }

    /// The node image, as scripts/setup tags it whichever way it came.
    pub fn node_image(&self) -> String {
        match &self.containerd {
            Some(containerd) => {
                format!("localhost/pullproof/node:{}-containerd{containerd}", self.kubernetes)
            }
            None => format!("localhost/pullproof/node:{}", self.kubernetes),
        }
    }

    /// What to give to scripts/setup to get this version.
    pub fn setup_arguments(&self) -> String {
        let mut arguments = format!(" --kubernetes {}", self.kubernetes);
        if let Some(containerd) = &self.containerd {
            arguments.push_str(&format!(" --containerd {containerd}"));
        }
        arguments
    }

    /// Where the state of clusters and runs lies.
    pub fn state(&self) -> PathBuf {
        self.cache.join("state")
    }

    /// The folder of the programs that scripts/setup brought.
    pub fn bin(&self) -> PathBuf {
        self.cache.join("bin")
    }

    /// kind, pinned.
    ///
    /// # Errors
    /// It is not there.
    pub fn kind(&self) -> Result<PathBuf, EnvironmentError> {
        self.program("kind", self.bin().join("kind"))
    }

    /// The kubectl of the cluster's own version.
    ///
    /// # Errors
    /// It is not there.
    pub fn kubectl(&self) -> Result<PathBuf, EnvironmentError> {
        self.program("kubectl", self.bin().join(format!("kubectl-{}", self.kubernetes)))
    }

    fn program(&self, program: &'static str, path: PathBuf) -> Result<PathBuf, EnvironmentError> {
        if path.is_file() {
            return Ok(path);
        }
        let looked = path.display().to_string();
        Err(EnvironmentError::Program { program, looked, setup: self.setup_arguments() })
    }
}

/// A folder by its one absolute path, if it is there.
fn resolved(folder: &Path) -> std::io::Result<PathBuf> {
    folder.canonicalize().or_else(|_| std::path::absolute(folder))
}

/// What tells the clusters of a user and a cache folder from those of others.
fn scope(cache: &Path, user: u32) -> Option<String> {
    if user == 0 && cache == Path::new(ROOTS) {
        return None;
    }
    let hash = Sha256::digest(format!("{user} {}", cache.display()));
    Some(format!("{:02x}{:02x}{:02x}", hash[0], hash[1], hash[2]))
}

/// The folder of the project a run was started in, or the working folder.
pub(crate) fn project_root() -> PathBuf {
    let here = env::current_dir().unwrap_or_default();
    here.ancestors()
        .find(|folder| folder.join("versions.toml").is_file())
        .unwrap_or(&here)
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_user_and_cache_folder_has_clusters_of_its_own() {
        let scopes = [
            scope(Path::new(ROOTS), 0),
            scope(Path::new(ROOTS), 1000),
            scope(Path::new("/home/jane/.cache/pullproof"), 1000),
            scope(Path::new("/home/jane/.cache/pullproof"), 1001),
            scope(Path::new("/home/joe/.cache/pullproof"), 1001),
        ];
        assert_eq!(scopes[0], None);
        for (at, one) in scopes.iter().enumerate() {
            assert!(!scopes[..at].contains(one), "{scopes:?}");
        }
    }

    #[test]
    fn one_folder_has_one_name() {
        let folder = tempfile::tempdir().unwrap();
        let (real, link) = (folder.path().join("real"), folder.path().join("link"));
        std::fs::create_dir(&real).unwrap();
        std::os::unix::fs::symlink(&real, &link).unwrap();
        assert_eq!(resolved(&link).unwrap(), resolved(&real.join("../real")).unwrap());
    }
}
