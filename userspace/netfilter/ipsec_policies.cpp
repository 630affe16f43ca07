// SPDX-License-Identifier: Apache-2.0
#include "netfilter/ipsec_policies.h"

// clang-format off: the kernel's headers want the socket types first
#include <netinet/in.h>
#include <sys/socket.h>
#include <linux/netlink.h>
#include <linux/xfrm.h>
// clang-format on
#include <netlink/attr.h>
#include <netlink/errno.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>

#include <cstring>
#include <memory>

namespace catflap::netfilter {
namespace {

struct Free {
    void operator()(nl_sock* socket) const { nl_socket_free(socket); }
    void operator()(nl_msg* message) const { nlmsg_free(message); }
};

// The answer: flags of 32 bits, and attributes behind them.
int read_counts(nl_msg* message, void* sum) {
    nlattr* found = nlmsg_find_attr(nlmsg_hdr(message), sizeof(uint32_t), XFRMA_SPD_INFO);
    if (found == nullptr || nla_len(found) < static_cast<int>(sizeof(xfrmu_spdinfo)))
        return NL_SKIP;
    xfrmu_spdinfo info{};
    std::memcpy(&info, nla_data(found), sizeof(info));
    *static_cast<uint32_t*>(sum) = info.incnt + info.outcnt + info.fwdcnt;
    return NL_STOP;
}

}  // namespace

Result<uint32_t> count_ipsec_policies() {
    const std::unique_ptr<nl_sock, Free> socket(nl_socket_alloc());
    const std::unique_ptr<nl_msg, Free> question(nlmsg_alloc_simple(XFRM_MSG_GETSPDINFO, NLM_F_REQUEST));
    uint32_t flags = UINT32_MAX;
    uint32_t sum = 0;
    if (!socket || !question || nlmsg_append(question.get(), &flags, sizeof(flags), NLMSG_ALIGNTO) < 0)
        return fail("count the IPsec policies: out of memory");
    nl_socket_modify_cb(socket.get(), NL_CB_VALID, NL_CB_CUSTOM, read_counts, &sum);
    nl_socket_disable_auto_ack(socket.get());
    int code = nl_connect(socket.get(), NETLINK_XFRM);
    if (code == -NLE_PROTO_MISMATCH || code == -NLE_AF_NOSUPPORT || code == -NLE_OPNOTSUPP)
        return 0U;  // a kernel without XFRM
    if (code >= 0)
        code = nl_send_auto(socket.get(), question.get());
    if (code >= 0)
        code = nl_recvmsgs_default(socket.get());
    if (code < 0)
        return fail("count the IPsec policies: {}", nl_geterror(code));
    return sum;
}

}  // namespace catflap::netfilter
