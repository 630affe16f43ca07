// SPDX-License-Identifier: Apache-2.0
#include "model/interface_prefixes.h"

#include <doctest/doctest.h>

using namespace catflap;

TEST_CASE("Calico's alone, unless others are asked for") {
    const InterfacePrefixes calico;
    CHECK(calico.match("cali12345678901"));
    CHECK(calico.match("cali"));
    CHECK_FALSE(calico.match("cal"));
    CHECK_FALSE(calico.match("xcali1"));
    CHECK(calico.text() == "cali*");
    CHECK(calico == InterfacePrefixes::parse("cali").value());
}

TEST_CASE("a list: sorted, and what another one covers is left out") {
    const auto prefixes = InterfacePrefixes::parse("gke,cali,eni,cal,cali,azv,calico").value();
    CHECK(prefixes.list() == std::vector<std::string>{"azv", "cal", "eni", "gke"});
    CHECK(prefixes.text() == "azv* or cal* or eni* or gke*");
    CHECK(prefixes.match("eni1"));
    CHECK_FALSE(prefixes.match("eth0"));
}

TEST_CASE("each prefix has a name for a pod, of 11 hex digits") {
    // printf default.web | sha1sum
    const auto names = InterfacePrefixes::parse("cali,azv").value().names_of({"default", "web"});
    CHECK(names == std::vector<std::string>{"azv" + interface_digits({"default", "web"}),
                                            calico_interface_name({"default", "web"})});
    CHECK(interface_digits({"default", "web"}).size() == 11);
}

TEST_CASE("what cannot be the beginning of a pod's interface is refused, in words") {
    for (const auto& [text, sentence] : std::map<std::string, std::string>{
             {"", "\"\" is no beginning of interface names: give 2 to 8 letters, digits, or one of _ - ."},
             {"cali,", "\"\" is no beginning of interface names: give 2 to 8 letters, digits, or one of _ - ."},
             {"c", "\"c\" is no beginning of interface names: give 2 to 8 letters, digits, or one of _ - ."},
             {"cali*", "\"cali*\" is no beginning of interface names: give 2 to 8 letters, digits, or one of _ - ."},
             {"ninechars",
              "\"ninechars\" is no beginning of interface names: give 2 to 8 letters, digits, or one of _ - ."},
             {"cali,eth", "\"eth\" would close a node's own interfaces, which begin with eth"},
             {"en", "\"en\" would close a node's own interfaces, which begin with en"},
             {"eni,eth1", "\"eth1\" would close a node's own interfaces, which begin with eth"},
             {"ens1", "\"ens1\" would close a node's own interfaces, which begin with en"},
             {"enP", "\"enP\" would close a node's own interfaces, which begin with en"},
             {"bond1", "\"bond1\" would close a node's own interfaces, which begin with bond"},
             {"br-", "\"br-\" would close a node's own interfaces, which begin with br"},
             {"lo", "\"lo\" would close a node's own interfaces, which begin with lo"},
             {"aa,bb,cc,dd,ee,ff,gg,hh,ii", "9 prefixes are given, 8 are possible"}}) {
        const auto refused = InterfacePrefixes::parse(text);
        REQUIRE_FALSE(refused);
        CHECK(refused.error().message == sentence);
    }
}
