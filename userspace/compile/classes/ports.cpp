// SPDX-License-Identifier: Apache-2.0
#include "compile/classes/ports.h"

#include <map>

namespace catflap::compile {
namespace {

constexpr uint32_t kPorts = 65536;

// A sweep over the ports at which a range begins or has just ended.
std::vector<PortSegment> classify_protocol(Protocol protocol, const std::set<resolve::PortRange>& ranges) {
    std::map<uint32_t, std::vector<resolve::PortRange>> begins;
    std::map<uint32_t, std::vector<resolve::PortRange>> ends;
    std::set<uint32_t> borders = {0, kPorts};
    for (const resolve::PortRange& range : ranges) {
        if (range.protocol != protocol)
            continue;
        begins[range.first].push_back(range);
        ends[range.last + 1U].push_back(range);
        borders.insert({range.first, range.last + 1U});
    }
    std::vector<PortSegment> segments;
    std::set<resolve::PortRange> open;
    for (auto border = borders.begin(); *border != kPorts; ++border) {
        for (const resolve::PortRange& range : ends[*border])
            open.erase(range);
        for (const resolve::PortRange& range : begins[*border])
            open.insert(range);
        segments.push_back({protocol,
                            static_cast<uint16_t>(*border),
                            static_cast<uint16_t>(*std::next(border) - 1),
                            {true, protocol, {open.begin(), open.end()}}});
    }
    return segments;
}

}  // namespace

std::vector<PortSegment> classify_ports(const std::set<resolve::PortRange>& ranges) {
    std::vector<PortSegment> segments;
    for (const Protocol protocol : {Protocol::tcp, Protocol::udp, Protocol::sctp}) {
        auto part = classify_protocol(protocol, ranges);
        segments.insert(segments.end(), part.begin(), part.end());
    }
    return segments;
}

}  // namespace catflap::compile
