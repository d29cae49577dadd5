# Removes what a run leaves behind, however it ended.
#   reaper.sh RUN FOLDER KIND KUBECTL
# Standard input ends when the process that owns the run is gone. Standard output is the run's lock,
# held until all is removed; nothing is printed. Every step goes on after a failed one.
trap '' INT HUP TERM QUIT
cat >/dev/null
exec 2>/dev/null
run=$1 folder=$2 kind=$3 kubectl=$4

# A cluster that was being created is nobody's: end kind and delete what it made. The engine may still
# be at kind's last request, so the node is looked for until it stays away.
if read -r group name kubeconfig <"$folder/creating"; then
    [ "$group" = 0 ] || kill -s KILL -- "-$group"
    absent=0
    for _ in 1 2 3 4 5 6 7 8 9 10; do
        "$kind" delete cluster --name "$name" --kubeconfig "$kubeconfig" >/dev/null
        nodes=$(docker ps -aq --filter "label=io.x-k8s.kind.cluster=$name")
        # shellcheck disable=SC2086 # ids are words
        if [ -n "$nodes" ]; then docker rm -fv $nodes >/dev/null; absent=0; else absent=$((absent + 1)); fi
        [ "$absent" -lt 2 ] || break
        sleep 1
    done
fi

remove_containers() {
    containers=$(docker ps -aq --filter "label=dev.pullproof.run=$run")
    # shellcheck disable=SC2086 # ids are words
    [ -z "$containers" ] || docker rm -fv $containers >/dev/null
}
remove_containers

for cluster in "$folder"/clusters/*; do
    read -r node kubeconfig <"$cluster" || continue
    in_cluster() { "$kubectl" --kubeconfig "$kubeconfig" --request-timeout 20s "$@"; }
    # A call a namespace would take minutes: pods only where there are any, the namespaces in one.
    with_pods=$(in_cluster get pods -A -o 'jsonpath={range .items[*]}{.metadata.namespace}{"\n"}{end}' | sort -u)
    for namespace in $(in_cluster get namespaces -l "pullproof.dev/run=$run" -o 'jsonpath={.items[*].metadata.name}'); do
        ! echo "$with_pods" | grep -Fqx -e "$namespace" ||
            in_cluster delete pods --all --force --grace-period 0 --wait=false -n "$namespace" >/dev/null
    done
    in_cluster delete namespaces -l "pullproof.dev/run=$run" --wait=false >/dev/null
    docker exec "$node" sh -c '
        for file in $(grep -ls "^# pullproof run '"$run"'$" /etc/containerd/certs.d/*/hosts.toml); do
            rm -rf "${file%/*}"
        done' >/dev/null
    # Else thousands of them pile up, and with them the kubelet's records of who may use them.
    [ ! -s "$folder/hosts" ] || docker exec -i "$node" sh -c '
        hosts=$(cat)
        # Their digests are names of their own and may be all that is left of them.
        ctr -n k8s.io images ls -q | grep -F "$hosts" | xargs -r crictl rmi
        grep -lrsF "$hosts" /var/lib/kubelet/image_manager | xargs -r rm -f' <"$folder/hosts" >/dev/null
done
# Once more: the engine may have been at the creation of one.
remove_containers
rm -rf "$folder"
