//! Turns a finding into words: the sentence, the remedy, what would decide, the facts.

use crate::cause::{Cause, Group};
use crate::diagnosis::{Candidate, Diagnosis, Fact, Source, Step};
use crate::evidence::{Obstacle, Probe};
use crate::keyring::{Lookup, Near, Passed, Why};
use crate::message::{Message, field};
use crate::reference::Registry;
use crate::rules::{Case, Finding};
use crate::sign::{Sign, Times};

/// Returns the diagnosis of a finding.
pub(crate) fn diagnosis(case: &Case<'_>, finding: &Finding) -> Diagnosis {
    let sentence = match finding.cause() {
        Some(cause) => certain(case, cause),
        None => open(subject(case), finding),
    };
    let remedy = finding
        .causes()
        .first()
        .map(|cause| Step::of(cause.remedy(), |command| fill(case, *cause, command)));
    Diagnosis::new(finding.cause(), candidates(finding), sentence, remedy, facts(case))
}

/// Returns the diagnosis of a message without a known wording.
pub(crate) fn plain(message: &Message, finding: &Finding) -> Diagnosis {
    let subject =
        message.image().map_or_else(|| "the image".to_owned(), |image| format!("image {image}"));
    let remedy = finding.causes().first().map(|cause| Step::of(cause.remedy(), str::to_owned));
    let fact = Fact { from: Source::Message, text: message.innermost().to_owned() };
    Diagnosis::new(finding.cause(), candidates(finding), open(subject, finding), remedy, vec![fact])
}

fn candidates(finding: &Finding) -> Vec<Candidate> {
    let causes = finding.causes().iter();
    causes
        .map(|cause| Candidate { id: *cause, meaning: cause.meaning(), decides: decides(*cause) })
        .collect()
}

fn open(subject: String, finding: &Finding) -> String {
    let causes: Vec<_> = finding.causes().iter().map(|cause| cause.id()).collect();
    format!("{subject}: the evidence leaves open which of these it is: {}", causes.join(", "))
}

fn subject(case: &Case<'_>) -> String {
    match case.image.or(case.message.completed()) {
        Some(image) => format!("image {image}"),
        None => "the image".to_owned(),
    }
}

fn host<'a>(case: &'a Case<'_>) -> &'a str {
    case.message
        .host()
        .or(case.image.map(crate::reference::Reference::registry))
        .unwrap_or("the registry")
}

/// One sentence that names the object, key or value at fault.
fn certain(case: &Case<'_>, cause: Cause) -> String {
    if let Some(passed) = passed(case, cause) {
        return of_secret(case, passed);
    }
    if let Some(sentence) = of_sign(case, cause) {
        return sentence;
    }
    let subject = match cause.group() {
        Group::Node | Group::Reference => subject(case),
        _ => format!("{} at {}", subject(case), host(case)),
    };
    format!("{subject}: {}", lower(cause.meaning()))
}

/// The secret whose fault the cause is.
fn passed<'a>(case: &'a Case<'_>, cause: Cause) -> Option<&'a Passed> {
    match &case.evidence.keyring {
        Some(Lookup::Read(keyring)) => {
            keyring.passed.iter().find(|passed| passed.why.cause() == cause)
        }
        _ => None,
    }
}

/// A meaning as part of a sentence.
fn lower(sentence: &str) -> String {
    let sentence = sentence.trim_end_matches('.');
    let mut chars = sentence.chars();
    chars.next().map(|first| first.to_lowercase().chain(chars).collect()).unwrap_or_default()
}

fn of_secret(case: &Case<'_>, passed: &Passed) -> String {
    let (secret, host) = (&passed.secret, host(case));
    let key = passed.key.as_deref().unwrap_or("its key");
    match &passed.why {
        Why::Absent => format!("secret {secret} does not exist in the pod's namespace"),
        Why::OtherNamespace { namespace } => {
            format!("secret {secret} is in namespace {namespace}, not in the pod's")
        }
        Why::WrongType { found } => format!(
            "secret {secret} has type {found}, which the kubelet does not read as a pull secret"
        ),
        Why::WrongDataKey { found: Some(found) } => {
            format!("secret {secret} has its content under the data key {found}")
        }
        Why::WrongDataKey { found: None } => {
            format!("secret {secret} lacks the data key of its type")
        }
        Why::Undecodable { detail } => format!("secret {secret} cannot be decoded: {detail}"),
        Why::Empty { store: Some(store) } => format!(
            "key {key} of secret {secret} holds no credentials; they are in the store {store}"
        ),
        Why::Empty { store: None } => format!("key {key} of secret {secret} holds no credentials"),
        Why::Near(near) => format!("key {key} of secret {secret} misses {host} by {}", part(*near)),
        Why::Elsewhere => format!("secret {secret} holds nothing for {host}"),
    }
}

const fn part(near: Near) -> &'static str {
    match near {
        Near::Port => "its port",
        Near::Scheme => "its scheme or API version",
        Near::Path => "its path",
        Near::Labels => "the number of its labels",
        Near::Host => "its host name",
    }
}

fn of_sign(case: &Case<'_>, cause: Cause) -> Option<String> {
    Some(match (case.lead, cause) {
        (Sign::NoSuchHost { host, resolver: Some(resolver) }, Cause::Dns) => {
            format!("the name server {resolver} that the node asks knows no host {host}")
        }
        (Sign::NoSuchHost { host, .. } | Sign::ResolverFailed { host }, Cause::Dns) => {
            format!("the node cannot resolve {host}")
        }
        (Sign::ConnectionRefused { address: Some(address) }, Cause::UnreachableRefused) => {
            format!("{address} refuses the connection for {}", host(case))
        }
        (Sign::CertificateTime { times: Some(times) }, Cause::TlsExpired) => {
            format!("the certificate of {} ran out at {}", host(case), times.limit)
        }
        (Sign::CertificateTime { times: Some(times) }, Cause::NodeClock) => clock(case, *times),
        (Sign::Status { code, .. }, _) if cause != Cause::WrongReference => {
            format!("{} answered {code} for {}", host(case), subject(case))
        }
        (_, Cause::WrongReference) => {
            format!("{} names a second registry behind {}", subject(case), host(case))
        }
        (Sign::AddressNotAllowed { address: Some(address) }, _) => {
            format!("the network rules of {} do not admit {address}", host(case))
        }
        (Sign::NoPlatform { platform: Some(platform) }, _) => {
            format!("{} has no variant for {platform}", subject(case))
        }
        (Sign::DigestMismatch { empty: true }, _) => {
            format!("an empty download was stored for {}", subject(case))
        }
        _ => return None,
    })
}

fn clock(case: &Case<'_>, times: Times) -> String {
    match case.evidence.at {
        Some(at) => format!("the node's clock shows {} when it is {at}", times.now),
        None => format!(
            "the node's clock shows {}, outside the certificate's validity to or from {}",
            times.now, times.limit
        ),
    }
}

/// Puts names into a command; what is not plainly a name leaves the placeholder.
fn fill(case: &Case<'_>, cause: Cause, command: &str) -> String {
    let mut command = command.to_owned();
    let mut put = |placeholder: &str, value: Option<&str>| {
        if let Some(value) = value.filter(|value| is_plain(value)) {
            command = command.replace(placeholder, value);
        }
    };
    put("NAMESPACE", case.evidence.pod.as_ref().map(|pod| pod.namespace.as_str()));
    put("HOST", address(case, cause));
    put("IMAGE", case.image.map(|image| image.text.as_str()));
    put("SECRET", passed(case, cause).map(|passed| passed.secret.as_str()));
    if let Some(Why::OtherNamespace { namespace }) = passed(case, cause).map(|passed| &passed.why) {
        put("OTHER", Some(namespace));
    }
    command
}

/// What a command for the cause is to be pointed at.
fn address<'a>(case: &'a Case<'_>, cause: Cause) -> Option<&'a str> {
    match (case.lead, cause.group()) {
        (Sign::NoSuchHost { host, .. } | Sign::ResolverFailed { host }, _) => Some(host),
        // The key under which the kubelet looks for credentials of Docker Hub.
        (_, Group::Credentials) if case.registry == Registry::DockerHub => {
            Some("https://index.docker.io/v1/")
        }
        (_, Group::Credentials) => case.message.host(),
        _ => case.message.url().and_then(field::host_of).or(case.message.host()),
    }
}

fn is_plain(value: &str) -> bool {
    let inner = |char: char| char.is_ascii_alphanumeric() || ".:/_@-".contains(char);
    value.starts_with(|char: char| char.is_ascii_alphanumeric()) && value.chars().all(inner)
}

/// What would decide for or against a candidate.
const fn decides(cause: Cause) -> &'static str {
    use Cause as C;
    match cause {
        C::NoCredentials => {
            "whether the pod or its ServiceAccount names a pull secret with a key for this registry"
        }
        C::SecretAbsent | C::SecretOtherNamespace => {
            "whether each secret the pod names exists in its namespace"
        }
        C::SecretWrongType => "the type of the secrets the pod names",
        C::SecretWrongKey => "the data keys of the secrets the pod names",
        C::SecretUndecodable => "whether the content of the pull secrets decodes",
        C::SecretEmpty => "whether the secret's entry holds an auth or user name and password",
        C::KeyMismatch => "the keys in the pull secret against the image's host, port and path",
        C::CredentialsRefused => {
            "logging in to the registry with the secret's user name and password"
        }
        C::TokenExpired => "the age of the token in the pull secret",
        C::NotAuthorised => "the user's rights on the repository, in the registry",
        C::NodeIdentity => "the role of the node's identity on the registry",
        C::ProviderFailed => "the kubelet's log on the node, for errors of the credential provider",
        C::NotFoundTag => "the repository's list of tags",
        C::NotFoundRepository => "asking the registry for the repository as a user who may see it",
        C::NotFound => "asking the registry for repository and tag",
        C::WrongReference => "the reference in the pod against the one that was meant",
        C::InvalidName => "the reference in the pod",
        C::NoSuchPlatform => "the platforms of the image's index against the node's",
        C::UnsupportedManifest => "the media types of the image's manifest",
        C::RateLimited => "the registry's rate-limit headers",
        C::RegistryError => "the registry's status page or log",
        C::RegistrySetting => "the registry's settings for authentication and quota",
        C::NetworkRule => "the registry's network rules against the node's outbound address",
        C::AddressBlocked => "the same pull from another address",
        C::Dns => "resolving the name on the node",
        C::UnreachableRefused | C::UnreachableTimeout => "connecting to the registry from the node",
        C::Proxy => "the proxy settings of the runtime's service on the node",
        C::TlsUnknownCa | C::TlsName | C::TlsExpired => {
            "the certificate the registry serves to the node"
        }
        C::NodeClock => "the node's clock against another",
        C::HttpOnHttps | C::HttpsOnHttp => {
            "what the registry's port speaks, and the runtime's hosts.toml"
        }
        C::DiskFull => "free space and inodes of the node's image file system",
        C::Qps => "registryPullQPS of the kubelet",
        C::SlowPull => "how long the pull took, against the deadlines of kubelet and runtime",
        C::SandboxImage => {
            "the sandbox image in the runtime's configuration, and whether the node has it"
        }
        C::PolicyNever => "whether the node has the image",
        C::NotThisPodsImage => "the kubelet's records under /var/lib/kubelet/image_manager",
        C::SignaturePolicy => "the signature policy on the node",
        C::NodeConfig => "the configuration of kubelet and runtime on the node",
        C::Mirror => "the mirrors in the runtime's configuration, and their log",
        C::RuntimeFault => "the runtime's log on the node",
        C::CorruptContent => "the same pull on another node",
    }
}

fn facts(case: &Case<'_>) -> Vec<Fact> {
    let mut facts = vec![Fact { from: Source::Message, text: case.message.innermost().to_owned() }];
    if let Some(image) =
        case.image.filter(|image| image.names_two_registries() || image.host.is_none())
    {
        let text = match image.host {
            None => format!("{image} names no registry, so docker.io is asked"),
            Some(_) => format!("{image} names two registries"),
        };
        facts.push(Fact { from: Source::Reference, text });
    }
    match &case.evidence.keyring {
        Some(Lookup::Unreadable) => {
            facts.push(Fact {
                from: Source::Secrets,
                text: "the pull secrets may not be read".to_owned(),
            });
        }
        Some(Lookup::Read(keyring)) => {
            facts.extend(keyring.tried.iter().map(|tried| Fact {
                from: Source::Secrets,
                text: format!("key {} of secret {} matches", tried.key, tried.secret),
            }));
            facts.extend(
                keyring
                    .passed
                    .iter()
                    .map(|passed| Fact { from: Source::Secrets, text: of_secret(case, passed) }),
            );
        }
        None => {}
    }
    facts.extend(case.evidence.requests.iter().map(|request| Fact {
        from: Source::Requests,
        text: format!(
            "{:?} {} credentials: {}",
            request.asked,
            if request.credentials { "with" } else { "without" },
            request.status
        ),
    }));
    if let Some(probe) = case.evidence.probe {
        facts.extend(probed(probe).into_iter().map(|text| Fact { from: Source::Probe, text }));
    }
    if let (Sign::CertificateTime { .. }, Some(at)) = (case.lead, case.evidence.at) {
        facts.push(Fact { from: Source::Versions, text: format!("the pull failed at {at}") });
    }
    facts
}

/// What a probe found; it was not made from the node.
fn probed(probe: Probe) -> Vec<String> {
    let exists = |what: &str, exists: Option<bool>| {
        exists.map(|yes| format!("the {what} {}", if yes { "exists" } else { "does not exist" }))
    };
    let status = |what: &str, status: Option<u16>| {
        status.map(|status| format!("asked from elsewhere than the node {what}: {status}"))
    };
    let obstacle = probe
        .obstacle
        .map(|obstacle| format!("asked from elsewhere than the node, {}", hindered(obstacle)));
    let facts = [
        exists("repository", probe.repository),
        exists("tag", probe.tag),
        status("without credentials", probe.anonymous),
        status("for a token with credentials", probe.token),
        status("with credentials", probe.authorised),
        obstacle,
    ];
    facts.into_iter().flatten().collect()
}

const fn hindered(obstacle: Obstacle) -> &'static str {
    match obstacle {
        Obstacle::Name => "the registry's name is not resolved",
        Obstacle::Refused => "the registry refuses the connection",
        Obstacle::Unreachable => "the registry does not answer",
        Obstacle::UnknownAuthority => "the certificate's authority is not trusted",
        Obstacle::CertificateName => "the certificate is for another name",
        Obstacle::CertificateExpired => "the certificate has expired",
        Obstacle::PlainHttp => "the registry answers plain HTTP",
    }
}
