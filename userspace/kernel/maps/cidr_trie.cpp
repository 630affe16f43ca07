// SPDX-License-Identifier: Apache-2.0
#include "kernel/maps/cidr_trie.h"

#include <bpf/bpf.h>

#include <bpf/libbpf.h>

#include <algorithm>

#include "kernel/maps/address_table.h"

namespace catflap::kernel {
namespace {

catflap_cidr_key kernel_prefix(const Prefix& prefix) {
    return {prefix.length(), kernel_address(prefix.address())};
}

bool is_single(const Prefix& prefix) {
    return prefix.length() == 128;
}

// In as few system calls as the kernel allows.
Result<> write_all(int fd, const std::vector<catflap_cidr_key>& keys, const std::vector<uint32_t>& values) {
    for (size_t done = 0; done < keys.size();) {
        auto count = static_cast<uint32_t>(keys.size() - done);
        LIBBPF_OPTS(bpf_map_batch_opts, options, .elem_flags = BPF_ANY);
        int error =
            count > 1 ? bpf_map_update_batch(fd, keys.data() + done, values.data() + done, &count, &options) : -ENOTSUP;
        constexpr int kKernelNotSupported = 524;  // ENOTSUPP, which the C library does not know
        if (error != 0 && (errno == kKernelNotSupported || errno == EINVAL || error == -ENOTSUP)) {
            count = 1;
            error = bpf_map_update_elem(fd, keys.data() + done, values.data() + done, BPF_ANY);
        }
        if (error != 0)
            return fail_errno(errno, "write entry {} of {} into map cidrs", done + count, keys.size());
        done += count;
    }
    return {};
}

Result<> erase(int fd, const Prefix& prefix) {
    const catflap_cidr_key key = kernel_prefix(prefix);
    if (bpf_map_delete_elem(fd, &key) != 0 && errno != ENOENT)
        return fail_errno(errno, "remove {} from map cidrs", to_string(prefix));
    return {};
}

}  // namespace

Result<> CidrTrie::set_prefixes(std::span<const std::pair<Prefix, compile::ClassNumber>> entries) {
    writes_ += entries.size();
    std::vector<catflap_cidr_key> keys;
    std::vector<uint32_t> values;
    for (const auto& [prefix, number] : entries) {
        if (is_single(prefix)) {
            single_blocks_[prefix.address()] = number;
            if (has_pod(prefix.address()))
                continue;
        }
        keys.push_back(kernel_prefix(prefix));
        values.push_back(number);
    }
    return write_all(fd_, keys, values);
}

Result<> CidrTrie::remove_prefixes(std::span<const Prefix> prefixes) {
    writes_ += prefixes.size();
    for (const Prefix& prefix : prefixes) {
        if (is_single(prefix)) {
            single_blocks_.erase(prefix.address());
            if (has_pod(prefix.address()))
                continue;
        }
        if (auto done = erase(fd_, prefix); !done)
            return done;
    }
    return {};
}

Result<> CidrTrie::set_pods(std::span<const std::pair<Address, compile::ClassNumber>> entries) {
    writes_ += entries.size();
    std::vector<catflap_cidr_key> keys;
    std::vector<uint32_t> values;
    for (const auto& [address, number] : entries) {
        pods_.insert(address);
        keys.push_back(kernel_prefix(Prefix::host(address)));
        values.push_back(number);
    }
    return write_all(fd_, keys, values);
}

Result<> CidrTrie::remove_pod(const Address& address) {
    ++writes_;
    pods_.erase(address);
    const auto block = single_blocks_.find(address);
    if (block == single_blocks_.end())
        return erase(fd_, Prefix::host(address));
    return write_all(fd_, {kernel_prefix(Prefix::host(address))}, {block->second});
}

compile::ClassNumber CidrTrie::class_of(const Address& address) const {
    const catflap_cidr_key key = kernel_prefix(Prefix::host(address));
    uint32_t number = 0;
    return bpf_map_lookup_elem(fd_, &key, &number) == 0 ? number : 0;
}

size_t CidrTrie::pod_keys() const {
    return static_cast<size_t>(
        std::ranges::count_if(pods_, [&](const Address& address) { return !single_blocks_.contains(address); }));
}

}  // namespace catflap::kernel
