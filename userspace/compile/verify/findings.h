// SPDX-License-Identifier: Apache-2.0
// What a comparison of the store with what was loaded into it has found.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

namespace catflap::compile {

// What is compared, in the order in which it is.
enum class Part : uint8_t { ports, addresses, prefixes, classes, tables, configs, interfaces, local_addresses };
inline constexpr std::array<const char*, 8> kPartNames = {"ports",  "addresses", "prefixes",   "classes",
                                                          "tables", "configs",   "interfaces", "localAddresses"};

struct Difference {
    Part part = Part::ports;
    std::string object;    // "10.0.0.7", "TCP ports 80 to 90", "shop/web on cali1"
    std::string expected;  // in words
    std::string found;
    bool mended = false;
    std::string trouble{};  // why it could not be mended; "": it was, or was not to be
};

struct PartCount {
    uint64_t checked = 0;  // of what is to be there, and what nobody refers to
    uint64_t differences = 0;
    uint64_t mended = 0;
    std::string unread;  // why a part of it could not be compared; ""
};

struct Findings {
    static constexpr size_t kMost = 1000;

    std::array<PartCount, kPartNames.size()> parts{};
    std::vector<Difference> differences;  // the first kMost; the parts' counts are exact
    bool over = false;

    PartCount& of(Part part) { return parts[static_cast<size_t>(part)]; }
    [[nodiscard]] const PartCount& of(Part part) const { return parts[static_cast<size_t>(part)]; }
    [[nodiscard]] uint64_t count() const {
        uint64_t sum = 0;
        for (const PartCount& part : parts)
            sum += part.differences;
        return sum;
    }
};

}  // namespace catflap::compile
