// SPDX-License-Identifier: Apache-2.0
// What nobody reads of an API server's answer is passed over, and nothing else is.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include "source/decode/api_object.h"
#include "source/decode/decode.h"
#include "source/decode/document.h"

using namespace catflap;
using namespace catflap::source;

namespace {

// The tree in words: {a: "x", b: [1, null]}.
std::string words(const Value& value) {
    std::string result;
    switch (value.kind()) {
        case Value::Kind::null:
            return "null";
        case Value::Kind::scalar:
            return fmt::format(fmt::runtime(value.is_quoted() ? "\"{}\"" : "{}"), value.text());
        case Value::Kind::sequence:
            for (const Value* item : value.items())
                result += (result.empty() ? "" : ", ") + words(*item);
            return "[" + result + "]";
        case Value::Kind::mapping:
            for (const Entry& entry : value.entries())
                result += fmt::format("{}{}: {}", result.empty() ? "" : ", ", entry.key, words(*entry.value));
            return "{" + result + "}";
    }
    return "?";
}

std::string read(const std::string& text) {
    std::string result;
    DocumentSink sink;
    sink.item = [](auto, const Value&) { return false; };
    sink.document = [&](const Value& document) { result = words(document); };
    const auto done = read_json_document(text, sink);
    return done ? result : fmt::format("line {}: {}", done.error().line, done.error().message);
}

}  // namespace

TEST_CASE("an object or a list under such a name is null, whatever is in its strings") {
    CHECK(read(R"({"managedFields":[{"a":"]}"},{"b":"\"]\\"}],"name":"web"})") ==
          R"({managedFields: null, name: "web"})");
    CHECK(
        read(
            R"({"spec": {"containers": [{"env" :  [ {"name":"A","value":"{[\\\""} ], "ports": [1]}], "volumes":[]}})") ==
        R"({spec: {containers: [{env: null, ports: [1]}], volumes: null}})");
    CHECK(read(R"({"resources":{"limits":{"cpu":"1"}},"env":{},"args":[]})") ==
          R"({resources: null, env: null, args: null})");
}

TEST_CASE("what a user has named so is read: labels and selectors have strings there") {
    const std::string labels = R"({"labels":{"env":"prod","volumes":"x","resources":"","args":null}})";
    CHECK(read(labels) == R"({labels: {env: "prod", volumes: "x", resources: "", args: null}})");
    CHECK(read(R"({"key":"env","values":["env",["volumes"]]})") == R"({key: "env", values: ["env", ["volumes"]]})");
    CHECK(read(R"({"command":1,"lifecycle":true})") == "{command: 1, lifecycle: true}");
}

TEST_CASE("what does not end, or is no JSON around it, is told with its line") {
    for (const char* broken : {R"({"env":[)", R"({"env":["a)", R"({"env":["a\)", R"({"env":{"a":[1,2})", R"({"env":[])",
                               R"({"env":[]]})", R"({"env" []})", R"({"env":[1] "b":2})"}) {
        CAPTURE(broken);
        CHECK(read(broken).starts_with("line 1: "));
    }
    CHECK(read("{\"env\":[\n{\n}\n],\n\"b\":x}").starts_with("line 5: "));
}

TEST_CASE("several, one in another, and one after the other") {
    CHECK(read(R"({"volumes":[{"env":[1]}],"env":[2],"a":{"tolerations":[{"x":{}}]},"z":3})") ==
          "{volumes: null, env: null, a: {tolerations: null}, z: 3}");
}

// Whoever reads one of these names of a manifest would get nothing of it from an API server.
TEST_CASE("a Pod that has all of it is the same Pod from an API server as from a manifest") {
    const std::string pod = R"({"apiVersion":"v1","kind":"Pod","metadata":{"name":"web","namespace":"shop","uid":"u",
        "labels":{"env":"prod"},"managedFields":[{"manager":"x"}],"ownerReferences":[{"kind":"ReplicaSet","name":"r"}]},
        "spec":{"nodeName":"n1","affinity":{"nodeAffinity":{}},"tolerations":[{"operator":"Exists"}],
        "topologySpreadConstraints":[{"maxSkew":1}],"volumes":[{"name":"v"}],"securityContext":{"runAsUser":1},
        "initContainers":[{"name":"i","restartPolicy":"Always","env":[{"name":"A"}],
            "ports":[{"name":"side","containerPort":9000}]}],
        "containers":[{"name":"c","args":["a"],"command":["b"],"env":[{"name":"A"}],"envFrom":[{"prefix":"p"}],
            "lifecycle":{"preStop":{}},"livenessProbe":{"periodSeconds":1},"readinessProbe":{"periodSeconds":1},
            "startupProbe":{"periodSeconds":1},"resources":{"limits":{"cpu":"1"}},"securityContext":{"privileged":true},
            "volumeDevices":[{"name":"d"}],"volumeMounts":[{"name":"m"}],
            "ports":[{"name":"http","containerPort":8080,"hostPort":80}]}]},
        "status":{"phase":"Running","podIP":"10.0.0.1","podIPs":[{"ip":"10.0.0.1"},{"ip":"fd00::1"}],
            "containerStatuses":[{"name":"c"}],"initContainerStatuses":[{"name":"i"}],
            "ephemeralContainerStatuses":[{"name":"e"}],"images":[{"names":["x"]}]}})";
    const Decoded manifest = decode(pod, "pod.json");
    REQUIRE(manifest.objects.size() == 1);
    const auto sent = decode_api_object(pod, {"Pod", "v1", "pods"});
    REQUIRE(sent);
    REQUIRE(sent->decoded.objects.size() == 1);
    CHECK(std::get<Pod>(sent->decoded.objects[0].object) == std::get<Pod>(manifest.objects[0].object));
    CHECK(std::get<Pod>(manifest.objects[0].object).ports.size() == 2);
}
