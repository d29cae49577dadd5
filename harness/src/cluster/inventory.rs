//! What is on a node: the part of it that a case may change.

use std::collections::BTreeSet;

use super::Node;

/// Prints a line for each image, for each of the kubelet's records of images (KEP-2535), and for each
/// file and folder by which containerd, the kubelet and systemd are set, with a digest of its content.
const SCRIPT: &str = r#"ctr -n k8s.io images ls -q 2>/dev/null | sed 's/^/image /'
cd /
find var/lib/kubelet/image_manager -type f -printf 'record %f\n' 2>/dev/null
for place in etc/containerd etc/pullproof etc/kubernetes etc/systemd/system etc/default etc/docker \
  var/lib/kubelet/config.json var/lib/kubelet/config.yaml var/lib/kubelet/kubeadm-flags.env \
  var/lib/kubelet/.docker var/lib/kubelet/.dockercfg root/.docker root/.dockercfg var/tmp; do
  [ -e "$place" ] || continue
  find "$place" -type d -not -name 'systemd-private-*' -not -path '*/systemd-private-*' -printf 'folder /%p\n'
  find "$place" -type f -not -path '*/systemd-private-*' -exec sha256sum {} + |
    sed 's|^\([0-9a-f]*\)  |file \1 /|'
done"#;

impl Node {
    /// Returns what is on the node, one line each, to be compared with what was there before.
    ///
    /// # Errors
    /// As [`Node::shell`].
    pub async fn inventory(&self) -> anyhow::Result<BTreeSet<String>> {
        let lines = self.shell(SCRIPT).await?;
        Ok(lines.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect())
    }
}
