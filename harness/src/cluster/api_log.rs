//! The API server's log of requests, for as long as somebody wants it.

use anyhow::Context;
use kube::Client;

use super::{Cluster, Node};

/// From this verbosity on the API server logs each request with its time and latency.
const REQUESTS: u8 = 3;
/// kubeadm's.
const USUAL: u8 = 0;

/// The log of requests, which is off until this is made. Other users of the cluster see no
/// difference but the size of the log.
pub struct ApiLog {
    client: Client,
    node: Node,
}

impl ApiLog {
    /// Turns the log on.
    ///
    /// # Errors
    /// The API server refuses.
    pub async fn start(cluster: &Cluster) -> anyhow::Result<Self> {
        set_verbosity(&cluster.client, REQUESTS).await?;
        Ok(Self { client: cluster.client.clone(), node: cluster.node.clone() })
    }

    /// Turns the log off and returns the lines of the writes of pods, in the order of its files.
    ///
    /// # Errors
    /// The API server refuses, or the node's files cannot be read.
    pub async fn end(self) -> anyhow::Result<String> {
        set_verbosity(&self.client, USUAL).await?;
        // The kubelet rotates and compresses it; no match is no error.
        let script = "zgrep -h 'verb=\"PATCH\" URI=\"/api/v1/namespaces/[^/]*/pods/' \
                      /var/log/pods/kube-system_kube-apiserver-*/kube-apiserver/*.log* || true";
        self.node.shell(script).await.context("reading the API server's log")
    }
}

async fn set_verbosity(client: &Client, level: u8) -> anyhow::Result<()> {
    let request = hyper::Request::put("/debug/flags/v").body(level.to_string().into_bytes())?;
    let answer = client.request_text(request).await;
    answer.map(drop).context("setting the verbosity of the API server")
}
