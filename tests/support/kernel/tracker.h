// SPDX-License-Identifier: Apache-2.0
// Makes in nf_conntrack the entries that the node's stack would have made: frames of BPF_PROG_TEST_RUN pass none of the
// kernel's hooks.
#pragma once

#include <cstdint>
#include <memory>

#include "support/packets/packet.h"

struct nf_conntrack;
struct nfct_handle;

namespace catflap::test {

class Tracker {
  public:
    Tracker();

    // A frame that the stack forwards, or that it made: TCP and UDP in whole packets, untranslated; others are left
    // alone. Call it before to_pod (the stack comes first there) and after a from_pod that passed. The states are those
    // of net/netfilter/nf_conntrack_proto_tcp.c as far as the datapath looks at them. Throws std::runtime_error.
    void see(const Bytes& frame, bool from_pod);
    // The frame that was seen last did not pass: the datapath ends a connection that it began, see bpf/tracked.h.
    void refused();

    // Of every entry of TCP, on both sides: IP_CT_TCP_FLAG_*.
    void set_tcp_flags(uint8_t flags);
    // Every entry of this network namespace.
    void forget();

  private:
    struct Closer {
        void operator()(nfct_handle* handle) const;
    };
    std::unique_ptr<nfct_handle, Closer> handle_;
    std::unique_ptr<nf_conntrack, void (*)(nf_conntrack*)> begun_;  // by the last frame, or nothing
};

}  // namespace catflap::test
