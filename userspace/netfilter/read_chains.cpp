// SPDX-License-Identifier: Apache-2.0
#include "netfilter/read_chains.h"

// clang-format off: the kernel's headers want the socket types first
#include <sys/socket.h>
#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <linux/netlink.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
// clang-format on
#include <netlink/attr.h>
#include <netlink/errno.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>

#include <array>
#include <functional>
#include <memory>

namespace catflap::netfilter {
namespace {

struct SocketFree {
    void operator()(nl_sock* socket) const { nl_socket_free(socket); }
};
using Socket = std::unique_ptr<nl_sock, SocketFree>;
struct MessageFree {
    void operator()(nl_msg* message) const { nlmsg_free(message); }
};
using Message = std::unique_ptr<nl_msg, MessageFree>;
using Take = std::function<void(nlmsghdr*)>;

constexpr size_t kMessageBytes = 64 << 10;
constexpr int kMaxAttempts = 5;  // of a dump that a transaction interrupted

// clang-format off
constexpr std::array<std::pair<uint8_t, const char*>, 6> kFamilies = {{
    {NFPROTO_INET, "inet"}, {NFPROTO_IPV4, "ip"}, {NFPROTO_ARP, "arp"}, {NFPROTO_NETDEV, "netdev"},
    {NFPROTO_BRIDGE, "bridge"}, {NFPROTO_IPV6, "ip6"}}};
// clang-format on
constexpr std::array<const char*, 6> kHooks = {"prerouting", "input", "forward", "output", "postrouting", "ingress"};
constexpr std::array<const char*, 2> kDeviceHooks = {"ingress", "egress"};

std::string family_name(uint8_t family) {
    for (const auto& [number, name] : kFamilies)
        if (number == family)
            return name;
    return "?";
}

// One that is not known is taken for one on the way.
std::string hook_name(uint8_t family, uint32_t hook) {
    if (family == NFPROTO_NETDEV)
        return hook < kDeviceHooks.size() ? kDeviceHooks[hook] : "ingress";
    return hook < kHooks.size() ? kHooks[hook] : "ingress";
}

uint32_t number_be(nlattr* attribute) {
    return ntohl(nla_get_u32(attribute));
}

std::string text(nlattr* attribute) {
    return attribute != nullptr ? nla_get_string(attribute) : "";
}

int on_message(nl_msg* message, void* take) {
    (*static_cast<Take*>(take))(nlmsg_hdr(message));
    return NL_OK;
}

Result<Socket> open_socket() {
    Socket socket(nl_socket_alloc());
    const int code = socket ? nl_connect(socket.get(), NETLINK_NETFILTER) : -NLE_NOMEM;
    if (code < 0)
        return fail("open a netlink socket of netfilter: {}", nl_geterror(code));
    nl_socket_set_msg_buf_size(socket.get(), kMessageBytes);
    return socket;
}

Message request(int type, int flags, uint8_t family) {
    Message message(nlmsg_alloc_simple((NFNL_SUBSYS_NFTABLES << 8) | type, flags));
    nfgenmsg body{};
    body.nfgen_family = family;
    body.version = NFNETLINK_V0;
    if (message && nlmsg_append(message.get(), &body, sizeof(body), NLMSG_ALIGNTO) != 0)
        return nullptr;
    return message;
}

// 0 or libnl's code.
int ask(nl_sock* socket, nl_msg* message, Take& take) {
    nl_socket_modify_cb(socket, NL_CB_VALID, NL_CB_CUSTOM, on_message, &take);
    const int sent = message != nullptr ? nl_send_auto(socket, message) : -NLE_NOMEM;
    return sent < 0 ? sent : nl_recvmsgs_default(socket);
}

void take_chain(nlmsghdr* header, std::vector<HookedChain>& chains) {
    std::array<nlattr*, NFTA_CHAIN_MAX + 1> chain{};
    std::array<nlattr*, NFTA_HOOK_MAX + 1> hook{};
    if (nlmsg_parse(header, sizeof(nfgenmsg), chain.data(), NFTA_CHAIN_MAX, nullptr) < 0 ||
        chain[NFTA_CHAIN_HOOK] == nullptr ||
        nla_parse_nested(hook.data(), NFTA_HOOK_MAX, chain[NFTA_CHAIN_HOOK], nullptr) < 0)
        return;
    const uint8_t family = static_cast<nfgenmsg*>(nlmsg_data(header))->nfgen_family;
    HookedChain read;
    read.family = family_name(family);
    read.table = text(chain[NFTA_CHAIN_TABLE]);
    read.name = text(chain[NFTA_CHAIN_NAME]);
    read.type = text(chain[NFTA_CHAIN_TYPE]);
    read.hook = hook_name(family, hook[NFTA_HOOK_HOOKNUM] != nullptr ? number_be(hook[NFTA_HOOK_HOOKNUM]) : UINT8_MAX);
    read.drops = chain[NFTA_CHAIN_POLICY] != nullptr && number_be(chain[NFTA_CHAIN_POLICY]) != NF_ACCEPT;
    chains.push_back(std::move(read));
}

// The chain of an expression "immediate" whose data is a verdict; "": it is none.
std::string chain_of(nlattr* expression) {
    std::array<nlattr*, NFTA_EXPR_MAX + 1> parts{};
    std::array<nlattr*, NFTA_IMMEDIATE_MAX + 1> immediate{};
    std::array<nlattr*, NFTA_DATA_MAX + 1> data{};
    std::array<nlattr*, NFTA_VERDICT_MAX + 1> verdict{};
    if (nla_parse_nested(parts.data(), NFTA_EXPR_MAX, expression, nullptr) < 0 ||
        text(parts[NFTA_EXPR_NAME]) != "immediate" || parts[NFTA_EXPR_DATA] == nullptr ||
        nla_parse_nested(immediate.data(), NFTA_IMMEDIATE_MAX, parts[NFTA_EXPR_DATA], nullptr) < 0 ||
        immediate[NFTA_IMMEDIATE_DATA] == nullptr ||
        nla_parse_nested(data.data(), NFTA_DATA_MAX, immediate[NFTA_IMMEDIATE_DATA], nullptr) < 0 ||
        data[NFTA_DATA_VERDICT] == nullptr ||
        nla_parse_nested(verdict.data(), NFTA_VERDICT_MAX, data[NFTA_DATA_VERDICT], nullptr) < 0)
        return "";
    return text(verdict[NFTA_VERDICT_CHAIN]);
}

void take_rule(nlmsghdr* header, HookedChain& chain) {
    std::array<nlattr*, NFTA_RULE_MAX + 1> rule{};
    std::string led_to;
    if (nlmsg_parse(header, sizeof(nfgenmsg), rule.data(), NFTA_RULE_MAX, nullptr) >= 0 &&
        text(rule[NFTA_RULE_CHAIN]) == chain.name && text(rule[NFTA_RULE_TABLE]) == chain.table &&
        rule[NFTA_RULE_EXPRESSIONS] != nullptr) {
        nlattr* expression = nullptr;
        int rest = 0;
        nla_for_each_nested(expression, rule[NFTA_RULE_EXPRESSIONS], rest) {
            if (const std::string chain_name = chain_of(expression); !chain_name.empty())
                led_to = chain_name;
        }
    }
    chain.rules.push_back(led_to);
}

int read_rules(nl_sock* socket, HookedChain& chain) {
    uint8_t family = NFPROTO_UNSPEC;
    for (const auto& [number, name] : kFamilies)
        if (chain.family == name)
            family = number;
    const Message message = request(NFT_MSG_GETRULE, NLM_F_DUMP, family);
    if (!message || nla_put_string(message.get(), NFTA_RULE_TABLE, chain.table.c_str()) != 0 ||
        nla_put_string(message.get(), NFTA_RULE_CHAIN, chain.name.c_str()) != 0)
        return -NLE_NOMEM;
    chain.rules.clear();
    Take take = [&](nlmsghdr* header) { take_rule(header, chain); };
    return ask(socket, message.get(), take);
}

// 0 or libnl's code.
int read_once(nl_sock* socket, std::vector<HookedChain>& chains) {
    chains.clear();
    const Message message = request(NFT_MSG_GETCHAIN, NLM_F_DUMP, NFPROTO_UNSPEC);
    Take take = [&](nlmsghdr* header) { take_chain(header, chains); };
    if (const int code = ask(socket, message.get(), take); code < 0)
        return code;
    for (HookedChain& chain : chains)
        if (may_see_forwarded(chain))
            if (const int code = read_rules(socket, chain); code < 0)
                return code;
    return 0;
}

}  // namespace

Result<uint32_t> ruleset_generation() {
    auto socket = open_socket();
    if (!socket)
        return tl::unexpected(socket.error());
    uint32_t generation = 0;
    Take take = [&](nlmsghdr* header) {
        std::array<nlattr*, NFTA_GEN_MAX + 1> attributes{};
        if (nlmsg_parse(header, sizeof(nfgenmsg), attributes.data(), NFTA_GEN_MAX, nullptr) >= 0 &&
            attributes[NFTA_GEN_ID] != nullptr)
            generation = number_be(attributes[NFTA_GEN_ID]);
    };
    const Message message = request(NFT_MSG_GETGEN, 0, NFPROTO_UNSPEC);
    nl_socket_disable_auto_ack(socket->get());
    if (const int code = ask(socket->get(), message.get(), take); code < 0)
        return fail("ask for the generation of nftables: {}", nl_geterror(code));
    return generation;
}

Result<std::vector<HookedChain>> read_hooked_chains() {
    std::vector<HookedChain> chains;
    int code = 0;
    for (int attempt = 0; attempt < kMaxAttempts; ++attempt) {
        // A dump that failed half way leaves the rest of it in the socket.
        auto socket = open_socket();
        if (!socket)
            return tl::unexpected(socket.error());
        code = read_once(socket->get(), chains);
        if (code >= 0)
            return chains;
        // A chain may have gone since it was listed.
        if (code != -NLE_DUMP_INTR && code != -NLE_OBJ_NOTFOUND)
            break;
    }
    return fail("read the chains of nftables: {}", nl_geterror(code));
}

}  // namespace catflap::netfilter
