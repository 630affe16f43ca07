# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# What of catflap judges packets on this node, found without any program of catflap: postrm has none left. The text of this
# file becomes part of each maintainer script that sources it (packages.cmake).

readonly config=/etc/catflap/catflapd.yaml
# shellcheck disable=SC2034 # for the scripts
readonly keep=/run/catflap/keep-enforcing # below /run: a consent is about what is in force now, and a reboot ends that

# option NAME DEFAULT: as the configuration file has it.
option() {
    local value=''
    [[ ! -r $config ]] || value=$(sed -nE "s/^$1 *[:=] *[\"']?([^\"' #]+).*/\1/p" "$config" | tail -n 1)
    echo "${value:-$2}"
}

# A line for each thing that is in force.
in_force() {
    local pins files chains
    pins=$(option pin-dir /sys/fs/bpf/catflap)
    files=$(find "$pins"/{links,guard,state,keep} -type f 2>/dev/null | wc -l) || true
    [[ $files == 0 ]] || echo "  $files programs, links and maps that are pinned below $pins"
    ! nft list table inet catflap >/dev/null 2>&1 || echo "  the guard, the nftables table inet catflap"
    # Chains of these names may be Calico's own: they count where an agent of ours has run since the boot.
    [[ -e $(option run-dir /run/catflap)/agent.lock ]] || return 0
    chains=$(rules_of_iptables 2>/dev/null | grep -c '^:cali-') || true
    [[ $chains == 0 ]] || echo "  $chains chains of iptables, cali-*"
}

# The legacy program would make the kernel load what it has not.
rules_of_iptables() {
    iptables-nft-save -t filter || true
    ! grep -qx filter /proc/net/ip_tables_names || iptables-legacy-save -t filter || true
}

# An agent of this network namespace, whoever started it: a pod of the DaemonSet, for one. It holds an abstract socket.
agent_runs() { grep -q ' @catflap-agent$' /proc/net/unix; }

say() { printf 'catflapd: %s\n' "$@" >&2; }
