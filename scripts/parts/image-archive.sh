# shellcheck shell=bash
# Images without an image builder: the format of `docker save`, which `docker load` and
# `ctr images import` read. It works alike with every engine and needs no base image.

# image_archive_add FOLDER NAME LAYER CONFIG: adds the image NAME, of one layer (a tar file, which
# is moved away), to the archive that grows in FOLDER. CONFIG: the "config" object as JSON.
image_archive_add() {
  local folder=$1 name=$2 layer=$3 config=$4 digest image
  digest=$(sha256 <"$layer" | cut -d ' ' -f 1)
  mkdir -p "$folder"
  mv "$layer" "$folder/$digest.tar"
  image=$(jq -cn --arg architecture "$(go_architecture)" --arg diff "sha256:$digest" --argjson config "$config" \
    '{architecture: $architecture, os: "linux", config: $config, rootfs: {type: "layers", diff_ids: [$diff]}}')
  printf '%s' "$image" >"$folder/config"
  local id
  id=$(sha256 <"$folder/config" | cut -d ' ' -f 1)
  mv "$folder/config" "$folder/$id.json"
  jq -cn --slurpfile before <(cat "$folder/manifest.json" 2>/dev/null || true) \
    --arg config "$id.json" --arg name "$name" --arg layer "$digest.tar" \
    '($before[0] // []) + [{Config: $config, RepoTags: [$name], Layers: [$layer]}]' >"$folder/manifest.next"
  mv "$folder/manifest.next" "$folder/manifest.json"
}

# image_layer FOLDER: the folder as a layer on standard output; the same content gives the same bytes.
image_layer() { tar -C "$1" --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner -cf - .; }

go_architecture() {
  case $(uname -m) in
    x86_64) echo amd64 ;;
    aarch64 | arm64) echo arm64 ;;
    *) go env GOARCH ;;
  esac
}
