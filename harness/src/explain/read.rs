//! Reads from a cluster what decides why pods cannot pull.

use std::sync::{Mutex, PoisonError};

use kube::Client;

use crate::probe::Prober;

use super::{
    Explanation, Target,
    gathered::{Failing, Gathered},
    probed::Probes,
    reader::Reader,
};

/// Why a cluster could not be looked at.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// It has no such object.
    #[error("{what} not found in the namespace {namespace}{}", meant.as_ref().map_or(String::new(), |name| format!("; did you mean `{name}`?")))]
    Absent {
        /// Its kind and name.
        what: String,
        /// The namespace.
        namespace: String,
        /// The nearest name there is.
        meant: Option<String>,
    },
    /// The API server refuses or does not answer.
    #[error("{what} cannot be read")]
    Api {
        /// What was asked for.
        what: String,
        /// Why.
        #[source]
        source: Box<kube::Error>,
    },
}

/// Reads why pods cannot pull, and asks the registries as well if there is a prober.
///
/// # Errors
/// The pods themselves cannot be read. What else cannot be is listed in the answer.
pub async fn read(
    client: &Client,
    namespace: &str,
    target: &Target,
    prober: Option<&Prober>,
) -> Result<Explanation, ReadError> {
    let mut gathered = gather(client, namespace, target).await?;
    if let Some(prober) = prober {
        gathered.probe(prober).await;
    }
    Ok(gathered.explain(&[]))
}

/// Reads what decides why pods cannot pull.
///
/// # Errors
/// As [`read`].
pub(crate) async fn gather(
    client: &Client,
    namespace: &str,
    target: &Target,
) -> Result<Gathered, ReadError> {
    let reader = Reader { client: client.clone(), unread: Mutex::default() };
    let pods = reader.pods(namespace, target).await?;
    let whole = *target == Target::All;
    let events = reader.events(&pods, whole).await;
    let failing: Vec<Failing> = pods.into_iter().flat_map(Failing::of).collect();
    let (nodes, secrets, mut notes) = tokio::join!(
        reader.nodes(&failing),
        reader.secrets(&failing),
        reader.accounts(&failing, whole),
    );
    if !whole {
        notes.extend(reader.unused_secrets(&failing, &nodes).await);
    }
    notes.dedup();
    let unread = reader.unread.into_inner().unwrap_or_else(PoisonError::into_inner);
    let unread = unread.into_iter().collect();
    Ok(Gathered { failing, events, nodes, secrets, notes, unread, probes: Probes::new() })
}
