// SPDX-License-Identifier: Apache-2.0
// Which endpoints change, and to what. Pure.
#pragma once

#include <vector>

#include "compile/plan/plan.h"

namespace catflap::compile {

struct EndpointPlan {
    std::vector<LoadedEndpoint> changed;  // with their new config number, slot and generation
    std::vector<uint32_t> fresh_slots;    // taken by a pod that was not there before
    std::vector<uint32_t> gone;           // ifindexes
    std::vector<uint32_t> retired_slots;
    std::vector<uint32_t> retired_configs;
    std::vector<uint32_t> last_generation;  // by slot, after the plan
};

// Takes configs and slots from plan.pools. Fails when there are none left.
Result<EndpointPlan> plan_endpoints(const Loaded& loaded, const Desired& desired, Plan& plan);

// By name and uid: tells the pod from a later one of the same name.
std::array<uint64_t, 2> pod_identity(const EndpointSpec& spec);

// The record that the datapath reads.
catflap_endpoint_config make_config(const LoadedEndpoint& endpoint);

}  // namespace catflap::compile
