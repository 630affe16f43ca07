// SPDX-License-Identifier: Apache-2.0
// The cluster as it is admitted: the source's own, or a copy of it without what does not fit.
#pragma once

#include <memory>

#include "compile/admission/admission.h"
#include "model/changes.h"

namespace catflap::compile {

class AdmittedCluster {
  public:
    // changes: of the source since the last call; afterwards of what this returns. The result lives as long as this and
    // the source.
    const Cluster& update(const Cluster& source, const Admission& admission, Changes& changes);

    // What the last update() returned, with what has happened since where everything is admitted.
    [[nodiscard]] const Cluster& of(const Cluster& source) const { return copy_ ? *copy_ : source; }

  private:
    void take_in(const Cluster& source, Changes& changes);
    void set_policy(const Cluster& source, const ObjectName& name);
    void set_policy(const Cluster& source, const PolicyName& name);  // of the cluster
    void set_pod(const Cluster& source, const ObjectName& name);

    std::unique_ptr<Cluster> copy_;  // nothing: everything is admitted
    std::set<PolicyName> without_rules_;
    std::set<ObjectName> without_addresses_;
};

}  // namespace catflap::compile
