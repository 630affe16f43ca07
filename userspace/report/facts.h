// SPDX-License-Identifier: Apache-2.0
// What an agent knows about itself and its node, as plain values: all that conditions.h looks at.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace catflap::report {

// What is in force of an object whose present version was refused.
enum class Outcome : uint8_t { last_good, isolated, nothing };
const char* to_string(Outcome outcome);  // "lastGood", "isolated", "nothing"
const char* sentence_of(Outcome outcome);

struct RefusedObject {
    std::string what;                // "policy.yaml:12: NetworkPolicy shop/web: spec.egress: ..."
    std::optional<Outcome> outcome;  // nothing: of a file as a whole, whose message says it
};

// A pod that a policy selects, and that nothing enforces it on.
struct UnenforcedPod {
    std::string pod;                    // "ns/name"
    std::string node;                   // "": this node
    std::string reason;                 // a sentence
    std::vector<std::string> policies;  // "ns/name"
};

struct Trouble {
    std::string where;  // an interface, a pin, a pin directory
    std::string what;   // "": `where` says it all
};

struct Facts {
    bool audit = false;
    std::string starting;  // why nothing of this agent is in force yet; "": it is

    std::string source_error;             // why the source is stale; ""
    std::vector<RefusedObject> refused;   // objects that were not taken as they stand
    std::string commit_error;             // why the state as a whole is not in force; ""
    std::vector<std::string> over_limit;  // objects that were left out since they do not fit, a sentence each
    std::vector<std::string> other_mode;  // objects that the mode does not enforce, a sentence each
    std::vector<std::string> ties;        // policies of equal rank, a sentence each
    std::string cache_error;              // why the cache of last good versions is not to be trusted; ""

    std::vector<Trouble> not_attached;        // interfaces
    bool no_interfaces = false;               // not one in this network namespace
    std::string interfaces = "cali*";         // how the names of pods' interfaces look
    std::vector<std::string> unknown;         // interfaces whose pod is not in the source
    std::vector<std::string> unjudged;        // interfaces that are open: neither judged nor closed
    std::vector<UnenforcedPod> unenforced;    // of this node
    std::vector<UnenforcedPod> out_of_reach;  // where no agent can enforce anything
    size_t out_of_reach_count = 0;            // of which out_of_reach may hold only the first

    bool guard_wanted = false;  // the mode has one
    bool guard_on = false;
    std::string guard_error;  // why it is not there; ""

    std::string metrics_error;  // why nobody can ask for metrics; ""

    std::string tracking_error;  // why nf_conntrack may not follow connections, though the engine asks it; ""

    std::vector<std::string> missing_pins;  // a path, or why what is pinned would not outlive the agent
    std::vector<Trouble> other_engines;     // what else judges this node's interfaces
    std::string verify_error;               // what is loaded could not be compared, or not be mended; ""
    std::vector<std::string> recent_mends;  // what was found broken in the last minutes, and was put right
};

}  // namespace catflap::report
