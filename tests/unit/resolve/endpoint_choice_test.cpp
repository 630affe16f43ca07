// SPDX-License-Identifier: Apache-2.0
// The cases of kube-proxy's own table (Kubernetes 1.35, pkg/proxy/topology_test.go, TestCategorizeEndpoints), by their
// names there, and further ones. An endpoint is a word: its number, then r (ready), u (not ready, not serving), t
// (terminating, serving), g (terminating, not serving) or s (serving only); then @ if it is on this node, zone=A+B and
// node=N for its hints.
#include "resolve/endpoint_choice.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <list>
#include <sstream>

using namespace catflap;
using namespace catflap::resolve;

namespace {

constexpr std::string_view kHere = "n1";

std::vector<std::string> split(const std::string& text, char separator) {
    std::vector<std::string> parts;
    std::istringstream stream(text);
    for (std::string part; std::getline(stream, part, separator);)
        parts.push_back(part);
    return parts;
}

SliceEndpoint endpoint_of(const std::string& word) {
    const std::vector<std::string> parts = split(word, ',');
    SliceEndpoint endpoint;
    endpoint.addresses = {parse_address("10.0.0." + parts[0].substr(0, 1)).value()};
    const char state = parts[0].at(1);
    endpoint.ready = state == 'r';
    endpoint.serving = state == 'r' || state == 't' || state == 's';
    endpoint.terminating = state == 't' || state == 'g';
    endpoint.node = parts[0].ends_with('@') ? kHere : "n2";
    for (size_t i = 1; i < parts.size(); ++i) {
        const std::vector<std::string> hint = split(parts[i], '=');
        (hint[0] == "zone" ? endpoint.for_zones : endpoint.for_nodes) = split(hint[1], '+');
    }
    return endpoint;
}

struct Case {
    std::string name;
    std::string zone;
    std::string endpoints;
    std::string cluster;  // numbers of those that are in use; "-": none
    std::string local;    // "": kube-proxy's table does not ask
    std::string node = std::string(kHere);
};

std::string in_use(const Case& c, TrafficPolicy policy) {
    std::list<SliceEndpoint> endpoints;
    std::vector<Candidate> candidates;
    for (const std::string& word : split(c.endpoints, ' ')) {
        endpoints.push_back(endpoint_of(word));
        candidates.push_back({{endpoints.back().addresses[0], 80}, &endpoints.back()});
    }
    std::string numbers;
    for (const Backend& backend : endpoints_in_use(candidates, policy, {c.node, c.zone}))
        numbers += to_string(backend.address).back();
    return numbers.empty() ? "-" : numbers;
}

// Local means "on this node" there and here; a case whose node has another name has no local endpoint.
const std::vector<Case> kCases = {
    {"should use topology since all endpoints have hints, node has a zone label and there are endpoints for the zone",
     "a", "3r,zone=a 4r,zone=b 5r,zone=c 6r,zone=a", "36", ""},
    {"externalTrafficPolicy: Local, topology ignored for Local endpoints", "a",
     "3r@,zone=a 4r@,zone=b 5r,zone=c 6r,zone=a", "36", "34"},
    {"empty node labels, empty zone label", "", "3r,zone=a", "3", ""},
    {"node in different zone, no endpoint filtering", "b", "3r,zone=a", "3", ""},
    {"unready endpoint", "a", "3r,zone=a 4r,zone=b 5r,zone=c 6u,zone=a", "3", ""},
    {"only unready endpoints in same zone (should not filter)", "a", "3u,zone=a 4r,zone=b 5r,zone=c 6u,zone=a", "45",
     ""},
    {"missing hints, no filtering applied", "a", "3r,zone=a 4r,zone=b 5r 6r,zone=a", "3456", ""},
    {"multiple hints per endpoint, filtering includes any endpoint with zone included", "c",
     "3r,zone=a+b+c 4r,zone=b+c 5r,zone=b+d 6r,zone=c", "346", ""},
    {"PreferSameNode available", "a", "3r,zone=a,node=n1 4r,zone=b,node=n2 5r,zone=c,node=n3 6r,zone=a,node=n4", "3",
     ""},
    {"PreferSameNode ignored if some endpoints unhinted", "a",
     "3r,zone=a,node=n1 4r 5r,zone=c,node=n3 6r,zone=a,node=n4", "3456", ""},
    {"PreferSameNode falls back to PreferSameZone if no endpoint for node", "a",
     "3r,zone=a,node=n1 4r,zone=b,node=n2 5r,zone=c,node=n3 6r,zone=a,node=n4", "36", "", "n0"},
    {"conflicting topology and localness require merging allEndpoints", "a",
     "0r@,zone=a 1r@,zone=b 2r,zone=a 3r,zone=b", "02", "01"},
    {"empty endpoints when no service endpoints exist", "", "", "-", "-"},
    {"internalTrafficPolicy: Local, but all endpoints are remote", "", "0r 1r", "01", "-"},
    {"internalTrafficPolicy: Local, all endpoints are local", "", "0r@ 1r@", "01", "01"},
    {"internalTrafficPolicy: Local, some endpoints are local", "", "0r@ 1r", "01", "0"},
    {"Cluster traffic policy, endpoints not Ready", "", "0u 1u", "-", ""},
    {"Cluster traffic policy, some endpoints are Ready", "", "0u 1r", "1", ""},
    {"Cluster traffic policy, all endpoints are terminating", "", "0t@ 1t", "01", ""},
    {"iTP: Local, eTP: Local, all endpoints remote and terminating", "", "0t 1t", "01", "-"},
    {"iTP: Cluster, eTP: Local, with terminating endpoints", "", "0r 1u@ 2t@ 3t", "0", "2"},
};

const std::vector<Case> kFurtherCases = {
    {"a terminating endpoint is not in use beside a ready one", "", "0r@ 1t@", "0", "0"},
    {"a terminating endpoint that does not serve is never in use", "", "0g@ 1g", "-", "-"},
    {"an endpoint that serves, is not ready and does not terminate is not in use", "", "0s@ 1t@", "1", "1"},
    {"hints do not count for terminating endpoints", "a", "0t,zone=a 1t,zone=b", "01", "-"},
    {"a terminating endpoint without a hint does not switch the hints off", "a", "0r,zone=a 1r,zone=b 2t", "0", "-"},
    {"nodes' hints do not decide if one is missing; zones' may all the same", "a", "0r,zone=a,node=n1 1r,zone=b", "0",
     "-"},
    {"an unknown zone is nobody's", "", "0r,zone=a 1r,zone=b", "01", "-"},
    {"the same endpoint in two slices is one", "", "0r 0r", "0", "-"},
};

void check(const std::vector<Case>& cases) {
    for (const Case& c : cases) {
        INFO(c.name);
        CHECK(in_use(c, TrafficPolicy::cluster) == c.cluster);
        if (!c.local.empty())
            CHECK(in_use(c, TrafficPolicy::local) == c.local);
    }
}

}  // namespace

TEST_CASE("endpoints in use: kube-proxy's own table") {
    check(kCases);
}

TEST_CASE("endpoints in use: what its table leaves out") {
    check(kFurtherCases);
}
