# shellcheck shell=bash
# The Docker engine: the one that answers, else one that is started, else one that is installed.

readonly docker_socket=/var/run/docker.sock
readonly docker_config=/etc/docker/daemon.json
readonly runtime_name=pullproof-runc
readonly runtime_path=/usr/local/sbin/pullproof-runc

# ensure_engine: returns when `docker` answers and can start a privileged container.
ensure_engine() {
  if ! engine_answers; then
    case $engine_error in
      *"permission denied"*)
        die "$exit_environment" "this user may not talk to the Docker engine: $engine_error" \
          "run this as root, or join the group: sudo usermod -aG docker $(id -un), and log in again"
        ;;
    esac
    if [ -n "${DOCKER_HOST:-}" ]; then
      die "$exit_environment" "no Docker engine answers at DOCKER_HOST=$DOCKER_HOST: $engine_error" \
        "start that engine, or unset DOCKER_HOST to use the one of this machine"
    fi
    command -v dockerd >/dev/null || install_engine
    engine_answers || start_engine
  fi
  ensure_runtime
}

# engine_answers: whether it does; if not, `engine_error` says what docker said.
engine_answers() {
  engine_error=$(docker version --format '{{.Server.Version}}' 2>&1 >/dev/null | tail -n 1)
}

# install_engine: Debian's own package, as no other can be had without adding an apt source.
install_engine() {
  if ! is_debian || [ "$(id -u)" -ne 0 ]; then
    local advice="install Docker (https://docs.docker.com/engine/install) and start it"
    if is_debian; then advice="run this once as root (sudo $0), or: sudo apt-get install docker.io"; fi
    if [ "$(uname -s)" = Darwin ]; then advice="install and start Docker Desktop or colima"; fi
    die "$exit_environment" "no Docker engine answers" "$advice"
  fi
  require_space "installing Docker" 500 /var
  local packages=docker.io
  # Where AppArmor is on, no container starts without its parser.
  if grep -qs Y /sys/module/apparmor/parameters/enabled; then packages+=" apparmor"; fi
  # shellcheck disable=SC2086 # a list of words
  step "install docker.io" apt_install $packages
}

is_debian() { grep -qsE '^ID(_LIKE)?=.*(debian|ubuntu)' /etc/os-release; }

apt_install() {
  export DEBIAN_FRONTEND=noninteractive
  apt-get update
  apt-get install -y --no-install-recommends "$@"
}

# require_package COMMAND-OR-FILE PACKAGE: for a build from source.
require_package() {
  command -v "$1" >/dev/null || [ -e "$1" ] && return 0
  if ! is_debian || [ "$(id -u)" -ne 0 ]; then
    die "$exit_environment" "building from source needs $1" "install it (Debian: apt-get install $2)"
  fi
  step "install $2" apt_install "$2"
}

start_engine() {
  if [ -d /run/systemd/system ]; then
    [ "$(id -u)" -eq 0 ] || die "$exit_environment" "the Docker engine is down" "start it: sudo systemctl start docker"
    step "start Docker" start_with_systemd
    return
  fi
  [ "$(id -u)" -eq 0 ] || die "$exit_environment" "the Docker engine is down" "start it: sudo dockerd"
  # With the engine down nothing is disturbed, so its configuration is made right before it starts.
  if lacks_capability self; then configure_runtime; fi
  step "start Docker" start_by_hand
}

start_with_systemd() {
  systemctl start docker
  await_engine
}

# The engine outlives set-up: a session of its own, and no file of set-up's held open.
start_by_hand() {
  # One that is still ending, which takes its containers 10 s, lets no other start beside it.
  poll 150 engine_answers_or_is_gone || true
  if engine_answers; then return; fi
  setsid dockerd >"$cache/log/dockerd.log" 2>&1 </dev/null &
  await_engine || { tail -n 20 "$cache/log/dockerd.log"; return 1; }
}

await_engine() { poll 150 engine_answers || { echo "no answer within 30 s"; return 1; }; }

engine_answers_or_is_gone() { engine_answers || ! engine_process >/dev/null; }

# poll TIMES COMMAND: every 0.2 s, until it succeeds.
poll() {
  local times=$1
  until "$2"; do
    times=$((times - 1))
    [ "$times" -gt 0 ] || return 1
    sleep 0.2
  done
}

# engine_process: the process of an engine of this machine, if there is one.
engine_process() {
  local process
  process=$(cat /var/run/docker.pid 2>/dev/null) && [ "$(cat "/proc/$process/comm" 2>/dev/null)" = dockerd ] && echo "$process"
}

# lacks_capability PROCESS: whether CAP_SYS_RESOURCE (bit 24) is missing from its bounding set.
lacks_capability() {
  local set
  set=$(awk '/^CapBnd:/ { print $2 }' "/proc/$1/status" 2>/dev/null) || return 1
  [ -n "$set" ] && [ $((0x$set >> 24 & 1)) -eq 0 ]
}

# runtime_is_ready: kind's node is privileged, so the engine must not ask for a capability it cannot give.
runtime_is_ready() {
  local engine
  [ "$(uname -s)" = Linux ] || return 0
  engine=$(engine_process) || engine=self
  ! lacks_capability "$engine" || [ "$(default_runtime)" = "$runtime_name" ]
}

default_runtime() { docker info --format '{{.DefaultRuntime}}'; }

# ensure_runtime: an engine without the capability gets the runtime that does without it.
ensure_runtime() {
  runtime_is_ready && return
  case ${DOCKER_HOST:-unix://$docker_socket} in
    unix:///run/docker.sock | "unix://$docker_socket") ;;
    *)
      die "$exit_environment" "the engine at $DOCKER_HOST runs without CAP_SYS_RESOURCE, so kind's node cannot start there" \
        "start it with: --add-runtime $runtime_name=$runtime_path --default-runtime $runtime_name"
      ;;
  esac
  configure_runtime
  reload_engine
  poll 25 runtime_is_ready || die "$exit_environment" "the engine did not take $runtime_name as its default runtime" \
    "restart it, and look into its log"
}

# reload_engine: the engine reads runtimes anew on this signal; containers go on undisturbed. The file
# with its process may be older than the engine.
reload_engine() {
  local engine
  engine=$(engine_process) || die "$exit_environment" "the engine's process is not known: /var/run/docker.pid names no dockerd" \
    "restart the engine, so that it reads $docker_config anew"
  kill -HUP "$engine"
}

# undo_runtime: takes out of the engine's configuration what configure_runtime has added, and keeps
# everything else in it, also what was changed since.
undo_runtime() {
  local users after
  [ "$(id -u)" -eq 0 ] || die "$exit_environment" "only root can change $docker_config" "run this as root"
  if [ -s "$docker_config" ]; then
    require_package jq jq
    if engine_answers; then
      users=$(docker ps -aq | xargs -r docker inspect -f '{{.HostConfig.Runtime}} {{.Name}}' | sed -n "s#^$runtime_name /*##p")
      [ -z "$users" ] || die "$exit_environment" "containers need the runtime $runtime_name: $(xargs <<<"$users")" \
        "remove them first (those of pullproof: cargo run -q -- down), and run this again"
    fi
    after=$(jq --arg name "$runtime_name" 'del(.runtimes[$name]?)
      | if .runtimes == {} then del(.runtimes) else . end
      | if ."default-runtime" == $name then del(."default-runtime") else . end' "$docker_config") ||
      die "$exit_environment" "$docker_config is not valid JSON" "mend it first"
    if [ "$after" = '{}' ]; then
      rm "$docker_config"
    else
      cp -p "$docker_config" "$docker_config.next" # for its owner and mode
      printf '%s\n' "$after" >"$docker_config.next"
      mv "$docker_config.next" "$docker_config"
    fi
    say "took the runtime $runtime_name out of $docker_config"
    ! engine_answers || reload_engine
  fi
  rm -f "$runtime_path" "$docker_config.before-pullproof"
}

# configure_runtime: adds the runtime to the engine's configuration and keeps everything else in it.
configure_runtime() {
  local before='{}' other backup
  [ "$(id -u)" -eq 0 ] || die "$exit_environment" "the engine runs without CAP_SYS_RESOURCE, so kind's node cannot start" \
    "run this once as root: it adds a runtime to $docker_config that does not ask for that capability"
  require_package jq jq
  if [ -s "$docker_config" ]; then
    before=$(jq . "$docker_config" 2>/dev/null) || die "$exit_environment" "$docker_config is not valid JSON" "mend it first"
  fi
  other=$(jq -r '."default-runtime" // "runc"' <<<"$before")
  case $other in
    runc | "$runtime_name") ;;
    *)
      die "$exit_environment" "$docker_config makes $other the default runtime, and without CAP_SYS_RESOURCE kind's node needs another" \
        "take \"default-runtime\" out of that file, or set it to $runtime_name, and run this again"
      ;;
  esac
  install_runtime
  [ "$other" != "$runtime_name" ] || return 0
  mkdir -p "${docker_config%/*}"
  if [ -e "$docker_config" ]; then
    backup=$docker_config.before-pullproof
    [ -e "$backup" ] || cp -p "$docker_config" "$backup"
    cp -p "$docker_config" "$docker_config.next" # for its owner and mode
    say "no CAP_SYS_RESOURCE here: adding the runtime $runtime_name to $docker_config (before: $backup)"
  else
    say "no CAP_SYS_RESOURCE here: writing $docker_config with the runtime $runtime_name"
  fi
  jq --arg name "$runtime_name" --arg path "$runtime_path" \
    '.runtimes[$name] = {path: $path} | ."default-runtime" = $name' <<<"$before" >"$docker_config.next"
  mv "$docker_config.next" "$docker_config"
}

install_runtime() {
  require_go
  build "build $runtime_name" 100 "$runtime_name" 1 runtime_recipe "$(cat "$root/scripts/runtime/main.go")"
  install -m 755 "$located/$runtime_name" "$runtime_path"
}

runtime_recipe() {
  cd "$root/scripts/runtime"
  CGO_ENABLED=0 GOFLAGS=$go_flags GOWORK=off go build -ldflags '-s -w' -o "$1/" .
}
