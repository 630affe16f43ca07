// SPDX-License-Identifier: Apache-2.0
// The pods' interfaces of this network namespace with their host routes, and the node's own addresses, kept current by
// netlink.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/result.h"
#include "model/address.h"
#include "model/interface_prefixes.h"

namespace catflap::links {

struct Link {
    uint32_t ifindex = 0;
    std::string name;
    // Destinations of its /32 and /128 routes without a gateway in the main table; sorted, unique.
    std::vector<Address> host_routes;

    bool operator==(const Link&) const = default;
};

// What becomes of a packet that is handed to an interface without the node's stack.
struct LinkFacts {
    bool veth_into_a_pod = false;  // its other end is in another network namespace
    bool running = false;          // both ends are up
    uint32_t mtu = 0;

    bool operator==(const LinkFacts&) const = default;
};

struct LinkWatchOptions {
    InterfacePrefixes prefixes{};
    // Interfaces in these device groups are watched under any name: they were enforced once, and renamed since.
    std::set<uint32_t> groups = {};
    // What the kernel may queue between two calls of refresh(): a node that starts 250 pods sends
    // some 2 MB of it. Too little costs a complete reading, never an event.
    int receive_buffer_bytes = 16 << 20;
};

class LinkWatcher {
  public:
    // Watches the calling thread's network namespace for interfaces whose name is a pod's. One that did stays
    // watched under any other name, until it is gone.
    static Result<LinkWatcher> open(const LinkWatchOptions& options = {});
    LinkWatcher(LinkWatcher&&) noexcept;
    LinkWatcher& operator=(LinkWatcher&&) noexcept;
    ~LinkWatcher();

    // Readable (poll) when refresh() has something to do.
    [[nodiscard]] int fd() const;
    // Takes in every change made before the call; after a lost message (ENOBUFS) reads everything
    // anew. True: links() or local_addresses() changed. After a failure links() holds what was known last; the next
    // call recovers.
    Result<bool> refresh();
    // By ifindex. A veth that was deleted and made again under the same name has another one.
    [[nodiscard]] const std::map<uint32_t, Link>& links() const;
    // All addresses of the node, on whatever interface: what netfilter calls addrtype LOCAL, without loopback and
    // without those of Services that kube-proxy's mode ipvs keeps on an interface of its own. Sorted, unique.
    [[nodiscard]] const std::vector<Address>& local_addresses() const;
    // The device group of one of links(), as it was last seen.
    [[nodiscard]] uint32_t group(uint32_t ifindex) const;
    // Likewise; a change of it is none of links().
    [[nodiscard]] LinkFacts facts(uint32_t ifindex) const;
    // Interfaces by which packets of other nodes come in: names by ifindex. See links/uplink_table.h; a change of them
    // is none of links().
    [[nodiscard]] std::map<uint32_t, std::string> uplinks() const;
    // 0: not known.
    [[nodiscard]] uint32_t uplink_mtu_bytes(uint32_t ifindex) const;
    // How often everything was read: 1 after open(); each further one is a lost message, a
    // rename, or an uplink that lost the routes by which it was known.
    [[nodiscard]] uint64_t complete_readings() const;

  private:
    struct State;
    explicit LinkWatcher(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

}  // namespace catflap::links
