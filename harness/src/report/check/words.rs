//! Findings in words.

use pullproof_credentials::{Image, KubernetesVersion};
use pullproof_diagnosis::Cause;
use pullproof_manifests::{
    CheckedPod, Container, ContainerKind, Detail, Failure, Finding, Lack, Outcome, SlipKind,
};

use crate::report::explanation::{plain, rows};

/// Returns what was found, in one sentence without a capital and a stop.
pub fn sentence(finding: &Finding) -> String {
    let text = match &finding.detail {
        Detail::Pull(failure) => of_failure(failure),
        Detail::Slip(slip) => of_slip(slip),
        Detail::NoServiceAccount { name } => {
            format!("no manifest creates the service account {name}, without which no pod is created")
        }
        Detail::MutableTag { tag: Some(tag) } => {
            format!("the tag {tag} moves, and with IfNotPresent a node keeps the image that it has")
        }
        Detail::MutableTag { tag: None } => {
            "without a tag the image is `latest`, and with IfNotPresent a node keeps the one that it has"
                .to_owned()
        }
        Detail::AbsentSecret { name } => format!("no manifest creates the secret {name}"),
        Detail::UnusedSecret { account: None } => "no pod uses this pull secret".to_owned(),
        Detail::UnusedSecret { account: Some(account) } => {
            format!("only the service account {account} lists this pull secret, and no pod has it from there")
        }
    };
    plain(&text)
}

/// Returns what to do about it.
pub fn hint(finding: &Finding) -> String {
    let text = match &finding.detail {
        Detail::Pull(failure) => match (&failure.serving, failure.cause) {
            (Some(secret), _) => format!(
                "Name {secret} in imagePullSecrets of the pod or, if the pod names none, of its service account."
            ),
            (None, Cause::KeyMismatch) => of_key(finding),
            (None, Cause::PolicyNever) => "Use the policy IfNotPresent or Always.".to_owned(),
            (None, cause) => cause.remedy().text.to_owned(),
        },
        Detail::AbsentSecret { .. } => {
            "Create it, give it by --secret, or remove the name.".to_owned()
        }
        Detail::NoServiceAccount { .. }
        | Detail::Slip(_)
        | Detail::MutableTag { .. }
        | Detail::UnusedSecret { .. } => finding.rule.remedy().to_owned(),
    };
    plain(&text)
}

/// The key that serves every image of the registry.
fn of_key(finding: &Finding) -> String {
    let image = finding.container.as_ref().map(|container| container.image.as_str());
    let image = image.and_then(|image| Image::parse(image, KubernetesVersion::new(37, 2)).ok());
    match image.as_ref().map(Image::host) {
        Some("docker.io") => {
            "Create the secret with the key https://index.docker.io/v1/.".to_owned()
        }
        Some(host) => format!("Create the secret with the key {host}."),
        None => Cause::KeyMismatch.remedy().text.to_owned(),
    }
}

/// Returns what a finding is about, as a short name.
pub fn subject(finding: &Finding) -> String {
    let object = object(&finding.object.kind, &finding.object.name);
    let text = match &finding.container {
        Some(container) => format!("{object}, {} {}", kind(container.kind), container.name),
        None => object,
    };
    plain(&text)
}

/// Returns a kind and a name: `Deployment/web`, or a kind alone if the API server makes up the name.
pub fn object(kind: &str, name: &str) -> String {
    if name.is_empty() { kind.to_owned() } else { format!("{kind}/{name}") }
}

/// Returns what came of a pull, in a few words.
pub fn outcome(outcome: &Outcome) -> String {
    plain(&match outcome {
        Outcome::Authenticated { secret, key, user } => format!("as {user}, by {key} of {secret}"),
        Outcome::Public => "public".to_owned(),
        Outcome::Refused => "the API server refuses the pod".to_owned(),
        Outcome::Failed(failure) => format!("NO: {}", failure.cause),
    })
}

/// Returns what needs an image, in a word or two.
pub fn kind(kind: ContainerKind) -> &'static str {
    match kind {
        ContainerKind::Container => "container",
        ContainerKind::Init => "init container",
        ContainerKind::Sidecar => "sidecar",
        ContainerKind::Ephemeral => "ephemeral container",
        ContainerKind::ImageVolume => "image volume",
    }
}

/// Returns the object of a pod template, with the hook that it is.
pub fn pod(pod: &CheckedPod) -> String {
    let id = &pod.template.object;
    let name = format!("{}/{}", id.namespace, object(&id.kind, &id.name));
    plain(&match &pod.template.hook {
        Some(hook) => format!("{name} ({hook})"),
        None => name,
    })
}

/// Returns the name of a container and its image.
pub fn container(container: &Container) -> (String, String) {
    (plain(&container.name), plain(&container.image))
}

fn of_failure(failure: &Failure) -> String {
    match &failure.lack {
        Lack::NoSecret { account, known, mountable } => {
            let account = match (known, mountable) {
                (true, Some(secret)) => format!(
                    "its service account {account} has none; {secret} is under `secrets`, which are for \
                     mounting only"
                ),
                (false, _) if account != "default" => {
                    format!("its service account {account} is in no manifest")
                }
                _ => format!("its service account {account} has none"),
            };
            format!("names no pull secret, and {account}")
        }
        Lack::NoneServes { refused: Some((secret, location)), .. } => {
            format!(
                "the API server refuses the secret {secret} at {location}, so it does not exist"
            )
        }
        Lack::NoneServes { replaced, refused: None } => {
            let why = of_secrets(failure);
            match replaced {
                Some(secret) => format!(
                    "{why}; the pod's own list replaces that of its service account, whose {secret} would \
                     serve it"
                ),
                None => why,
            }
        }
        Lack::NeverPulled => {
            "the policy is Never, so a node that does not have the image cannot run it".to_owned()
        }
        Lack::NotAnImage(error) => error.to_string(),
    }
}

/// Why none of the secrets serves the image.
fn of_secrets(failure: &Failure) -> String {
    let certain = failure.diagnosis.as_ref().filter(|it| it.cause().is_some());
    // A key that nearly matches is described by what differs.
    if let Some(diagnosis) = certain.filter(|_| failure.cause != Cause::KeyMismatch) {
        return diagnosis.sentence.trim_end_matches('.').to_owned();
    }
    let rows = failure.lookup.iter().flat_map(|lookup| rows(lookup, None));
    let near = rows.filter(|row| failure.cause != Cause::KeyMismatch || row.near);
    let reasons = near.take(3).map(|row| {
        let why = row.why.unwrap_or(row.sent_words);
        match row.key {
            Some(key) => format!("key {key} of secret {}: {why}", row.secret),
            None => format!("secret {}: {why}", row.secret),
        }
    });
    reasons.collect::<Vec<_>>().join("; ")
}

fn of_slip(slip: &SlipKind) -> String {
    match slip {
        SlipKind::MisspeltKey { written } => {
            format!("the API server drops the key {written}; imagePullSecrets is meant")
        }
        SlipKind::MisplacedKey { written, level } => {
            let level = if level.is_empty() { "the object" } else { level };
            format!("the API server drops {written} in {level}; it belongs into the pod's spec")
        }
        SlipKind::DuplicateKey { key } => {
            format!("the key {key} is there again further down, and only the last one counts")
        }
        SlipKind::SecretAsText { name } => format!(
            "the API server refuses the text {name:?} in imagePullSecrets, where an object is expected: \
             name: {name}"
        ),
        SlipKind::NotAList => {
            "the API server refuses imagePullSecrets that is not a list of objects".to_owned()
        }
        SlipKind::EmptyName => {
            "this pull secret has no name, and a service account's are not added to a list that has an entry"
                .to_owned()
        }
        SlipKind::SecretRefused(why) => format!("the API server refuses this Secret: {why}"),
        SlipKind::DuplicateObject { first } => {
            format!("the object at {first} has the same kind and name; this one replaces it")
        }
    }
}
