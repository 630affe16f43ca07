// SPDX-License-Identifier: Apache-2.0
#include "guard/guard_nft.h"

#include <catflap/abi.h>
#include <nftables/libnftables.h>

#include <memory>
#include <nlohmann/json.hpp>

namespace catflap::guard {
namespace {

// Before connection tracking and every other table: what no program judged leaves no trace. Only what is forwarded
// passes the hook `forward`, so the node's own packets to its pods are free, as they are in the programs. A pod's
// neighbour discovery and listener reports to the node pass, as they do there, and its answers to the node's own
// connections: the kubelet's probes.
constexpr const char* kTable = R"(
add table inet catflap
add counter inet catflap unjudged
add chain inet catflap forwarded {{ type filter hook forward priority -310; policy accept; }}
add chain inet catflap to_node {{ type filter hook input priority -310; policy accept; }}
add chain inet catflap pod_to_node
flush chain inet catflap forwarded
flush chain inet catflap to_node
flush chain inet catflap pod_to_node
add rule inet catflap forwarded iifgroup {1} counter name unjudged drop
add rule inet catflap forwarded oifgroup {1} counter name unjudged drop
add rule inet catflap to_node iifgroup {1} jump pod_to_node
add rule inet catflap pod_to_node ip6 hoplimit 255 icmpv6 type {{ nd-router-solicit, nd-neighbor-solicit, nd-neighbor-advert }} accept
add rule inet catflap pod_to_node ip6 hoplimit 1 icmpv6 type {{ mld-listener-query, mld-listener-report, mld-listener-done, mld2-listener-report }} accept
add rule inet catflap pod_to_node meta l4proto tcp ct direction reply ct state established accept
add rule inet catflap pod_to_node counter name unjudged drop
)";

constexpr const char* kUnjudged = R"(
add rule inet catflap forwarded iifgroup != {0} iifname "cali*" counter name unjudged drop
add rule inet catflap forwarded oifgroup != {0} oifname "cali*" counter name unjudged drop
add rule inet catflap to_node iifgroup != {0} iifname "cali*" jump pod_to_node
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

}  // namespace

Result<> make_guard_table(GuardScope scope) {
    std::string commands = fmt::format(kTable, int{CATFLAP_GROUP_JUDGED}, int{CATFLAP_GROUP_CLOSED});
    if (scope == GuardScope::unjudged)
        commands += fmt::format(kUnjudged, int{CATFLAP_GROUP_JUDGED});
    if (auto done = run_nft(commands); !done)
        return fail_because(done.error(), "make the nftables table inet catflap");
    return {};
}

Result<std::string> text_of_guard_table() {
    auto text = run_nft("list table inet catflap", NFT_CTX_OUTPUT_STATELESS);
    if (!text)
        return fail_because(text.error(), "read the nftables table inet catflap");
    return text;
}

Result<GuardCount> count_of_guard_table() {
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

Result<> remove_guard_table() {
    // "add" first: to delete what is not there is an error.
    if (auto done = run_nft("add table inet catflap; delete table inet catflap"); !done)
        return fail_because(done.error(), "remove the nftables table inet catflap");
    return {};
}

}  // namespace catflap::guard
