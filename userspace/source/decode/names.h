// SPDX-License-Identifier: Apache-2.0
// The syntax of Kubernetes names and labels. Each check returns what would be right, or "" for a
// good one. https://kubernetes.io/docs/concepts/overview/working-with-objects/names/
#pragma once

#include <string_view>

namespace catflap::source {

std::string_view check_dns_label(std::string_view text);      // namespaces
std::string_view check_dns_subdomain(std::string_view text);  // pods, nodes, policies
std::string_view check_label_key(std::string_view text);
std::string_view check_label_value(std::string_view text);
std::string_view check_port_name(std::string_view text);

}  // namespace catflap::source
