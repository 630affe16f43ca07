// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include "source/catalog/catalog.h"
#include "source/decode/api_object.h"

using namespace catflap;
using namespace catflap::source;

namespace {

const ApiKind kPolicies{"NetworkPolicy", "networking.k8s.io/v1", "networkpolicies"};
const std::string kKey = "NetworkPolicy shop/x";

Decoded policy(const std::string& spec) {
    auto object = decode_api_object(R"({"metadata":{"name":"x","namespace":"shop"},"spec":)" + spec + "}", kPolicies);
    REQUIRE(object);
    CHECK(object->key == kKey);
    return std::move(object->decoded);
}

const char* const kGood = R"({"podSelector":{},"policyTypes":["Ingress"]})";
const char* const kBad = R"({"podSelector":{},"policyTypes":["Ingress"],"unheardOf":1})";

}  // namespace

TEST_CASE("objects of a file come, change and go one by one") {
    Catalog catalog;
    catalog.take_object("networkpolicies", kKey, policy(kGood));
    CHECK(catalog.publish());
    CHECK(catalog.cluster().policies.size() == 1);
    CHECK_FALSE(catalog.publish());
    catalog.remove_object("networkpolicies", "NetworkPolicy shop/other");
    catalog.remove_object("pods", kKey);
    CHECK_FALSE(catalog.publish());
    catalog.remove_object("networkpolicies", kKey);
    CHECK(catalog.publish());
    CHECK(catalog.cluster().policies.empty());
}

TEST_CASE("a refused version leaves the last good one; a first one isolates; a good one mends") {
    Catalog catalog;
    catalog.take_object("networkpolicies", kKey, policy(kGood));
    catalog.take_object("networkpolicies", kKey, policy(kBad));
    catalog.publish();
    REQUIRE(catalog.refusals().size() == 1);
    CHECK(catalog.refusals()[0].in_force == Diagnostic::InForce::last_good);
    CHECK_FALSE(catalog.cluster().policies.begin()->second.stands_in);
    catalog.take_object("networkpolicies", kKey, policy(kGood));
    catalog.publish();
    CHECK(catalog.refusals().empty());

    Catalog fresh;
    fresh.take_object("networkpolicies", kKey, policy(kBad));
    fresh.publish();
    REQUIRE(fresh.refusals().size() == 1);
    CHECK(fresh.refusals()[0].in_force == Diagnostic::InForce::isolated);
    REQUIRE(fresh.cluster().policies.size() == 1);
    CHECK(fresh.cluster().policies.begin()->second.stands_in);
    fresh.remove_object("networkpolicies", kKey);
    fresh.publish();
    CHECK(fresh.cluster().policies.empty());
    CHECK(fresh.refusals().empty());
}

TEST_CASE("a whole list after single changes takes away what is not in it") {
    Catalog catalog;
    catalog.take_object("networkpolicies", kKey, policy(kGood));
    Decoded nothing;
    nothing.empty = false;
    catalog.take("networkpolicies", nothing);
    catalog.publish();
    CHECK(catalog.cluster().policies.empty());
}
