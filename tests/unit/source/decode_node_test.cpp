// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>
#include <fmt/format.h>

#include "source/decode/decode.h"

using namespace catflap;
using namespace catflap::source;

namespace {

bool is_virtual(const std::string& metadata, const std::string& spec = "{}") {
    const auto decoded =
        decode(fmt::format("apiVersion: v1\nkind: Node\nmetadata: {}\nspec: {}\n", metadata, spec), "node.yaml");
    CHECK(decoded.refusals.empty());
    REQUIRE(decoded.objects.size() == 1);
    return std::get<Node>(decoded.objects[0].object).is_virtual;
}

}  // namespace

TEST_CASE("a virtual node is known by its label, by its taint, by AWS's label") {
    CHECK(is_virtual("{name: a, labels: {type: virtual-kubelet}}"));
    CHECK(
        is_virtual("{name: a, labels: {a: b}}", "{taints: [{key: virtual-kubelet.io/provider, effect: NoSchedule}]}"));
    CHECK(is_virtual("{name: a, labels: {eks.amazonaws.com/compute-type: fargate}}"));
    CHECK_FALSE(is_virtual("{name: a, labels: {kubernetes.io/role: agent, type: worker}}"));
    CHECK_FALSE(is_virtual("{name: a}", "{taints: [{key: node-role.kubernetes.io/control-plane}]}"));
}

TEST_CASE("by its name only where it has lost its labels") {
    CHECK(is_virtual("{name: virtual-node-aci-linux}"));
    CHECK(is_virtual("{name: virtual-kubelet-eu}"));
    CHECK_FALSE(is_virtual("{name: virtual-node-aci-linux, labels: {kubernetes.io/os: linux}}"));
    CHECK_FALSE(is_virtual("{name: node-virtual-node-1}"));
}
