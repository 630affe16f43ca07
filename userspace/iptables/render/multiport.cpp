// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "iptables/render/chains.h"

namespace catflap::iptables {
namespace {

constexpr size_t kSlots = 15;

size_t slots(const PortSpan& span) {
    return span.first == span.last ? 1 : 2;
}

}  // namespace

std::vector<std::vector<PortSpan>> multiport_lists(std::vector<PortSpan> spans) {
    std::ranges::sort(spans);
    spans.erase(std::unique(spans.begin(), spans.end()), spans.end());
    std::vector<std::vector<PortSpan>> lists;
    size_t used = kSlots;
    for (const PortSpan& span : spans) {
        if (used + slots(span) > kSlots) {
            lists.emplace_back();
            used = 0;
        }
        lists.back().push_back(span);
        used += slots(span);
    }
    return lists;
}

}  // namespace catflap::iptables
