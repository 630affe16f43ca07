// SPDX-License-Identifier: Apache-2.0
#include "kernel/datapath/static_functions.h"

#include <bpf/btf.h>
#include <bpf/libbpf.h>

#include <string_view>

namespace catflap::kernel {
namespace {

const btf_type* without_modifiers(const btf* types, __u32 id) {
    const btf_type* type = btf__type_by_id(types, id);
    while (btf_is_mod(type) || btf_is_typedef(type))
        type = btf__type_by_id(types, type->type);
    return type;
}

bool takes_pointer_to_struct(const btf* types, const btf_type* function) {
    const btf_type* prototype = btf__type_by_id(types, function->type);
    const btf_param* parameters = btf_params(prototype);
    for (__u16 i = 0; i < btf_vlen(prototype); ++i) {
        const btf_type* type = without_modifiers(types, parameters[i].type);
        if (!btf_is_ptr(type))
            continue;
        const btf_type* to = without_modifiers(types, type->type);
        if (std::string_view(btf__name_by_offset(types, to->name_off)) != "__sk_buff")
            return true;
    }
    return false;
}

}  // namespace

// The verifier takes it from the function's linkage in the BTF. libbpf changes that in the same way, for functions
// whose symbol is hidden (bpf_object__sanitize_btf and its callers in libbpf.c).
void make_functions_static(bpf_object* object) {
    btf* types = bpf_object__btf(object);
    for (__u32 id = 1; id < btf__type_cnt(types); ++id) {
        auto* type = const_cast<btf_type*>(btf__type_by_id(types, id));
        if (!btf_is_func(type) || btf_vlen(type) != BTF_FUNC_GLOBAL)
            continue;
        if (takes_pointer_to_struct(types, type))
            type->info = (static_cast<__u32>(BTF_KIND_FUNC) << 24) | BTF_FUNC_STATIC;
    }
}

}  // namespace catflap::kernel
