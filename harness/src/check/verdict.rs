//! What came of a pull: what the kubelet reports decides when, and the registry's record as whom.

use anyhow::Context as _;
use pullproof_credentials::{Image, PodSecrets};
use pullproof_diagnosis::{Asked, Place, Request as Recorded, Said, pull_secrets};
use pullproof_manifests::{Check, Container, Pull};
use secrecy::ExposeSecret as _;

use crate::{
    case::model::RequestKind,
    evidence::{EventSeen, PodHistory, is_pull_failure},
    registry::{Authorization, Mark, Origin, PasswordMark, Record, Request},
};

use super::{plan::Plan, pod::container_name, stand_in::StandIn};

/// What the kubelet has reported of a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Looked {
    /// Nothing yet.
    Undecided,
    /// Its image is on the node.
    Pulled,
    /// Its image is not, and why.
    Failed(Vec<Said>),
}

/// Looks at a container of a pod.
pub(super) fn look(place: usize, pod: Option<&PodHistory>, events: &[&EventSeen]) -> Looked {
    let Some(pod) = pod else { return Looked::Undecided };
    let name = container_name(place);
    let states = pod.states.iter().flat_map(|state| &state.containers);
    let states: Vec<_> = states.filter(|state| state.name == name).collect();
    let mut said: Vec<Said> = Vec::new();
    for waiting in states.iter().filter_map(|state| state.waiting.as_ref()) {
        let place = Place::Waiting(waiting.reason.clone());
        let one = Said { text: waiting.message.clone(), place };
        if is_pull_failure(&waiting.reason) && !said.contains(&one) {
            said.push(one);
        }
    }
    if !said.is_empty() {
        let warnings = events.iter().filter(|event| {
            event.kind == "Warning" && event.container.as_ref().is_none_or(|it| *it == name)
        });
        said.extend(warnings.map(|event| Said {
            text: event.message.clone(),
            place: Place::Event(event.reason.clone()),
        }));
        return Looked::Failed(said);
    }
    // Whatever a container waits for otherwise, it has its image.
    match states.last() {
        Some(state) if state.is_decided() => Looked::Pulled,
        _ => Looked::Undecided,
    }
}

/// All that a verdict about a pull needs.
pub(super) struct Judge<'a> {
    pub(super) check: &'a Check,
    pub(super) plan: &'a Plan,
    /// The names of the pod's pull secrets.
    pub(super) secrets: &'a [String],
    /// The namespace of the template.
    pub(super) namespace: &'a str,
    pub(super) container: &'a Container,
    pub(super) stand_in: Option<&'a StandIn>,
    pub(super) record: &'a Record,
    /// Up to where the record was when the pod was made.
    pub(super) mark: Mark,
}

impl Judge<'_> {
    /// Returns what came of the pull; none if it is not decided.
    ///
    /// # Errors
    /// The image is on the node and the record does not show how, or the pull failed for a reason that the
    /// manifests have nothing to do with.
    pub(super) fn pull(&self, looked: Looked) -> anyhow::Result<Option<Pull>> {
        Ok(match looked {
            Looked::Undecided => None,
            Looked::Pulled => Some(self.pulled()?),
            Looked::Failed(messages) => Some(self.failed(messages)?),
        })
    }

    /// Requests of the node for the manifest of the stand-in.
    fn requests(&self) -> Vec<Request> {
        let Some(stand_in) = self.stand_in else { return Vec::new() };
        let end = format!("/manifests/{}", stand_in.reference());
        self.record.pick(self.mark, |request| {
            request.from == Origin::Node
                && request.kind == RequestKind::Manifest
                && request.path.ends_with(&end)
        })
    }

    fn pulled(&self) -> anyhow::Result<Pull> {
        let Container { image, location, .. } = self.container;
        let unseen =
            || format!("{location}: the node has {image}, and the registry did not serve it");
        let requests = self.requests();
        let served = requests.iter().find(|request| is_served(request)).with_context(unseen)?;
        let parsed = Image::parse(image, self.check.version)?;
        if self.check.is_public(&parsed) {
            return Ok(Pull::Public);
        }
        let user = served.authorization.user().with_context(|| {
            format!("{location}: the registry served {image} to a request without credentials")
        })?;
        let names: Vec<&str> = self.secrets.iter().map(String::as_str).collect();
        let secrets = PodSecrets::resolve(self.namespace, &names, &self.plan.secrets);
        let lookup = pull_secrets::lookup(&secrets, image, self.check.version);
        let credentials = lookup.iter().flat_map(|lookup| &lookup.tried);
        let used = credentials.into_iter().find(|credential| {
            let mark = credential.password().map(|it| PasswordMark::of_bytes(it.expose_secret()));
            credential.user() == user && mark == served.password
        });
        let used = used.with_context(|| {
            format!(
                "{location}: the registry served {image} to {user}, whom no secret of the pod has"
            )
        })?;
        Ok(Pull::Authenticated {
            secret: used.secret.name.clone(),
            key: used.key.clone(),
            user: user.to_owned(),
        })
    }

    fn failed(&self, mut messages: Vec<Said>) -> anyhow::Result<Pull> {
        let requests = self.requests();
        let is_broken = |request: &Request| request.status.is_none_or(|status| status >= 500);
        if requests.iter().any(|request| is_served(request) || is_broken(request)) {
            let Container { image, location, .. } = self.container;
            let said: Vec<&str> = messages.iter().map(|said| said.text.as_str()).collect();
            anyhow::bail!(
                "{location}: {image} was not refused, and yet not pulled: {}",
                said.join("; ")
            );
        }
        let ours = self.plan.namespaces.get(self.namespace);
        for said in &mut messages {
            if let Some(stand_in) = self.stand_in {
                said.text = stand_in.restore(&said.text);
            }
            if let Some(ours) = ours {
                said.text = said.text.replace(ours, self.namespace);
            }
        }
        let recorded = |request: &Request| {
            let credentials = request.authorization != Authorization::None;
            Some(Recorded { asked: Asked::Manifest, credentials, status: request.status? })
        };
        let requests = requests.iter().filter_map(recorded).collect();
        Ok(Pull::Failed { messages, requests })
    }
}

fn is_served(request: &Request) -> bool {
    request.status.is_some_and(|status| (200..300).contains(&status))
}
