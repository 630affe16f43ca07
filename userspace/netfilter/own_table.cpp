// SPDX-License-Identifier: Apache-2.0
#include "netfilter/own_table.h"

#include <nftables/libnftables.h>

#include <memory>

namespace catflap::netfilter {
namespace {

struct NftFree {
    void operator()(nft_ctx* context) const { nft_ctx_free(context); }
};

}  // namespace

Result<std::string> run_nft(const std::string& commands, unsigned output_flags) {
    const std::unique_ptr<nft_ctx, NftFree> context(nft_ctx_new(NFT_CTX_DEFAULT));
    if (!context)
        return fail("open nftables: out of memory");
    nft_ctx_buffer_output(context.get());
    nft_ctx_buffer_error(context.get());
    nft_ctx_output_set_flags(context.get(), output_flags);
    if (nft_run_cmd_from_buffer(context.get(), commands.c_str()) != 0) {
        const std::string error = nft_ctx_get_error_buffer(context.get());
        return fail("{}", error.substr(0, error.find('\n')));
    }
    return std::string(nft_ctx_get_output_buffer(context.get()));
}

Result<std::string> OwnTable::text() const {
    auto text = run_nft("list table " + name_, NFT_CTX_OUTPUT_STATELESS);
    if (!text)
        return fail_because(text.error(), "read the nftables table {}", name_);
    return text;
}

Result<std::string> OwnTable::make_once(const std::string& commands) const {
    if (auto done = run_nft(commands); !done)
        return fail_because(done.error(), "make the nftables table {}", name_);
    return text();
}

Result<> OwnTable::make(const std::string& commands) {
    const std::string before = commands == commands_ ? made_ : "";
    commands_ = commands;
    auto made = make_once(commands);
    // Not what the same commands made before: somebody was quicker, or has added what they do not take away.
    if (made && !before.empty() && *made != before)
        made = make_once(commands);
    if (!made)
        return tl::unexpected(made.error());
    made_ = std::move(*made);
    return {};
}

Result<bool> OwnTable::audit() {
    if (const auto now = text(); now && *now == made_)
        return false;
    if (auto done = make(commands_); !done)
        return tl::unexpected(done.error());
    return true;
}

Result<> OwnTable::remove() {
    // "add" first: to delete what is not there is an error.
    if (auto done = run_nft("add table " + name_ + "; delete table " + name_); !done)
        return fail_because(done.error(), "remove the nftables table {}", name_);
    return {};
}

}  // namespace catflap::netfilter
