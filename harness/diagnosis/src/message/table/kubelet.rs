//! Wordings of the kubelet.

use super::{is, with};
use crate::message::row::{Origin::Kubelet, Row, Spot};
use crate::sign::Sign;

const MANAGER: &str = "pkg/kubelet/images/image_manager.go";
const CONFIG: &str = "pkg/credentialprovider/config.go";
const PLUGIN: &str = "pkg/credentialprovider/plugin/plugin.go";

pub(super) const ROWS: &[Row] = &[
    // User name and password are the texts of the kubelet's request that nothing has checked before.
    is(
        Kubelet,
        "google.golang.org/grpc/rpc_util.go",
        "error while marshaling: string field contains invalid UTF-8",
        "rpc error: code = Internal desc = grpc: error while marshaling: string field contains invalid UTF-8",
        Sign::SecretUndecodable,
    ),
    // Through 1.33 the kubelet's CRI client sends it all the same, and the runtime refuses it.
    is(
        Kubelet,
        "google.golang.org/grpc/server.go",
        "error unmarshalling request: string field contains invalid UTF-8",
        "rpc error: code = Internal desc = grpc: error unmarshalling request: string field contains invalid UTF-8",
        Sign::SecretUndecodable,
    ),
    is(
        Kubelet,
        "pkg/kubelet/images/helpers.go",
        "pull QPS exceeded",
        "Failed to pull image \"reg.example.net/a\": pull QPS exceeded",
        Sign::QpsExceeded,
    ),
    is(
        Kubelet,
        MANAGER,
        "is not present with pull policy of Never",
        "Container image \"a:local\" is not present with pull policy of Never",
        Sign::NotPresentNever,
    ),
    is(Kubelet, MANAGER, "ErrImageNeverPull", "Error: ErrImageNeverPull", Sign::NotPresentNever),
    is(
        Kubelet,
        MANAGER,
        "couldn't parse image reference",
        "Failed to apply default image tag \"A\": couldn't parse image reference \"A\": …",
        Sign::InvalidReference,
    ),
    is(
        Kubelet,
        MANAGER,
        "couldn't parse image name",
        "Failed to apply default image tag \"A\": couldn't parse image name \"A\": …",
        Sign::InvalidReference,
    ),
    is(
        Kubelet,
        "distribution/reference/reference.go",
        "invalid reference format",
        "Error response from daemon: invalid reference format",
        Sign::InvalidReference,
    ),
    is(
        Kubelet,
        "distribution/reference, go-digest",
        "invalid checksum digest",
        "invalid checksum digest length",
        Sign::InvalidReference,
    ),
    is(
        Kubelet,
        "go net/ipsock.go",
        "too many colons in address",
        "dial tcp: address a:1:2: too many colons in address",
        Sign::InvalidReference,
    ),
    is(
        Kubelet,
        "pkg/kubelet/images/types.go",
        "InvalidImageName",
        "Error: InvalidImageName",
        Sign::InvalidReference,
    ),
    is(
        Kubelet,
        MANAGER,
        "Failed to inspect image",
        "Failed to inspect image \"a\": rpc error: code = Unknown desc = …",
        Sign::InspectFailed,
    ),
    is(
        Kubelet,
        "pkg/kubelet/images/types.go",
        "ImageInspectError",
        "Error: ImageInspectError",
        Sign::InspectFailed,
    ),
    is(
        Kubelet,
        MANAGER,
        "because the registry is unavailable",
        "image pull failed for a because the registry is unavailable: …",
        Sign::RegistryUnavailable,
    ),
    is(
        Kubelet,
        "cri-api/pkg/errors/errors.go",
        "RegistryUnavailable",
        "Failed to pull image \"a\": RegistryUnavailable: …",
        Sign::RegistryUnavailable,
    ),
    is(
        Kubelet,
        MANAGER,
        "because the signature validation failed",
        "image pull failed for a because the signature validation failed: …",
        Sign::SignatureRejected,
    ),
    is(
        Kubelet,
        "cri-api/pkg/errors/errors.go",
        "SignatureValidationFailed",
        "Failed to pull image \"a\": SignatureValidationFailed: …",
        Sign::SignatureRejected,
    ),
    with(
        Kubelet,
        "pkg/kubelet/kubelet_pods.go",
        "Unable to retrieve some image pull secrets (",
        "Unable to retrieve some image pull secrets (one, two); attempting to pull the image may not succeed.",
        secrets,
    ),
    with(
        Kubelet,
        "pkg/kubelet/kubelet.go, to 1.1",
        "Error syncing pod, skipping: secrets \"",
        "Error syncing pod, skipping: secrets \"one\" not found",
        |spot| {
            let name = spot.after.split('"').next()?.to_owned();
            Some(Sign::SecretsUnretrievable { names: vec![name] })
        },
    ),
    is(
        Kubelet,
        "pkg/kubelet/kubelet_pods.go, to 1.27",
        "Unable to retrieve pull secret",
        "Unable to retrieve pull secret team/one for team/a due to secret \"one\" not found. The image pull may not succeed.",
        Sign::SecretsUnretrievable { names: Vec::new() },
    ),
    is(
        Kubelet,
        "pkg/kubelet/dockertools/kube_docker_client.go, to 1.4",
        "there are no credentials on this request",
        "image pull failed for a, this may be because there are no credentials on this request.  details: (…)",
        Sign::NoCredentialsOnRequest,
    ),
    is(
        Kubelet,
        CONFIG,
        "json: cannot unmarshal",
        "Failed to pull image \"a\": json: cannot unmarshal array into Go struct field DockerConfigJson.auths of type string",
        Sign::SecretUndecodable,
    ),
    is(
        Kubelet,
        CONFIG,
        "illegal base64 data",
        "Failed to pull image \"a\": illegal base64 data at input byte 4",
        Sign::SecretUndecodable,
    ),
    is(
        Kubelet,
        CONFIG,
        "unable to parse auth field",
        "unable to parse auth field, must be formatted as base64 (username:password)",
        Sign::SecretUndecodable,
    ),
    with(
        Kubelet,
        "encoding/json, called in pkg/credentialprovider/config.go",
        "unexpected end of JSON input",
        "Failed to pull image \"a\": unexpected end of JSON input",
        kubelets_own,
    ),
    with(
        Kubelet,
        "encoding/json, called in pkg/credentialprovider/config.go",
        "invalid character",
        "Failed to pull image \"a\": invalid character 'a' looking for beginning of value",
        kubelets_own,
    ),
    is(
        Kubelet,
        PLUGIN,
        "credential provider plugin",
        "error execing credential provider plugin ecr-credential-provider for image a: exit status 1",
        Sign::ProviderFailed,
    ),
    is(
        Kubelet,
        PLUGIN,
        "Failed getting credential from external registry credential provider",
        "Failed getting credential from external registry credential provider: exit status 1",
        Sign::ProviderFailed,
    ),
    is(
        Kubelet,
        "pkg/credentialprovider/aws/aws_credentials.go, to 1.26",
        "GetAuthorizationToken",
        "error getting credentials - err: operation error ECR: GetAuthorizationToken, exceeded maximum number of attempts",
        Sign::ProviderFailed,
    ),
    is(
        Kubelet,
        "pkg/credentialprovider/gcp/metadata.go, to 1.26",
        "while reading 'google-dockercfg' metadata",
        "while reading 'google-dockercfg' metadata: http status code: 404",
        Sign::ProviderFailed,
    ),
    is(
        Kubelet,
        "pkg/kubelet/kuberuntime/kuberuntime_image.go",
        "unknown service runtime.v1",
        "rpc error: code = Unimplemented desc = unknown service runtime.v1alpha2.ImageService",
        Sign::NodeConfig,
    ),
];

fn secrets(spot: Spot<'_>) -> Option<Sign> {
    let names = spot.after.split(')').next()?;
    let names = names.split(',').map(|name| name.trim().to_owned()).filter(|name| !name.is_empty());
    Some(Sign::SecretsUnretrievable { names: names.collect() })
}

/// A decoding error is the kubelet's own only where it directly follows the image: a runtime that
/// read a registry's answer puts its own words in between.
fn kubelets_own(spot: Spot<'_>) -> Option<Sign> {
    let (_, rest) = spot.before.rsplit_once("Failed to pull image \"")?;
    let (_, between) = rest.split_once('"')?;
    matches!(between.trim(), ":").then_some(Sign::SecretUndecodable)
}
