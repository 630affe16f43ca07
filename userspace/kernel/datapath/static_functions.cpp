// SPDX-License-Identifier: Apache-2.0
#include "kernel/datapath/static_functions.h"

#include <bpf/btf.h>
#include <bpf/libbpf.h>

#include <string>

namespace catflap::kernel {

// The verifier takes it from the function's linkage in the BTF. libbpf changes that in the same way, for functions
// whose symbol is hidden (bpf_object__sanitize_btf and its callers in libbpf.c).
void make_functions_static(bpf_object* object) {
    btf* types = bpf_object__btf(object);
    for (__u32 id = 1; id < btf__type_cnt(types); ++id) {
        auto* type = const_cast<btf_type*>(btf__type_by_id(types, id));
        if (!btf_is_func(type) || btf_vlen(type) != BTF_FUNC_GLOBAL)
            continue;
        const std::string name = btf__name_by_offset(types, type->name_off);
        if (bpf_object__find_program_by_name(object, name.c_str()) == nullptr)
            type->info = (static_cast<__u32>(BTF_KIND_FUNC) << 24) | BTF_FUNC_STATIC;
    }
}

}  // namespace catflap::kernel
