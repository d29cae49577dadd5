# shellcheck shell=bash
# The commands that the harness runs: kind of the pinned version, and kubectl of each node image.

# ensure_kind: the pinned kind as bin/kind: one that is installed, one that Go builds, or the release.
ensure_kind() {
  local version target
  kind_is_ready && return
  version=$(version kind version)
  target=$cache/bin/kind-$version
  if [ ! -x "$target" ]; then
    if command -v go >/dev/null && command -v jq >/dev/null; then
      build "build kind $version" 500 kind "$version" kind_recipe
      cp "$located/kind" "$target.next"
      mv "$target.next" "$target"
    elif [[ "$(kind version 2>/dev/null)" == "kind $version "* ]]; then
      ln -sf "$(command -v kind)" "$target"
    else
      attempt "download kind $version" download_kind "$version" "$target"
      [ "$step_status" -eq 0 ] || die "$exit_environment" "no kind $version: $(tail -n 1 "$step_log")" \
        "install kind $version, or Go and jq, with which this builds it"
    fi
  fi
  ln -sf "kind-$version" "$cache/bin/kind"
}

kind_is_ready() { [ -x "$cache/bin/kind" ] && [ "$(readlink "$cache/bin/kind")" = "kind-$(version kind version)" ]; }

kind_recipe() { CGO_ENABLED=0 go_build "$1" sigs.k8s.io/kind "$2" '' '' .; }

# download_kind VERSION TARGET: the release, if it has the checksum of versions.toml. Where that has none,
# the one published beside it says only that the download is whole.
download_kind() {
  local wanted file url partial=$2.next
  file=kind-$(uname -s | tr '[:upper:]' '[:lower:]')-$(go_architecture)
  url=https://github.com/kubernetes-sigs/kind/releases/download/$1/$file
  curl -fsSL -o "$partial" "$url"
  wanted=$(version kind "sha256-${file#kind-}")
  if [ -z "$wanted" ]; then
    echo "versions.toml has no sha256-${file#kind-}: only $url.sha256sum says what $file has to be"
    wanted=$(curl -fsSL "$url.sha256sum" | cut -d ' ' -f 1)
  fi
  [ "$(sha256 <"$partial" | cut -d ' ' -f 1)" = "$wanted" ] || { echo "$url: checksum differs"; return 1; }
  chmod 755 "$partial"
  mv "$partial" "$2"
}

# ensure_kubectl MINOR: the kubectl of the node image, so that client and server are of one patch.
ensure_kubectl() {
  local minor=$1 target=$cache/bin/kubectl-$1
  kubectl_is_ready "$minor" && return
  if [ "$(uname -s)" != Linux ]; then
    adopt_kubectl "$minor" "$target"
    return
  fi
  step "take kubectl out of the node image of Kubernetes $minor" copy_kubectl "$minor" "$target"
  image_id "node:$minor" >"$target.image"
}

# kubectl_is_ready MINOR: beside the command stands the id of the image that it was taken from.
kubectl_is_ready() {
  local target=$cache/bin/kubectl-$1
  [ -x "$target" ] && { [ -L "$target" ] || [ "$(cat "$target.image" 2>/dev/null)" = "$(image_id "node:$1")" ]; }
}

copy_kubectl() {
  local box="$box_prefix-$$"
  docker create --name "$box" --network none "$image_prefix/node:$1"
  docker cp "$box:/usr/bin/kubectl" "$2.next"
  docker rm -v "$box"
  mv "$2.next" "$2"
}

# adopt_kubectl MINOR TARGET: elsewhere than on Linux the node's kubectl does not run; one minor
# older or newer than the server is what Kubernetes supports.
adopt_kubectl() {
  local installed
  installed=$(kubectl version --client 2>/dev/null | sed -n 's/^Client Version: v1\.\([0-9]*\)\..*/\1/p')
  case $((${installed:-0} - ${1#1.})) in
    -1 | 0 | 1) ;;
    *)
      die "$exit_environment" "Kubernetes $1 needs a kubectl of $1, or one minor beside it" \
        "install it: https://kubernetes.io/docs/tasks/tools"
      ;;
  esac
  ln -sf "$(command -v kubectl)" "$2"
}
