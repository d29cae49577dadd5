# shellcheck shell=bash
# The registry's image: registry:3 by digest, or the same server from source.
# Both start `registry serve /etc/distribution/config.yml` and listen on 5000.

readonly registry_name=registry:3

registry_key() {
  fingerprint "$(version registry source)" "$go_flags" \
    "$(declare -f registry_recipe load_registry image_archive_add image_layer)"
}

registry_image_is_ready() { image_is_current "$registry_name" "$(registry_key)" "$(published_digest registry)"; }

ensure_registry_image() {
  local version
  registry_image_is_ready && return
  pull_image "$registry_name" registry && return
  version=$(version registry source)
  require_go
  require_package jq jq
  build "build the registry $version" 1000 registry "$version" registry_recipe
  step "load the registry's image" load_registry "$registry_name" "$located" "$(registry_key)"
}

# registry_recipe OUT VERSION: upstream's own command without the storage of the clouds, whose
# modules would take a gigabyte.
registry_recipe() {
  local module=github.com/distribution/distribution/v3 source
  source=$(module_source "$module" "$2")
  mkdir "$scratch/registry"
  sed -E '/storage\/driver\/(azure|gcs|s3-aws|middleware)/d' "$source/cmd/registry/main.go" >"$scratch/registry/main.go"
  sed 's#^module .*#module registry#' "$source/go.mod" >"$scratch/registry/go.mod"
  cat "$source/go.sum" >"$scratch/registry/go.sum"
  cd "$scratch/registry"
  export CGO_ENABLED=0 GOFLAGS=$go_flags GOWORK=off
  go mod edit -require "$module@$2"
  go build -ldflags "-s -w -X $module/version.version=$2" -o "$1/registry" .
}

# load_registry NAME BUILD KEY
load_registry() {
  local tree=$scratch/registry archive=$scratch/registry-archive config
  mkdir -p "$tree/bin" "$tree/etc/distribution" "$tree/tmp"
  chmod 1777 "$tree/tmp"
  cp "$2/registry" "$tree/bin/"
  cat >"$tree/etc/distribution/config.yml" <<'CONFIG'
version: 0.1
storage:
  inmemory: {}
http:
  addr: :5000
CONFIG
  image_layer "$tree" >"$scratch/layer"
  config=$(jq -cn --arg key_label "$key_label" --arg key "$3" '{
    Entrypoint: ["/bin/registry", "serve"], Cmd: ["/etc/distribution/config.yml"],
    ExposedPorts: {"5000/tcp": {}}, Labels: {($key_label): $key}}')
  image_archive_add "$archive" "$image_prefix/$1" "$scratch/layer" "$config"
  tar -C "$archive" -cf - . | docker load
}
