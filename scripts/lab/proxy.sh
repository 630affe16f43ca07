# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Kube-proxy's rules on the nodes of a laboratory. To be sourced after lab.sh.
#
#   proxy_missing MODE                            what this machine lacks for iptables, nftables or ipvs; empty: nothing
#   proxy_start MODE POD_CIDR,POD_CIDR FILE...    on every node, for the Services of these manifests; see kube_proxy.py

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
