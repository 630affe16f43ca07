// SPDX-License-Identifier: Apache-2.0
// One object -> one model value. Each writes what is wrong into the field's report; where that
// holds a refusal afterwards, the value is not to be used.
#pragma once

#include <algorithm>
#include <vector>

#include "model/cluster.h"
#include "source/decode/fields.h"

namespace catflap::source {

Namespace decode_namespace(const Field& object, const ObjectName& name);
Node decode_node(const Field& object, const ObjectName& name);
Pod decode_pod(const Field& object, const ObjectName& name);
Policy decode_policy(const Field& object, const ObjectName& name);
// Of a policy that was refused: whom it would have isolated, and in which directions, at least; and no rules.
Policy decode_stand_in(const Field& object, const ObjectName& name);
ClusterPolicy decode_cluster_policy(const Field& object, const PolicyName& name);
Service decode_service(const Field& object, const ObjectName& name);
EndpointSlice decode_endpoint_slice(const Field& object, const ObjectName& name);

// Shared by them.
Labels decode_labels(const Field& field);
Selector decode_selector(const Field& field);  // missing: everything
// The requirements that can be read; without the others it selects more, never less.
Selector decode_readable_selector(const Field& field);
std::optional<Address> decode_address(const Field& field);    // a field that exists
std::optional<Prefix> decode_prefix(const Field& field);      // likewise
std::optional<Protocol> decode_protocol(const Field& field);  // missing: TCP
std::optional<uint16_t> decode_port_number(const Field& field);
// Refuses what is not `good` by one of the checks of names.h.
bool check_name(const Field& field, std::string_view text, std::string_view good);

// The model holds sets as sorted vectors, so that equal ones compare equal.
template <class T>
void sort_unique(std::vector<T>& values) {
    std::sort(values.begin(), values.end());
    values.erase(std::unique(values.begin(), values.end()), values.end());
}

}  // namespace catflap::source
