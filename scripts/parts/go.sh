# shellcheck shell=bash
# Building commands out of published Go modules.

# The same for every build: another set would compile the shared packages once more. Debugging
# information is left out: it would take a fifth more of Go's build cache and of the time.
readonly go_flags="-trimpath -buildvcs=false -mod=mod -gcflags=all=-dwarf=false"

# go_collects: GOGC for a build. Collecting garbage takes the compiler a quarter of its processor time (kind
# alone: 69 s with it, 51 s without); without, each of its processes takes up to 0.6 GB.
go_collects() {
  local cores gigabytes
  cores=$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 64)
  gigabytes=$(awk '/^MemAvailable:/ { print int($2 / 1024 / 1024) }' /proc/meminfo 2>/dev/null)
  if [ "${gigabytes:-0}" -ge 8 ] && [ "${gigabytes:-0}" -ge "$cores" ]; then echo off; else echo "${GOGC:-100}"; fi
}

# require_go: before the first build from source.
require_go() {
  command -v go >/dev/null || die "$exit_environment" "building from source needs Go, and there is none" \
    "install it from https://go.dev/dl (the release that go.mod of the newest Kubernetes names, or later)"
}

# module_source MODULE VERSION: the folder with the module's files.
module_source() { go mod download -json "$1@$2" | jq -er .Dir; }

# go_build OUT MODULE VERSION EDIT LDFLAGS ARGUMENT...: builds packages of MODULE as upstream does,
# with the go.mod and go.sum of the module itself. EDIT is a sed script for go.mod: it turns
# replacements by a sibling folder, which no published module has, into replacements by a version.
go_build() {
  local out=$1 module=$2 version=$3 edit=$4 ldflags=$5 source mod
  shift 5
  source=$(module_source "$module" "$version")
  mod=$(mktemp -d "$out/.mod-XXXXXX")
  sed -E "$edit" "$source/go.mod" >"$mod/go.mod"
  cp "$source/go.sum" "$mod/go.sum"
  chmod u+w "$mod/go.sum"
  GOFLAGS=$go_flags GOWORK=off go build -C "$source" -modfile "$mod/go.mod" -ldflags "-s -w $ldflags" -o "$out/" "$@"
  rm -r "$mod"
}
