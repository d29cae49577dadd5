//! What a check makes on the cluster.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use pullproof_credentials::{Format, Image, Keyring, KubernetesVersion, PullSecret};
use pullproof_manifests::Manifests;
use secrecy::ExposeSecret as _;

use crate::{image::Reference, registry::Accepted, run::Following};

use super::Input;

/// What was made for one input.
pub(super) struct Plan {
    /// The namespaces of the manifests that have pods, and those that stand for them.
    pub(super) namespaces: BTreeMap<String, String>,
    /// The secrets that the API server took, and those of namespaces without pods.
    pub(super) secrets: Vec<PullSecret>,
    pub(super) _following: Vec<Following>,
}

/// Returns the namespaces that have pods.
pub(super) fn namespaces(manifests: &Manifests) -> BTreeSet<&str> {
    manifests.templates.iter().map(|template| template.object.namespace.as_str()).collect()
}

/// Returns the secrets that can have to do with a pull: pull secrets, and those that a pod or service
/// account of their namespace names as one. Of equal names the last counts.
pub(super) fn secrets(input: &Input) -> Vec<PullSecret> {
    let Input { check, manifests } = input;
    let of_pods = manifests.templates.iter().map(|it| (&it.object.namespace, &it.pull_secrets));
    let accounts = manifests.service_accounts.iter().map(|it| (&it.id.namespace, &it.pull_secrets));
    let named: HashSet<(&str, &str)> = of_pods
        .chain(accounts)
        .flat_map(|(namespace, list)| {
            list.iter().map(|named| (namespace.as_str(), named.name.as_str()))
        })
        .collect();
    let mut secrets = check.secrets(manifests);
    // The API server is to refuse what it is said to refuse.
    let refused = manifests.secrets.iter().filter(|secret| secret.refused);
    for secret in refused.map(|secret| &secret.content) {
        if let Err(at) = secrets.binary_search_by_key(&secret.id(), PullSecret::id) {
            secrets.insert(at, secret.clone());
        }
    }
    secrets.retain(|secret| {
        Format::of_type(&secret.kind).is_some()
            || named.contains(&(secret.namespace.as_str(), secret.name.as_str()))
    });
    secrets
}

/// Returns the hosts that images are pulled from. What the kubelet should not take for an image has one as
/// well: if it does all the same, it must not reach the host itself.
pub(super) fn hosts(inputs: &[Input]) -> BTreeSet<String> {
    let mut hosts = BTreeSet::new();
    for Input { check, manifests } in inputs {
        for container in manifests.templates.iter().flat_map(|template| &template.containers) {
            hosts.insert(match Image::parse(&container.image, check.version) {
                Ok(image) => image.host().to_owned(),
                Err(_) => Reference::of(&container.image).host,
            });
        }
    }
    // A folder's name.
    let letter = |c: char| c.is_ascii_alphanumeric() || ".-:[]".contains(c);
    hosts.retain(|host| host.chars().all(letter) && !host.starts_with('.') && !host.is_empty());
    hosts
}

/// Accepts for each private host the logins of the secrets whose key matches an image of it, and everybody
/// for what is public.
pub(super) fn accept(inputs: &[Input], accepted: &mut Accepted) {
    for input in inputs {
        let version = input.check.version;
        let secrets = secrets(input);
        let keyrings: Vec<Keyring> = secrets
            .iter()
            .filter_map(|secret| Keyring::new(std::slice::from_ref(secret), version).ok())
            .collect();
        let templates = input.manifests.templates.iter();
        let images: BTreeMap<String, Image> = templates
            .flat_map(|template| &template.containers)
            .filter_map(|container| Image::parse(&container.image, version).ok())
            .map(|image| (image.repository(), image))
            .collect();
        for image in images.values() {
            if input.check.is_public(image) {
                accepted.public(image.host(), image.path());
                continue;
            }
            for lookup in keyrings.iter().map(|keyring| keyring.lookup(image)) {
                for login in lookup.sent() {
                    if let Some(password) = login.password() {
                        accepted.login(image.host(), &login.user(), password.expose_secret());
                    }
                }
            }
        }
    }
}

/// Returns what a reader of the report has to know of the stand-ins.
pub(super) fn notes(manifests: &Manifests, version: KubernetesVersion) -> Option<String> {
    let containers = manifests.templates.iter().flat_map(|template| &template.containers);
    let images = containers.filter_map(|container| Image::parse(&container.image, version).ok());
    match images.filter(|image| image.digest().is_some()).count() {
        0 => None,
        1 => Some("one digest was replaced by that of a stand-in image".to_owned()),
        count => Some(format!("{count} digests were replaced by those of stand-in images")),
    }
}
