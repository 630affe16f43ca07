# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# A real Kubernetes API server for the agents of a laboratory. To be sourced after agent.sh. What it needs is built by
# scripts/build --with apiserver.
#
#   cluster_start [OPTION...]      the API server, with the rights that deploy/ grants; agents started from now on read it
#   cluster_reach NODE             makes it reachable in a node's namespace; agent_start calls for it by itself
#   cluster_cut NODE               nothing comes through any more, and nobody is told, as where a machine has gone
#   cluster_join NODE              it does again
#   cluster_stop                   the API server ends; its data stays for another cluster_start
# and everything of tests/apiserver/cluster.sh: kube, apply_with_status, forget, ...

CLUSTER_HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=tests/apiserver/cluster.sh
. "$CLUSTER_HERE/../../tests/apiserver/cluster.sh"
CLUSTER_RIGHTS=$CLUSTER_HERE/../../deploy/kustomize/base/rbac.yaml

declare -A CLUSTER_RELAY=()
CLUSTER_HOST_RELAY=

# It listens on loopback, where no node can see it: a socket in the laboratory's directory leads there.
cluster_start() {
    start_apiserver "$LAB_DIR/cluster" "$@" || lab_fail "no API server"
    kube apply -f "$CLUSTER_RIGHTS" >/dev/null || lab_fail "the API server does not take $CLUSTER_RIGHTS"
    if [[ -z $CLUSTER_HOST_RELAY ]]; then
        socat "UNIX-LISTEN:$LAB_DIR/cluster.sock,fork,unlink-early" "TCP:127.0.0.1:${APISERVER_URL##*:}" 2>/dev/null &
        CLUSTER_HOST_RELAY=$!
    fi
    # shellcheck disable=SC2034 # for agent.sh
    AGENT_KUBECONFIG=$LAB_DIR/cluster/catflapd.kubeconfig
}

cluster_stop() { stop_apiserver; }

cluster_end() {
    local node
    for node in "${!CLUSTER_RELAY[@]}"; do
        kill -KILL -- "-${CLUSTER_RELAY[$node]}" 2>/dev/null || true
    done
    [[ -z $CLUSTER_HOST_RELAY ]] || kill "$CLUSTER_HOST_RELAY" 2>/dev/null || true
    stop_apiserver
}

# In a process group of its own, with what it forks for each connection.
cluster_reach() {
    local log=$LAB_DIR/log/relay-$1 tries
    setsid nsenter "--net=/run/netns/${LAB_NETNS[$1]}" socat \
        "TCP-LISTEN:${APISERVER_URL##*:},bind=127.0.0.1,fork,reuseaddr" "UNIX-CONNECT:$LAB_DIR/cluster.sock" >"$log" 2>&1 &
    CLUSTER_RELAY[$1]=$!
    for ((tries = 0; tries < 200; tries++)); do
        ! lab_exec "$1" curl --silent --insecure --output /dev/null "$APISERVER_URL/healthz" || return 0
        sleep 0.05
    done
    lab_fail "no way from $1 to the API server: $(<"$log")"
}

cluster_cut() { kill -STOP -- "-${CLUSTER_RELAY[$1]}"; }
cluster_join() { kill -CONT -- "-${CLUSTER_RELAY[$1]}"; }
