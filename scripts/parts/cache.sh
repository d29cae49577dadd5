# shellcheck shell=bash
# The cache folder: builds kept by content, so that nothing is built twice and nothing half-built is used.

cache=${PULLPROOF_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/pullproof}

sha256() { if command -v sha256sum >/dev/null; then sha256sum; else shasum -a 256; fi; }

# fingerprint TEXT...: a short hash.
fingerprint() { printf '%s\n' "$@" "$(uname -m)" | sha256 | cut -c 1-12; }

# lock_cache: one set-up at a time; the kernel frees the lock however the holder ends.
lock_cache() {
  if ! mkdir -p "$cache/build" "$cache/bin" "$cache/log" 2>/dev/null || [ ! -w "$cache" ]; then
    die "$exit_environment" "the cache folder $cache cannot be made or written" \
      "set PULLPROOF_CACHE to a folder that can"
  fi
  command -v flock >/dev/null || return 0
  exec 9>>"$cache/setup.lock"
  if ! flock -n 9; then
    say "waiting for the set-up of process $(cat "$cache/setup.pid" 2>/dev/null || echo '(unknown)') to end"
    flock 9
  fi
  echo "$$" >"$cache/setup.pid"
}

# locate NAME VERSION RECIPE INPUT...: sets `located` to the folder of a build. The name ends in a
# hash of what decides the bytes: the recipe's own code, the Go flags and every input. The release
# of Go is left out: an update of the toolchain is no reason to build Kubernetes again.
locate() {
  local name=$1 version=$2 recipe=$3
  shift 3
  located=$cache/build/$name-$version-$(fingerprint "$@" "$(declare -f "$recipe" go_build)" "$go_flags")
}

# build TITLE MEGABYTES NAME VERSION RECIPE INPUT...: sets `located`, after running RECIPE FOLDER
# VERSION INPUT... if that build is not there. The folder gets its name only when it is complete.
build() {
  local title=$1 megabytes=$2 partial
  shift 2
  locate "$@"
  [ ! -d "$located" ] || return 0
  local name=$1 version=$2 recipe=$3 other
  shift 3
  require_space "$title" "$megabytes" "$cache/build"
  partial=$(mktemp -d "$cache/build/.partial-XXXXXX")
  chmod 755 "$partial"
  # Not in a recipe: what only hastens a build is no reason to build again.
  GOGC=$(go_collects) step "$title" "$recipe" "$partial" "$version" "$@"
  mv "$partial" "$located"
  # Builds of the same version by an earlier recipe would only fill the disk.
  for other in "$cache/build/$name-$version"-*; do
    [ "$other" = "$located" ] || rm -rf "$other"
  done
}

# require_space TITLE MEGABYTES FOLDER: room on the disk that holds FOLDER, before a step that fills it.
require_space() {
  local free folder=$3
  while [ ! -e "$folder" ]; do folder=$(dirname "$folder"); done
  free=$(df -Pk "$folder" | awk 'NR == 2 { print int($4 / 1024) }')
  [ "$free" -ge "$2" ] || die "$exit_environment" \
    "$1 needs $2 MB of disk at $3, and $free MB are free" \
    "free some, or point PULLPROOF_CACHE, GOCACHE and GOMODCACHE at a larger disk"
}

# What a step had in hand when it ended early.
remove_partial_builds() { rm -rf "$cache"/build/.partial-*; }
