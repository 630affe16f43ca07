# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154 # what chaos.test assigns
# The faults of chaos.test. To be sourced by it. A fault is a function fault_NAME that does the damage and a function
# heal_NAME that undoes what the test itself has to undo; a new pair is all that a new fault needs. In between the test
# looks at traffic; after it, `catflap status --check` must be right.
#
# What is promised where nothing else is said: the friend loses nothing, and nothing of the stranger's arrives. A fault that
# cannot keep that says so, and why:
#   stranger_may_pass    from here until stranger_is_judged. Programs that somebody else takes away judge nothing until the
#                        audit has put them back; that is all of it
#   told WHAT PATTERN    the agent's log has said it since the fault began, by a line that matches
#   status_complains     `status --check` fails meanwhile
# CHAOS_DIR holds what the traffic writes; $server, $guarded and $bystander are pods of the laboratory.

restart() {
    agent_kill9 n1
    agent_start n1 || fail "the agent does not start"
}

# ---- The agent ----

fault_kill() { agent_kill9 n1; }
heal_kill() { agent_start n1 || fail "the agent does not start"; }

fault_stall() { kill -STOP "${AGENT_PID[n1]}"; }
heal_stall() {
    sleep $((RANDOM % 4 + 1)) # the fault is its length
    kill -CONT "${AGENT_PID[n1]}"
}

fault_memory() {
    agent_is_alive n1 || return 0
    memory_limit "${AGENT_PID[n1]}" || return 0 # no cgroup of memory here
    source_put "$CHAOS_DIR/policy.yaml"
    settle_or_dead
}
heal_memory() {
    if ! agent_is_alive n1; then
        wait "${AGENT_PID[n1]}" 2>/dev/null || true
        agent_start n1 || fail "the agent does not start after the kernel killed it"
    fi
    memory_unlimit
}
settle_or_dead() { timeout 20 "$CATFLAP_BIN/catflap" settle --run-dir "$(agent_run_dir n1)" >/dev/null 2>&1 || true; }

# Hardly anything beyond what the agent has; it may be killed for it. Version 1 of cgroups, or 2.
MEMORY_GROUP=
memory_limit() {
    local root limit
    for root in /sys/fs/cgroup/memory /sys/fs/cgroup; do
        mkdir "$root/$LAB" 2>/dev/null || continue
        for limit in memory.limit_in_bytes memory.max; do
            [[ -w $root/$LAB/$limit ]] || continue
            MEMORY_GROUP=$root/$LAB
            echo 2M >"$MEMORY_GROUP/$limit" && echo "$1" >"$MEMORY_GROUP/cgroup.procs" && return 0
        done
        rmdir "$root/$LAB"
    done
    return 1
}
memory_unlimit() {
    local pid limit
    [[ -n $MEMORY_GROUP ]] || return 0
    for limit in memory.limit_in_bytes memory.max; do
        [[ ! -w $MEMORY_GROUP/$limit ]] || echo -1 >"$MEMORY_GROUP/$limit" 2>/dev/null || echo max >"$MEMORY_GROUP/$limit"
    done
    while read -r pid; do echo "$pid" >"${MEMORY_GROUP%/*}/cgroup.procs" || true; done <"$MEMORY_GROUP/cgroup.procs"
    rmdir "$MEMORY_GROUP"
    MEMORY_GROUP=
}

fault_second_agent() {
    local pid
    lab_spawn n1 "$LAB_DIR/log/second" "$CATFLAP_BIN/catflapd" --source "$(agent_source)" --node n1 \
        --run-dir "$LAB_DIR/run-second" --pin-dir "$(agent_pin_dir n1)-second"
    pid=$LAB_PID
    wait_until 30 second_is_decided "$pid"
    if second_answers; then
        kill -KILL "$pid"
        fail "a second agent with other directories enforces beside the first"
    fi
    ! wait "$pid" || fail "a second agent ends as if all were well"
}
second_answers() { "$CATFLAP_BIN/catflap" status --run-dir "$LAB_DIR/run-second" >/dev/null 2>&1; }
second_is_decided() { ! kill -0 "$1" 2>/dev/null || second_answers; }
heal_second_agent() { rm -rf "$LAB_DIR/run-second" "$(agent_pin_dir n1)-second"; }

# ---- What it reads ----

# The policy is broken, and the agent that knew the good version dies.
bad_policy_and_restart() {
    source_put "$CHAOS_DIR/bad.yaml" policy.yaml
    settle_or_dead
    restart
    sleep 0.5 # of the stranger's packets
    check_stranger
    status_complains
}
heal_policy() { source_put "$CHAOS_DIR/policy.yaml"; }

fault_policy_bad_port() {
    sed 's/port: 8080/port: 80800/' "$CHAOS_DIR/policy.yaml" >"$CHAOS_DIR/bad.yaml"
    bad_policy_and_restart
}
heal_policy_bad_port() { heal_policy; }

fault_policy_cut_off() {
    sed '/ports:/,$d' "$CHAOS_DIR/policy.yaml" | head -c -3 >"$CHAOS_DIR/bad.yaml"
    bad_policy_and_restart
}
heal_policy_cut_off() { heal_policy; }

fault_policy_empty() {
    : >"$CHAOS_DIR/bad.yaml"
    bad_policy_and_restart
}
heal_policy_empty() { heal_policy; }

fault_policy_not_utf8() {
    sed 's/^    ports:/    # r\xe9seau\n&/' "$CHAOS_DIR/policy.yaml" >"$CHAOS_DIR/bad.yaml"
    bad_policy_and_restart
}
heal_policy_not_utf8() { heal_policy; }

# Whatever the version, the friend is admitted on 8080, and the stranger is not.
fault_policy_changes() {
    local count
    for ((count = 0; count < 100; count++)); do
        sed "s/^  ingress:/&\n  - from: [{ipBlock: {cidr: 192.0.2.$count\/32}}]/" "$CHAOS_DIR/policy.yaml" >"$CHAOS_DIR/version.yaml"
        source_put "$CHAOS_DIR/version.yaml" policy.yaml
    done
}
heal_policy_changes() { heal_policy; }

fault_cluster_removed() {
    source_remove cluster.yaml
    settle_or_dead
    status_complains
}
heal_cluster_removed() { source_put "$CHAOS_DIR/cluster.yaml"; }

# A tenant's policy that fits no table, in a namespace of its own. The node's other policies go on being enforced, also by
# an agent that starts with it.
fault_huge_policy() {
    {
        printf 'apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: huge, namespace: tenant}\n'
        printf 'spec:\n  podSelector: {}\n  policyTypes: [Ingress]\n  ingress:\n'
        seq -f '  - {ports: [{port: %.0f}]}' 1 32800
    } >"$CHAOS_DIR/huge.yaml"
    source_put "$CHAOS_DIR/huge.yaml"
    policies_still_change
    restart
    policies_still_change
}
heal_huge_policy() { source_remove huge.yaml; }

# A change of another policy gets into force, there and back.
policies_still_change() {
    sed 's/role: nobody/role: friend/' "$CHAOS_DIR/policy.yaml" >"$CHAOS_DIR/version.yaml"
    source_put "$CHAOS_DIR/version.yaml" policy.yaml
    wait_until 3 friend_reaches 9090 # an attempt that is dropped takes a second
    source_put "$CHAOS_DIR/policy.yaml"
    wait_until 3 friend_is_kept_out 9090
}
friend_is_kept_out() { ! friend_reaches "$1"; }
friend_reaches() {
    lab_exec "$friend" timeout 1 bash -c ": </dev/tcp/$(lab_address "$server" 4)/$1" 2>/dev/null
}

fault_disk_full() {
    head -c 256M /dev/zero >"$(agent_run_dir n1)/filler" 2>/dev/null || true
    source_put "$CHAOS_DIR/policy.yaml"
    policies_still_change
    restart
}
heal_disk_full() { rm -f "$(agent_run_dir n1)/filler"; }

# ---- What the kernel holds ----

pins() { find "$(agent_pin_dir n1)$1" -type f 2>/dev/null | wc -l; }

# Pins that are lost are made again while the agent lives, so that its death afterwards opens nothing.
lose_pins() {
    local directory before
    directory=$(agent_pin_dir n1)$1 before=$(pins "$1")
    [[ $before -gt 0 ]] || fail "there is nothing in $directory"
    rm -rf "$directory"
    wait_until 15 pins_are_back "$1" "$before"
    told "lost pins" "pin"
    restart
}

pins_are_back() { [[ $(pins "$1") -ge $2 ]]; }

fault_links_unpinned() { lose_pins /links; }
heal_links_unpinned() { :; }

fault_all_unpinned() { lose_pins ""; }
heal_all_unpinned() { :; }

fault_guard_unpinned() {
    [[ -d $(agent_pin_dir n1)/guard ]] || return 0 # the guard is a table of nftables
    lose_pins /guard
    new_pod_is_closed
}
heal_guard_unpinned() { :; }

# Both programs of the server's interface are taken away, as an operator or another agent would: through the link, or
# through tc where they are filters. By their pins: bpftool 7.1 does not tell which interface a TCX link belongs to.
server_links() {
    local ifindex
    ifindex=$(lab_exec n1 ip -j link show dev "${LAB_VETH[$server]}" | jq '.[0].ifindex')
    find "$(agent_pin_dir n1)/links" -name "$ifindex-*"
}

fault_detached() {
    local pin hook
    stranger_may_pass
    for pin in $(server_links); do bpftool link detach pinned "$pin"; done
    for hook in ingress egress; do
        lab_exec n1 tc filter del dev "${LAB_VETH[$server]}" "$hook" 2>/dev/null || true
    done
    told "programs found detached" "${LAB_VETH[$server]}"
    stranger_is_judged
}
heal_detached() { :; }

fault_nft_flush() {
    command -v nft >/dev/null || return 0
    lab_exec n1 nft flush ruleset
    told "tables made again" "conntrack.* made again"
    [[ ${CATFLAP_GUARD:-} != nft ]] || told "a guard made again" "guard's table .* made again"
    new_pod_is_closed
}
heal_nft_flush() { :; }

# ---- Interfaces ----

# $guarded is gone and comes again, under the same name and address; nobody may reach it, and nothing arrives.
fault_veth_again() {
    lab_pod_remove "$guarded"
    [[ $((RANDOM % 2)) == 0 ]] || sleep 0.3
    pod_up "$guarded"
}
heal_veth_again() { :; }

fault_bystander_again() {
    lab_pod_remove "$bystander"
    pod_up "$bystander"
}
heal_bystander_again() { :; }

# An interface that was judged stays so under another name.
fault_renamed() {
    rename_veth "${LAB_VETH[$guarded]}" chaos0
    sleep 1 # of the stranger's packets
}
heal_renamed() { rename_veth chaos0 "${LAB_VETH[$guarded]}"; }
rename_veth() {
    local address
    ip -n "${LAB_NETNS[n1]}" link set "$1" down
    ip -n "${LAB_NETNS[n1]}" link set "$1" name "$2"
    ip -n "${LAB_NETNS[n1]}" link set "$2" up
    for address in ${LAB_ADDRESSES[$guarded]}; do
        ip -n "${LAB_NETNS[n1]}" route replace "$address" dev "$2" scope link
    done
}

# A pod that is made while the agent is away is closed until it comes.
fault_new_pod_without_agent() {
    agent_kill9 n1
    new_pod_is_closed
}
heal_new_pod_without_agent() { agent_start n1 || fail "the agent does not start"; }

new_pod_is_closed() {
    lab_pod n1 "$late" "$LATE_ADDRESS" || fail "no pod $late"
    lab_serve "$late" 8080/tcp 8080/udp
    count_stranger "$late"
    lab_exec "$stranger" timeout 1 bash -c ": </dev/tcp/$LATE_ADDRESS/8080" 2>/dev/null && fail "a new pod is open"
    check_equal "packets of the stranger's that a new pod has seen" "$(seen "$late")" 0
    lab_pod_remove "$late"
}

# ---- Neighbours ----

fault_flood() {
    lab_exec "$neighbour" timeout 60 "$LAB_PYTHON" -I "$E2E_DIR/chaos/flood.py" "$(lab_address "$bystander" 4)" 300000
}
heal_flood() { :; }
