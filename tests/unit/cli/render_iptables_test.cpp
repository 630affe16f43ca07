// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <fstream>

#include "unit/cli/fake_agent.h"

using namespace catflap::cli::test;

namespace {

const std::string kData = CATFLAP_TEST_DATA "/walkthrough/";
const std::string kNode = "aks-nodepool1-26711606-0";

bool has(const std::string& text, const std::string& words) {
    return text.find(words) != std::string::npos;
}

Run render(std::vector<std::string> options) {
    std::vector<std::string> arguments = {"render", "iptables", kData + "cluster.yaml", kData + "policy.yaml"};
    arguments.insert(arguments.end(), options.begin(), options.end());
    return run_cli(arguments);
}

}  // namespace

TEST_CASE("render iptables: one section for each program, in the order in which they have to run") {
    const Run run = render({"--node", kNode});
    CHECK(run.exit_code == 0);
    CHECK(run.err.empty());
    const size_t sets = run.out.find("# ipset restore\ncreate cali40s:");
    const size_t ipv4 = run.out.find("# iptables-restore --noflush\n*filter\n");
    const size_t ipv6 = run.out.find("# ip6tables-restore --noflush\n*filter\n");
    CHECK(sets == 0);
    CHECK(sets < ipv4);
    CHECK(ipv4 < ipv6);
    CHECK(ipv6 != std::string::npos);
}

TEST_CASE("render iptables --family, --no-encapsulation-rules") {
    const Run ipv6 = render({"--node", kNode, "--family", "6"});
    CHECK(has(ipv6.out, "cali60s:"));
    CHECK_FALSE(has(ipv6.out, "cali40s:"));
    CHECK_FALSE(has(ipv6.out, "# iptables-restore"));
    CHECK(has(ipv6.out, "-p 4 -j DROP"));
    // The family may stand in front of the files, too.
    CHECK(
        run_cli({"render", "iptables", "--family", "6", kData + "cluster.yaml", kData + "policy.yaml", "--node", kNode})
            .out == ipv6.out);
    CHECK_FALSE(has(render({"--node", kNode, "--no-encapsulation-rules"}).out, "-p 4 -j DROP"));
    CHECK(render({"--node", kNode, "--family", "5"}).exit_code == 2);
}

TEST_CASE("render iptables asks for the node where it cannot be told, and renders what was not refused") {
    const Run unclear = render({});
    CHECK(unclear.exit_code == 2);
    CHECK(unclear.out.empty());
    CHECK(has(unclear.err, "--node is required: the manifests have pods on " + kNode + ", "));

    const Directory dir;
    std::ofstream(dir.path() / "bad.yaml") << "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\n"
                                              "metadata: {name: x, namespace: b}\n"
                                              "spec: {podSelector: {}, ingress: [{ports: [{port: 70000}]}]}\n";
    const Run refused = render({"--node", kNode, (dir.path() / "bad.yaml").string()});
    CHECK(refused.exit_code == 1);
    CHECK(has(refused.err, "70000"));
    CHECK(has(refused.out, "cali-tw-calid3b581beed8"));
    CHECK(run_cli({"render"}).exit_code == 2);
    CHECK(has(run_cli({"render", "iptables", "--help"}).out, "Example:"));
}
