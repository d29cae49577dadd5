# shellcheck shell=bash
# The images that set-up leaves behind, and how it knows that they are current.

readonly image_prefix=localhost/pullproof

# Images from source carry a key in this label: a hash of all that went into them.
readonly key_label=dev.pullproof.key

# image_is_current NAME KEY [DIGEST]: whether the tag stands for the image from source with this
# key, or for the published one with this digest. The engine itself knows, so nothing is recorded.
image_is_current() {
  local found
  found=$(docker image inspect -f "{{index .Config.Labels \"$key_label\"}} {{.RepoDigests}}" "$image_prefix/$1" 2>/dev/null) || return 1
  case $found in
    "$2 "*) return 0 ;;
    *"@${3:-no digest}"*) return 0 ;;
    *) return 1 ;;
  esac
}

image_id() { docker image inspect -f '{{.Id}}' "$image_prefix/$1"; }

# remove_replaced_images: those from source whose tag went to a newer one, unless a container uses them.
remove_replaced_images() { docker image prune -f --filter "label=$key_label" >/dev/null; }

# With --source no published image is pulled, and none that is there will do.
source_only=no

# After a pull that failed, the next is not tried.
pulling=yes

# published_digest TABLE: of the image that versions.toml names there, if it may be used.
published_digest() { [ "$source_only" = yes ] || version "$1" digest; }

# pull_image NAME TABLE: pulls the image that versions.toml names, by its digest, and tags it.
# Returns 1 when that cannot be had.
pull_image() {
  local name=$1 image digest reference
  image=$(version "$2" image)
  digest=$(published_digest "$2")
  [ "$pulling" = yes ] && [ -n "$digest" ] || return 1
  reference=${image%:*}@$digest
  attempt "pull $image" docker pull "$reference"
  if [ "$step_status" -ne 0 ]; then
    say "no image can be pulled, building from source: $(tail -n 1 "$step_log")"
    pulling=no
    return 1
  fi
  docker tag "$reference" "$image_prefix/$name"
}

# Containers in which an image is put together, or out of which a file is taken. They are known by
# name: a label would become a label of the image, and of every container started from it. Those of
# another user or cache folder, which may be at work, have other names.
box_prefix=pullproof-setup-$(fingerprint "$cache" "$(id -u)")
readonly box_prefix

# remove_boxes: those of this set-up, or of an earlier one that was killed.
remove_boxes() {
  local boxes
  boxes=$(docker ps -aq --filter "name=^/?$box_prefix-" 2>/dev/null)
  # shellcheck disable=SC2086 # a list of ids
  [ -z "$boxes" ] || docker rm -fv $boxes >/dev/null
}
