# shellcheck shell=bash
# The other commands of a node image from source: containerd, runc, CNI plugins, crictl and etcd.

# build_containerd MINOR: sets `located` to a folder with containerd, its shim and ctr.
build_containerd() {
  local version
  version=$(version containerd "$1")
  build "build containerd $version" 1500 containerd "$version" containerd_recipe
}

# The snapshotters left out are those kind leaves out.
containerd_recipe() {
  local out=$1 version=$2 module=github.com/containerd/containerd
  case $version in v1.*) ;; *) module+=/v2 ;; esac
  CGO_ENABLED=0 go_build "$out" "$module" "$version" '' "-X $module/version.Version=$version" \
    -tags 'no_aufs no_btrfs no_devmapper no_zfs' ./cmd/containerd ./cmd/containerd-shim-runc-v2 ./cmd/ctr
}

build_runc() { build "build runc $(version runc version)" 300 runc "$(version runc version)" runc_recipe; }

# Static, as upstream's releases, so that it fits any base.
runc_recipe() {
  CGO_ENABLED=1 go_build "$1" github.com/opencontainers/runc "$2" '' "-extldflags -static" \
    -tags 'seccomp netgo osusergo' .
}

build_cni_plugins() {
  build "build CNI plugins $(version cni-plugins version)" 300 cni-plugins "$(version cni-plugins version)" cni_plugins_recipe
}

cni_plugins_recipe() {
  CGO_ENABLED=0 go_build "$1" github.com/containernetworking/plugins "$2" '' '' \
    ./plugins/main/loopback ./plugins/main/ptp ./plugins/ipam/host-local
}

build_crictl() { build "build crictl $(version cri-tools version)" 500 crictl "$(version cri-tools version)" crictl_recipe; }

crictl_recipe() {
  local module=sigs.k8s.io/cri-tools
  CGO_ENABLED=0 go_build "$1" "$module" "$2" '' "-X $module/pkg/version.Version=$2" ./cmd/crictl
}

build_etcd() { build "build etcd $(version etcd version)" 700 etcd "$(version etcd version)" etcd_recipe; }

etcd_recipe() {
  CGO_ENABLED=0 go_build "$1" go.etcd.io/etcd/server/v3 "$2" \
    "s#(go\.etcd\.io/etcd/[a-z0-9/]+) => \.\./.*#\1 => \1 $2#; /FORBIDDEN_DEPENDENCY/d" '' -o "$1/etcd" .
}
