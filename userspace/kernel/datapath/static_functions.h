// SPDX-License-Identifier: Apache-2.0
// The datapath's functions for kernels before 5.12.
#pragma once

struct bpf_object;

namespace catflap::kernel {

// Of an opened object that is not loaded yet: the verifier is to check functions that take a pointer to a struct again
// for each call, with the caller's arguments, instead of once for any. Once is some seven times less work, but there
// kernels before 5.12 know no pointer but the context (kernel/bpf/btf.c, btf_prepare_func_args).
void make_functions_static(bpf_object* object);

}  // namespace catflap::kernel
