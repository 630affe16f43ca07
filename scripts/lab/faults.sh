# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# A server in a node's namespace that hands on what the API server answers, and spoils it as it is told. To be sourced after
# cluster.sh.
#
#   faults_start NODE         after cluster_start; agents started from now on read the API server by way of it
#   faults_arm RULE...        each as `catflap-test-apiserver fault --help` describes it; they stay until
#   faults_lift               all of them, and what else was done to the connections
#   faults_inject KIND        writes stdin into the kind's open watch, as soon as there is one
#   faults_do COMMAND         break, freeze, freeze?new=1, refuse, http1
#   faults_state FILTER       what it has counted, by jq
#   faults_hits RULE          how often a rule did something since it was armed last
#   faults_happened           whether each rule that was armed since the last lift did something; prints those that did not
# What it did is in the laboratory's log/faults-NODE.

FAULTS_SOCKET=
FAULTS_ARMED=()

faults_start() {
    local log=$LAB_DIR/log/faults-$1 tries
    FAULTS_SOCKET=$LAB_DIR/faults.sock
    lab_spawn "$1" "$log" "$APISERVER_BIN" fault --dir "$APISERVER_DIR" --through "$LAB_DIR/cluster.sock" --control "$FAULTS_SOCKET"
    for ((tries = 0; tries < 400; tries++)); do
        if [[ -S $FAULTS_SOCKET ]] && faults_state . >/dev/null 2>&1; then
            # shellcheck disable=SC2034 # for agent.sh
            AGENT_KUBECONFIG=$APISERVER_DIR/fault.kubeconfig
            return 0
        fi
        sleep 0.05
    done
    lab_fail "no fault server: $(<"$log")"
}

faults_tell() { curl -sS --fail-with-body --unix-socket "$FAULTS_SOCKET" "http://fault/$1" "${@:2}"; }

faults_arm() {
    FAULTS_ARMED+=("$@")
    printf '%s\n' "$@" | faults_tell arm --data-binary @-
}

faults_lift() {
    faults_tell lift -X POST
    FAULTS_ARMED=()
}

faults_do() { faults_tell "$1" -X POST; }

faults_state() { faults_tell state | jq -r "$1"; }

faults_inject() {
    local text=$LAB_DIR/injected tries
    cat >"$text"
    for ((tries = 0; tries < 200; tries++)); do
        [[ $(faults_tell "inject/$1" --data-binary @"$text") == 0 ]] || return 0
        sleep 0.05
    done
    lab_fail "no watch of $1 is open"
}

faults_hits() { faults_tell state | jq --arg line "$1" '[.rules[] | select(.line == $line) | .hits] | last // 0'; }

faults_happened() {
    local rule status=0
    for rule in "${FAULTS_ARMED[@]}"; do
        [[ $(faults_hits "$rule") -gt 0 ]] || { echo "it did nothing: $rule" && status=1; }
    done
    return "$status"
}
