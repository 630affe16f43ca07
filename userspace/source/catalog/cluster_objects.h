// SPDX-License-Identifier: Apache-2.0
// The cluster's maps by object, whatever its kind.
#pragma once

#include <string>

#include "model/changes.h"
#include "model/cluster.h"
#include "source/decode/decode.h"

namespace catflap::source {

// False: the cluster held exactly this already.
bool put_object(Cluster& cluster, Object object, Changes& changes);
// Takes the object of this object_key() out; it must be there.
Object extract_object(Cluster& cluster, const std::string& key, Changes& changes);
// The same object as a manifest; it stays where it is.
std::string manifest_of(const Cluster& cluster, const std::string& key);
// Whether the cluster's object of this name is equal to this one.
bool holds_object(const Cluster& cluster, const Object& object);

}  // namespace catflap::source
