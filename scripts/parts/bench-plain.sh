# shellcheck shell=bash
# What somebody would script for the documented cases with kubectl, for scripts/bench to compare with. It
# uses `kubectl`, `kubeconfig`, `node` and `in_cluster`, and everything it makes is named after it.

readonly plain=pullproof-bench
readonly plain_registry=localhost/pullproof/registry:3
# The user of the documentation: htpasswd -nbB -C 4 janedoe xxxxxxxxxxx
# shellcheck disable=SC2016 # no variables
readonly plain_htpasswd='janedoe:$2b$04$pullproofbenchpullproelRbbnRV9v.rRBLfAzRYrnnfUPw6kD.6'
readonly plain_auth=amFuZWRvZTp4eHh4eHh4eHh4eA==

tools=()

# find_pause: sets `pause` to an image that every node has.
find_pause() {
  pause=$(docker exec "$node" ctr -n k8s.io images ls -q 2>/dev/null | grep '^registry.k8s.io/pause:' | head -n 1)
  [ -n "$pause" ] || die "$exit_failed" "the node has no pause image"
}

# prepare_plain: the small image that is pushed, and the tools that are measured.
prepare_plain() {
  local tool
  find_pause
  mkdir -p "$scratch/auth"
  echo "$plain_htpasswd" >"$scratch/auth/htpasswd"
  # The node may not keep the layers that it has unpacked, but it runs the program.
  # shellcheck disable=SC2016 # for the node's shell
  docker exec "$node" sh -c '
    for root in /run/containerd/io.containerd.runtime.v2.task/k8s.io/*/rootfs; do
      if [ -x "$root/pause" ]; then exec tar -C "$root" -cf - pause; fi
    done' | docker import -c 'ENTRYPOINT ["/pause"]' - "$plain:image" >/dev/null
  tools=(kubectl)
  for tool in chainsaw kuttl; do
    ! command -v "$tool" >/dev/null || tools+=("$tool")
  done
}

# plain_case CASE: from nothing to the outcome.
plain_case() {
  local case=$1 name=$plain-$1 address port host image
  docker run -d --name "$name" --label "$plain" --network kind -p 127.0.0.1::5000 -v "$scratch/auth:/auth:ro" \
    -e OTEL_TRACES_EXPORTER=none -e REGISTRY_AUTH=htpasswd -e REGISTRY_AUTH_HTPASSWD_REALM=plain \
    -e REGISTRY_AUTH_HTPASSWD_PATH=/auth/htpasswd "$plain_registry" >/dev/null
  in_cluster create namespace "$name"
  in_cluster label namespace "$name" "$plain="
  address=$(docker inspect -f '{{.NetworkSettings.Networks.kind.IPAddress}}' "$name"):5000
  port=$(docker port "$name" 5000/tcp | sed -n '1s/.*://p')
  mkdir -p "$scratch/$case"
  echo "{\"auths\": {\"127.0.0.1:$port\": {\"auth\": \"$plain_auth\"}}}" >"$scratch/$case/config.json"
  docker tag "$plain:image" "127.0.0.1:$port/janedoe/jdoe-private:v1"
  until DOCKER_CONFIG=$scratch/$case docker push -q "127.0.0.1:$port/janedoe/jdoe-private:v1"; do sleep 0.1; done
  docker rmi "127.0.0.1:$port/janedoe/jdoe-private:v1" >/dev/null
  case $case in
    command-line-secret) host=your.private.registry.example.com image=$host/janedoe/jdoe-private:v1 ;;
    secret-from-file) host=docker.io image=janedoe/jdoe-private:v1 ;;
    absent-secret) host=$address image=$host/janedoe/jdoe-private:v1 ;;
  esac
  echo "$host $image" >>"$scratch/hosts"
  docker exec "$node" sh -c "mkdir -p '/etc/containerd/certs.d/$host' &&
    echo 'server = \"http://$address\"' >'/etc/containerd/certs.d/$host/hosts.toml'"
  case $case in
    command-line-secret)
      in_cluster -n "$name" create secret docker-registry regcred --docker-server=your.private.registry.example.com \
        --docker-username=janedoe --docker-password=xxxxxxxxxxx --docker-email=jdoe@example.com
      ;;
    secret-from-file)
      in_cluster -n "$name" create secret generic regcred --type=kubernetes.io/dockerconfigjson \
        --from-file=.dockerconfigjson=fixtures/docker-hub-config.json
      ;;
  esac
  until in_cluster -n "$name" get serviceaccount default >/dev/null 2>&1; do sleep 0.1; done
  sed "s#image: .*#image: $image#" fixtures/private-reg-pod.yaml | in_cluster -n "$name" apply -f -
  case $case in
    absent-secret)
      in_cluster -n "$name" wait pod/private-reg --timeout=120s \
        --for=jsonpath='{.status.containerStatuses[0].state.waiting.reason}'=ImagePullBackOff
      ;;
    *) in_cluster -n "$name" wait pod/private-reg --timeout=120s --for=jsonpath='{.status.phase}'=Running ;;
  esac
}

# plain_clean CASE: what the case made.
plain_clean() {
  in_cluster delete namespace "$plain-$1" --timeout=120s
  docker rm -fv "$plain-$1" >/dev/null
}

# plain_with TOOL: the three cases in parallel.
plain_with() {
  case $1 in
    kubectl) plain_kubectl ;;
    chainsaw) plain_chainsaw ;;
    kuttl) plain_kuttl ;;
  esac
}

plain_kubectl() {
  local case jobs=() job failed=0
  for case in "${cases[@]}"; do
    (set -euo pipefail; plain_case "$case"; plain_clean "$case") &
    jobs+=($!)
  done
  for job in "${jobs[@]}"; do wait "$job" || failed=1; done
  return "$failed"
}

# write_script: a case as a program of its own, for other tools to run.
write_script() {
  {
    echo 'set -euo pipefail'
    declare -p plain plain_registry plain_auth scratch kubectl kubeconfig node
    declare -f plain_case plain_clean in_cluster
    # shellcheck disable=SC2016 # for the script
    echo 'plain_case "$1"; plain_clean "$1"'
  } >"$scratch/case.sh"
}

plain_chainsaw() {
  local case
  write_script
  for case in "${cases[@]}"; do
    mkdir -p "$scratch/chainsaw/$case"
    cat >"$scratch/chainsaw/$case/chainsaw-test.yaml" <<YAML
apiVersion: chainsaw.kyverno.io/v1alpha1
kind: Test
metadata: {name: $case}
spec:
  steps:
  - try:
    - script: {timeout: 4m, content: cd '$PWD' && bash '$scratch/case.sh' $case}
YAML
  done
  KUBECONFIG=$kubeconfig chainsaw test --parallel 3 "$scratch/chainsaw"
}

plain_kuttl() {
  local case
  write_script
  for case in "${cases[@]}"; do
    mkdir -p "$scratch/kuttl/$case"
    cat >"$scratch/kuttl/$case/00-case.yaml" <<YAML
apiVersion: kuttl.dev/v1beta1
kind: TestStep
commands:
- {timeout: 240, script: cd '$PWD' && bash '$scratch/case.sh' $case}
YAML
  done
  KUBECONFIG=$kubeconfig kuttl test --parallel 3 --timeout 240 "$scratch/kuttl"
}

# forget_plain: what the node knows of the cases, so that the next round pulls again.
forget_plain() {
  local host image
  while read -r host image; do
    docker exec "$node" sh -c "rm -rf '/etc/containerd/certs.d/$host'; crictl --timeout 60s rmi '$image'" \
      >/dev/null 2>&1 </dev/null || true # the image of a pull that failed is not there
  done <"$scratch/hosts"
  rm "$scratch/hosts"
}

# remove_plain: whatever is left.
remove_plain() {
  local left
  left=$(docker ps -aq --filter "label=$plain")
  # shellcheck disable=SC2086 # ids are words
  [ -z "$left" ] || docker rm -fv $left >/dev/null
  docker rmi "$plain:image" >/dev/null 2>&1 || true
}
