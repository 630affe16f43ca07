// SPDX-License-Identifier: Apache-2.0
// Model values -> manifests, on one line of JSON, which the decoder reads back to equal values.
#pragma once

#include <string>

#include "source/decode/decode.h"

namespace catflap::source {

// Shaped as Kubernetes shapes it, so that it outlives a change of our own types, and a person can read it. The mark of
// a policy that stands for a refused one is not part of a manifest.
std::string manifest_text(const Namespace& object);
std::string manifest_text(const Node& object);
std::string manifest_text(const Pod& object);
std::string manifest_text(const Policy& object);
std::string manifest_text(const ClusterPolicy& object);
std::string manifest_text(const Service& object);
std::string manifest_text(const EndpointSlice& object);
std::string manifest_text(const Object& object);

}  // namespace catflap::source
