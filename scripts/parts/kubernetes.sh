# shellcheck shell=bash
# Kubernetes' own commands from source, for a node image.

# What the build of one minor takes at its peak; a third of it stays.
readonly kubernetes_megabytes=5000

# build_kubernetes MINOR: sets `located` to a folder with kubelet, kubeadm, kubectl, the control
# plane, the pause command and, in `images`, the names that kubeadm expects of the control plane's images.
build_kubernetes() {
  local minor=$1 version
  version=$(version "kubernetes $minor" source)
  # What Go compiles for one minor is 3 GB that no other minor can use: a cache of its own, which
  # goes when the build is complete and serves to continue one that was interrupted.
  local -x GOCACHE=$cache/go-build
  build "build Kubernetes $version" "$kubernetes_megabytes" kubernetes "$version" kubernetes_recipe
  rm -rf "$GOCACHE"
}

# kubernetes_recipe OUT VERSION: the staging modules of v1.37.2 are published as v0.37.2.
kubernetes_recipe() {
  local out=$1 version=$2 staging=v0.${2#v1.} minor stamp='' package source
  minor=${version#v1.}
  minor=${minor%%.*}
  for package in k8s.io/component-base/version k8s.io/client-go/pkg/version; do
    stamp+=" -X $package.gitVersion=$version -X $package.gitMajor=1 -X $package.gitMinor=$minor -X $package.gitTreeState=clean"
  done
  CGO_ENABLED=0 go_build "$out" k8s.io/kubernetes "$version" \
    "s#(k8s\.io/[a-z0-9.-]+) => \./staging/.*#\1 => \1 $staging#" "$stamp" \
    ./cmd/kubelet ./cmd/kubeadm ./cmd/kubectl ./cmd/kube-apiserver ./cmd/kube-controller-manager ./cmd/kube-scheduler
  source=$(module_source k8s.io/kubernetes "$version")
  cc -Os -static -DVERSION="$version" -o "$out/pause" "$source/build/pause/linux/pause.c"
  "$out/kubeadm" config images list --kubernetes-version "$version" >"$out/images"
}
