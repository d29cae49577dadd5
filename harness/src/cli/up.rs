//! `pullproof up`

use crate::{run::Session, settings::Settings};

use super::{close, output::say, progress, signals::interruptible};

/// Creates or joins the cluster and says where it is.
pub async fn main(settings: Settings) -> anyhow::Result<()> {
    let session = interruptible(Session::open(settings, &progress())).await??;
    let cluster = &session.cluster;
    say!(
        "{} runs Kubernetes {} with containerd {}\n  kubectl --kubeconfig {} get pods -A",
        cluster.name,
        cluster.versions.kubernetes,
        cluster.versions.containerd,
        cluster.kubeconfig.display()
    );
    close(session).await
}
