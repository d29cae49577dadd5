//! All that is known of the pulls of one pod, those that succeeded as well.

use std::sync::{Mutex, PoisonError};

use k8s_openapi::api::core::v1::Pod;
use kube::Client;
use pullproof_credentials::{Lookup, PullSecret};
use pullproof_diagnosis::{Diagnosis, Place};

use crate::probe::Prober;

use super::{
    FailingContainer, ReadError, Target,
    failing::every_container,
    gathered::{Failing, Gathered, kubernetes, serves},
    probed::Probes,
    reader::Reader,
};

/// A pod, its secrets, and what became of each of its pulls.
pub(crate) struct PodEvidence {
    pub(crate) pod: Pod,
    /// The containers that cannot pull, then those that can.
    pub(crate) pulls: Vec<PullEvidence>,
    /// The secrets that it names, and those of the same name elsewhere.
    pub(crate) secrets: Vec<PullSecret>,
    /// Names of secrets that may not be read.
    pub(crate) unreadable: Vec<String>,
    pub(crate) kubelet: Option<String>,
    pub(crate) runtime: Option<String>,
    /// What may not be read.
    pub(crate) unread: Vec<String>,
}

/// A container's pull.
pub(crate) struct PullEvidence {
    pub(crate) container: FailingContainer,
    /// Its image, or that of a volume that is mounted in it.
    pub(crate) image: String,
    /// Why it fails; none if it does not.
    pub(crate) diagnosis: Option<Diagnosis>,
    /// The message with the cause, and whether an event has it.
    pub(crate) message: Option<(String, bool)>,
    pub(crate) lookup: Option<Lookup>,
}

/// Reads a pod, and asks its registries as well if there is a prober.
///
/// # Errors
/// The pod cannot be read. What else cannot be is listed.
pub(crate) async fn pod_evidence(
    client: &Client,
    namespace: &str,
    name: &str,
    prober: Option<&Prober>,
) -> Result<PodEvidence, ReadError> {
    let reader = Reader { client: client.clone(), unread: Mutex::default() };
    let mut pods = reader.pods(namespace, &Target::Pod(name.to_owned())).await?;
    let events = reader.events(&pods, false).await;
    let pod = pods.swap_remove(0);
    let of = |container: FailingContainer| Failing { pod: pod.clone(), container };
    let every: Vec<Failing> = every_container(&pod).into_iter().map(of).collect();
    let failing: Vec<Failing> = Failing::of(pod.clone()).collect();
    let (nodes, secrets) = tokio::join!(reader.nodes(&every), reader.secrets(&every));
    let unread = reader.unread.into_inner().unwrap_or_else(PoisonError::into_inner);
    let mut gathered = Gathered {
        failing,
        events,
        nodes,
        secrets,
        notes: Vec::new(),
        unread: unread.into_iter().collect(),
        probes: Probes::new(),
    };
    if let Some(prober) = prober {
        gathered.probe(prober).await;
    }
    let versions = every.first().map(|one| gathered.versions(one)).unwrap_or_default();
    let mut pulls: Vec<PullEvidence> = Vec::new();
    for one in &gathered.failing {
        let Some(finding) = one.finding(&gathered, &[]) else { continue };
        let said = one.said(&gathered, finding.lookup.is_none());
        let message = said.map(|said| (said.text, matches!(said.place, Place::Event(_))));
        pulls.push(PullEvidence {
            container: one.container.clone(),
            image: one.image(),
            diagnosis: Some(finding.diagnosis),
            message,
            lookup: finding.lookup,
        });
    }
    for one in every {
        let is_it = |pull: &PullEvidence| {
            pull.container.name == one.container.name && pull.image == one.container.image
        };
        if pulls.iter().any(is_it) {
            continue;
        }
        let lookup = one.lookup(&gathered.secrets, kubernetes(&versions));
        let (image, container) = (one.container.image.clone(), one.container);
        pulls.push(PullEvidence { container, image, diagnosis: None, message: None, lookup });
    }
    let named: Vec<String> = pod
        .spec
        .iter()
        .flat_map(|spec| spec.image_pull_secrets.iter().flatten())
        .map(|secret| secret.name.clone())
        .collect();
    // Those of others that happen to have the same name are nobody's business.
    let is_meant = |secret: &PullSecret| {
        let mut images = pulls.iter().map(|pull| pull.image.as_str());
        let is_own = Some(&secret.namespace) == pod.metadata.namespace.as_ref();
        named.contains(&secret.name)
            && (is_own || images.any(|image| serves(secret, image, kubernetes(&versions))))
    };
    let mut secrets = gathered.secrets.known;
    secrets.retain(is_meant);
    let unreadable = gathered.secrets.unreadable.into_iter().map(|(_, name)| name).collect();
    Ok(PodEvidence {
        pod,
        pulls,
        secrets,
        unreadable,
        kubelet: versions.kubelet,
        runtime: versions.runtime,
        unread: gathered.unread,
    })
}
