// SPDX-License-Identifier: Apache-2.0
// The sets that rules match against, and the members of each. Pure.
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "iptables/render/names.h"
#include "model/cluster.h"
#include "resolve/resolve.h"

namespace catflap::iptables {

// Of a named-port set an address with a protocol and a port, of a selector set the prefix alone.
struct SetMember {
    Prefix net;
    Protocol protocol = Protocol::tcp;
    uint16_t port = 0;

    auto operator<=>(const SetMember&) const = default;
};

struct IpSet {
    std::string name;
    std::string meaning;  // "pods app=web in namespace shop"; "" of a set that was read from the kernel
    SetKind kind = SetKind::selector;
    Family family = Family::ipv4;
    std::vector<SetMember> members;  // sorted, unique
};

// "hash:net family inet maxelem 1048576".
std::string type_words(SetKind kind, Family family);
// "10.0.0.1", "10.0.0.0/8", "10.0.0.1,tcp:8080".
std::string to_string(const SetMember& member, SetKind kind);
// Nothing: no member that we would write.
std::optional<SetMember> parse_member(std::string_view text, SetKind kind);

// A hash:net set cannot hold /0: that becomes its two halves.
void append_net(std::vector<SetMember>& members, const Prefix& net);

struct PortName {
    std::string name;
    Protocol protocol = Protocol::tcp;
};

// Without members yet: the pods that match, or their ports of this name, each pod's own number.
IpSet describe_pods(const resolve::PodMatch& match, Family family);
IpSet describe_ports(const resolve::PodMatch& match, const PortName& port, Family family);

// Pods by selector. Pods that no policy sees, and pods without an address, are nobody's members.
class Membership {
  public:
    explicit Membership(const Cluster& cluster);

    void fill(IpSet& set, const resolve::PodMatch& match) const;
    void fill(IpSet& set, const resolve::PodMatch& match, const PortName& port) const;

  private:
    using Pods = std::vector<const Pod*>;
    // Pods that no selector can tell apart.
    struct Workload {
        Labels labels;
        Pods pods;
    };
    struct PodsOfNamespace {
        Labels labels;  // of the namespace
        std::map<Labels, Workload> workloads;
        std::map<std::pair<std::string, std::string>, std::vector<const Workload*>> by_label;
    };
    static void append(const PodsOfNamespace& ns, const Selector& selector, Pods& pods);
    [[nodiscard]] Pods matching(const resolve::PodMatch& match) const;

    std::map<std::string, PodsOfNamespace> namespaces_;
};

}  // namespace catflap::iptables
