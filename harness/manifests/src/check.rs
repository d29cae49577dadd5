//! The check: what the API server's admission and the kubelet do to a pod, or did.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use pullproof_credentials::{
    Image, Keyring, KeyringError, KubernetesVersion, ListedBy, Lookup, PodSecrets, PullSecret,
    SecretId, effective_secrets,
};
use pullproof_diagnosis::{
    Cause, Evidence, Place, Pod, Request, Said, diagnose, keyring, pull_secrets,
};

use crate::outcome::{Checked, CheckedPod, Failure, Lack, Outcome};
use crate::{
    Container, GivenSecret, Manifests, PodTemplate, PublicHost, Pull, SecretReference, SeenPod,
    ServiceAccount,
};

/// How many secrets of a namespace are tried for an image that none of its pod's serves.
const TRIED: usize = 20;

/// What a check takes for granted.
#[derive(Debug, Clone)]
pub struct Check {
    /// The version of Kubernetes.
    pub version: KubernetesVersion,
    /// The images that need no credentials. All others are private.
    pub public: Vec<PublicHost>,
    /// The secrets that will be there, though no manifest has them.
    pub given: Vec<GivenSecret>,
}

impl Default for Check {
    /// A check on the newest known Kubernetes, of which every image is private.
    fn default() -> Self {
        Self { version: KubernetesVersion::new(37, 2), public: Vec::new(), given: Vec::new() }
    }
}

impl Check {
    /// Returns for each image by which secret it would be pulled, or why by none.
    pub fn run(&self, manifests: &Manifests) -> Checked {
        self.checked(manifests, self.secrets(manifests), None)
    }

    /// Returns the same of what a cluster showed: of a pod per template, in their order, and of the secrets
    /// that the API server took, in the order of [`Check::secrets`].
    pub fn judge(
        &self,
        manifests: &Manifests,
        secrets: Vec<PullSecret>,
        seen: &[SeenPod],
    ) -> Checked {
        self.checked(manifests, secrets, Some(seen))
    }

    fn checked(
        &self,
        manifests: &Manifests,
        known: Vec<PullSecret>,
        seen: Option<&[SeenPod]>,
    ) -> Checked {
        let mut run = Run {
            check: self,
            manifests,
            known,
            keyrings: HashMap::new(),
            serving: HashMap::new(),
        };
        let templates = manifests.templates.iter().enumerate();
        let pods: Vec<CheckedPod> = templates
            .map(|(at, template)| run.pod(template, seen.and_then(|seen| seen.get(at))))
            .collect();
        let mut checked = Checked::new(manifests, pods, self.version);
        let unused = self
            .given
            .iter()
            .filter(|given| !checked.pods.iter().any(|pod| pod.secrets.contains(&given.name)));
        let notes = unused.map(|given| format!("no pod uses the given secret {}", given.name));
        checked.notes.extend(notes.collect::<Vec<_>>());
        checked
    }

    /// Returns the secrets that there are once the manifests are applied: of equal names the last, and
    /// the given ones in each namespace that uses them.
    pub fn secrets(&self, manifests: &Manifests) -> Vec<PullSecret> {
        let accepted = manifests.secrets.iter().filter(|secret| !secret.refused);
        let mut secrets: BTreeMap<SecretId, PullSecret> =
            accepted.map(|secret| (secret.content.id(), secret.content.clone())).collect();
        let hosts = self.private_hosts(manifests);
        for template in &manifests.templates {
            let namespace = &template.object.namespace;
            let (account, _) = account_of(manifests, template);
            let names = account.map(|account| account.pull_secrets.as_slice()).unwrap_or_default();
            let names = template.pull_secrets.iter().chain(names).map(|named| named.name.as_str());
            for name in names {
                if let Some(given) = self.given.iter().find(|given| given.name == name) {
                    let secret = given.pull_secret(namespace, &hosts);
                    secrets.entry(secret.id()).or_insert(secret);
                }
            }
        }
        secrets.into_values().collect()
    }

    /// Returns the registries that have private images.
    pub fn private_hosts(&self, manifests: &Manifests) -> BTreeSet<String> {
        let containers = manifests.templates.iter().flat_map(|template| &template.containers);
        let images =
            containers.filter_map(|container| Image::parse(&container.image, self.version).ok());
        let private = images.filter(|image| !self.is_public(image));
        private.map(|image| image.host().to_owned()).collect()
    }

    /// Whether an image is said to need no credentials.
    pub fn is_public(&self, image: &Image) -> bool {
        self.public.iter().any(|public| public.has(image))
    }
}

/// Returns a pod's service account if the manifests have it, and its name.
fn account_of<'a>(
    manifests: &'a Manifests,
    template: &'a PodTemplate,
) -> (Option<&'a ServiceAccount>, &'a str) {
    let name = template.service_account.as_ref().map_or("default", |account| &account.name);
    (manifests.service_account(&template.object.namespace, name), name)
}

fn names(references: &[SecretReference]) -> Vec<String> {
    references.iter().map(|reference| reference.name.clone()).collect()
}

struct Run<'a> {
    check: &'a Check,
    manifests: &'a Manifests,
    known: Vec<PullSecret>,
    /// By namespace and names: most pods have the same secrets as others.
    keyrings: HashMap<(String, Vec<String>), Result<Keyring, KeyringError>>,
    /// By namespace and repository.
    serving: HashMap<(String, String), Option<String>>,
}

impl Run<'_> {
    /// Admits a pod as `plugin/pkg/admission/serviceaccount/admission.go` does, and pulls its images.
    /// A service account that no manifest has may be there all the same: it is taken for one without
    /// pull secrets, as every namespace's `default` is.
    fn pod(&mut self, template: &PodTemplate, seen: Option<&SeenPod>) -> CheckedPod {
        let (account, account_name) = account_of(self.manifests, template);
        let own = names(&template.pull_secrets);
        let of_account = names(account.map(|it| it.pull_secrets.as_slice()).unwrap_or_default());
        let (secrets, listed_by) = effective_secrets(&own, &of_account);
        let secrets: Vec<String> = match seen.and_then(|seen| seen.secrets.clone()) {
            Some(admitted) => admitted,
            None => secrets.into_iter().map(str::to_owned).collect(),
        };
        let listed = match listed_by {
            ListedBy::Pod => template.pull_secrets.as_slice(),
            ListedBy::ServiceAccount => {
                account.map(|it| it.pull_secrets.as_slice()).unwrap_or_default()
            }
        };
        let absent = listed.iter().filter(|named| {
            let id =
                SecretId { namespace: template.object.namespace.clone(), name: named.name.clone() };
            !named.name.is_empty() && self.known.binary_search_by_key(&id, PullSecret::id).is_err()
        });
        let absent = absent.cloned().collect();
        let lacking = Lacking { account, account_name, own: &own, of_account: &of_account };
        let pulls = seen.map(|seen| seen.pulls.as_slice()).unwrap_or_default();
        let outcomes = (template.containers.iter().enumerate())
            .map(|(at, container)| match pulls.get(at) {
                Some(pull) => self.seen(template, container, &secrets, &lacking, pull),
                None => self.outcome(template, container, &secrets, &lacking),
            })
            .collect();
        CheckedPod {
            template: template.clone(),
            service_account: account_name.to_owned(),
            account_exists: account.is_some() || account_name == "default",
            secrets,
            listed_by,
            absent,
            outcomes,
        }
    }

    fn outcome(
        &mut self,
        template: &PodTemplate,
        container: &Container,
        secrets: &[String],
        lacking: &Lacking<'_>,
    ) -> Outcome {
        let image = match Image::parse(&container.image, self.check.version) {
            Ok(image) => image,
            Err(error) => return failed(Cause::InvalidName, Lack::NotAnImage(error)),
        };
        if template.refused {
            return Outcome::Refused;
        }
        if container.policy.as_deref() == Some("Never") {
            return failed(Cause::PolicyNever, Lack::NeverPulled);
        }
        if self.check.is_public(&image) {
            return Outcome::Public;
        }
        let namespace = &template.object.namespace;
        let lookup = self.lookup(namespace, secrets, &image);
        if let Some(credential) = lookup.sent().next() {
            return Outcome::Authenticated {
                secret: credential.secret.name.clone(),
                key: credential.key.clone(),
                user: credential.user().into_owned(),
            };
        }
        let lack = self.lack(namespace, secrets, &image, lacking);
        let serving = self.serving(namespace, &image);
        let messages = vec![Said { text: refused(&container.image), place: Place::Unknown }];
        let failure = failure(namespace, container, secrets, lookup, lack, (messages, Vec::new()));
        Outcome::Failed(Box::new(Failure { serving, ..failure }))
    }

    /// Returns what a pull that was seen amounts to.
    fn seen(
        &mut self,
        template: &PodTemplate,
        container: &Container,
        secrets: &[String],
        lacking: &Lacking<'_>,
        pull: &Pull,
    ) -> Outcome {
        let image = Image::parse(&container.image, self.check.version);
        let (messages, requests) = match (pull, &image) {
            (Pull::Authenticated { secret, key, user }, _) => {
                let (secret, key, user) = (secret.clone(), key.clone(), user.clone());
                return Outcome::Authenticated { secret, key, user };
            }
            (Pull::Public, _) => return Outcome::Public,
            (Pull::Refused, Ok(_)) => return Outcome::Refused,
            (Pull::Refused, Err(error)) => {
                return failed(Cause::InvalidName, Lack::NotAnImage(*error));
            }
            (Pull::Failed { messages, requests }, _) => (messages.clone(), requests.clone()),
        };
        let namespace = &template.object.namespace;
        let (lookup, lack, serving) = match &image {
            Ok(image) => (
                self.lookup(namespace, secrets, image),
                self.lack(namespace, secrets, image, lacking),
                self.serving(namespace, image),
            ),
            Err(error) => {
                let lookup = Lookup { tried: Vec::new(), passed_over: Vec::new() };
                (lookup, Lack::NotAnImage(*error), None)
            }
        };
        let failure = failure(namespace, container, secrets, lookup, lack, (messages, requests));
        match failure.cause {
            Cause::PolicyNever => failed(Cause::PolicyNever, Lack::NeverPulled),
            Cause::InvalidName if image.is_err() => failed(Cause::InvalidName, failure.lack),
            _ => Outcome::Failed(Box::new(Failure { serving, ..failure })),
        }
    }

    fn lookup(&mut self, namespace: &str, secrets: &[String], image: &Image) -> Lookup {
        let (known, version) = (&self.known, self.check.version);
        let key = (namespace.to_owned(), secrets.to_vec());
        let keyring = self.keyrings.entry(key).or_insert_with(|| {
            let names: Vec<&str> = secrets.iter().map(String::as_str).collect();
            Keyring::of_pod(&PodSecrets::resolve(namespace, &names, known), version)
        });
        match keyring {
            Ok(keyring) => keyring.lookup(image),
            Err(error) => Lookup { tried: Vec::new(), passed_over: error.passed_over.clone() },
        }
    }

    /// A secret of the namespace that would serve an image.
    fn serving(&mut self, namespace: &str, image: &Image) -> Option<String> {
        let of = (namespace.to_owned(), image.repository());
        if let Some(known) = self.serving.get(&of) {
            return known.clone();
        }
        let is_here = |secret: &&PullSecret| secret.namespace == namespace;
        let here = self.known.iter().filter(is_here).take(TRIED);
        let names: Vec<String> = here.map(|secret| secret.name.clone()).collect();
        let mut serves = |name: &String| {
            let lookup = self.lookup(namespace, std::slice::from_ref(name), image);
            lookup.sent().next().is_some()
        };
        let serving = names.into_iter().find(|name| serves(name));
        self.serving.insert(of, serving.clone());
        serving
    }

    fn lack(
        &mut self,
        namespace: &str,
        secrets: &[String],
        image: &Image,
        lacking: &Lacking<'_>,
    ) -> Lack {
        if secrets.is_empty() && lacking.own.is_empty() {
            let is_pull_secret = |name: &&String| {
                let mut known = self.manifests.secrets.iter();
                known.any(|it| {
                    it.id.name == **name && it.id.namespace == namespace && it.is_pull_secret()
                })
            };
            let mountable = lacking.account.and_then(|it| it.secrets.iter().find(is_pull_secret));
            return Lack::NoSecret {
                account: lacking.account_name.to_owned(),
                known: lacking.account.is_some(),
                mountable: mountable.cloned(),
            };
        }
        let replaced = (!lacking.own.is_empty() && !lacking.of_account.is_empty())
            .then(|| self.lookup(namespace, lacking.of_account, image))
            .and_then(|lookup| lookup.sent().next().map(|sent| sent.secret.name.clone()));
        let refused = self.manifests.secrets.iter().find(|secret| {
            secret.refused && secret.id.namespace == namespace && secrets.contains(&secret.id.name)
        });
        let refused = refused.map(|secret| (secret.id.name.clone(), secret.location.clone()));
        Lack::NoneServes { replaced, refused }
    }
}

/// What a pod's list of secrets was made of.
struct Lacking<'a> {
    account: Option<&'a ServiceAccount>,
    account_name: &'a str,
    own: &'a [String],
    of_account: &'a [String],
}

/// A failure of which nothing else has to be known.
fn failed(cause: Cause, lack: Lack) -> Outcome {
    let (serving, diagnosis, lookup) = (None, None, None);
    Outcome::Failed(Box::new(Failure { cause, lack, serving, diagnosis, lookup }))
}

/// What a real pull reports if the registry refuses it.
fn refused(image: &str) -> String {
    format!(
        "failed to pull and unpack image \"{image}\": failed to resolve reference \"{image}\": pull \
         access denied, repository does not exist or may require authorization: authorization failed: \
         no basic auth credentials"
    )
}

/// Has the cause found: the registry refuses, and the secrets say why.
fn failure(
    namespace: &str,
    container: &Container,
    secrets: &[String],
    lookup: Lookup,
    lack: Lack,
    (messages, requests): (Vec<Said>, Vec<Request>),
) -> Failure {
    let diagnosis = diagnose(&Evidence {
        messages,
        requests,
        image: Some(container.image.clone()),
        pod: Some(Pod { namespace: namespace.to_owned(), secrets: secrets.to_vec() }),
        keyring: Some(keyring::Lookup::Read(pull_secrets::of_lookup(&lookup))),
        ..Evidence::default()
    });
    let likeliest = diagnosis.candidates().first().map(|candidate| candidate.id);
    let cause = diagnosis.cause().or(likeliest).unwrap_or(Cause::NoCredentials);
    Failure { cause, lack, serving: None, diagnosis: Some(diagnosis), lookup: Some(lookup) }
}
