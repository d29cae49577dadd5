//! kind, through its own command.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    time::Duration,
};

use serde_json::{Value, json};

use crate::{error::EnvironmentError, process::Call};

use super::{Engine, owner::mark};

/// The label by which a node image says that it contains neither CoreDNS nor kube-proxy.
const ADDONS_LABEL: &str = "dev.pullproof.addons";

/// Flags of kubeadm's words.
type Flags<'a> = &'a [(&'a str, &'a str)];

/// What a cluster's configuration depends on.
///
/// Nothing is added for a condition that is not met: where all are false, the cluster is kind's own
/// but for the pull settings, which let cases run side by side, the haste of its control plane, and a
/// mount by which its owner is known.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KindConfig {
    /// The state folder whose locks guard the cluster.
    pub owner: String,
    /// Nodes see cgroup v1, which Kubernetes 1.35 and later refuse unless told otherwise.
    pub cgroup_v1: bool,
    /// CAP_SYS_RESOURCE is missing, so containerd cannot lower an OOM score.
    pub without_sys_resource: bool,
    /// The image contains neither CoreDNS nor kube-proxy; pulling needs neither.
    pub without_addons: bool,
}

impl KindConfig {
    /// What an engine and an image ask for.
    pub(super) fn new(owner: &str, engine: &Engine, image: &super::engine::Image) -> Self {
        Self {
            owner: owner.to_owned(),
            cgroup_v1: engine.cgroup_v1,
            without_sys_resource: engine.without_sys_resource,
            without_addons: image.labels.get(ADDONS_LABEL).is_some_and(|addons| addons == "none"),
        }
    }

    /// The configuration as kind reads it.
    ///
    /// The controller manager neither waits for a lease that nobody else wants nor for its own rate
    /// limit of 20 requests a second: with both a new node keeps its not-ready taint for 5 s after
    /// kind has ended. etcd does not wait for the disk: nothing of the cluster has to survive a power
    /// cut, and a pod's status took up to 100 ms longer.
    ///
    /// The kubelet pulls in parallel and without a rate limit: its default of 5 pulls a second makes
    /// an ErrImagePull of its own, "pull QPS exceeded" (pkg/kubelet/images/puller.go). Its events are
    /// hardly rationed: with many pods they came ten seconds after the status they explain. A QPS of 0,
    /// documented as no limit, gave 1.34 client-go's default of 5.
    pub fn render(&self) -> String {
        let mut yaml = String::from("kind: Cluster\napiVersion: kind.x-k8s.io/v1alpha4\n");
        if self.without_addons {
            yaml.push_str("networking:\n  kubeProxyMode: none\n  podSubnet: 10.244.0.0/16\n");
        }
        yaml.push_str("containerdConfigPatches:\n- |-\n");
        yaml.push_str("  [plugins.\"io.containerd.grpc.v1.cri\".registry]\n");
        yaml.push_str("    config_path = \"/etc/containerd/certs.d\"\n");
        if self.without_sys_resource {
            yaml.push_str("- |-\n  [plugins.\"io.containerd.grpc.v1.cri\"]\n");
            yaml.push_str("    restrict_oom_score_adj = true\n");
        }
        yaml.push_str("kubeadmConfigPatches:\n- |\n  kind: KubeletConfiguration\n");
        yaml.push_str("  serializeImagePulls: false\n  registryPullQPS: 0\n  eventRecordQPS: 1000\n  eventBurst: 1000\n");
        if self.cgroup_v1 {
            // Known since 1.31; older kubelets ignore it with a warning.
            yaml.push_str("  failCgroupV1: false\n");
        }
        // kind applies the form that its Kubernetes reads, v1beta4 from 1.36 on
        // (pkg/cluster/internal/kubeadm/config.go).
        let listed = |flags: Flags<'_>| {
            flags.iter().map(|(name, value)| json!({"name": name, "value": value})).collect()
        };
        yaml.push_str(&control_plane("v1beta3", |flags| flags.iter().copied().collect()));
        yaml.push_str(&control_plane("v1beta4", listed));
        if self.without_addons {
            // skipPhases replaces kind's own list, which is "preflight".
            yaml.push_str("- |\n  kind: InitConfiguration\n");
            yaml.push_str("  skipPhases: [preflight, addon/coredns, addon/kube-proxy]\n");
        }
        yaml.push_str("nodes:\n- role: control-plane\n  extraMounts:\n");
        let mark = mark(&self.owner);
        yaml.push_str(&format!("  - {{hostPath: /dev/null, containerPath: {mark}}}\n"));
        yaml
    }
}

/// The patch that hastens the control plane, for a version of kubeadm's configuration and the form that
/// flags have in it.
fn control_plane(version: &str, flags: impl Fn(Flags<'_>) -> Value) -> String {
    let alone = ("leader-elect", "false");
    let patch = json!({
        "kind": "ClusterConfiguration",
        "apiVersion": format!("kubeadm.k8s.io/{version}"),
        "controllerManager": {
            "extraArgs": flags(&[alone, ("kube-api-qps", "200"), ("kube-api-burst", "400")]),
        },
        "scheduler": {"extraArgs": flags(&[alone])},
        "etcd": {"local": {"extraArgs": flags(&[("unsafe-no-fsync", "true")])}},
    });
    format!("- |\n  {patch}\n")
}

/// The kind command, for one cluster.
#[derive(Debug, Clone)]
pub(super) struct Kind {
    pub program: PathBuf,
    pub cluster: String,
    pub kubeconfig: PathBuf,
    /// Where its output goes.
    pub log: PathBuf,
}

impl Kind {
    /// Creates the cluster. Nothing is deleted when that fails: the nodes hold the reasons.
    pub async fn create(
        &self,
        image: &str,
        config: &KindConfig,
        started: impl FnOnce(u32),
    ) -> Result<(), EnvironmentError> {
        let call = self
            .call()
            .args(["create", "cluster", "--retain", "--config", "-", "--image", image])
            .stdin(config.render());
        self.logged("create cluster", call, started).await
    }

    /// Collects the logs of the nodes into a folder.
    pub async fn export_logs(&self, into: &Path) -> Result<(), EnvironmentError> {
        let call = Call::new(&self.program)
            .args(["export", "logs", "--name", &self.cluster])
            .arg(into)
            .limit(Duration::from_secs(120));
        self.logged("export logs", call, |_| {}).await
    }

    /// Deletes the cluster; one that is not there is no error.
    pub async fn delete(&self) -> Result<(), EnvironmentError> {
        let call = self.call().args(["delete", "cluster"]);
        self.logged("delete cluster", call, |_| {}).await
    }

    fn call(&self) -> Call {
        Call::new(&self.program)
            .env("KIND_CLUSTER_NAME", &self.cluster)
            .env("KUBECONFIG", &self.kubeconfig)
            .limit(Duration::from_secs(600))
    }

    async fn logged(
        &self,
        what: &str,
        call: Call,
        started: impl FnOnce(u32),
    ) -> Result<(), EnvironmentError> {
        let other = || EnvironmentError::other(format!("`kind {what}` could not be run"));
        let log = File::options()
            .create(true)
            .append(true)
            .open(&self.log)
            .map_err(|error| other()(error.into()))?;
        let from = log.metadata().map_or(0, |meta| meta.len());
        match call.log_to(log, started).await.map_err(|error| other()(error.into()))? {
            0 => Ok(()),
            status => Err(EnvironmentError::Kind {
                what: what.to_owned(),
                status: format!("status {status}"),
                log: self.log.display().to_string(),
                tail: tail(&self.log, from),
            }),
        }
    }
}

/// The last lines a log has gained since it had `from` bytes.
fn tail(log: &Path, from: u64) -> String {
    const LINES: usize = 25;
    let text = fs::read(log).unwrap_or_default();
    let from = usize::try_from(from).unwrap_or(0).min(text.len());
    let text = String::from_utf8_lossy(&text[from..]);
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(LINES)..]
        .iter()
        .map(|line| format!("  | {line}\n"))
        .collect::<String>()
        .trim_end()
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_machine_gets_only_the_pull_settings() {
        let yaml = KindConfig { owner: "abc".to_owned(), ..KindConfig::default() }.render();
        for word in ["failCgroupV1", "restrict_oom_score_adj", "skipPhases", "networking"] {
            assert!(!yaml.contains(word), "{word} in\n{yaml}");
        }
        let config: serde_json::Value = serde_saphyr::from_str(&yaml).unwrap();
        assert_eq!(config["kind"], "Cluster");
        let node = &config["nodes"][0];
        assert_eq!(node["role"], "control-plane");
        assert_eq!(node["extraMounts"][0]["containerPath"], mark("abc"));
    }

    #[test]
    fn each_condition_adds_its_own_setting() {
        let all = KindConfig {
            owner: "abc".to_owned(),
            cgroup_v1: true,
            without_sys_resource: true,
            without_addons: true,
        };
        let config: serde_json::Value = serde_saphyr::from_str(&all.render()).unwrap();
        let kubelet = config["kubeadmConfigPatches"][0].as_str().unwrap();
        assert!(kubelet.contains("failCgroupV1: false"), "{kubelet}");
        let init = config["kubeadmConfigPatches"][3].as_str().unwrap();
        assert!(init.contains("preflight") && init.contains("addon/kube-proxy"), "{init}");
        let oom = config["containerdConfigPatches"][1].as_str().unwrap();
        assert!(oom.contains("restrict_oom_score_adj = true"), "{oom}");
    }

    #[test]
    fn the_control_plane_is_hastened_in_both_forms() {
        let config: Value = serde_saphyr::from_str(&KindConfig::default().render()).unwrap();
        let patch = |at: usize| -> Value {
            serde_saphyr::from_str(config["kubeadmConfigPatches"][at].as_str().unwrap()).unwrap()
        };
        let (mapped, listed) = (patch(1), patch(2));
        assert_eq!(mapped["apiVersion"], "kubeadm.k8s.io/v1beta3");
        assert_eq!(mapped["controllerManager"]["extraArgs"]["kube-api-qps"], "200");
        assert_eq!(listed["apiVersion"], "kubeadm.k8s.io/v1beta4");
        let flag = json!({"name": "unsafe-no-fsync", "value": "true"});
        assert_eq!(listed["etcd"]["local"]["extraArgs"], json!([flag]));
    }
}
