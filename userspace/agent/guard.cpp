// SPDX-License-Identifier: Apache-2.0
#include "agent/guard.h"

// clang-format off: the kernel's headers want the socket types first
#include <sys/socket.h>
#include <linux/netlink.h>
// clang-format on
#include <netlink/errno.h>
#include <netlink/netlink.h>
#include <netlink/route/link.h>
#include <nftables/libnftables.h>

#include <nlohmann/json.hpp>
#include <optional>

namespace catflap::agent {
namespace {

// Before connection tracking and every other table: what no program judged leaves no trace. Only what is forwarded
// passes the hook `forward`, so the node's own packets to its pods are free, as they are in the programs. A pod's
// neighbour discovery and listener reports to the node pass, as they do there.
constexpr const char* kTable = R"(
add table inet catflap
add counter inet catflap unjudged
add chain inet catflap forwarded {{ type filter hook forward priority -310; policy accept; }}
add chain inet catflap to_node {{ type filter hook input priority -310; policy accept; }}
add chain inet catflap pod_to_node
flush chain inet catflap forwarded
flush chain inet catflap to_node
flush chain inet catflap pod_to_node
add rule inet catflap forwarded iifgroup != {0} iifname "cali*" counter name unjudged drop
add rule inet catflap forwarded oifgroup != {0} oifname "cali*" counter name unjudged drop
add rule inet catflap to_node iifgroup != {0} iifname "cali*" jump pod_to_node
add rule inet catflap pod_to_node ip6 hoplimit 255 icmpv6 type {{ nd-router-solicit, nd-neighbor-solicit, nd-neighbor-advert }} accept
add rule inet catflap pod_to_node ip6 hoplimit 1 icmpv6 type {{ mld-listener-query, mld-listener-report, mld-listener-done, mld2-listener-report }} accept
add rule inet catflap pod_to_node counter name unjudged drop
)";

struct NftFree {
    void operator()(nft_ctx* context) const { nft_ctx_free(context); }
};

// Runs one transaction; returns what nft prints.
Result<std::string> run_nft(const std::string& commands, uint32_t output_flags = 0) {
    const std::unique_ptr<nft_ctx, NftFree> context(nft_ctx_new(NFT_CTX_DEFAULT));
    if (!context)
        return fail("open nftables: out of memory");
    nft_ctx_buffer_output(context.get());
    nft_ctx_buffer_error(context.get());
    nft_ctx_output_set_flags(context.get(), output_flags);
    if (nft_run_cmd_from_buffer(context.get(), commands.c_str()) != 0) {
        std::string error = nft_ctx_get_error_buffer(context.get());
        return fail("{}", error.substr(0, error.find('\n')));
    }
    return std::string(nft_ctx_get_output_buffer(context.get()));
}

struct LinkPut {
    void operator()(rtnl_link* link) const { rtnl_link_put(link); }
};
using Link = std::unique_ptr<rtnl_link, LinkPut>;

}  // namespace

void Guard::SocketCloser::operator()(nl_sock* socket) const {
    nl_socket_free(socket);
}

Guard::Guard() : socket_(nl_socket_alloc()) {}
Guard::Guard(Guard&&) noexcept = default;
Guard& Guard::operator=(Guard&&) noexcept = default;
Guard::~Guard() = default;

Result<Guard> Guard::open() {
    Guard guard;
    if (!guard.socket_)
        return fail("open a netlink socket: out of memory");
    if (const int code = nl_connect(guard.socket_.get(), NETLINK_ROUTE); code < 0)
        return fail("open a netlink socket: {}", nl_geterror(code));
    return guard;
}

Result<> Guard::close_others() {
    if (auto done = run_nft(fmt::format(kTable, kJudged)); !done)
        return fail_because(done.error(), "make the nftables table inet catflap");
    closed_ = true;
    return {};
}

Result<> Guard::set_group(uint32_t ifindex, uint32_t group) {
    const Link which(rtnl_link_alloc());
    const Link change(rtnl_link_alloc());
    if (!which || !change)
        return fail("put interface {} into device group {:#x}: out of memory", ifindex, group);
    rtnl_link_set_ifindex(which.get(), static_cast<int>(ifindex));
    rtnl_link_set_group(change.get(), group);
    const int code = rtnl_link_change(socket_.get(), which.get(), change.get(), 0);
    if (code < 0)
        return tl::unexpected(
            Error{code == -NLE_NODEV || code == -NLE_OBJ_NOTFOUND ? ENODEV : 0,
                  fmt::format("put interface {} into device group {:#x}: {}", ifindex, group, nl_geterror(code))});
    return {};
}

Result<> Guard::judged(uint32_t ifindex) {
    return set_group(ifindex, kJudged);
}

Result<GuardCount> Guard::dropped() const {
    auto text = run_nft("list counter inet catflap unjudged", NFT_CTX_OUTPUT_JSON);
    if (!text)
        return fail_because(text.error(), "read the counter of the nftables table inet catflap");
    const auto answer = nlohmann::json::parse(*text, nullptr, false);
    if (answer.is_object())
        for (const auto& object : answer.value("nftables", nlohmann::json::array()))
            if (const auto counter = object.find("counter"); counter != object.end())
                return GuardCount{counter->value("packets", uint64_t{0}), counter->value("bytes", uint64_t{0})};
    return fail("read the counter of the nftables table inet catflap: an answer without it");
}

Result<> Guard::remove(const std::vector<uint32_t>& interfaces) {
    closed_ = false;
    // "add" first: to delete what is not there is an error.
    if (auto done = run_nft("add table inet catflap; delete table inet catflap"); !done)
        return fail_because(done.error(), "remove the nftables table inet catflap");
    for (const uint32_t ifindex : interfaces)
        if (auto done = set_group(ifindex, 0); !done && done.error().code != ENODEV)
            return done;
    return {};
}

}  // namespace catflap::agent
