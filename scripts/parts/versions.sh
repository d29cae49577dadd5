# shellcheck shell=bash
# Reads versions.toml.

# load_versions FILE: sets `versions` to one line a value, "table<tab>key<tab>text"; the table of a
# [[kubernetes]] entry is "kubernetes <minor>".
load_versions() {
  [ -f "$1" ] || die "$exit_usage" "$1 is not a file" "set PULLPROOF_VERSIONS to one of the form of versions.toml"
  versions=$(awk '
    /^[ \t]*(#|$)/ { next }
    /^\[\[/ { gsub(/[][ \t]/, ""); entry = $0; table = entry; next }
    /^\[/ { gsub(/[][ \t]/, ""); entry = ""; table = $0; next }
    {
      split($0, side, " = ")
      key = side[1]; gsub(/"/, "", key)
      text = substr($0, length(side[1]) + 4); gsub(/"/, "", text)
      if (entry != "" && key == "minor") table = entry " " text
      print table "\t" key "\t" text
    }' "$1") || die "$exit_usage" "cannot read $1"
  versions=$'\n'$versions$'\n'
}

# version TABLE KEY: the text, or nothing. The table of the keys at the top is "".
version() {
  local rest=${versions#*$'\n'"$1"$'\t'"$2"$'\t'}
  [ "$rest" = "$versions" ] || printf '%s' "${rest%%$'\n'*}"
}

known_kubernetes() { awk -F '\t' '$1 ~ /^kubernetes / && $2 == "minor" { print $3 }' <<<"$versions"; }

known_containerd() { awk -F '\t' '$1 == "containerd" { print $2 }' <<<"$versions"; }

# minor_of NAME WANTED KNOWN...: the one of KNOWN that WANTED means (1.34, v1.34 or 1.34.4); where
# there is none, says which are known and which is the nearest.
minor_of() {
  local name=$1 wanted=$2 minor nearest
  shift 2
  minor=$(sed -E 's/^v?([0-9]+\.[0-9]+)(\.[0-9]+)?$/\1/' <<<"$wanted")
  case " $* " in *" $minor "*) printf '%s' "$minor" && return ;; esac
  nearest=$(printf '%s\n' "$@" | awk -v wanted="$wanted" '
    function place(v, part) { sub(/^v/, "", v); split(v, part, "."); return part[1] * 1000 + part[2] }
    { off = place($0) - place(wanted); if (off < 0) off = -off }
    NR == 1 || off < least { least = off; nearest = $0 }
    END { print nearest }')
  die "$exit_usage" "$name \"$wanted\" is not in versions.toml" "known: $*" "nearest: $nearest"
}
