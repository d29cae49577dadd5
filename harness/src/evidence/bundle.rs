//! Writing what was seen of a failed case: pods, events, requests, logs.

use std::{
    fs,
    path::{Path, PathBuf},
};

use jiff::Timestamp;
use serde::Serialize;

use crate::{
    case::CaseFile,
    run::{Outcome, Scene, Session},
};

use super::Redaction;

/// Collects everything into a folder and returns it. A part that cannot be had leaves a file that says
/// why: evidence never hides the failure it belongs to.
pub async fn collect(scene: &Scene<'_>, outcome: &Outcome) -> Option<PathBuf> {
    let folder = folder_for(scene.session, scene.file)?;
    let bundle = Bundle { folder: &folder, redaction: &scene.redaction };
    bundle.json("outcome.json", outcome);
    bundle.json("timeline.json", &scene.timeline.pods());
    bundle.json("events.json", &scene.timeline.events());
    for pod in scene.timeline.pods() {
        let text = serde_saphyr::to_string(&pod.object).unwrap_or_else(|error| error.to_string());
        bundle.text(&format!("pod-{}.yaml", pod.name), &text);
    }
    for (name, live) in &scene.registries {
        let name = name.replace(['/', ':'], "_");
        bundle.json(&format!("requests-{name}.json"), &live.registry.record().all());
        bundle.text(&format!("registry-{name}.log"), &live.registry.logs().await);
    }
    bundle.journal(scene.session, scene.began).await;
    Some(folder)
}

/// Collects what there is when a case could not even begin.
pub async fn collect_node(session: &Session, file: &CaseFile, since: Timestamp) -> Option<PathBuf> {
    let folder = folder_for(session, file)?;
    Bundle { folder: &folder, redaction: &Redaction::default() }.journal(session, since).await;
    Some(folder)
}

fn folder_for(session: &Session, file: &CaseFile) -> Option<PathBuf> {
    let minor = &session.settings.kubernetes;
    let folder =
        session.settings.evidence.join(format!("{minor}-{}", session.run.id)).join(&file.name);
    fs::create_dir_all(&folder).ok()?;
    Some(folder)
}

struct Bundle<'a> {
    folder: &'a Path,
    redaction: &'a Redaction,
}

impl Bundle<'_> {
    fn text(&self, name: &str, text: &str) {
        fs::write(self.folder.join(name), self.redaction.hide(text)).ok();
    }

    fn json(&self, name: &str, value: &impl Serialize) {
        let text = serde_json::to_string_pretty(value).unwrap_or_else(|error| error.to_string());
        self.text(name, &text);
    }

    async fn journal(&self, session: &Session, since: Timestamp) {
        match session.cluster.node.journal(since).await {
            Ok(text) => self.text("node-journal.log", &text),
            Err(error) => self.text("node-journal.log", &format!("could not be read: {error:#}")),
        }
    }
}
