// SPDX-License-Identifier: Apache-2.0
#include "netfilter/legacy_size.h"

// clang-format off: the kernel's headers leave out what glibc's have defined before them, not the other way round
#include <netinet/in.h>
#include <linux/netfilter_ipv4/ip_tables.h>
#include <sys/socket.h>
// clang-format on

#include <cerrno>
#include <cstring>

#include "base/unique_fd.h"

namespace catflap::netfilter {

Result<std::pair<uint32_t, uint32_t>> legacy_size(const std::string& family, const std::string& table) {
    constexpr int kGetInfo = IPT_SO_GET_INFO;  // IPv6: IP6T_SO_GET_INFO, the same number and layout
    const bool ipv6 = family == "ip6";
    const UniqueFd socket(::socket(ipv6 ? AF_INET6 : AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW));
    if (!socket)
        return fail_errno(errno, "open a socket to ask for a table of iptables-legacy");
    ipt_getinfo info{};
    if (table.size() >= sizeof(info.name))
        return fail("table {} of iptables-legacy has too long a name", table);
    std::memcpy(info.name, table.data(), table.size());
    socklen_t bytes = sizeof(info);
    if (getsockopt(socket.get(), ipv6 ? int{IPPROTO_IPV6} : int{IPPROTO_IP}, kGetInfo, &info, &bytes) != 0)
        return fail_errno(errno, "ask for the size of table {} {} (iptables-legacy)", family, table);
    return std::pair{info.num_entries, info.size};
}

}  // namespace catflap::netfilter
