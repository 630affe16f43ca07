// SPDX-License-Identifier: Apache-2.0
#include "resolve/resolve.h"

#include <algorithm>

#include "resolve/resolver.h"

namespace catflap::resolve {

Resolved resolve(const Cluster& cluster, const std::vector<ObjectName>& pods) {
    Resolver resolver;
    std::vector<ObjectName> sorted = pods;
    std::ranges::sort(sorted);
    resolver.update(cluster, sorted, Changes::all());
    return resolver.resolved();
}

}  // namespace catflap::resolve
