# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# What the end-to-end tests share. To be sourced. A test is a script NAME.test; it exits with 0, with 77 if it cannot run
# here (and says why), or with anything else if it failed.
#
#   e2e_start                           an empty laboratory; at the end its agents' logs are shown if the test failed
#   a_namespace, a_node, a_pod          manifests of a test's own cluster, see below
#   cluster_up FILE                     lays it out and gives it to the agents
#   check_allowed FROM TO PORT/PROTO    tcp, udp (a server must be there, see lab_serve) or echo/icmp
#   check_dropped FROM TO PORT/PROTO    silence, not a refusal
#   check_verdicts                      the same for a table on stdin, all at once
#   counter NODE THING FILTER           a number out of `catflap get THING -o json`, by jq
#   only_in_mode MODE                   skips the test in another mode; CATFLAP_MODE, see agent.sh, is ebpf by default
#   wait_until SECONDS COMMAND...       polls; there is no sleep that hopes
# and everything of scripts/lab/lab.sh and agent.sh.
set -euo pipefail
E2E_DIR=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
TOP=$(cd "$E2E_DIR/../.." && pwd)
CATFLAP_BIN=${CATFLAP_BIN:-$TOP/build/release/bin}
# shellcheck source=scripts/lab/lab.sh
. "$TOP/scripts/lab/lab.sh"
# shellcheck source=scripts/lab/agent.sh
. "$TOP/scripts/lab/agent.sh"

skip() {
    echo "skipped: $1"
    exit 77
}

fail() {
    echo "FAILED: $1" >&2
    exit 1
}

# only_in_mode ebpf: skips what no other engine has.
only_in_mode() { [[ ${CATFLAP_MODE:-ebpf} == "$1" ]] || skip "this is about mode $1"; }

title() { echo "--- $1"; }

e2e_start() {
    [[ $EUID == 0 ]] || skip "network namespaces need root"
    [[ -x $CATFLAP_BIN/catflapd && -x $CATFLAP_BIN/catflap ]] || fail "no catflapd and catflap in $CATFLAP_BIN"
    lab_start "$(basename "$0")" || fail "no laboratory"
    trap e2e_end EXIT
}

e2e_end() {
    local status=$? log node
    if [[ $status != 0 && $status != 77 ]]; then
        for log in "$LAB_DIR"/log/*; do
            [[ ! -s $log ]] || printf '=== %s\n%s\n' "${log##*/}" "$(tail -n 60 "$log")"
        done
        for node in "${!AGENT_PID[@]}"; do
            ! agent_is_alive "$node" || printf '=== drops of %s\n%s\n' "$node" "$(ctl "$node" get drops 2>&1 || true)"
        done
    fi
    lab_stop
}

# ---- Manifests ----

# Labels as "a=b,c=d".
labels_yaml() {
    local label
    [[ -n $1 ]] || return 0
    echo "  labels:"
    for label in ${1//,/ }; do
        echo "    ${label%%=*}: ${label#*=}"
    done
}

# a_namespace NAME LABELS
a_namespace() {
    printf -- '---\napiVersion: v1\nkind: Namespace\nmetadata:\n  name: %s\n' "$1"
    labels_yaml "${2:-}"
}

# a_node NAME ADDRESS...
a_node() {
    printf -- '---\napiVersion: v1\nkind: Node\nmetadata:\n  name: %s\nstatus:\n  addresses:\n' "$1"
    printf '  - type: InternalIP\n    address: "%s"\n' "${@:2}"
}

# a_pod NODE NS/NAME LABELS ADDRESS...; it has the named ports web (TCP 8080) and dns (UDP 53).
a_pod() {
    printf -- '---\napiVersion: v1\nkind: Pod\nmetadata:\n  name: %s\n  namespace: %s\n' "${2#*/}" "${2%/*}"
    labels_yaml "$3"
    cat <<END
spec:
  nodeName: $1
  containers:
  - name: main
    ports:
    - {name: web, containerPort: 8080, protocol: TCP}
    - {name: dns, containerPort: 53, protocol: UDP}
status:
END
    [[ $# -gt 3 ]] || { echo "  phase: Pending" && return; }
    printf '  phase: Running\n  podIP: "%s"\n  podIPs:\n' "$4"
    printf '  - ip: "%s"\n' "${@:4}"
}

# cluster_up FILE: its nodes and pods in namespaces, and the file in the agents' source directory.
cluster_up() {
    lab_layout "$1" || fail "the cluster cannot be laid out"
    mkdir -p "$(agent_source)"
    source_put "$1"
}

settle() { agent_settle || fail "the agents do not settle"; }

# ---- Checks ----

# A place may be given as PLACE@ADDRESS: from, or to, this address of it.
probe_line() {
    local from=$1 to=$2 what=$3 expected=$4 family=$5 address source=
    [[ $from != *@* ]] || source=@${from#*@}
    address=${to#*@}
    [[ $to == *@* ]] || address=$(lab_address "$to" "$family")
    echo "${LAB_NETNS[${from%@*}]}$source $address $what $expected $from -> $to $what IPv$family"
    [[ -n $source ]] || source=$(lab_address "$from" "$family")
    echo "${source#@} $address $what $expected $from -> $to $what IPv$family" >&3
}

# check_verdicts [4|6]: lines of "FROM TO PORT/PROTO allowed|dropped" on stdin; empty ones and # comments are skipped.
# With ORACLE=yes what is expected must be what the oracle says of the manifests in the source, too.
check_verdicts() {
    local family=${1:-4} from to what expected
    while read -r from to what expected _; do
        [[ -z $from || $from == '#'* ]] || probe_line "$from" "$to" "$what" "$expected" "$family"
    done >"$LAB_DIR/probes" 3>"$LAB_DIR/probes-by-address"
    "$LAB_PYTHON" -I "$LAB_TOOLS/probe.py" <"$LAB_DIR/probes" >"$LAB_DIR/verdicts" || {
        grep -v '^ok' "$LAB_DIR/verdicts" || true
        fail "$(grep -c '^FAIL' "$LAB_DIR/verdicts" || true) of $(wc -l <"$LAB_DIR/probes") verdicts are wrong"
    }
    [[ -z ${ORACLE:-} ]] || "$CATFLAP_BIN/catflap-oracle" "$(agent_source)" <"$LAB_DIR/probes-by-address" ||
        fail "the oracle sees it otherwise"
    echo "ok: $(wc -l <"$LAB_DIR/verdicts") verdicts, IPv$family${ORACLE:+, and the oracle agrees}"
}

check_allowed() { echo "$1 $2 $3 allowed" | check_verdicts "${4:-4}"; }
check_dropped() { echo "$1 $2 $3 dropped" | check_verdicts "${4:-4}"; }

# check_equal WHAT IS SHOULD
check_equal() {
    [[ $2 == "$3" ]] || fail "$1"$'\n'"is:        $2"$'\n'"should be: $3"
    echo "ok: $1"
}

check_that() {
    "${@:2}" || fail "$1"
    echo "ok: $1"
}

wait_until() {
    local tries=$(($1 * 20))
    until "${@:2}"; do
        ((tries-- > 0)) || fail "still not after $1 s: ${*:2}"
        sleep 0.05
    done
}

get_json() { ctl "$1" get "$2" -o json; }

counter() { get_json "$1" "$2" | jq "$3"; }

# ---- Traffic ----

# blast NAME FROM udp|tcp|stream TO PORT RATE: steady traffic until blast_end.
declare -A BLAST_PID=()
blast() {
    lab_spawn "$2" "$LAB_DIR/blast-$1" "$LAB_PYTHON" -I "$LAB_TOOLS/blast.py" "$3" "$(lab_address "$4" "${7:-4}")" "$5" "$6"
    BLAST_PID[$1]=$LAB_PID
}

# Ends the traffic of these names, all at once; blast_result reads what became of it.
blast_end() {
    local name
    for name in "$@"; do kill -TERM "${BLAST_PID[$name]}"; done
    for name in "$@"; do wait "${BLAST_PID[$name]}" || fail "traffic $name: $(<"$LAB_DIR/blast-$name")"; done
}

blast_result() { jq "$2" "$LAB_DIR/blast-$1"; }

check_nothing_lost() {
    local name
    for name in "$@"; do
        check_equal "traffic $name: $(<"$LAB_DIR/blast-$name")" \
            "$(blast_result "$name" '.sent > 0 and .answered == .sent and .retransmitted == 0')" true
    done
}

# What the pod's server on port 8080/tcp has received so far. Asked within the pod: no policy has a say in that.
server_stats() { lab_exec "$1" bash -c 'exec 3<>/dev/tcp/127.0.0.1/8080; echo stats >&3; head -n 1 <&3'; }

# received NS/POD FROM...: connections and datagrams from these places.
received() {
    local from senders=''
    for from in "${@:2}"; do senders+=" ${LAB_ADDRESSES[$from]}"; done
    server_stats "$1" | jq --arg senders "$senders" \
        '[to_entries[] | select((.key | split(" ")[1]) as $peer | $senders | split(" ") | index($peer)) | .value] | add // 0'
}
