//! A pod reduced to what a pull depends on.

use k8s_openapi::api::core::v1::{Container, ContainerStatus, EphemeralContainer, Pod};
use serde_json::{Map, Value, json};

/// A reduced pod.
#[derive(Debug)]
pub(super) struct Reduced {
    /// The manifest.
    pub pod: Value,
    /// What had to be left out.
    pub notes: Vec<String>,
}

/// Keeps the images with their pull policies, the pull secrets, the service account and what decides
/// which container comes when. `image` rewrites an image.
pub(super) fn reduce(pod: &Pod, mut image: impl FnMut(&str) -> String) -> Reduced {
    let mut notes = Vec::new();
    let spec = pod.spec.clone().unwrap_or_default();
    let status = pod.status.clone().unwrap_or_default();
    let ended = |name: &str| {
        let all: &[ContainerStatus] = status.init_container_statuses.as_deref().unwrap_or_default();
        all.iter().any(|one| {
            let state = one.state.as_ref().and_then(|state| state.terminated.as_ref());
            one.name == name && state.is_some_and(|state| state.exit_code == 0)
        })
    };
    let of_images: Vec<&str> = spec
        .volumes
        .iter()
        .flatten()
        .filter(|volume| volume.image.is_some())
        .map(|volume| volume.name.as_str())
        .collect();
    let mut container = |one: &Container| container(one, &of_images, &mut image);
    let mut init: Vec<Value> = Vec::new();
    for one in spec.init_containers.iter().flatten() {
        match ended(&one.name) {
            // A stand-in does not end, and what comes after it would never pull.
            true => {
                notes.push(format!("the init container {} had ended and is left out", one.name))
            }
            false => init.push(container(one)),
        }
    }
    let mut containers: Vec<Value> = spec.containers.iter().map(&mut container).collect();
    for one in spec.ephemeral_containers.iter().flatten() {
        notes.push(format!("the ephemeral container {} stands among the others", one.name));
        containers.push(ephemeral(one, &mut image));
    }
    let mut volumes: Vec<Value> = Vec::new();
    for volume in spec.volumes.iter().flatten() {
        if let Some(reference) = volume.image.as_ref().and_then(|one| one.reference.as_ref()) {
            let policy = volume.image.as_ref().and_then(|one| one.pull_policy.clone());
            let mut fields = Map::from_iter([("reference".to_owned(), json!(image(reference)))]);
            fields.extend(policy.map(|policy| ("pullPolicy".to_owned(), json!(policy))));
            volumes.push(json!({"name": volume.name, "image": fields}));
        }
    }
    let mut reduced = Map::new();
    if !init.is_empty() {
        reduced.insert("initContainers".to_owned(), Value::Array(init));
    }
    reduced.insert("containers".to_owned(), Value::Array(containers));
    if !volumes.is_empty() {
        reduced.insert("volumes".to_owned(), Value::Array(volumes));
    }
    let secrets: Vec<Value> = spec
        .image_pull_secrets
        .iter()
        .flatten()
        .map(|secret| json!({"name": secret.name}))
        .collect();
    if !secrets.is_empty() {
        reduced.insert("imagePullSecrets".to_owned(), Value::Array(secrets));
    }
    let account = spec.service_account_name.filter(|name| name != "default");
    for (key, value) in [
        ("serviceAccountName", account),
        ("restartPolicy", spec.restart_policy.filter(|policy| policy != "Always")),
    ] {
        reduced.extend(value.map(|value| (key.to_owned(), json!(value))));
    }
    if let Some(class) = spec.runtime_class_name {
        notes.push(format!("the runtime class {class} is left out: a node here has only its own"));
    }
    let name = pod.metadata.name.clone().unwrap_or_default();
    let pod = json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name},
        "spec": reduced,
    });
    Reduced { pod, notes }
}

fn container(one: &Container, of_images: &[&str], image: &mut impl FnMut(&str) -> String) -> Value {
    let mut fields =
        fields(&one.name, one.image.as_deref(), one.image_pull_policy.as_deref(), image);
    // An image that is not mounted is not pulled.
    let mounts = one.volume_mounts.iter().flatten();
    let mounts = mounts.filter(|mount| of_images.contains(&mount.name.as_str()));
    let mounts: Vec<Value> =
        mounts.map(|mount| json!({"name": mount.name, "mountPath": mount.mount_path})).collect();
    if !mounts.is_empty() {
        fields.insert("volumeMounts".to_owned(), Value::Array(mounts));
    }
    let restarts = one.restart_policy.clone();
    fields.extend(restarts.map(|policy| ("restartPolicy".to_owned(), json!(policy))));
    Value::Object(fields)
}

fn ephemeral(one: &EphemeralContainer, image: &mut impl FnMut(&str) -> String) -> Value {
    let policy = one.image_pull_policy.as_deref();
    Value::Object(fields(&one.name, one.image.as_deref(), policy, image))
}

fn fields(
    name: &str,
    reference: Option<&str>,
    policy: Option<&str>,
    image: &mut impl FnMut(&str) -> String,
) -> Map<String, Value> {
    let mut fields = Map::from_iter([("name".to_owned(), json!(name))]);
    fields.extend(reference.map(|reference| ("image".to_owned(), json!(image(reference)))));
    fields.extend(policy.map(|policy| ("imagePullPolicy".to_owned(), json!(policy))));
    fields
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_pull_depends_on_is_kept() {
        let pod: Pod = serde_saphyr::from_str(
            "metadata: {name: web, namespace: shop, uid: u, labels: {team: secret}, annotations: {a: b}}
spec:
  nodeName: worker-7
  serviceAccountName: web
  restartPolicy: Never
  runtimeClassName: gvisor
  imagePullSecrets: [{name: regcred}]
  initContainers:
  - {name: done, image: registry.example/done:v1}
  - {name: sidecar, image: registry.example/sidecar:v1, restartPolicy: Always}
  containers:
  - {name: web, image: registry.example/web:v1, imagePullPolicy: Always, env: [{name: A, value: s3cret}]}
  volumes:
  - {name: data, image: {reference: registry.example/data:v1, pullPolicy: IfNotPresent}}
  - {name: other, secret: {secretName: tls}}
status:
  initContainerStatuses:
  - {name: done, image: '', imageID: '', ready: true, restartCount: 0, state: {terminated: {exitCode: 0}}}
",
        )
        .unwrap();
        let mut images = Vec::new();
        let reduced = reduce(&pod, |image| {
            images.push(image.to_owned());
            image.replace("registry.example", "other.example")
        });
        assert_eq!(
            reduced.pod["spec"],
            json!({
                "initContainers": [
                    {"name": "sidecar", "image": "other.example/sidecar:v1", "restartPolicy": "Always"}
                ],
                "containers": [
                    {"name": "web", "image": "other.example/web:v1", "imagePullPolicy": "Always"}
                ],
                "volumes": [
                    {
                        "name": "data",
                        "image": {"reference": "other.example/data:v1", "pullPolicy": "IfNotPresent"}
                    }
                ],
                "imagePullSecrets": [{"name": "regcred"}],
                "serviceAccountName": "web",
                "restartPolicy": "Never",
            })
        );
        assert_eq!(reduced.pod["metadata"], json!({"name": "web"}));
        assert_eq!(images.len(), 3);
        assert_eq!(reduced.notes.len(), 2, "{:?}", reduced.notes);
    }
}
