# shellcheck shell=sh
# Removes what a run leaves behind, however it ended.
#   reaper.sh RUN FOLDER KUBECTL MARK
# MARK is the mount by which the nodes of this state folder are known.
# Standard input ends when the process that owns the run is gone. Standard output is the run's lock,
# held until this ends; nothing is printed. Every step goes on after a failed one. If one failed, what
# is needed to try again stays in the folder, for the next run to sweep, and the status is 1.
trap '' INT HUP TERM QUIT
cat >/dev/null
run=$1 folder=$2 kubectl=$3 mark=$4
if (: >>"$folder/reaper.log") 2>/dev/null; then exec 2>>"$folder/reaper.log"; else exec 2>/dev/null; fi
failed=0

# An engine that does not answer is tried again later. Not every system has timeout.
limit=
! command -v timeout >/dev/null || limit="timeout 120"
docker() {
    # shellcheck disable=SC2086 # words
    command $limit docker "$@"
}

# end_commands: programs that the run's cases started, known by the home folder in their environment:
# also those that left their process group, and no other that has got the number of one.
end_commands() {
    for round in 1 2 3; do
        found=$(grep -lszF "HOME=$folder/" /proc/[0-9]*/environ)
        [ -n "$found" ] || break
        for environment in $found; do
            process=${environment#/proc/}
            kill -s KILL "${process%/environ}"
        done
        [ "$round" = 3 ] || sleep 0.1
    done
}
end_commands 2>/dev/null

# is_kind PROCESS: whether it still is what was started as kind.
is_kind() {
    if [ -r "/proc/$1/cmdline" ]; then tr '\0' ' ' <"/proc/$1/cmdline"; else ps -o args= -p "$1"; fi |
        grep -q "create cluster"
}

# A cluster that was being created is nobody's: end kind and delete what it made. The engine may still
# be at kind's last request, so the node is looked for until it stays away.
if read -r group name kubeconfig <"$folder/creating"; then
    if [ "$group" != 0 ] && is_kind "$group"; then kill -s KILL -- "-$group"; fi
    absent=0
    for _ in 1 2 3 4 5 6 7 8 9 10; do
        nodes=$(docker ps -aq --filter "label=io.x-k8s.kind.cluster=$name" --filter "volume=$mark") || break
        # shellcheck disable=SC2086 # ids are words
        if [ -n "$nodes" ]; then docker rm -fv $nodes >/dev/null; absent=0; else absent=$((absent + 1)); fi
        [ "$absent" -lt 2 ] || break
        sleep 1
    done
    if [ "$absent" -lt 2 ]; then failed=1; else rm -f "$kubeconfig" "$folder/creating"; fi
fi

# remove_containers: those that bear the run's name; succeeds if none is left.
remove_containers() {
    containers=$(docker ps -aq --filter "name=^/?pullproof-registry-$run-") || return
    # shellcheck disable=SC2086 # ids are words
    [ -z "$containers" ] || docker rm -fv $containers >/dev/null
}
remove_containers

# on_node SCRIPT FILE: runs a script on the node, which reads the file.
on_node() { docker exec -i "$node" sh -c "$1" <"$2" >/dev/null; }

for cluster in "$folder"/clusters/*; do
    read -r node kubeconfig <"$cluster" || continue
    state=$(docker ps -a --filter "name=^/?$node\$" --filter "volume=$mark" --format '{{.State}}') || { failed=1; continue; }
    case $state in
        running) ;;
        '') continue ;; # nothing of it is left
        *) failed=1; continue ;;
    esac
    [ ! -s "$folder/node-files" ] || on_node "$(cat "$folder/node-files")" /dev/null || failed=1
    # shellcheck disable=SC2016 # for the node's shell
    on_node '
        for file in $(grep -ls "^# pullproof run '"$run"'$" /etc/containerd/certs.d/*/hosts.toml); do
            rm -rf "${file%/*}" || exit
        done' /dev/null || failed=1

    in_cluster() { "$kubectl" --kubeconfig "$kubeconfig" --request-timeout 20s "$@"; }
    # A call a namespace would take minutes: pods only where there are any, the namespaces in one.
    if namespaces=$(in_cluster get namespaces -l "pullproof.dev/run=$run" -o 'jsonpath={.items[*].metadata.name}') &&
        with_pods=$(in_cluster get pods -A -o 'jsonpath={range .items[*]}{.metadata.namespace}{"\n"}{end}'); then
        # The kubelet stops pulling for a pod before a graceful deletion ends (pkg/kubelet/pod_workers.go,
        # SyncTerminatingPod), and only then may the next case have a literal host.
        set -- --force --grace-period 0 --wait=false
        for held in "$folder/held/${cluster##*/}":*; do
            [ ! -e "$held" ] || set -- --grace-period 1 --timeout 30s
        done
        for namespace in $namespaces; do
            ! echo "$with_pods" | grep -Fqx -e "$namespace" ||
                in_cluster delete pods --all "$@" -n "$namespace" >/dev/null &
        done
        wait
        [ -z "$namespaces" ] ||
            in_cluster delete namespaces -l "pullproof.dev/run=$run" --wait=false >/dev/null || failed=1
    else
        failed=1
    fi
    # What a case did that had taken a lock; whoever has it by now cleans up by itself. Not every system
    # has flock, and then the next who takes it does.
    for held in "$folder/held/${cluster##*/}":*; do
        if ! read -r lock <"$held" || ! command -v flock >/dev/null || ! exec 8<>"$lock"; then continue; fi
        if flock -n 8; then on_node "$(sed 1d "$held")" /dev/null || failed=1; fi
        exec 8>&-
    done
    # Else thousands of them pile up, and with them the kubelet's records of who may use them.
    # shellcheck disable=SC2016 # for the node's shell
    [ ! -s "$folder/hosts" ] || on_node '
        hosts=$(cat)
        # Their digests are names of their own and may be all that is left of them.
        ctr -n k8s.io images ls -q | grep -F "$hosts" | xargs -r crictl rmi
        # CRI does not know one whose manifest is none, as a registry may answer.
        ctr -n k8s.io images ls -q | grep -F "$hosts" | xargs -r ctr -n k8s.io images rm
        grep -lrsF "$hosts" /var/lib/kubelet/image_manager | xargs -r rm -f
        ! ctr -n k8s.io images ls -q | grep -qF "$hosts"' "$folder/hosts" || failed=1
done

# Registry containers that the run has left to the next one lose its users, unless that has claimed one
# (registry/warm.rs), which it does under the same lock. What this does not finish with has the run's name
# and is removed; so are, without flock, those that are left, by the next run.
left=pullproof-registry-left-$run-
: >"$folder/nobody"
for container in $(docker ps --filter "name=^/?$left" --format '{{.Names}}'); do
    ours=pullproof-registry-$run-${container##*-}
    command -v flock >/dev/null || break
    exec 8>>"${folder%/runs/*}/registries.lock"
    flock 8
    docker rename "$container" "$ours"
    renamed=$?
    exec 8>&-
    [ "$renamed" = 0 ] &&
        docker cp "$folder/nobody" "$ours:/etc/distribution/htpasswd" >/dev/null &&
        docker rename "$ours" "pullproof-registry-idle-${container#"$left"}"
done
# Once more: the engine may have been at the creation of one.
remove_containers || failed=1
end_commands 2>/dev/null

if [ "$failed" = 0 ]; then
    rm -rf "$folder"
    exit
fi
# Homes of cases, with their secrets, are not needed to try again.
for entry in "$folder"/*/; do
    [ "$entry" = "$folder/clusters/" ] || rm -rf "$entry"
done
exit 1
