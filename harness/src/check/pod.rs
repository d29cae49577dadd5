//! What of a pod template reaches the API server.

use pullproof_manifests::{ContainerKind, PodTemplate};
use serde_json::{Value, json};

/// A container of the template, by its place, and the image of the pod's.
pub(super) type Image = (usize, String);

/// Returns a pod with these containers of a template. Of the template it has the service account, the pull
/// secrets as they are written, and the pull policies: nothing else decides about a pull, and nothing else of
/// a manifest is applied.
///
/// Init containers are such in a pod as it is `written`; otherwise all containers are ordinary ones, none of
/// which waits for another. Ephemeral containers and image volumes always are: the kubelet pulls the images
/// of all in the same way (`EnsureImageExists` in `pkg/kubelet/images/image_manager.go`).
pub(super) fn of(template: &PodTemplate, name: &str, images: &[Image], written: bool) -> Value {
    let (mut init, mut plain) = (Vec::new(), Vec::new());
    for (place, image) in images {
        let container = &template.containers[*place];
        let mut object = json!({"name": container_name(*place), "image": image});
        if let Some(policy) = &container.policy {
            object["imagePullPolicy"] = json!(policy);
        }
        match container.kind {
            // With an argument, the program of an image ends at once.
            ContainerKind::Init if written => {
                object["args"] = json!(["done"]);
                init.push(object);
            }
            ContainerKind::Sidecar if written => {
                object["restartPolicy"] = json!("Always");
                init.push(object);
            }
            _ => plain.push(object),
        }
    }
    let mut spec = json!({
        "automountServiceAccountToken": false,
        "enableServiceLinks": false,
        "terminationGracePeriodSeconds": 1,
        "initContainers": init,
        "containers": plain,
    });
    if let Some(account) = &template.service_account {
        spec["serviceAccountName"] = json!(account.name);
    }
    if let Some(secrets) = &template.written {
        spec["imagePullSecrets"] = secrets.clone();
    }
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec})
}

/// Returns the name of the pod's container that is made of the template's: theirs need not be one.
pub(super) fn container_name(place: usize) -> String {
    format!("container-{place}")
}

/// Whether a container keeps those after it from being started until it has run or runs.
pub(super) fn blocks(kind: ContainerKind) -> bool {
    matches!(kind, ContainerKind::Init | ContainerKind::Sidecar)
}

#[cfg(test)]
mod tests {
    use pullproof_manifests::{Manifests, Source};

    use super::*;

    const TEXT: &str = "\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, annotations: {a: b}}
spec:
  template:
    metadata: {labels: {app: web}}
    spec:
      hostNetwork: true
      nodeSelector: {gpu: 'true'}
      serviceAccountName: web
      imagePullSecrets: [regcred]
      initContainers:
      - {name: Init, image: a, command: [rm, -rf, /], securityContext: {privileged: true}}
      - {name: proxy, image: b, restartPolicy: Always}
      containers:
      - {name: web, image: c, imagePullPolicy: Always, resources: {limits: {cpu: 99}}, env: [{name: A, value: b}]}
      volumes:
      - {name: host, hostPath: {path: /}}
";

    #[test]
    fn nothing_but_what_decides_about_a_pull_is_applied() {
        let manifests = Manifests::read([Source::named("-", TEXT)], "default").unwrap();
        let images = [(0, "x".to_owned()), (1, "y".to_owned()), (2, "z".to_owned())];
        let pod = of(&manifests.templates[0], "pod-0", &images, true);
        let expected = json!({
            "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "pod-0"},
            "spec": {
                "automountServiceAccountToken": false, "enableServiceLinks": false,
                "terminationGracePeriodSeconds": 1,
                "serviceAccountName": "web", "imagePullSecrets": ["regcred"],
                "initContainers": [
                    {"name": "container-0", "image": "x", "args": ["done"]},
                    {"name": "container-1", "image": "y", "restartPolicy": "Always"},
                ],
                "containers": [{"name": "container-2", "image": "z", "imagePullPolicy": "Always"}],
            },
        });
        assert_eq!(pod, expected);
        let plain = of(&manifests.templates[0], "pod-0", &images[..1], false);
        assert_eq!(plain["spec"]["containers"][0], json!({"name": "container-0", "image": "x"}));
    }
}
