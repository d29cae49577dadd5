# shellcheck shell=bash
# What a script tells the person at the terminal, and how it stops.

say() { printf '%s\n' "$*" >&2; }

# Exit codes: 1 a step failed, 2 a wrong argument, 3 something the machine lacks.
readonly exit_failed=1 exit_usage=2 exit_environment=3

# die CODE LINE...: the first line says what is wrong, the others what to do.
die() {
  local code=$1 line
  say "${0##*/}: $2"
  shift 2
  for line in "$@"; do say "  $line"; done
  exit "$code"
}

step_job=
step_watcher=

# attempt TITLE COMMAND...: runs COMMAND with its output in the file `step_log`, says when it starts
# and ends, and leaves its exit code in `step_status`.
# The command gets a process group of its own, so that a signal to set-up is acted on at once and
# takes everything below the step with it, and an empty folder in `scratch`.
attempt() {
  local title=$1 started=$SECONDS
  shift
  step_status=0
  step_log=$cache/log/$(tr -cs 'A-Za-z0-9.\n' '-' <<<"$title").log
  scratch=$(mktemp -d "$cache/build/.partial-XXXXXX")
  set -m
  ("$@") >"$step_log" 2>&1 </dev/null 9>&- &
  step_job=$!
  set +m
  watch_step "$title" "$step_job" "$started" 9>&- &
  step_watcher=$!
  wait "$step_job" || step_status=$?
  step_job=
  stop_watcher
  rm -rf "$scratch"
  if [ "$step_status" -eq 0 ]; then
    say "$terminal_clear$title: $((SECONDS - started)) s"
  else
    say "$terminal_clear$title: failed after $((SECONDS - started)) s"
  fi
}

# step TITLE COMMAND...: an attempt without which set-up cannot go on.
# Not written as `attempt || …`: errexit would be off inside the command.
step() {
  attempt "$@"
  [ "$step_status" -eq 0 ] || die "$exit_failed" "the last lines of $step_log:" "$(tail -n 20 "$step_log" | sed '2,$s/^/  /')"
}

# watch_step TITLE JOB STARTED: counts while the step runs; ends the step when set-up itself was killed.
watch_step() {
  local title=$1 job=$2 started=$3 elapsed next=30
  if [ -n "$terminal_clear" ]; then printf '%s' "$title ..." >&2; else say "$title ..."; fi
  while sleep 1; do
    if ! kill -0 "$$" 2>/dev/null; then
      kill -TERM -- "-$job" 2>/dev/null || true
      return
    fi
    elapsed=$((SECONDS - started))
    if [ -n "$terminal_clear" ]; then
      printf '%s%s ... %s s' "$terminal_clear" "$title" "$elapsed" >&2
    elif [ "$elapsed" -ge "$next" ]; then
      say "$title ... $elapsed s"
      next=$((next + 30))
    fi
  done
}

stop_watcher() {
  [ -n "$step_watcher" ] || return 0
  kill "$step_watcher" 2>/dev/null || true
  wait "$step_watcher" 2>/dev/null || true
  step_watcher=
}

# stop_step: ends a step that is still running when set-up leaves.
stop_step() {
  stop_watcher
  [ -n "$step_job" ] || return 0
  kill -TERM -- "-$step_job" 2>/dev/null || true
  wait "$step_job" 2>/dev/null || true
  step_job=
}

terminal_clear=
if [ -t 2 ]; then terminal_clear=$'\r\033[K'; fi
