# shellcheck shell=bash
# The keyring of a kubelet, built as a command from scripts/keyring.

# build_keyring VERSION: the command's file, built if it is not there, with the modules and the
# release of Go that Kubernetes itself names for VERSION: which keys are URLs depends on both.
build_keyring() {
  local version=$1 staging=v0.${1#v1.} folder=$root/target/keyring/$1 source
  cmp -s "$root/scripts/keyring/main.go" "$folder/main.go" && printf '%s' "$folder/keyring" && return
  source=$(module_source k8s.io/kubernetes "$version")
  rm -rf "$folder"
  mkdir -p "$folder"
  {
    sed -E "s#^module .*#module keyring#; s#(k8s\.io/[a-z0-9.-]+) => \./staging/.*#\1 => \1 $staging#" "$source/go.mod"
    echo "require k8s.io/kubernetes $version"
  } >"$folder/go.mod"
  cat "$source/go.sum" >"$folder/go.sum"
  cp "$root/scripts/keyring/main.go" "$folder/building.go"
  GOTOOLCHAIN=go$(cat "$source/.go-version") GOFLAGS=$go_flags GOWORK=off CGO_ENABLED=0 \
    go build -C "$folder" -o keyring . >&2
  mv "$folder/building.go" "$folder/main.go"
  printf '%s' "$folder/keyring"
}
