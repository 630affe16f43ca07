// SPDX-License-Identifier: Apache-2.0
// Not by getifaddrs(), which reads every link as well: with thousands of veths that takes long.
#include "kernel/datapath/connections.h"

#include <netlink/route/addr.h>

#include <algorithm>
#include <cstring>
#include <memory>

namespace catflap::kernel {

std::set<Address> node_addresses() {
    std::set<Address> result;
    const std::unique_ptr<nl_sock, void (*)(nl_sock*)> socket(nl_socket_alloc(), nl_socket_free);
    nl_cache* read = nullptr;
    if (!socket || nl_connect(socket.get(), NETLINK_ROUTE) < 0 || rtnl_addr_alloc_cache(socket.get(), &read) < 0)
        return result;
    const std::unique_ptr<nl_cache, void (*)(nl_cache*)> cache(read, nl_cache_free);
    for (nl_object* object = nl_cache_get_first(read); object != nullptr; object = nl_cache_get_next(object)) {
        const nl_addr* local = rtnl_addr_get_local(reinterpret_cast<rtnl_addr*>(object));
        if (local == nullptr)
            continue;
        Address address;
        const size_t bytes = nl_addr_get_len(local);
        if (nl_addr_get_family(local) == AF_INET && bytes == 4)
            address.bytes[10] = address.bytes[11] = 0xff;
        else if (nl_addr_get_family(local) != AF_INET6 || bytes != 16)
            continue;
        std::memcpy(address.bytes.data() + address.bytes.size() - bytes, nl_addr_get_binary_addr(local), bytes);
        result.insert(address);
    }
    return result;
}

}  // namespace catflap::kernel
