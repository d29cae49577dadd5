# shellcheck shell=bash
# Node images: kind's published one by digest or one from source, and either with another containerd.

# What kind's own base image installs less its network file systems, and what minbase lacks beside
# the Debian image that kind starts from.
readonly node_packages=systemd,systemd-sysv,dbus,conntrack,iptables,nftables,iproute2,ethtool,util-linux,mount,kmod,libseccomp2,pigz,e2fsprogs,bash,ca-certificates,curl,jq,procps,socat,hostname

# The engine's disk: a base of 0.3 GB, and 1 GB for each image while it is put together.
readonly node_image_megabytes=2500

node_image_is_ready() { image_is_current "node:$1" "$(node_key "$1")" "$(published_digest "kubernetes $1")"; }

# ensure_node_image MINOR
ensure_node_image() {
  node_image_is_ready "$1" && return
  pull_image "node:$1" "kubernetes $1" && return
  build_node_image "$1"
}

# node_key MINOR: the key of the image from source: all that goes into it, and how.
node_key() {
  local kubernetes="kubernetes $1"
  fingerprint "$(version "$kubernetes" source)" \
    "$(version containerd "$(version "$kubernetes" containerd)")" \
    "$(version runc version) $(version cni-plugins version) $(version cri-tools version) $(version etcd version)" \
    "$(version debian suite) $(version kind version) $node_packages $go_flags" \
    "$(declare -f go_build kubernetes_recipe containerd_recipe runc_recipe cni_plugins_recipe crictl_recipe etcd_recipe)" \
    "$(declare -f node_base_recipe node_image_recipe image_archive_add image_layer)" \
    "$(cat "$root"/scripts/node/*)"
}

# build_node_image MINOR
build_node_image() {
  local minor=$1 kubernetes containerd runc cni crictl etcd
  require_source_tools
  build_kubernetes "$minor"
  kubernetes=$located
  build_containerd "$(version "kubernetes $minor" containerd)"
  containerd=$located
  build_runc
  runc=$located
  build_cni_plugins
  cni=$located
  build_crictl
  crictl=$located
  build_etcd
  etcd=$located
  ensure_node_base
  require_space "the node image of Kubernetes $minor" "$node_image_megabytes" "$(engine_folder)"
  step "assemble the node image of Kubernetes $minor" node_image_recipe \
    "node:$minor" "$(node_key "$minor")" "$(version "kubernetes $minor" source)" "$kubernetes" "$containerd" "$runc" "$cni" "$crictl" "$etcd"
}

# require_source_tools: what building from source uses, named before the first long step.
require_source_tools() {
  [ "$(uname -s)" = Linux ] || die "$exit_environment" "node images are built from source on Linux only" \
    "make Docker Hub reachable for the engine, or run this on Linux"
  require_go
  require_package jq jq
  require_package cc gcc
  require_package /usr/include/seccomp.h libseccomp-dev
  require_package mmdebstrap mmdebstrap
  require_package /usr/share/keyrings/debian-archive-keyring.gpg debian-archive-keyring
}

# engine_folder: where the engine keeps images, or / if that is on another machine.
engine_folder() { docker info --format '{{.DockerRootDir}}'; }

# ensure_node_base: the image below every node image from source.
ensure_node_base() {
  local name key
  name=node-base:$(version debian suite)
  build "build the node base, Debian $(version debian suite)" 600 node-base "$(version debian suite)" node_base_recipe \
    "$node_packages" "$(version kind version)" "$(cat "$root/scripts/node/base.sh")"
  key=${located##*/}
  image_is_current "$name" "$key" && return
  step "load the node base" load_node_base "$name" "$located/root.tar" "$key"
}

# node_base_recipe OUT SUITE PACKAGES KIND_VERSION
node_base_recipe() {
  KIND_BASE=$(module_source sigs.k8s.io/kind "$4")/images/base \
    mmdebstrap --variant=minbase --include="$3" --dpkgopt=force-unsafe-io \
    --customize-hook="$root/scripts/node/base.sh" "$2" "$1/root.tar"
}

# load_node_base NAME LAYER KEY
load_node_base() {
  local archive=$scratch/node-base
  mkdir "$archive"
  ln "$2" "$scratch/layer" 2>/dev/null || cp "$2" "$scratch/layer"
  # systemd asks for the variable, and ends on this signal.
  image_archive_add "$archive" "$image_prefix/$1" "$scratch/layer" '{
    "Env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "container=docker"],
    "Entrypoint": ["/usr/local/bin/entrypoint", "/sbin/init"],
    "StopSignal": "SIGRTMIN+3",
    "Labels": {"'"$key_label"'": "'"$3"'"}}'
  tar -C "$archive" -cf - . | docker load
}

# node_image_recipe NAME KEY VERSION KUBERNETES CONTAINERD RUNC CNI CRICTL ETCD
node_image_recipe() {
  local name=$1 key=$2 version=$3 kubernetes=$4 containerd=$5 runc=$6 cni=$7 crictl=$8 etcd=$9
  local tree=$scratch/tree archive=$scratch/images box="$box_prefix-$$" component
  mkdir -p "$tree/usr/bin" "$tree/usr/local/bin" "$tree/usr/local/sbin" "$tree/opt/cni/bin" "$tree/etc/cni/net.d" "$tree/kind/manifests"
  cp "$kubernetes/kubelet" "$kubernetes/kubeadm" "$kubernetes/kubectl" "$tree/usr/bin/"
  cp "$containerd"/* "$crictl/crictl" "$tree/usr/local/bin/"
  cp "$runc/runc" "$tree/usr/local/sbin/"
  cp "$cni"/* "$tree/opt/cni/bin/"
  cp "$root/scripts/node/ptp.conflist" "$tree/etc/cni/net.d/10-ptp.conflist"
  cp "$root/scripts/node/default-cni.yaml" "$root/scripts/node/default-storage.yaml" "$tree/kind/manifests/"
  cp "$root/scripts/node/assemble.sh" "$kubernetes/images" "$tree/kind/"
  printf '%s' "$version" >"$tree/kind/version"

  for component in kube-apiserver kube-controller-manager kube-scheduler; do
    add_command_image "$archive" "$(grep "/$component:" "$kubernetes/images")" "$kubernetes/$component" /usr/local/bin
  done
  add_command_image "$archive" "$(grep /etcd: "$kubernetes/images")" "$etcd/etcd" /usr/local/bin
  add_command_image "$archive" "$(grep /pause: "$kubernetes/images")" "$kubernetes/pause" /
  tar -C "$archive" -cf "$tree/kind/images.tar" .

  docker create --name "$box" --network none --security-opt seccomp=unconfined --entrypoint /kind/assemble.sh \
    "$image_prefix/node-base:$(version debian suite)"
  image_layer "$tree" | docker cp - "$box:/"
  docker start --attach "$box"
  docker commit --change 'ENTRYPOINT ["/usr/local/bin/entrypoint", "/sbin/init"]' \
    --change "LABEL dev.pullproof.addons=none $key_label=$key dev.pullproof.go=$(go env GOVERSION)" \
    "$box" "$image_prefix/$name"
  docker rm -v "$box"
}

# add_command_image ARCHIVE NAME COMMAND FOLDER: an image of one static command, in FOLDER of the image.
add_command_image() {
  local tree=$scratch/command path=${4%/}/${3##*/}
  mkdir -p "$tree$4"
  cp "$3" "$tree$path"
  image_layer "$tree" >"$scratch/layer"
  rm -r "$tree"
  image_archive_add "$1" "$2" "$scratch/layer" "{\"Entrypoint\": [\"$path\"]}"
}

# variant_key MINOR CONTAINERD
variant_key() {
  fingerprint "$(image_id "node:$1")" "$(version containerd "$2")" "$go_flags" \
    "$(declare -f go_build containerd_recipe variant_recipe)"
}

variant_is_ready() { image_is_current "node:$1-containerd$2" "$(variant_key "$1" "$2")"; }

# ensure_variant MINOR CONTAINERD: the node image of the minor with another containerd in it,
# whichever way that image came.
ensure_variant() {
  local minor=$1 containerd=$2
  variant_is_ready "$minor" "$containerd" && return
  require_go
  require_package jq jq
  build_containerd "$containerd"
  require_space "the node image with containerd $containerd" "$node_image_megabytes" "$(engine_folder)"
  step "put containerd $(version containerd "$containerd") into the node image of Kubernetes $minor" variant_recipe \
    "$image_prefix/node:$minor" "$image_prefix/node:$minor-containerd$containerd" "$(variant_key "$minor" "$containerd")" "$located"
}

# variant_recipe FROM TO KEY CONTAINERD
variant_recipe() {
  local box="$box_prefix-$$"
  docker create --name "$box" --network none "$1"
  image_layer "$4" | docker cp - "$box:/usr/local/bin/"
  docker commit --change "LABEL $key_label=$3" "$box" "$2"
  docker rm -v "$box"
}
