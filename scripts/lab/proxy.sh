# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Kube-proxy's rules on the nodes of a laboratory. To be sourced after lab.sh.
#
#   proxy_missing MODE                            what this machine lacks for iptables, nftables or ipvs; empty: nothing
#   proxy_start MODE POD_CIDR,POD_CIDR FILE...    on every node, for the Services of these manifests; see kube_proxy.py
#   host_port NS/POD PORT/PROTOCOL CONTAINER_PORT  what the CNI plugin portmap writes for one host port, in both families

proxy_missing() {
    case $1 in
        iptables) command -v iptables-restore >/dev/null || echo "the command iptables-restore" ;;
        nftables) command -v nft >/dev/null || echo "the command nft" ;;
        ipvs)
            command -v ipvsadm >/dev/null || echo "the command ipvsadm"
            ipvsadm -L >/dev/null 2>&1 || echo "a kernel with IPVS"
            ;;
        *) echo "a proxy mode $1" ;;
    esac | head -n 1
}

proxy_start() {
    local node mode=$1 cidrs=$2
    shift 2
    for node in "${LAB_NODES[@]}"; do
        lab_exec "$node" "$LAB_PYTHON" -I "$LAB_TOOLS/kube_proxy.py" "$mode" "$node" "$cidrs" "$@" || return
    done
}

host_port() {
    local node=${LAB_HOME[$1]} port=${2%/*} address
    local match=(-p "${2#*/}" -m "${2#*/}" --dport "$port")
    for address in ${LAB_ADDRESSES[$1]}; do
        if lab_is_ipv6 "$address"; then
            host_port_rules "$node" ip6tables "$address" "[$address]:$3"
        else
            host_port_rules "$node" iptables "$address" "$address:$3"
        fi || return
    done
}

# To be called by host_port: match and port are its own.
host_port_rules() {
    local nat=(lab_exec "$1" "$2" -w 5 -t nat)
    if "${nat[@]}" -N CNI-HOSTPORT-DNAT 2>/dev/null; then
        "${nat[@]}" -N CNI-HOSTPORT-SETMARK
        "${nat[@]}" -A CNI-HOSTPORT-SETMARK -j MARK --or-mark 0x2000
        "${nat[@]}" -A PREROUTING -m addrtype --dst-type LOCAL -j CNI-HOSTPORT-DNAT
        "${nat[@]}" -A OUTPUT -m addrtype --dst-type LOCAL -j CNI-HOSTPORT-DNAT
        "${nat[@]}" -A POSTROUTING -m mark --mark 0x2000/0x2000 -j MASQUERADE
    fi
    "${nat[@]}" -N "CNI-DN-$port" || return
    "${nat[@]}" -A "CNI-DN-$port" -s "$3" "${match[@]}" -j CNI-HOSTPORT-SETMARK
    "${nat[@]}" -A "CNI-DN-$port" "${match[@]}" -j DNAT --to-destination "$4"
    "${nat[@]}" -A CNI-HOSTPORT-DNAT "${match[@]}" -j "CNI-DN-$port"
}
