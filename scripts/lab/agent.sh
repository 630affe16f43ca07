# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# One catflapd for each node of a laboratory. To be sourced after lab.sh; CATFLAP_BIN is where the programs are.
#
#   agent_start NODE [OPTION...]   in the node's namespace; returns when it answers
#   agent_stop NODE                ends it as an operator would; enforcement goes on
#   agent_kill9 NODE               ends it as a crash would; so it does then
#   agent_remove NODE              catflapd --remove
#   agent_settle                   returns when every living agent enforces what the source holds
#   ctl NODE COMMAND...            catflap COMMAND, asked of the node's agent
#   source_put FILE [NAME]         a manifest for all agents, put in place by one rename
#   source_remove NAME             takes it away again
# AGENT_KUBECONFIG, where it is set, is their source instead of the directory; see cluster.sh.
# CATFLAP_MODE says which engine agents enforce with: ebpf (the default), iptables-nft or iptables-legacy; CATFLAP_GUARD
# what their --guard is where the test does not say it.

declare -A AGENT_PID=()

agent_run_dir() { echo "$LAB_DIR/run-$1"; }
agent_pin_dir() { echo "/sys/fs/bpf/$LAB/$1"; }
agent_log() { echo "$LAB_DIR/log/$1"; }
agent_source() { echo "$LAB_DIR/source"; }

agent_mode_options() {
    case ${CATFLAP_MODE:-ebpf} in
        ebpf) ;;
        iptables-nft | iptables-legacy) printf '%s\n' --mode iptables --iptables-backend "${CATFLAP_MODE#iptables-}" ;;
        *) lab_fail "no mode $CATFLAP_MODE" ;;
    esac
}

# The command line of the node's agent, a word a line.
agent_command() {
    printf '%s\n' "$CATFLAP_BIN/catflapd" --node "$1" \
        --run-dir "$(agent_run_dir "$1")" --pin-dir "$(agent_pin_dir "$1")" "${@:2}"
    if [[ -n ${AGENT_KUBECONFIG:-} ]]; then
        printf '%s\n' --kubeconfig "$AGENT_KUBECONFIG"
    else
        printf '%s\n' --source "$(agent_source)"
    fi
    agent_mode_options
    [[ -z ${CATFLAP_ESTABLISHED:-} ]] || printf '%s\n' --established "$CATFLAP_ESTABLISHED"
    [[ -z ${CATFLAP_GUARD:-} || " $* " == *" --guard "* ]] || printf '%s\n' --guard "$CATFLAP_GUARD"
}

# catflapd NODE OPTION...: in the node's namespace, in the foreground.
catflapd() {
    local command
    mapfile -t command < <(agent_command "$@")
    lab_exec "$1" "${command[@]}"
}

# A laboratory may share a slow machine: answers have more time than an operator would give them.
ctl() {
    local answer_time=()
    [[ $2 == settle || " $* " == *" --timeout "* ]] || answer_time=(--timeout 30s)
    "$CATFLAP_BIN/catflap" "${@:2}" "${answer_time[@]}" --run-dir "$(agent_run_dir "$1")"
}

agent_is_alive() { [[ -n ${AGENT_PID[$1]:-} ]] && kill -0 "${AGENT_PID[$1]}" 2>/dev/null; }

agent_start() {
    local node=$1 command tries
    mkdir -p "$(agent_source)"
    mapfile -t command < <(agent_command "$@")
    lab_spawn "$node" "$(agent_log "$node")" "${command[@]}"
    AGENT_PID[$node]=$LAB_PID
    for ((tries = 0; tries < 400; tries++)); do
        ! ctl "$node" status >/dev/null 2>&1 || return 0
        agent_is_alive "$node" || break
        sleep 0.025
    done
    cat "$(agent_log "$node")" >&2
    lab_fail "catflapd of $node does not answer"
}

agent_end() {
    local node=$1 signal=$2
    kill "-$signal" "${AGENT_PID[$node]}"
    wait "${AGENT_PID[$node]}" 2>/dev/null || true
    unset "AGENT_PID[$node]"
}

agent_stop() { agent_end "$1" TERM; }
agent_kill9() { agent_end "$1" KILL; }
agent_remove() { catflapd "$@" --remove; }

agent_settle() {
    local node
    for node in "${!AGENT_PID[@]}"; do
        ctl "$node" settle || return
    done
}

source_put() {
    local name=${2:-$(basename "$1")}
    cp "$1" "$(agent_source)/.$name.new"
    mv "$(agent_source)/.$name.new" "$(agent_source)/$name"
}

source_remove() { rm "$(agent_source)/$1"; }
