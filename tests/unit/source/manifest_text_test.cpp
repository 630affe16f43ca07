// SPDX-License-Identifier: Apache-2.0
// What the cache writes is what the decoder reads.
#include "source/cache/manifest_text.h"

#include <doctest/doctest.h>

#include <filesystem>

#include "support/random/generator.h"
#include "unit/source/support.h"

using namespace catflap;
using namespace catflap::source;

namespace {

void check_roundtrip(const Object& object) {
    const std::string text = manifest_text(object);
    const Decoded decoded = decode(text, "cache");
    CAPTURE(text);
    CHECK(messages(decoded.refusals) == Strings{});
    REQUIRE(decoded.objects.size() == 1);
    CHECK(decoded.objects[0].object == object);
    CHECK(text.find('\n') == std::string::npos);
}

template <class Map>
void check_all(const Map& objects) {
    for (const auto& [name, object] : objects)
        check_roundtrip(object);
}

// The decoder drops them; the generator does not.
std::map<ObjectName, Policy> without_idle_rules(std::map<ObjectName, Policy> policies) {
    for (auto& [name, policy] : policies) {
        if (!policy.isolates_ingress)
            policy.ingress.clear();
        if (!policy.isolates_egress)
            policy.egress.clear();
    }
    return policies;
}

}  // namespace

TEST_CASE("random clusters and their changes are read back as they were") {
    for (uint64_t seed = 1; seed <= 300; ++seed) {
        test::Generator generator(seed);
        Cluster cluster = generator.cluster();
        for (int change = 0; change < 3; ++change) {
            check_all(cluster.namespaces);
            check_all(cluster.nodes);
            check_all(cluster.pods);
            check_all(without_idle_rules(cluster.policies));
            check_all(cluster.cluster_policies);
            generator.mutate(cluster);
        }
    }
}

TEST_CASE("every manifest of the tests' data is read back as it was") {
    size_t objects = 0;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(CATFLAP_TEST_DATA)) {
        if (!entry.is_regular_file())
            continue;
        for (const LocatedObject& located :
             decode_file(std::filesystem::relative(entry.path(), CATFLAP_TEST_DATA).string()).objects) {
            check_roundtrip(located.object);
            ++objects;
        }
    }
    CHECK(objects > 30);
}

TEST_CASE("what the generator does not make: Services, slices, nodes, host ports, strange characters") {
    const Address v4 = parse_address("10.0.0.1").value();
    const Address v6 = parse_address("fd00::1").value();
    check_roundtrip(Node{"n1", {v4, v6}});
    check_roundtrip(Node{"virtual-node-1", {}});
    check_roundtrip(Node{"virtual-node-1", {}, "z1", true, {{"topology.kubernetes.io/zone", "z1"}}});
    check_roundtrip(Node{"virtual-node-2", {}, "", true});
    check_roundtrip(Service{{"a", "s"},
                            {v4, v6},
                            {v4},
                            {{"", Protocol::udp, 53, 0}, {"web", Protocol::tcp, 80, 30080}},
                            TrafficPolicy::local,
                            TrafficPolicy::cluster});
    check_roundtrip(Service{{"a", "headless"}, {}, {}, {}, TrafficPolicy::cluster, TrafficPolicy::local});
    check_roundtrip(EndpointSlice{{"a", "s-1"},
                                  "s",
                                  {{{v4}, "n1"},
                                   {{v6}, "", false, true, true},
                                   {{v6}, "", true, false, false, {"z1", "z2"}, {"n1"}},
                                   {{}, "", true, true, false, {}, {"n2"}}},
                                  {{"web", Protocol::sctp, 8080}, {"", Protocol::udp, 53}}});
    check_roundtrip(EndpointSlice{{"a", "s-2"}, "", {}, {}});
    Pod pod{.name = {"a", "p"},
            .uid = "",
            .node = "n1",
            .labels = {{"a.b/c", ""}, {"yes", "no"}},
            .addresses = {},
            .ports = {}};
    pod.host_ports = {{Protocol::tcp, 80, 8080, v4}, {Protocol::udp, 53, 5353, std::nullopt}};
    pod.ports = {{"web", Protocol::tcp, 8080}, {"web", Protocol::tcp, 80}};
    pod.service_account = "builder";
    check_roundtrip(pod);
    pod.finished = pod.host_network = true;
    pod.uid = "tab\t quote\" back\\slash \xc3\xa9 \xe2\x80\xa8% \xf0\x9f\x90\x88 \x7f \x01";
    pod.node = "null";
    pod.service_account = "";
    check_roundtrip(pod);
}
