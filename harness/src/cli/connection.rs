//! The cluster and the registries that a command reads from.

use std::path::{Path, PathBuf};

use clap::Args;
use kube::Client;

use crate::{
    error::{EnvironmentError, Usage},
    explain, input,
    probe::{Prober, ProberError},
};

/// Which cluster is read.
#[derive(Debug, Args)]
pub struct Connection {
    /// The namespace [default: that of the context]
    #[arg(long, short, value_name = "NAME")]
    namespace: Option<String>,
    /// The context of the kubeconfig
    #[arg(long, value_name = "NAME")]
    context: Option<String>,
    /// The kubeconfig [default: KUBECONFIG, then ~/.kube/config]
    #[arg(long, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,
}

impl Connection {
    /// Returns a client of the cluster, and the namespace.
    ///
    /// # Errors
    /// There is no such cluster.
    pub async fn open(&self) -> Result<(Client, String), EnvironmentError> {
        let (client, default) =
            explain::connect(self.kubeconfig.as_deref(), self.context.as_deref()).await?;
        Ok((client, self.namespace.clone().unwrap_or(default)))
    }
}

/// Whether and how registries are asked.
#[derive(Debug, Args)]
pub struct Probing {
    /// Ask the registry as well, from here and not from the node: the head of the image's manifest,
    /// without credentials and with those that the kubelet would use. Proxies are not used
    #[arg(long)]
    probe: bool,
    /// Authorities that a probe trusts beside those of this machine, as PEM
    #[arg(long, value_name = "FILE", requires = "probe")]
    ca: Option<PathBuf>,
    /// A registry as the image names it, port included, whose certificate a probe does not verify, and
    /// which may answer plain HTTP; repeatable
    #[arg(long, value_name = "HOST", requires = "probe")]
    insecure_registry: Vec<String>,
}

impl Probing {
    /// Returns what asks registries, if it is asked for.
    ///
    /// # Errors
    /// The file of authorities or a host is not one.
    pub fn prober(self) -> Result<Option<Prober>, Usage> {
        if !self.probe {
            return Ok(None);
        }
        let wrong =
            |file: &Path, problem: &str| Usage(format!("--ca {}: {problem}", file.display()));
        let ca = self.ca.as_deref();
        let pem = ca.map(|file| input::read(file).map_err(|error| wrong(file, &error.problem)));
        let made = Prober::new(pem.transpose()?.as_deref(), self.insecure_registry);
        made.map(Some).map_err(|error| match (&error, ca) {
            (ProberError::NoCertificate, Some(file)) => wrong(file, &error.to_string()),
            (ProberError::Host(_), _) => Usage(format!("--insecure-registry: {error}")),
            _ => Usage(error.to_string()),
        })
    }
}
