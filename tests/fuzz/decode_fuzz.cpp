// SPDX-License-Identifier: Apache-2.0
// Any text: decode() neither crashes nor hangs, and what it takes is what the model promises.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <set>
#include <string>
#include <string_view>

#include "source/decode/decode.h"

using namespace catflap;

namespace {

void require(bool condition) {
    if (!condition)
        std::abort();
}

template <class T>
bool is_sorted_unique(const std::vector<T>& values) {
    return std::ranges::adjacent_find(values, std::greater_equal<>{}) == values.end();
}

void check_selector(const std::optional<Selector>& selector) {
    if (!selector)
        return;
    require(is_sorted_unique(selector->requirements));
    for (const LabelRequirement& requirement : selector->requirements)
        require(is_sorted_unique(requirement.values));
}

void check_rules(const std::vector<PolicyRule>& rules) {
    for (const PolicyRule& rule : rules) {
        for (const PolicyPeer& peer : rule.peers) {
            require(peer.ip_block ? !peer.pods && !peer.namespaces : peer.pods || peer.namespaces);
            check_selector(peer.pods);
            check_selector(peer.namespaces);
            if (peer.ip_block)
                for (const Prefix& except : peer.ip_block->except)
                    require(peer.ip_block->cidr.contains(except) && peer.ip_block->cidr != except);
        }
        for (const PolicyPort& port : rule.ports) {
            const uint16_t* number = std::get_if<uint16_t>(&port.port);
            require(number == nullptr || *number > 0);
            require(!port.end_port || (number != nullptr && *port.end_port >= *number));
        }
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const source::Decoded decoded = source::decode({reinterpret_cast<const char*>(data), size}, "fuzz.yaml");
    std::set<std::string> keys;
    for (const source::LocatedObject& located : decoded.objects) {
        require(keys.insert(source::object_key(located.object)).second);
        require(located.line > 0);
        if (const Policy* policy = std::get_if<Policy>(&located.object)) {
            check_selector(policy->pods);
            check_rules(policy->ingress);
            check_rules(policy->egress);
        }
    }
    require(!decoded.unreadable || decoded.objects.empty());
    return 0;
}
