# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# The Debian in which packages.test installs packages, and the packages. To be sourced, in the top folder.
# shellcheck source=scripts/check/chroot.sh
. scripts/check/chroot.sh

root=$work/debian
log=$root/var/log/systemctl # what the stand-in was asked for

# ---- Packages ----
# What scripts/package builds, of version $now; and $next: the same programs, another default configuration.
pack() {
    local package tree
    scripts/package --no-build --out "$work/now"
    now=$(dpkg-deb -f "$work"/now/catflapd_*.deb Version)
    next=${now%-*}+next-1
    mkdir "$work/next"
    for package in "$work"/now/catflap{,d}_*.deb; do
        tree=$work/tree
        dpkg-deb --raw-extract "$package" "$tree"
        sed -i "s/$now/$next/" "$tree/DEBIAN/control"
        [[ ! -d $tree/etc ]] || echo "# A line of the next version." >>"$tree/etc/catflap/catflapd.yaml"
        (cd "$tree" && find . -type f ! -path './DEBIAN/*' -printf '%P\0' | sort -z | xargs -0 md5sum >DEBIAN/md5sums)
        dpkg-deb --root-owner-group -Znone -b "$tree" "$work/next" >/dev/null
        rm -r "$tree"
    done
}

# ---- The node: a Debian in the laboratory's namespace ----
in_debian() {
    env -i PATH="$search_path" HOME=/root LC_ALL=C DEBIAN_FRONTEND=noninteractive chroot "$root" "$@" </dev/null
}
node() { lab_exec n1 env -i PATH="$search_path" HOME=/root LC_ALL=C DEBIAN_FRONTEND=noninteractive chroot "$root" "$@" </dev/null; }
apt=(apt-get -q -y -o Dpkg::Use-Pty=0 -o DPkg::Path="$search_path" -o Acquire::Retries=3
    -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold --no-install-recommends)

# apt_get ACT...: on the node, which has no way to a mirror: everything was downloaded before. What it says is in $said.
apt_get() {
    local status=0
    : >"$log"
    said=$(node "${apt[@]}" "$@" 2>&1) || status=$?
    printf '%s\n' "--- apt-get $*" "$said" >>"$work/apt"
    return "$status"
}
packages_in() { (cd "$root" && printf '/%s\n' "mnt/$1"/catflap{,d}_*.deb); }
install_packages() { # FOLDER [OPTION...]
    # shellcheck disable=SC2046 # paths without spaces
    apt_get install "${@:2}" $(packages_in "$1") || { echo "$said" && fail "apt-get install of $1"; }
}

stand_in() {
    mkdir -p "$root/run/systemd/system"
    cat >"$root/usr/local/sbin/systemctl" <<'STAND_IN'
#!/bin/bash
words=()
for word in "$@"; do [[ $word == -* ]] || words+=("$word"); done
echo "${words[*]}" >>/var/log/systemctl
runs() { [[ -s /var/log/agent.pid ]] && kill -0 "$(cat /var/log/agent.pid)" 2>/dev/null; }
start() {
    mkdir -p /run/catflap && chmod 700 /run/catflap
    setsid $(sed -n 's/^ExecStart=//p' /lib/systemd/system/catflapd.service) >>/var/log/agent 2>&1 </dev/null &
    echo $! >/var/log/agent.pid
    for ((tries = 0; tries < 400; tries++)); do
        runs || exit 1
        ! catflap status 2>/dev/null | grep -q '^committed' || exit 0
        sleep 0.05
    done
    exit 1
}
stop() { kill -TERM "$(cat /var/log/agent.pid)" && while runs; do sleep 0.02; done; }
case ${words[0]} in
    start) runs || start ;;
    stop) ! runs || stop ;;
    try-restart) ! runs || { stop && start; } ;;
esac
STAND_IN
    chmod 755 "$root/usr/local/sbin/systemctl"
}
asked() { uniq "$log" | tr '\n' ','; } # other packages reload it, too
agent_pid() { cat "$root/var/log/agent.pid"; }
agent_runs() { kill -0 "$(agent_pid)" 2>/dev/null; }
agent_is_gone() { ! agent_runs; }
links() { find "$root/sys/fs/bpf/catflap/links" -type f 2>/dev/null | wc -l; }
# shellcheck disable=SC2016 # dpkg-query's own words
status_of() { in_debian dpkg-query -W -f '${db:Status-Abbrev}${Version}' "$1" 2>/dev/null || true; }

make_debian() {
    local suite
    suite=$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)
    chroot_base "$suite" "$root"
    rm "$root/usr/sbin/policy-rc.d" "$root/etc/dpkg/dpkg.cfg.d/docker" # services are started, and documents are there
    echo force-unsafe-io >"$root/etc/dpkg/dpkg.cfg.d/test"
    cp -r "$work/now" "$work/next" "$root/mnt/"
    mount --bind "$home/archives" "$root/var/cache/apt/archives"
    mount -t proc proc "$root/proc"
    mount -t sysfs sysfs "$root/sys"
    mount -t bpf bpf "$root/sys/fs/bpf"
    in_debian "${apt[@]}" update >"$work/log" 2>&1 || { cat "$work/log" && die "apt-get update"; }
    in_debian "${apt[@]}" install systemd >"$work/log" 2>&1 || { cat "$work/log" && die "apt-get install systemd"; }
    # shellcheck disable=SC2046 # paths without spaces
    in_debian "${apt[@]}" install --download-only $(packages_in now) >"$work/log" 2>&1 ||
        { cat "$work/log" && die "apt-get does not find what the packages depend on"; }
}

# Every file, except what dpkg, apt, systemd and the stand-in write themselves.
files_of_debian() {
    find "$root" -xdev \( -path "$root/var/lib/dpkg" -o -path "$root/var/lib/apt" -o -path "$root/var/log" \
        -o -path "$root/var/cache" -o -path "$root/run/systemd" \) -prune -o -printf '%P\n' | sort
}
