#!/bin/bash
# The last part of a node image, run inside a container of it: what needs the node's own containerd.
# The commands and /kind/images.tar are in place already.
set -euo pipefail

pause=$(grep /pause: /kind/images)
sed -i "s#sandbox_image = .*#sandbox_image = \"$pause\"#" /etc/containerd/config.toml
# As in kind's base image, but without the hook that hides the host's product id from containers: a
# shell, jq and mounts for each of them, and no image of a case looks.
ctr oci spec | jq 'del(.process.rlimits)' >/etc/containerd/cri-base.json

containerd >/tmp/containerd.log 2>&1 &
for _ in $(seq 100); do
  if ctr version >/dev/null 2>&1; then break; fi
  sleep 0.1
done
ctr -n k8s.io images import --label io.cri-containerd.pinned=pinned --all-platforms --no-unpack --digests \
  /kind/images.tar || { cat /tmp/containerd.log; exit 1; }
kill %1
wait || true
rm -rf /kind/images /kind/images.tar /kind/assemble.sh /tmp/containerd.log
