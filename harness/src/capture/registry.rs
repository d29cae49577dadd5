//! The registry of a captured case: what has to stand in the place of the real one, so that the same
//! pull comes to the same end.

use std::collections::BTreeSet;

use pullproof_diagnosis::Cause;
use serde_json::{Map, Value, json};

use super::answers::{
    Challenge, challenge, fault, had_token, is_of_token_server, status, token_server,
};

/// The user of a registry of which no credentials are known.
const SOMEBODY: &str = "somebody";
/// A password that no captured secret has.
const UNKNOWN: &str = "not-in-any-secret";
/// Registries that give tokens (distribution/distribution, docs/spec/auth/token.md).
const WITH_TOKENS: [&str; 6] =
    ["docker.io", "ghcr.io", "quay.io", "gcr.io", "registry.gitlab.com", "public.ecr.aws"];

/// A pull of one image, as far as it is known.
#[derive(Debug, Clone, Default)]
pub(super) struct Pull {
    /// The registry's host, as containerd names its folder in certs.d.
    pub host: String,
    /// The repository.
    pub repository: String,
    /// The tag, if the image is not named by its digest alone.
    pub tag: Option<String>,
    /// The variable that stands for the digest, if the image is named by one.
    pub digest: Option<String>,
    /// Why it fails; none if it does not.
    pub cause: Option<Cause>,
    /// Whether the cause is one of several that are left.
    pub is_assumed: bool,
    /// The runtime's message.
    pub message: String,
    /// The logins that the kubelet tries, invented ones.
    pub logins: Vec<Login>,
}

/// A user with a password, both invented.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Login {
    pub user: String,
    pub password: String,
}

/// A registry of a case, in the words of the format.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Model {
    /// What stands under `registries`, if there is a registry.
    pub registry: Option<Value>,
    /// The registry's name, if it is not its host: a name has variables, which a hosts.toml needs.
    pub name: Option<&'static str>,
    /// What stands under `hosts`.
    pub hosts: Option<Value>,
    /// Whether it is closed before the pod is made.
    pub closed: bool,
    /// What was assumed, and what cannot be replayed.
    pub notes: Vec<String>,
}

impl Model {
    /// Returns the registry that answers all pulls of a host as the real one did.
    pub(super) fn of(host: &str, pulls: &[&Pull]) -> Self {
        let mut model = Self::default();
        // What a token server is at fault for is in the registry's challenge.
        let of_registry = |pull: &&&Pull| !is_of_token_server(&pull.message);
        let causes: BTreeSet<Cause> =
            pulls.iter().filter(of_registry).filter_map(|pull| pull.cause).collect();
        for pull in pulls.iter().filter(|pull| pull.is_assumed) {
            let cause = pull.cause.map_or("", Cause::id);
            model.notes.push(format!(
                "why {} cannot be pulled is not certain; `{cause}` is assumed",
                pull.name()
            ));
        }
        if causes.iter().any(|cause| *cause == Cause::Dns) {
            // No name server knows a name under .invalid (RFC 6761).
            model.hosts = Some(to_server(&format!("https://{host}.invalid")));
            model
                .notes
                .push(format!("{host} cannot be resolved: its hosts.toml leads to {host}.invalid"));
            return model;
        }
        if causes.iter().any(|cause| *cause == Cause::UnreachableTimeout) {
            // No packet to this network is answered (RFC 5737).
            model.hosts = Some(to_server("https://192.0.2.1"));
            model.notes.push(format!("{host} does not answer: its hosts.toml leads to 192.0.2.1"));
            return model;
        }
        let mut registry = Map::new();
        registry.insert("auth".to_owned(), model.auth(host, pulls));
        if let Some(tls) = causes.iter().find_map(|cause| transport(*cause)) {
            registry.insert("tls".to_owned(), json!(tls));
        }
        if pulls.iter().any(|pull| pull.message.contains("tls: certificate required")) {
            registry.insert("tls".to_owned(), json!("clientCertificate"));
            model.name = Some("registry");
            let toml = "server = \"https://$REGISTRY_NODE\"\nca = \"$REGISTRY_CA\"\n";
            model.hosts = Some(json!({"toml": toml}));
        }
        let images: Vec<Value> = pulls.iter().filter_map(|pull| pull.image()).collect();
        if !images.is_empty() {
            registry.insert("images".to_owned(), Value::Array(without_repeats(images)));
        }
        let mut faults = Vec::new();
        for pull in pulls {
            faults.extend(fault(pull));
        }
        if !faults.is_empty() {
            registry.insert("faults".to_owned(), Value::Array(without_repeats(faults)));
        }
        // It is the likeliest cause of other failures of a connection as well.
        let is_refused = |pull: &&Pull| {
            pull.message.contains("connection refused") && !is_of_token_server(&pull.message)
        };
        model.closed = pulls.iter().any(is_refused);
        for cause in &causes {
            model.notes.extend(cannot_be_replayed(*cause).map(|why| format!("{host}: {why}")));
        }
        model.registry = Some(Value::Object(registry));
        model
    }

    fn auth(&mut self, host: &str, pulls: &[&Pull]) -> Value {
        if pulls.iter().all(|pull| pull.is_public()) {
            self.notes.push(format!("{host} is assumed to let anyone pull, as it did"));
            return json!("none");
        }
        let mut users = Map::new();
        for pull in pulls {
            for login in &pull.logins {
                // The registry knows the user, and since when it has another password is not known.
                let password = match pull.cause {
                    Some(Cause::CredentialsRefused | Cause::TokenExpired)
                        if !had_token(&pull.message)
                            && status(&pull.message).is_none_or(|one| one == 401) =>
                    {
                        UNKNOWN
                    }
                    _ => login.password.as_str(),
                };
                users.insert(login.user.clone(), json!(password));
            }
        }
        if users.is_empty() {
            users.insert(SOMEBODY.to_owned(), json!(UNKNOWN));
        }
        let said = pulls.iter().map(|pull| challenge(&pull.message)).max().unwrap_or_default();
        let token = match said {
            Challenge::Token => true,
            Challenge::Basic => false,
            Challenge::Unknown => {
                let token = WITH_TOKENS.contains(&host);
                let kind = if token { "gives tokens" } else { "takes Basic credentials" };
                self.notes.push(format!("how {host} authenticates is not known; it {kind} here"));
                token
            }
        };
        if !token {
            return json!({"basic": users});
        }
        let (refused, granted): (Vec<&&Pull>, Vec<_>) =
            pulls.iter().partition(|pull| pull.message.contains("insufficient_scope"));
        let rights: Vec<&str> = granted.iter().map(|pull| pull.repository.as_str()).collect();
        let user = |password: Value| match refused.is_empty() {
            true => json!({"password": password}),
            false => json!({"password": password, "repositories": rights}),
        };
        let users: Map<String, Value> =
            users.into_iter().map(|(name, password)| (name, user(password))).collect();
        let mut fields = Map::from_iter([("users".to_owned(), json!(users))]);
        if host == "docker.io" {
            // It gives a token to anyone, without the scope that was asked for.
            fields.insert("anonymous".to_owned(), json!("scopeless"));
        }
        pulls.iter().for_each(|pull| fields.extend(token_server(pull)));
        json!({"token": fields})
    }
}

impl Pull {
    /// The image, without its host.
    fn name(&self) -> String {
        match &self.tag {
            Some(tag) => format!("{}:{tag}", self.repository),
            None => self.repository.clone(),
        }
    }

    /// What stands under `images`; none for an image that the registry does not have.
    fn image(&self) -> Option<Value> {
        if is_absent(self.cause) {
            // Another tag, so that the repository is there.
            let other = format!("{}:another", self.repository);
            return (self.cause == Some(Cause::NotFoundTag)).then(|| json!(other));
        }
        let name = format!("{}:{}", self.repository, self.tag.as_deref().unwrap_or("captured"));
        let mut fields = Map::new();
        if let Some(digest) = &self.digest {
            fields.insert("digest".to_owned(), json!(digest));
        }
        match self.cause {
            Some(Cause::NoSuchPlatform) => {
                drop(fields.insert("platform".to_owned(), json!("other")))
            }
            // That of an old manifest is an answer of its own.
            Some(Cause::UnsupportedManifest) if !self.message.contains("since containerd") => {
                fields.insert("content".to_owned(), json!("artifact"));
            }
            _ => {}
        }
        if fields.is_empty() {
            return Some(json!(name));
        }
        fields.insert("name".to_owned(), json!(name));
        Some(Value::Object(fields))
    }

    /// Whether the registry gives it to anyone, as far as can be seen.
    fn is_public(&self) -> bool {
        let needs_none = [
            Cause::NotFound,
            Cause::NotFoundRepository,
            Cause::NotFoundTag,
            Cause::Mirror,
            Cause::NoSuchPlatform,
            Cause::UnsupportedManifest,
            Cause::CorruptContent,
            Cause::RateLimited,
            Cause::RegistryError,
        ];
        self.logins.is_empty() && self.cause.is_none_or(|cause| needs_none.contains(&cause))
    }
}

/// Whether the registry does not have an image, if this is why it cannot be pulled.
pub(super) fn is_absent(cause: Option<Cause>) -> bool {
    let absent = [
        Cause::NotFound,
        Cause::NotFoundRepository,
        Cause::NotFoundTag,
        Cause::WrongReference,
        Cause::InvalidName,
        Cause::Mirror,
    ];
    cause.is_some_and(|cause| absent.contains(&cause))
}

fn to_server(server: &str) -> Value {
    json!({"toml": format!("server = \"{server}\"\n")})
}

fn without_repeats(values: Vec<Value>) -> Vec<Value> {
    let mut once: Vec<Value> = Vec::new();
    for value in values {
        if !once.contains(&value) {
            once.push(value);
        }
    }
    once
}

/// The transport by which a cause comes about.
fn transport(cause: Cause) -> Option<&'static str> {
    Some(match cause {
        Cause::TlsUnknownCa => "untrusted",
        Cause::TlsName => "wrongName",
        Cause::TlsExpired | Cause::NodeClock => "expired",
        Cause::HttpOnHttps => "httpForHttps",
        Cause::HttpsOnHttp => "httpsForHttp",
        _ => return None,
    })
}

/// Why a cause does not come about on another machine, if it lies in the node itself.
fn cannot_be_replayed(cause: Cause) -> Option<&'static str> {
    Some(match cause {
        Cause::DiskFull => "the node's file system was full, which is not replayed",
        Cause::Qps => "the kubelet's limit of pulls was exceeded, which is not replayed",
        Cause::SlowPull => "the pull took too long, which is not replayed",
        Cause::SandboxImage => "the sandbox's image was missing, which is not replayed",
        Cause::RuntimeFault => "the node's runtime failed, which is not replayed",
        Cause::NodeConfig => "the node's configuration was at fault, which is not replayed",
        Cause::SignaturePolicy => "the node's signature policy refused, which is not replayed",
        Cause::NodeClock => {
            "the node's clock was wrong; a certificate that has expired stands for it"
        }
        Cause::NodeIdentity => "the node's cloud identity was refused; no credentials stand for it",
        Cause::ProviderFailed => "a credential provider failed; no credentials stand for it",
        Cause::Proxy => "the node's proxy was at fault, which is not replayed",
        Cause::Mirror => {
            "a mirror was at fault, of which only the message is known; it is not replayed"
        }
        Cause::NotThisPodsImage => {
            "the image was on the node for another pod, which is not known; it is not replayed"
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pull(cause: Option<Cause>, message: &str) -> Pull {
        Pull {
            host: "registry.example".into(),
            repository: "team/app".into(),
            tag: Some("v1".into()),
            cause,
            message: message.into(),
            ..Pull::default()
        }
    }

    fn with_login(mut pull: Pull) -> Pull {
        pull.logins = vec![Login { user: "kpbxq".into(), password: "mzwvtsrq".into() }];
        pull
    }

    fn registry(pull: &Pull) -> Value {
        Model::of(&pull.host, &[pull]).registry.unwrap()
    }

    #[test]
    fn a_registry_that_wants_credentials_has_some_that_nobody_knows() {
        let none =
            pull(Some(Cause::NoCredentials), "pull access denied: no basic auth credentials");
        assert_eq!(
            registry(&none),
            json!({"auth": {"basic": {SOMEBODY: UNKNOWN}}, "images": ["team/app:v1"]})
        );
        let token = pull(
            Some(Cause::NoCredentials),
            "failed to authorize: failed to fetch anonymous token: unexpected status: 401 Unauthorized",
        );
        assert_eq!(
            registry(&token)["auth"],
            json!({"token": {"users": {SOMEBODY: {"password": UNKNOWN}}}})
        );
    }

    #[test]
    fn credentials_that_were_refused_have_another_password() {
        let refused =
            with_login(pull(Some(Cause::CredentialsRefused), "no basic auth credentials"));
        assert_eq!(registry(&refused)["auth"], json!({"basic": {"kpbxq": UNKNOWN}}));
        let taken = with_login(pull(Some(Cause::NotFoundTag), "not found"));
        let registry = registry(&taken);
        assert_eq!(registry["auth"], json!({"basic": {"kpbxq": "mzwvtsrq"}}));
        assert_eq!(registry["images"], json!(["team/app:another"]));
    }

    #[test]
    fn rights_faults_and_transport_follow_from_the_cause() {
        let scope = "authorization failed: insufficient_scope";
        let rights = with_login(pull(Some(Cause::NotAuthorised), scope));
        let token = &registry(&rights)["auth"]["token"];
        assert_eq!(token["users"]["kpbxq"], json!({"password": "mzwvtsrq", "repositories": []}));

        let faults = |cause, message: &str| {
            registry(&with_login(pull(Some(cause), message)))["faults"][0]["action"].clone()
        };
        let unexpected =
            "unexpected status from HEAD request to https://a/v2/x/manifests/1: 502 Bad";
        assert_eq!(faults(Cause::RegistryError, unexpected), json!({"status": 502}));
        assert_eq!(faults(Cause::NotAuthorised, "403 Forbidden"), json!({"status": 403}));
        assert_eq!(faults(Cause::RateLimited, ""), json!({"tooManyRequests": 1}));

        let tls = registry(&pull(Some(Cause::TlsUnknownCa), "x509"));
        assert_eq!(tls["tls"], "untrusted");
    }

    #[test]
    fn a_host_that_nothing_reaches_needs_no_registry() {
        let dns = pull(Some(Cause::Dns), "no such host");
        let model = Model::of("registry.example", &[&dns]);
        assert_eq!(model.registry, None);
        assert_eq!(
            model.hosts,
            Some(json!({"toml": "server = \"https://registry.example.invalid\"\n"}))
        );
        assert!(!model.notes.is_empty());
        let refused = pull(Some(Cause::UnreachableRefused), "connection refused");
        assert!(Model::of("registry.example", &[&refused]).closed);
    }

    #[test]
    fn what_anyone_could_pull_is_public_and_said_to_be() {
        let runs = pull(None, "");
        let model = Model::of("registry.example", &[&runs]);
        assert_eq!(model.registry.unwrap()["auth"], "none");
        assert!(model.notes[0].contains("anyone"), "{:?}", model.notes);
    }

    #[test]
    fn images_of_one_host_share_its_registry() {
        let one = with_login(pull(None, ""));
        let mut other = pull(Some(Cause::NoSuchPlatform), "no match for platform in manifest");
        other.repository = "team/other".into();
        other.digest = Some("IMAGE_1".into());
        other.tag = None;
        let registry = Model::of("registry.example", &[&one, &one, &other]).registry.unwrap();
        assert_eq!(
            registry["images"],
            json!([
                "team/app:v1",
                {"digest": "IMAGE_1", "platform": "other", "name": "team/other:captured"}
            ])
        );
        assert_eq!(registry["auth"], json!({"basic": {"kpbxq": "mzwvtsrq"}}));
    }
}
