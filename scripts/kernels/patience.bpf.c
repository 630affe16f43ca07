// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// In an emulated machine a second passes before the tests have done a second's work, and the SYN of
// a probe would be sent again: here it waits half a minute. Attached to the guest's root cgroup.
#include <linux/bpf.h>

#define HZ 250  // of Debian's kernels

__attribute__((section("sockops"), used)) int patience(struct bpf_sock_ops* ops) {
    ops->reply = ops->op == BPF_SOCK_OPS_TIMEOUT_INIT ? 30 * HZ : (__u32)-1;
    return 1;
}

__attribute__((section("license"), used)) char LICENSE[] = "Dual BSD/GPL";
