//! The cluster of a kubeconfig.

use std::{path::Path, time::Duration};

use anyhow::Context as _;
use kube::{
    Client, Config,
    config::{KubeConfigOptions, Kubeconfig},
};

use crate::error::EnvironmentError;

/// How long the API server may take for one answer.
const ANSWER: Duration = Duration::from_secs(30);

/// Returns a client of a cluster, and the namespace of its context.
///
/// Without a file or a context it is that of `KUBECONFIG`, of ~/.kube/config, or the one that this
/// program runs in.
///
/// # Errors
/// There is no such file or context, or it cannot be used.
pub async fn connect(
    kubeconfig: Option<&Path>,
    context: Option<&str>,
) -> Result<(Client, String), EnvironmentError> {
    let client = async {
        let options = KubeConfigOptions {
            context: context.map(str::to_owned),
            ..KubeConfigOptions::default()
        };
        let mut config = match kubeconfig {
            Some(file) => {
                let read = Kubeconfig::read_from(file)
                    .with_context(|| format!("reading {}", file.display()))?;
                Config::from_custom_kubeconfig(read, &options).await?
            }
            None if context.is_some() => Config::from_kubeconfig(&options).await?,
            None => Config::infer().await?,
        };
        config.connect_timeout = Some(ANSWER / 3);
        config.read_timeout = Some(ANSWER);
        let namespace = config.default_namespace.clone();
        anyhow::Ok((Client::try_from(config)?, namespace))
    };
    client.await.map_err(EnvironmentError::other("no cluster can be used"))
}
