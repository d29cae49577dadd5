//! Writing what was seen of a failed case: pods, events, requests, logs.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use jiff::Timestamp;
use serde::Serialize;

use crate::{
    case::CaseFile,
    outcome::{Evidence, Outcome},
    redaction::Redaction,
};

use super::{context::CaseContext, session::Session};

/// Collects everything into a folder. A part that cannot be had leaves a file that says why: evidence
/// never hides the failure it belongs to.
pub async fn collect(context: &CaseContext<'_>, outcome: &Outcome) -> Evidence {
    let mut bundle = Bundle::open(context.session, context.file);
    bundle.json("outcome.json", outcome);
    bundle.json("timeline.json", &context.timeline.pods());
    bundle.json("events.json", &context.timeline.events());
    for pod in context.timeline.pods() {
        bundle.yaml(&format!("pod-{}.yaml", pod.name), &pod.object);
    }
    for (name, live) in &context.registries {
        let file = name.replace(['/', ':'], "_");
        bundle.json(&format!("requests-{file}.json"), &live.registry.record().all());
        bundle.text(&format!("registry-{file}.log"), &live.registry.logs().await);
    }
    bundle.journal(context.session, context.began).await;
    bundle.close()
}

/// Collects what there is when a case could not even begin.
pub async fn collect_node(session: &Session, file: &CaseFile, since: Timestamp) -> Evidence {
    let mut bundle = Bundle::open(session, file);
    bundle.journal(session, since).await;
    bundle.close()
}

/// A folder of evidence that is being written.
struct Bundle {
    folder: PathBuf,
    /// Of the secrets of all cases: the node's journal and the logs of a registry hold more than one's.
    redaction: Redaction,
    lost: Option<String>,
}

impl Bundle {
    fn open(session: &Session, file: &CaseFile) -> Self {
        let minor = &session.settings.kubernetes;
        let folder =
            session.settings.evidence.join(format!("{minor}-{}", session.run.id)).join(&file.name);
        Self::at(folder, session.secrets.redaction())
    }

    /// A folder that is not there yet: a case may fail in several rounds, and cases of two folders may
    /// have one name.
    fn at(folder: PathBuf, redaction: Redaction) -> Self {
        let mut number = 1;
        let (folder, made) = loop {
            let numbered = match number {
                1 => folder.clone(),
                _ => folder.with_added_extension(number.to_string()),
            };
            let parent = numbered.parent().map_or(Ok(()), fs::create_dir_all);
            match parent.and_then(|()| fs::create_dir(&numbered)) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists && numbered.is_dir() => {
                    number += 1;
                }
                made => break (numbered, made),
            }
        };
        let mut bundle = Self { folder, redaction, lost: None };
        let folder = bundle.folder.clone();
        bundle.note(&folder, made);
        bundle
    }

    fn text(&mut self, name: &str, text: &str) {
        let text = self.redaction.hide(text);
        self.write(name, &text);
    }

    fn json(&mut self, name: &str, value: &impl Serialize) {
        // The texts in it, so that it stays JSON.
        let text = serde_json::to_value(value)
            .and_then(|value| serde_json::to_string_pretty(&self.redaction.hide_value(&value)));
        self.write(name, &text.unwrap_or_else(|error| error.to_string()));
    }

    fn yaml(&mut self, name: &str, value: &impl Serialize) {
        let text = match serde_json::to_value(value) {
            Ok(value) => serde_saphyr::to_string(&self.redaction.hide_value(&value))
                .unwrap_or_else(|error| error.to_string()),
            Err(error) => error.to_string(),
        };
        self.text(name, &text);
    }

    async fn journal(&mut self, session: &Session, since: Timestamp) {
        match session.cluster.node.journal(since).await {
            Ok(text) => self.text("node-journal.log", &text),
            Err(error) => self.text("node-journal.log", &format!("could not be read: {error:#}")),
        }
    }

    fn write(&mut self, name: &str, text: &str) {
        let path = self.folder.join(name);
        let written = fs::write(&path, text);
        self.note(&path, written);
    }

    /// Keeps the first error: those after it have the same cause.
    fn note(&mut self, path: &Path, result: io::Result<()>) {
        if let Err(error) = result {
            self.lost
                .get_or_insert_with(|| format!("{} cannot be written: {error}", path.display()));
        }
    }

    fn close(self) -> Evidence {
        match self.lost {
            None => Evidence::In(self.folder),
            Some(why) => Evidence::Lost(why),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn evidence_that_cannot_be_written_is_not_announced() {
        // A device that is always full.
        let full = Bundle::at("/dev/full".into(), Redaction::default());
        let Evidence::Lost(why) = full.close() else { panic!("a folder in a device") };
        assert!(why.starts_with("/dev/full cannot be written: "), "{why}");

        let folder = tempfile::tempdir().unwrap();
        let mut bundle = Bundle::at(folder.path().join("case"), Redaction::default());
        std::os::unix::fs::symlink("/dev/full", folder.path().join("case/events.json")).unwrap();
        bundle.text("a.log", "text");
        bundle.json("events.json", &json!({"a": "b"}));
        bundle.text("b.log", "text");
        let evidence = bundle.close();
        let shown = evidence.to_string();
        assert!(shown.contains("case/events.json cannot be written: No space left"), "{shown}");
        assert!(matches!(evidence, Evidence::Lost(_)));
    }

    #[test]
    fn a_case_that_fails_again_does_not_overwrite_its_evidence() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().join("theme").join("case");
        for expected in
            [folder.clone(), folder.with_file_name("case.2"), folder.with_file_name("case.3")]
        {
            let bundle = Bundle::at(folder.clone(), Redaction::default());
            assert_eq!(bundle.close(), Evidence::In(expected));
        }
    }

    #[test]
    fn each_file_is_without_secrets_and_keeps_its_form() {
        let folder = tempfile::tempdir().unwrap();
        let redaction = Redaction::new(["c4n4ry\"Passw0rd".into()]);
        let folder = folder.path().join("case");
        let mut bundle = Bundle::at(folder.clone(), redaction);
        let value = json!({"a": ["c4n4ry\"Passw0rd", "x"]});
        bundle.json("a.json", &value);
        bundle.yaml("a.yaml", &value);
        bundle.text("a.log", &value.to_string());
        assert_eq!(bundle.close(), Evidence::In(folder.clone()));
        let read = |name: &str| fs::read_to_string(folder.join(name)).unwrap();
        let hidden = json!({"a": ["[redacted]", "x"]});
        assert_eq!(serde_json::from_str::<serde_json::Value>(&read("a.json")).unwrap(), hidden);
        assert_eq!(serde_saphyr::from_str::<serde_json::Value>(&read("a.yaml")).unwrap(), hidden);
        assert_eq!(read("a.log"), hidden.to_string());
    }
}
