# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# What /proc and ss say of a process. To be sourced after lab.sh.

now_ms() { echo $((${EPOCHREALTIME/./} / 1000)); }

# memory PID FIELD: in MiB
memory() { awk -v field="$2:" '$1 == field { printf "%.1f", $2 / 1024 }' "/proc/$1/status"; }

# cpu_ms PID [loop|others]: of all threads, of the first one, or of those beside it.
cpu_ms() {
    local stat=("/proc/$1"/task/*/stat)
    cat "${stat[@]}" 2>/dev/null | awk -v pid="$1" -v which="${2:-all}" -v hertz="$(getconf CLK_TCK)" '
        { id = $1; sub(/.*\) /, "") }
        which == "all" || (which == "loop") == (id == pid) { ticks += $12 + $13 }
        END { printf "%.0f", ticks * 1000 / hertz }'
}

# received PLACE PID: bytes, by all its connections so far; one that has ended is forgotten.
received() {
    lab_exec "$1" ss -tinpH | awk -v pid="pid=$2," '
        /users:/ { ours = index($0, pid) }
        ours && match($0, /bytes_received:[0-9]+/) { sum += substr($0, RSTART + 15, RLENGTH - 15) }
        END { printf "%.0f", sum }'
}

# sample PLACE PID: lines of "MILLISECONDS BYTES" until it is killed.
sample() {
    local bytes last=
    while kill -0 "$2" 2>/dev/null; do
        bytes=$(received "$1" "$2")
        [[ $bytes == "$last" ]] || echo "$(now_ms) $bytes"
        last=$bytes
        sleep 0.1
    done
}

# divide A B [PLACES]
divide() { awk -v a="$1" -v b="$2" -v places="${3:-2}" 'BEGIN { printf "%.*f", places, b ? a / b : 0 }'; }
