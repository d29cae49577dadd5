//! All that a case has while it runs: what its steps and its judging read.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    time::Duration,
};

use anyhow::Context;
use jiff::Timestamp;

use crate::{
    case::{CaseFile, Variables},
    cluster::Lock,
    evidence::Timeline,
    image,
    redaction::Redaction,
    registry::{Mark, Request, Responder, RunningRegistry},
};

use super::{
    judging::{awaiting::Looked, observation::Observer},
    sandbox::CommandSandbox,
    session::Session,
    watch::Following,
};

/// All that a case has while it runs.
pub struct CaseContext<'a> {
    /// What all cases share.
    pub session: &'a Session,
    /// The case.
    pub file: &'a CaseFile,
    /// Its own namespace.
    pub namespace: String,
    /// All of its namespaces.
    pub namespaces: Vec<String>,
    /// What `$NAME` stands for.
    pub variables: Variables,
    /// What was seen.
    pub timeline: Timeline,
    /// Its registries, by their name in the case.
    pub registries: BTreeMap<String, CaseRegistry>,
    /// Where its commands run, once it has run one.
    pub(in crate::run) sandbox: Option<CommandSandbox>,
    /// What must not be shown.
    pub redaction: Redaction,
    /// When it began.
    pub began: Timestamp,
    /// What its expectations have shown.
    pub observer: Observer,
    /// The images that were proved to be private, or public where the case says so.
    pub(in crate::run) proven: BTreeSet<Proven>,
    /// Up to where its pods were looked at.
    pub(in crate::run) looked: Looked,
    /// Whether a step may have changed pods in a way that only the watch reports.
    pub(in crate::run) stale: bool,
    /// What distinguishes its files and aliases from those of others.
    pub(in crate::run) id: String,
    /// What was pushed, by `registry/repository:tag`.
    pub(in crate::run) images: BTreeMap<String, image::Image>,
    /// How long it waited for what others had: not its own time.
    pub(in crate::run) waited: Duration,
    /// The images of the node before it, if it has the node alone.
    pub(in crate::run) images_before: Option<BTreeSet<String>>,
    pub(in crate::run) folder: PathBuf,
    pub(in crate::run) _following: Vec<Following>,
    pub(in crate::run) locks: Vec<Lock>,
}

/// What holds the surroundings of a case that is over.
pub struct Kept {
    /// The case's name.
    pub case: String,
    /// Its namespace.
    pub namespace: String,
    pub(in crate::run) _registries: BTreeMap<String, CaseRegistry>,
    pub(in crate::run) _locks: Vec<Lock>,
}

/// A pod's UID and one of its images.
pub(in crate::run) type Proven = (String, String);

/// A registry of a running case.
pub struct CaseRegistry {
    /// The registry and its gateway.
    pub registry: RunningRegistry,
    /// The host in image names.
    pub host: String,
    /// Up to where its record has been looked at.
    pub looked: Mark,
}

impl CaseContext<'_> {
    /// The registry of a name, or the only one.
    pub fn registry(&self, name: Option<&str>) -> anyhow::Result<&CaseRegistry> {
        match name {
            Some(name) => self.registries.get(name),
            None => self.registries.values().next(),
        }
        .context("the case has no such registry")
    }

    /// Where its commands run. Most cases have none, and a home folder is many files.
    pub(in crate::run) fn sandbox(&mut self) -> anyhow::Result<&CommandSandbox> {
        match &mut self.sandbox {
            Some(sandbox) => Ok(sandbox),
            none => Ok(none.insert(CommandSandbox::new(
                self.folder.clone(),
                &self.session.settings,
                &self.session.cluster,
                &self.namespace,
                self.file,
                &self.variables,
            )?)),
        }
    }

    /// Why what a registry of the case showed is not to be judged: its container is gone.
    pub(in crate::run) async fn lost_registry(&self) -> Option<String> {
        for (name, live) in &self.registries {
            let unreachable = |one: &Request| one.answered_by == Responder::Unreachable;
            let asked_in_vain = live.registry.record().all().iter().any(unreachable);
            if asked_in_vain || !live.registry.answers().await {
                return Some(format!(
                    "the container of the registry `{name}` does not answer any more; was it removed, \
                     or Docker restarted?"
                ));
            }
        }
        None
    }
}
