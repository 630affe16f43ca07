# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# A fresh Debian in memory, in namespaces that end with the script that made them, also if it is killed. To be sourced in
# the top folder, by a script that calls itself again with --inside.
#
#   chroot_enter MIB ARGUMENT...  calls "$0 --inside ARGUMENT..." in namespaces of its own; exits with 77 where there are none
#   chroot_mount MIB              within them: a file system in memory at $work
#   chroot_base SUITE ROOT        Debian SUITE as the image debian:SUITE-slim has it
#   die, skip

readonly home=$PWD/build/image # the mount point, and what is kept: the downloaded packages
readonly work=$home/root       # private to the mount namespace
# shellcheck disable=SC2034 # for the callers
readonly search_path=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin # as Docker sets it
readonly default_mirror=http://deb.debian.org/debian

die() {
    echo "$0: $1" >&2
    exit 1
}

skip() {
    echo "skipped: $1"
    exit 77
}

# A killed parent takes the first process of the new PID namespace with it, that one all others, and the last of them the mounts.
chroot_enter() {
    local child status=0 mib=$1
    shift
    [[ $EUID == 0 ]] || skip "debootstrap and chroot need root"
    command -v apt-get >/dev/null || skip "no apt-get here, so no Debian packages"
    (($(awk '$1 == "MemAvailable:" { print int($2 / 1024) }' /proc/meminfo) > mib + 1024)) ||
        skip "less than $((mib / 1024 + 1)) GiB of memory are available"
    unshare --mount --pid --fork true 2>/dev/null || skip "no mount or PID namespaces here"
    scripts/install check
    mkdir -p "$work" "$home/archives/partial"
    exec {lock}>"$home/.lock"
    flock "$lock" # one set of downloaded packages
    setpriv --pdeathsig KILL unshare --mount --pid --fork --kill-child "$0" --inside "$@" {lock}>&- &
    child=$!
    trap 'kill -KILL "$child"; exit 143' TERM INT HUP
    wait "$child" || status=$?
    exit "$status"
}

chroot_mount() {
    mount --make-rprivate /
    mount -t tmpfs -o "size=${1}m,mode=755" tmpfs "$work"
}

chroot_base() {
    local suite=$1 root=$2 mirror
    mirror=$(machine_sources "$suite" | awk -v suite="$suite" '$3 == suite { print $2; exit }')
    echo "debootstrap $suite from ${mirror:=$default_mirror}"
    mkdir -p "$root"
    debootstrap --variant=minbase --cache-dir="$home/archives" "$suite" "$root" "$mirror" \
        >"$work/log" 2>&1 || { cat "$work/log" >&2 && die "debootstrap failed"; }
    dress "$root" "$suite"
}

# This machine's package sources of a suite with its updates, as lines for sources.list.
machine_sources() {
    apt-get indextargets --format "deb \$(REPO_URI) \$(RELEASE) \$(COMPONENT)" "Created-By: Packages" |
        awk -v suite="$1" '$3 == suite || index($3, suite "-") == 1' | sort -u
}

# The differences between debootstrap's result and Docker's image, and this machine's way to its mirrors.
dress() {
    local root=$1 suite=$2 lines
    lines=$(machine_sources "$suite")
    [[ -z $lines ]] || echo "$lines" >"$root/etc/apt/sources.list"
    apt-config dump | grep -E '^Acquire::' >"$root/etc/apt/apt.conf.d/90machine" || true
    cp -L /etc/resolv.conf "$root/etc/resolv.conf"
    printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d" # installing starts no service
    chmod +x "$root/usr/sbin/policy-rc.d"
    printf '%s\n' force-unsafe-io path-exclude=/usr/share/{man,info,locale,doc}/\* >"$root/etc/dpkg/dpkg.cfg.d/docker"
}
