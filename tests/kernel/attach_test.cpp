// SPDX-License-Identifier: Apache-2.0
// Others' programs on a pod's interface: whoever answers TC_ACT_OK in front of ours lets everything pass.
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/bpf.h>

#include <algorithm>

#include "kernel/fixture.h"

using namespace catflap;
using namespace catflap::test;
using kernel::AttachMode;

namespace {

constexpr auto kTcxIngress = static_cast<bpf_attach_type>(46);
constexpr uint32_t kBefore = 1U << 3;
constexpr int kInterface = 2;

UniqueFd accepting_program() {
    const bpf_insn code[] = {{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0, .src_reg = 0, .off = 0, .imm = 0},
                             {.code = BPF_JMP | BPF_EXIT, .dst_reg = 0, .src_reg = 0, .off = 0, .imm = 0}};
    UniqueFd program(bpf_prog_load(BPF_PROG_TYPE_SCHED_CLS, "accept", "GPL", code, std::size(code), nullptr));
    REQUIRE(program);
    return program;
}

// In front of what is there, as long as it lives.
class Foreign {
  public:
    explicit Foreign(AttachMode mode) : mode_(mode) {
        if (mode_ == AttachMode::tcx) {
            LIBBPF_OPTS(bpf_link_create_opts, options, .flags = kBefore);
            link_.reset(bpf_link_create(program_.get(), kInterface, kTcxIngress, &options));
            REQUIRE(link_);
            return;
        }
        LIBBPF_OPTS(bpf_tc_opts, options, .prog_fd = program_.get(), .handle = 7, .priority = 1);
        REQUIRE(bpf_tc_attach(&hook_, &options) == 0);
    }
    ~Foreign() {
        if (mode_ == AttachMode::tcx) {
            bpf_link_detach(link_.get());
            return;
        }
        LIBBPF_OPTS(bpf_tc_opts, options, .handle = 7, .priority = 1);
        bpf_tc_detach(&hook_, &options);
    }

  private:
    AttachMode mode_;
    UniqueFd program_ = accepting_program();
    UniqueFd link_;
    bpf_tc_hook hook_{.sz = sizeof(bpf_tc_hook), .ifindex = kInterface, .attach_point = BPF_TC_INGRESS, .parent = 0};
};

class Interface {
  public:
    explicit Interface(AttachMode mode) : lab_({.attach = mode}) { judges(); }
    ~Interface() { kernel::remove_clsact(kInterface); }

    kernel::Datapath& datapath() { return lab_.datapath(); }

    // Whether what comes from the pod reaches our program.
    bool judges() {
        const uint64_t before = lab_.drops(CATFLAP_REASON_ETHERTYPE);
        lab_.send_to_interface_2(Ethernet{.ethertype = 0x88cc} / Payload{Bytes(46)});
        return lab_.drops(CATFLAP_REASON_ETHERTYPE) == before + 1;
    }

  private:
    KernelLab lab_;
};

}  // namespace

TEST_CASE("another's program in front of ours is found, and ours put in front of it again") {
    AttachMode mode{};
    SUBCASE("tcx") {
        KernelLab lab;
        if (lab.datapath().attachments().mode() != AttachMode::tcx)
            return;  // not in this kernel
        mode = AttachMode::tcx;
    }
    SUBCASE("clsact") {
        mode = AttachMode::clsact;
    }
    Interface interface(mode);
    CHECK(interface.judges());
    CHECK_FALSE(interface.datapath().audit_attachments());

    const Foreign foreign(mode);
    CHECK_FALSE(interface.judges());
    CHECK(interface.datapath().audit_attachments());
    CHECK_FALSE(interface.datapath().attachments().attached(kInterface));
    REQUIRE(interface.datapath().attach(kInterface));
    CHECK(interface.judges());
    CHECK(interface.datapath().attachments().attached(kInterface));
    CHECK_FALSE(interface.datapath().audit_attachments());
}
