# shellcheck shell=bash
# The images that set-up leaves behind, and how it knows that they are current.

readonly image_prefix=localhost/pullproof

# image_is_current NAME KEY...: whether the tag still stands for the image that was made for one of the keys.
image_is_current() {
  local tag=$image_prefix/$1 record=$cache/image/${1//:/-} key='' id='' known
  shift
  [ -r "$record" ] && { read -r key && read -r id; } <"$record" || return 1
  for known in "$@"; do
    if [ "$known" = "$key" ]; then
      [ "$(docker image inspect -f '{{.Id}}' "$tag" 2>/dev/null)" = "$id" ]
      return
    fi
  done
  return 1
}

# record_image NAME KEY: after the tag was set.
record_image() {
  local record=$cache/image/${1//:/-} id
  id=$(docker image inspect -f '{{.Id}}' "$image_prefix/$1") || return
  printf '%s\n' "$2" "$id" >"$record.next"
  mv "$record.next" "$record"
}

# remove_replaced_images: those from source whose tag went to a newer one, unless a container uses them.
remove_replaced_images() { docker image prune -f --filter label=dev.pullproof.key >/dev/null; }

# image_key NAME: the key of the image as it was recorded.
image_key() { head -n 1 "$cache/image/${1//:/-}"; }

# Whether a pull is worth a try: not with --source, and not after one that failed.
pulling=yes

# pull_image NAME IMAGE DIGEST KEY: pulls by digest and tags it. Returns 1 when that cannot be had.
pull_image() {
  local name=$1 image=$2 digest=$3 key=$4 reference
  [ "$pulling" = yes ] && [ -n "$digest" ] || return 1
  reference=${image%:*}@$digest
  attempt "pull $image" docker pull "$reference"
  if [ "$step_status" -ne 0 ]; then
    say "no image can be pulled, building from source: $(tail -n 1 "$step_log")"
    pulling=no
    return 1
  fi
  docker tag "$reference" "$image_prefix/$name" && record_image "$name" "$key"
}

# Containers in which an image is put together, or out of which a file is taken. They are known by
# name: a label would become a label of the image, and of every container started from it.
readonly box_prefix=pullproof-setup

# remove_boxes: those of this set-up, or of an earlier one that was killed.
remove_boxes() {
  local boxes
  boxes=$(docker ps -aq --filter "name=^/?$box_prefix-")
  # shellcheck disable=SC2086 # a list of ids
  [ -z "$boxes" ] || docker rm -fv $boxes >/dev/null
}
