# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# A laboratory of network namespaces, laid out as Calico lays out a cluster, or as other CNI plug-ins do: LAB_CNI. To be
# sourced.
#
#   lab_start NAME                     an empty laboratory, removed when the shell ends, however it ends
#   lab_node NODE ADDRESS...           a namespace that forwards, its uplink on the laboratory's switch
#   lab_pod NODE NS/POD [ADDRESS...]   a namespace behind a cali* veth of that node; in two steps, for what is to run in
#                                      it before it has a veth: lab_sandbox, lab_plug
#   lab_layout FILE                    every node of a manifest file, and every pod that hangs on one by a veth
#   lab_exec PLACE COMMAND...          runs a command there; a place is a node, NS/POD, or "outside" (the switch)
#   lab_serve NS/POD PORT/PROTO...     servers in the pod
#   lab_pod_remove NS/POD              takes a pod, its veth and its processes away
#   lab_stop                           takes everything away
#
# Each node has one IPv4 and at most one IPv6 address, each pod at most one of each. Names of namespaces begin with
# the laboratory's id, so that laboratories stand side by side; /run/catflap-lab/ID holds its files and its owner's
# process, so that the next laboratory clears away what a killed owner left.

PATH=$PATH:/usr/sbin:/sbin # where ip, tc and bpftool are; not every root's PATH has it
LAB_ROOT=/run/catflap-lab
LAB_PYTHON=/usr/bin/python3 # Debian's: what else is first in PATH may be a slow wrapper
LAB_TOOLS=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
LAB_GATEWAY=169.254.254.1 # the switch's own address: the nodes' default route

declare -A LAB_NETNS=()     # place -> namespace
declare -A LAB_ADDRESSES=() # place -> its addresses
declare -A LAB_VETH=()      # pod -> host side of its veth
declare -A LAB_HOME=()      # pod -> its node
declare -A LAB_CNI=()       # node -> calico (the default), aws, azure (in transparent mode), gke
LAB_NODES=()                # in the order of their making
LAB_COUNT=0                 # namespaces made so far

lab_fail() {
    echo "lab: $1" >&2
    return 1
}

# lab_veth_name NS/POD NODE: a prefix and 11 hex digits of sha1("namespace.name"); of the last kind, digits of something
# else, so that only the host route tells whose it is.
lab_veth_name() {
    local digest
    digest=$(printf '%s' "${1/\//.}" | sha1sum)
    case ${LAB_CNI[$2]:-calico} in
        calico) echo "cali${digest:0:11}" ;;
        aws) echo "eni${digest:0:11}" ;;
        azure) echo "azv${digest:0:11}" ;;
        gke) echo "gke${digest:11:11}" ;;
    esac
}

# What is the same in each of them: a /32 (or /128) in the pod, and a gateway that is no address of the node.
# lab_gateway_mac NODE: the host's end of every veth. Calico's pods ask for the gateway's (proxy ARP); the others' have it
# as a static neighbour, and so has Azure's host the pod's.
lab_gateway_mac() { [[ ${LAB_CNI[$1]:-calico} == calico ]] && echo ee:ee:ee:ee:ee:ee || echo aa:aa:aa:aa:aa:aa; }
lab_gateway6() { [[ ${LAB_CNI[$1]:-calico} == calico ]] && echo fe80::ecee:eeff:feee:eeee || echo fe80::a8aa:aaff:feaa:aaaa; }
lab_static_neighbours() {
    local pod=$1 node=${LAB_HOME[$1]} address mac
    [[ ${LAB_CNI[$node]:-calico} != calico ]] || return 0
    ip -n "${LAB_NETNS[$pod]}" neigh replace 169.254.1.1 lladdr "$(lab_gateway_mac "$node")" dev eth0 nud permanent
    [[ ${LAB_CNI[$node]} == azure ]] || return 0
    mac=$(ip -n "${LAB_NETNS[$pod]}" -j link show eth0 | jq -r '.[0].address')
    for address in ${LAB_ADDRESSES[$pod]}; do
        ip -n "${LAB_NETNS[$node]}" neigh replace "$address" lladdr "$mac" dev "${LAB_VETH[$pod]}" nud permanent
    done
}

lab_is_ipv6() { [[ $1 == *:* ]]; }

# The place's address of a family (4, 6); without one: its first.
lab_address() {
    local address
    for address in ${LAB_ADDRESSES[$1]:?no place $1}; do
        case ${2:-} in
            4) ! lab_is_ipv6 "$address" || continue ;;
            6) lab_is_ipv6 "$address" || continue ;;
        esac
        echo "$address" && return
    done
    lab_fail "$1 has no IPv${2:-} address"
}

# ---- Owners: a laboratory lives as long as the process that started it ----

# "PID STARTTIME": a reused process id has another start time.
lab_process() {
    local stat
    { read -r stat <"/proc/$1/stat"; } 2>/dev/null || return 1 # where $(<FILE) fails, bash leaves the whole subshell
    read -ra stat <<<"${stat##*) }"
    echo "$1 ${stat[19]}"
}

lab_is_owned() {
    local pid owner
    { read -r owner <"$LAB_ROOT/$1/owner"; } 2>/dev/null || return 1
    read -r pid _ <<<"$owner"
    [[ $owner == kept || $(lab_process "$pid") == "$owner" ]]
}

# Processes of all namespaces of laboratory $1, found by namespace: nothing needs to have been written down.
lab_processes() {
    local netns=(/run/netns/"$1"-*)
    [[ -e ${netns[0]} ]] || return 0
    {
        stat -Lc '%i' "${netns[@]}" 2>/dev/null || true
        stat -Lc '%i %n' /proc/[0-9]*/ns/net 2>/dev/null || true
    } | awk 'NF == 1 { ours[$1] } NF == 2 && $1 in ours { split($2, path, "/"); print path[3] }'
}

lab_clear() {
    local id=$1 pids netns
    for _ in 1 2 3 4 5; do
        mapfile -t pids < <(lab_processes "$id")
        [[ ${#pids[@]} -gt 0 ]] || break
        kill -KILL "${pids[@]}" 2>/dev/null || true
        wait "${pids[@]}" 2>/dev/null || true # our own children among them: else bash would report their end
    done
    rm -rf "/sys/fs/bpf/${id:?}"
    for netns in /run/netns/"$id"-*; do
        [[ ! -e $netns ]] || echo "netns delete ${netns##*/}"
    done | ip -force -batch - >/dev/null 2>&1 || true
    awk -v dir="$LAB_ROOT/$id/" 'index($2, dir) == 1 { print $2 }' /proc/self/mounts | xargs -r umount -l || true
    rm -rf "${LAB_ROOT:?}/$id" || true # what is mounted by somebody else is left to the next time
}

# Clears laboratories whose owner is dead.
lab_reap() {
    local dir
    for dir in "$LAB_ROOT"/*/; do
        [[ -d $dir ]] || continue
        lab_is_owned "$(basename "$dir")" || lab_clear "$(basename "$dir")"
    done
}

# ---- Life ----

lab_id() {
    local digest
    digest=$(printf '%s' "$1" | sha1sum)
    echo "cf${digest:0:6}"
}

lab_require() {
    [[ $EUID == 0 ]] || lab_fail "network namespaces need root" || return
    mountpoint -q /sys/fs/bpf || mount -t bpf bpf /sys/fs/bpf || lab_fail "cannot mount bpffs at /sys/fs/bpf"
}

# lab_start NAME [ID]: the id is made of the name and this process unless it is given.
lab_start() {
    lab_require || return
    LAB=${2:-$(lab_id "$1 $$")}
    LAB_DIR=$LAB_ROOT/$LAB
    mkdir -p "$LAB_ROOT"
    (
        flock 9
        lab_reap
        [[ ! -d $LAB_DIR ]] || lab_fail "laboratory $LAB stands already" || exit
        mkdir -m 700 "$LAB_DIR" || exit
        lab_process $$ >"$LAB_DIR/owner" || lab_fail "cannot read /proc/$$/stat"
    ) 9>"$LAB_ROOT/.lock" || return
    trap lab_stop EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM HUP
    mkdir -p "$LAB_DIR/log" "/sys/fs/bpf/$LAB"
    lab_switch
}

lab_stop() {
    trap '' INT TERM HUP
    [[ -z ${LAB:-} ]] || lab_clear "$LAB"
    LAB=
    trap - EXIT INT TERM HUP
}

# Leaves the laboratory standing when this shell ends; lab_open goes in again.
lab_keep() {
    echo kept >"$LAB_DIR/owner"
    trap - EXIT INT TERM HUP
}

lab_open() {
    local place netns node veth addresses
    LAB=$1
    LAB_DIR=$LAB_ROOT/$LAB
    [[ -f $LAB_DIR/places ]] || lab_fail "no laboratory $LAB stands" || return
    while IFS='|' read -r place netns node veth addresses; do
        [[ -e /run/netns/$netns ]] || continue
        LAB_NETNS[$place]=$netns
        LAB_ADDRESSES[$place]=$addresses
        [[ -z $veth ]] || LAB_VETH[$place]=$veth
        [[ -z $node ]] || LAB_HOME[$place]=$node
        [[ -n $node || $place == outside ]] || LAB_NODES+=("$place")
    done <"$LAB_DIR/places"
}

# ---- Layout ----

# lab_place PLACE KIND NODE VETH ADDRESS...: makes the place's namespace, and remembers it.
lab_place() {
    local place=$1 netns=$LAB-$2$((LAB_COUNT++)) node=$3 veth=$4
    shift 4
    [[ -z ${LAB_NETNS[$place]:-} ]] || lab_fail "there is a $place already" || return
    ip netns add "$netns" || return
    LAB_NETNS[$place]=$netns
    LAB_ADDRESSES[$place]=$*
    [[ -z $veth ]] || LAB_VETH[$place]=$veth
    [[ -z $node ]] || LAB_HOME[$place]=$node
    echo "$place|$netns|$node|$veth|$*" >>"$LAB_DIR/places"
}

lab_exec() {
    local netns=${LAB_NETNS[$1]:?no place $1}
    shift
    nsenter --net="/run/netns/$netns" -- "$@"
}

# lab_spawn PLACE OUTPUT COMMAND...: runs it in the background; LAB_PID is the command's own process. setsid: Ctrl-C and
# a closed terminal are for the script, which knows what to end in which order.
lab_spawn() {
    local netns=${LAB_NETNS[$1]:?no place $1}
    # Without OUTPUT the command's name would be in its place, and be overwritten.
    [[ $2 == "$LAB_DIR"/* || $2 == /dev/null ]] || lab_fail "lab_spawn: the output $2 is not in $LAB_DIR" || return
    setsid nsenter --net="/run/netns/$netns" -- "${@:3}" >"$2" 2>&1 </dev/null &
    # shellcheck disable=SC2034 # for the caller
    LAB_PID=$!
}

# Settings of a namespace that forwards, made before its interfaces, which inherit them. rp_filter is off so that
# only catflap can be what stops a forged source; accept_dad, because an address is of no use for a second with it.
lab_forwarding() {
    lab_exec "$1" sysctl -q -w net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1 \
        net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.default.rp_filter=0 \
        net.ipv4.conf.default.proxy_arp="$2" \
        net.ipv6.conf.all.accept_dad=0 net.ipv6.conf.default.accept_dad=0
}

# The switch is a bridge between the nodes, their gateway, and the world outside of the cluster.
lab_switch() {
    lab_place outside s "" "" "$LAB_GATEWAY" || return
    lab_forwarding outside 0
    ip -n "${LAB_NETNS[outside]}" -batch - <<END
link set lo up
link add br0 type bridge
link set br0 up
address add $LAB_GATEWAY/32 dev br0
address add fe80::1/64 dev br0 nodad
END
}

# lab_outside ADDRESS: a further address of the world outside.
lab_outside() {
    ip -n "${LAB_NETNS[outside]}" address add "$1" dev lo
    LAB_ADDRESSES[outside]+=" $1"
}

lab_node() {
    local node=$1 address other
    lab_place "$node" n "" "" "${@:2}" || return
    lab_forwarding "$node" 1
    ip -n "${LAB_NETNS[outside]}" -batch - <<END
link add up${#LAB_NODES[@]} type veth peer name eth0 netns ${LAB_NETNS[$node]}
link set up${#LAB_NODES[@]} master br0 up
END
    {
        echo "link set lo up"
        echo "link set eth0 up"
        for address in "${@:2}"; do
            lab_is_ipv6 "$address" && echo "address add $address/128 dev eth0 nodad" || echo "address add $address/32 dev eth0"
        done
        echo "route add default via $LAB_GATEWAY dev eth0 onlink"
        echo "route add default via fe80::1 dev eth0"
    } | ip -n "${LAB_NETNS[$node]}" -batch -
    for other in "${LAB_NODES[@]}"; do
        for address in "${@:2}"; do
            ip -n "${LAB_NETNS[$other]}" route add "$address" dev eth0
        done
        for address in ${LAB_ADDRESSES[$other]}; do
            ip -n "${LAB_NETNS[$node]}" route add "$address" dev eth0
        done
    done
    for address in "${@:2}"; do
        ip -n "${LAB_NETNS[outside]}" route add "$address" dev br0
    done
    LAB_NODES+=("$node")
}

# As Calico does it: the node's end has the address ee:ee:ee:ee:ee:ee, hence fe80::ecee:eeff:feee:eeee, and answers
# for 169.254.1.1; the pod has a /32 and a /128, and reaches everything by way of these two. Without proxy_delay 0 the
# answer to its first ARP request would come up to 0.8 s late.
lab_pod() {
    lab_sandbox "$@" && lab_plug "$2"
}

# lab_sandbox NODE NS/POD [ADDRESS...]: the pod's namespace alone, for what is to run in it before it has a veth.
lab_sandbox() {
    lab_place "$2" p "$1" "$(lab_veth_name "$2" "$1")" "${@:3}"
}

# lab_plug NS/POD: its veth, addresses and routes.
lab_plug() {
    local pod=$1 node=${LAB_HOME[$1]} veth=${LAB_VETH[$1]} addresses address
    read -ra addresses <<<"${LAB_ADDRESSES[$pod]}"
    ip -n "${LAB_NETNS[$node]}" -batch - <<END || return
link add $veth address $(lab_gateway_mac "$node") type veth peer name eth0 netns ${LAB_NETNS[$pod]}
ntable change name arp_cache dev $veth proxy_delay 0
link set $veth up
END
    {
        echo "link set lo up"
        echo "link set eth0 up"
        for address in "${addresses[@]}"; do
            if lab_is_ipv6 "$address"; then
                echo "address add $address/128 dev eth0 nodad"
                echo "route add default via $(lab_gateway6 "$node") dev eth0"
            else
                echo "address add $address/32 dev eth0"
                echo "route add 169.254.1.1 dev eth0 scope link"
                echo "route add default via 169.254.1.1 dev eth0"
            fi
        done
    } | ip -n "${LAB_NETNS[$pod]}" -batch -
    lab_static_neighbours "$pod"
    for address in "${addresses[@]}"; do
        lab_route "$pod" "$address"
    done
}

# lab_route NS/POD ADDRESS: the host route on the pod's node, and the way there from everywhere else.
lab_route() {
    local node=${LAB_HOME[$1]} family=4 scope=(scope link) via place
    ! lab_is_ipv6 "$2" || family=6
    [[ ${LAB_CNI[$node]:-calico} != azure ]] || scope=(proto static scope global)
    ip -n "${LAB_NETNS[$node]}" route replace "$2" dev "${LAB_VETH[$1]}" "${scope[@]}"
    via=$(lab_address "$node" "$family") || return
    for place in outside "${LAB_NODES[@]}"; do
        [[ $place == "$node" ]] || ip -n "${LAB_NETNS[$place]}" route replace "$2" via "$via"
    done
}

lab_pod_remove() {
    local pod=$1 place address netns
    netns=${LAB_NETNS[$pod]:?no pod $pod}
    mapfile -t pids < <(ip netns pids "$netns")
    [[ ${#pids[@]} == 0 ]] || kill -KILL "${pids[@]}" 2>/dev/null || true
    ip -n "${LAB_NETNS[${LAB_HOME[$pod]}]}" link delete "${LAB_VETH[$pod]}"
    ip netns delete "$netns"
    for address in ${LAB_ADDRESSES[$pod]}; do
        for place in outside "${LAB_NODES[@]}"; do
            [[ $place == "${LAB_HOME[$pod]}" ]] || ip -n "${LAB_NETNS[$place]}" route delete "$address" 2>/dev/null || true
        done
    done
    unset "LAB_NETNS[$pod]" "LAB_ADDRESSES[$pod]" "LAB_VETH[$pod]" "LAB_HOME[$pod]"
}

# "node NAME ADDRESS..." and "pod NODE NS/POD ADDRESS..." for what hangs on a veth. Reads manifests written in
# kubectl's layout (two spaces a level); it is no YAML parser.
lab_manifest() {
    awk '
        function flush(  addresses, i) {
            for (i = 1; i <= count; i++) addresses = addresses " " list[i]
            if (kind == "Node" && count) print "node " name addresses
            if (kind == "Pod" && node != "" && !host && count) print "pod " node " " space "/" name addresses
            kind = name = space = node = ""; host = count = 0
        }
        { gsub(/"/, "") }
        /^---/ { flush() }
        /^kind: / { kind = $2 }
        /^  name: / { name = $2 }
        /^  namespace: / { space = $2 }
        /^  nodeName: / { node = $2 }
        /^  hostNetwork: true/ { host = 1 }
        /^  - type: / { type = $3 }
        /^    address: / && type == "InternalIP" { list[++count] = $2 }
        /^  - ip: / { list[++count] = $3 }
        END { flush() }' "$1"
}

# Pods on a node that the laboratory was not told of (virtual nodes) are left out: lab_layout FILE [NODE...].
lab_layout() {
    local file=$1 kind name rest
    shift
    while read -r kind name rest; do
        [[ $# == 0 || " $* " == *" $name "* ]] || continue
        # shellcheck disable=SC2086 # the rest is a list of words
        "lab_$kind" "$name" $rest || return
    done < <(lab_manifest "$file" | sort -s -k 1,1)
}

# lab_serve NS/POD PORT/PROTOCOL...: servers in the pod that answer with its name; returns when they listen.
lab_serve() {
    local pod=$1
    shift
    lab_exec "$pod" "$LAB_PYTHON" -I "$LAB_TOOLS/serve.py" "$pod" "$@"
}
