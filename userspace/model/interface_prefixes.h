// SPDX-License-Identifier: Apache-2.0
// Which interfaces of a node are pods': those whose name begins as its CNI plug-in lets it begin.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "model/cluster.h"

namespace catflap {

class InterfacePrefixes {
  public:
    // What the guard's programs compare at once, and how many they compare with (include/catflap/abi.h).
    static constexpr size_t kMostBytes = 8;
    static constexpr size_t kMost = 8;

    // Calico's alone.
    InterfacePrefixes() : prefixes_{"cali"} {}
    // "cali,eni": as Felix' InterfacePrefix. Fails with a sentence about what is wrong with it.
    static Result<InterfacePrefixes> parse(const std::string& text);

    // Sorted, unique, none the beginning of another.
    [[nodiscard]] const std::vector<std::string>& list() const { return prefixes_; }
    [[nodiscard]] bool match(std::string_view interface) const;
    // The names that plug-ins give the pod's veth: prefix + the first 11 hex digits of sha1("namespace.name"). So do
    // Calico (cali), the AWS VPC CNI (eni) and Azure CNI in transparent mode (azv).
    [[nodiscard]] std::vector<std::string> names_of(const ObjectName& pod) const;
    // "cali*", "azv* or cali*".
    [[nodiscard]] std::string text() const;

    bool operator==(const InterfacePrefixes&) const = default;

  private:
    std::vector<std::string> prefixes_;
};

}  // namespace catflap
