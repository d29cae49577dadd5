//! The vocabulary of causes: one id, one meaning and one remedy each.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// What is to be done about a cause.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Remedy {
    /// The step, as an imperative sentence.
    pub text: &'static str,
    /// The command for it, with placeholders in capitals, where one command does it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command: Option<&'static str>,
}

/// A text that is not the id of a cause.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("no cause is called {0:?}")]
pub struct UnknownCause(pub String);

macro_rules! causes {
    ($($variant:ident = $id:literal, $group:ident, $meaning:literal, $remedy:literal $(, $command:literal)?;)+) => {
        /// Why an image pull failed.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        pub enum Cause {
            $(
                #[doc = $meaning]
                #[serde(rename = $id)]
                $variant,
            )+
        }

        impl Cause {
            /// All causes, in the order of their groups.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// Returns the id, in kebab case.
            #[must_use]
            pub const fn id(self) -> &'static str {
                match self { $(Self::$variant => $id),+ }
            }

            /// Returns where the fault lies.
            #[must_use]
            pub const fn group(self) -> Group {
                match self { $(Self::$variant => Group::$group),+ }
            }

            /// Returns what the cause means, in one line.
            #[must_use]
            pub const fn meaning(self) -> &'static str {
                match self { $(Self::$variant => $meaning),+ }
            }

            /// Returns the remedy.
            #[must_use]
            pub const fn remedy(self) -> Remedy {
                match self {
                    $(Self::$variant => Remedy { text: $remedy, command: causes!(@command $($command)?) }),+
                }
            }
        }
    };
    (@command $command:literal) => { Some($command) };
    (@command) => { None };
}

/// Where the fault of a cause lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Group {
    /// Pull secrets, node identities and what they may do.
    Credentials,
    /// The image reference, and what stands under it.
    Reference,
    /// The registry.
    Registry,
    /// The way to the registry.
    Network,
    /// Certificates and the protocol.
    Tls,
    /// The node and its runtime.
    Node,
}

causes! {
    NoCredentials = "no-credentials", Credentials,
        "The registry wants credentials and the pod has none for it.",
        "Create a pull secret for the registry and name it in imagePullSecrets of the pod or its ServiceAccount.",
        "kubectl create secret docker-registry SECRET --docker-server=HOST --docker-username=USER --docker-password=PASSWORD -n NAMESPACE";
    SecretAbsent = "secret-absent", Credentials,
        "The pod names a pull secret that does not exist.",
        "Create the secret under the name the pod uses, or correct the name.",
        "kubectl create secret docker-registry SECRET --docker-server=HOST --docker-username=USER --docker-password=PASSWORD -n NAMESPACE";
    SecretOtherNamespace = "secret-other-namespace", Credentials,
        "The pull secret exists, but in another namespace than the pod.",
        "Create the secret in the pod's namespace too.",
        "kubectl get secret SECRET -n OTHER -o json | jq 'del(.metadata.namespace,.metadata.uid,.metadata.resourceVersion)' | kubectl apply -n NAMESPACE -f -";
    SecretWrongType = "secret-wrong-type", Credentials,
        "The secret's type is not one the kubelet reads as a pull secret.",
        "Create the secret again with type kubernetes.io/dockerconfigjson; the type of a secret cannot be changed.",
        "kubectl create secret generic SECRET --type=kubernetes.io/dockerconfigjson --from-file=.dockerconfigjson=FILE -n NAMESPACE";
    SecretWrongKey = "secret-wrong-key", Credentials,
        "The secret has the right type, but its content is under another data key.",
        "Create the secret again with its content under .dockerconfigjson.",
        "kubectl create secret generic SECRET --type=kubernetes.io/dockerconfigjson --from-file=.dockerconfigjson=FILE -n NAMESPACE";
    SecretUndecodable = "secret-undecodable", Credentials,
        "A pull secret's content is not a Docker configuration the kubelet can decode.",
        "Create the secret again with a well-formed configuration.",
        "kubectl create secret docker-registry SECRET --docker-server=HOST --docker-username=USER --docker-password=PASSWORD -n NAMESPACE";
    SecretEmpty = "secret-empty", Credentials,
        "The secret has an entry for the registry, but no user name or password in it.",
        "Create the secret from user name and password; a config.json that uses credsStore holds neither.",
        "kubectl create secret docker-registry SECRET --docker-server=HOST --docker-username=USER --docker-password=PASSWORD -n NAMESPACE";
    KeyMismatch = "key-mismatch", Credentials,
        "No key of the pull secret matches the image's registry and path.",
        "Create the secret with the registry exactly as the image reference has it, port included.",
        "kubectl create secret docker-registry SECRET --docker-server=HOST --docker-username=USER --docker-password=PASSWORD -n NAMESPACE";
    CredentialsRefused = "credentials-refused", Credentials,
        "Credentials were sent and the registry refused them.",
        "Renew user name and password in the pull secret.",
        "kubectl create secret docker-registry SECRET --docker-server=HOST --docker-username=USER --docker-password=PASSWORD -n NAMESPACE --dry-run=client -o yaml | kubectl apply -f -";
    TokenExpired = "token-expired", Credentials,
        "The token or client secret in use has expired.",
        "Renew the token, and renew it by a job that runs more often than it expires.";
    NotAuthorised = "not-authorised", Credentials,
        "The registry knows the user, who may not read this repository.",
        "Grant the user or service account read access to the repository.";
    NodeIdentity = "node-identity", Credentials,
        "The node's own cloud identity may not read the registry.",
        "Grant the node's role or identity read access to the registry.";
    ProviderFailed = "provider-failed", Credentials,
        "A credential provider of the kubelet failed, so the pull had no credentials.",
        "Read the provider's error in the kubelet's log on the node and correct it.",
        "journalctl -u kubelet | grep -i 'credential provider'";

    NotFoundTag = "not-found-tag", Reference,
        "The repository exists, the tag or digest does not.",
        "Use a tag the repository has.";
    NotFoundRepository = "not-found-repository", Reference,
        "The registry has no such repository.",
        "Correct the repository's name, or use the place it has moved to.";
    NotFound = "not-found", Reference,
        "The registry has no such image; the repository or the tag is missing.",
        "Compare registry, repository and tag of the reference with what the registry holds.";
    WrongReference = "wrong-reference", Reference,
        "The reference names another registry or repository than was meant.",
        "Write the reference out in full: registry, repository and tag, each once.";
    InvalidName = "invalid-name", Reference,
        "The image reference cannot be parsed.",
        "Correct the reference: no scheme, lower case, one tag.";
    NoSuchPlatform = "no-such-platform", Reference,
        "The image has no variant for the node's platform.",
        "Build the image for the node's platform too, or select nodes of a platform it has.";
    UnsupportedManifest = "unsupported-manifest", Reference,
        "The image's format is not one the runtime takes.",
        "Build the image again with current tools, or update the runtime.";

    RateLimited = "rate-limited", Registry,
        "The registry refused for too many requests.",
        "Pull with an account, from a mirror, or less often.";
    RegistryError = "registry-error", Registry,
        "The registry failed.",
        "Wait and retry; read the registry's status page or log.";
    RegistrySetting = "registry-setting", Registry,
        "A setting, quota or plan of the registry refuses the pull.",
        "Change the registry's setting for authentication, quota or access.";
    NetworkRule = "network-rule", Registry,
        "The registry's network rule does not admit the node's address.",
        "Admit the node's outbound address in the registry's network rules, or use its private endpoint.";
    AddressBlocked = "address-blocked", Registry,
        "The registry or its delivery network blocks the node's address or region.",
        "Pull through a mirror, or have the address unblocked.";

    Dns = "dns", Network,
        "The node cannot resolve the registry's name.",
        "Correct the node's name servers; nodes do not use the cluster's DNS.",
        "resolvectl query HOST";
    UnreachableRefused = "unreachable-refused", Network,
        "The registry's address refuses the connection.",
        "Start what should listen there, or correct address, port or firewall.";
    UnreachableTimeout = "unreachable-timeout", Network,
        "The registry does not answer in time.",
        "Give the node a way to the registry: route, firewall, or a mirror that it reaches.",
        "curl -v --max-time 10 https://HOST/v2/";
    Proxy = "proxy", Network,
        "The proxy of the node's runtime cannot be reached or refuses.",
        "Correct HTTPS_PROXY and NO_PROXY of the runtime's service on the node.";

    TlsUnknownCa = "tls-unknown-ca", Tls,
        "The node does not trust the authority of the registry's certificate.",
        "Install the authority on the node, or name it as ca in the registry's hosts.toml.";
    TlsName = "tls-name", Tls,
        "The registry's certificate is for another name.",
        "Issue the certificate with the host as a subject alternative name, or use a name it has.";
    TlsExpired = "tls-expired", Tls,
        "The registry's certificate has expired.",
        "Renew the registry's certificate.";
    NodeClock = "node-clock", Tls,
        "The node's clock is wrong, so good certificates look expired.",
        "Synchronise the node's clock.",
        "timedatectl set-ntp true";
    HttpOnHttps = "http-on-https", Tls,
        "The registry speaks plain HTTP and the runtime tried HTTPS.",
        "Serve the registry over HTTPS, or give its exact host and port an http:// endpoint in hosts.toml.";
    HttpsOnHttp = "https-on-http", Tls,
        "The registry speaks HTTPS and the runtime tried plain HTTP.",
        "Remove the http:// endpoint or insecure setting for that registry.";

    DiskFull = "disk-full", Node,
        "The node has no room for the image.",
        "Free or enlarge the file system of the node's images.",
        "crictl rmi --prune";
    Qps = "qps", Node,
        "The kubelet's own limit of pulls a second was exceeded.",
        "Wait for the retry, or raise registryPullQPS and registryBurst of the kubelet.";
    SlowPull = "slow-pull", Node,
        "The pull took longer than a deadline of the kubelet, its adapter or the runtime.",
        "Raise the deadline (runtimeRequestTimeout, image_pull_progress_timeout), or make the image smaller.";
    SandboxImage = "sandbox-image", Node,
        "The runtime could not get the pod sandbox's image, to which pull secrets never apply.",
        "Set the runtime's sandbox image to one the node has or may pull, and pin it.",
        "crictl pull IMAGE";
    PolicyNever = "policy-never", Node,
        "The image is not on the node and the pull policy is Never.",
        "Load the image on the node, or change imagePullPolicy.";
    NotThisPodsImage = "not-this-pods-image", Node,
        "The image is on the node, but this pod has none of the credentials it was pulled with.",
        "Give the pod a pull secret for the image.";
    SignaturePolicy = "signature-policy", Node,
        "The node's signature policy does not accept the image.",
        "Sign the image as the policy wants, or correct the policy on the node.";
    NodeConfig = "node-config", Node,
        "The node's configuration of kubelet or runtime is wrong or blocks the registry.",
        "Correct the runtime's configuration on the node and restart it.";
    Mirror = "mirror", Node,
        "A mirror between node and registry answers wrongly or sends the runtime elsewhere.",
        "Correct or remove the mirror in the runtime's configuration, or use the full repository name.";
    RuntimeFault = "runtime-fault", Node,
        "The runtime or its store on the node failed.",
        "Read the runtime's log on the node and restart or repair it.",
        "journalctl -u containerd -u crio -u docker";
    CorruptContent = "corrupt-content", Node,
        "What was downloaded or stored is not what the digest says.",
        "Remove the image and partial downloads from the node's content store and pull again.";
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.id())
    }
}

impl FromStr for Cause {
    type Err = UnknownCause;

    fn from_str(text: &str) -> Result<Self, UnknownCause> {
        Self::ALL
            .iter()
            .copied()
            .find(|cause| cause.id() == text)
            .ok_or_else(|| UnknownCause(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_read_back() {
        for cause in Cause::ALL {
            assert_eq!(cause.id().parse(), Ok(*cause));
            assert_eq!(serde_json::to_value(cause).unwrap(), cause.id());
        }
    }

    #[test]
    fn another_word_is_no_cause() {
        assert_eq!("no-such-cause".parse::<Cause>(), Err(UnknownCause("no-such-cause".to_owned())));
    }
}
