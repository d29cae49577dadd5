//! Where the registries of a case are found, by name: a redirect may lead from one to another.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use super::record::Origin;

/// The registries of one case. Each adds itself when it starts; clones share the list.
#[derive(Debug, Clone, Default)]
pub struct Peers {
    bases: Arc<RwLock<BTreeMap<String, Bases>>>,
}

#[derive(Debug, Clone)]
struct Bases {
    node: String,
    host: String,
    control: String,
}

impl Peers {
    /// Adds a registry with its base URLs for nodes, for the host and for control pulls.
    pub(super) fn add(&self, name: &str, node: String, host: String, control: String) {
        self.bases
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(name.to_owned(), Bases { node, host, control });
    }

    /// The base URL of a registry, as seen from one side.
    pub(super) fn base(&self, name: &str, from: Origin) -> Option<String> {
        let bases = self.bases.read().unwrap_or_else(PoisonError::into_inner);
        bases.get(name).map(|bases| match from {
            Origin::Node => bases.node.clone(),
            Origin::Host => bases.host.clone(),
            Origin::Control => bases.control.clone(),
        })
    }
}
