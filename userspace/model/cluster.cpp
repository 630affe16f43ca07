// SPDX-License-Identifier: Apache-2.0
#include "model/cluster.h"

#include <fmt/format.h>
#include <openssl/evp.h>

#include <array>

namespace catflap {

Labels namespace_labels(const Cluster& cluster, const std::string& ns) {
    const auto found = cluster.namespaces.find(ns);
    Labels labels = found == cluster.namespaces.end() ? Labels{} : found->second.labels;
    labels.set("kubernetes.io/metadata.name", ns);
    return labels;
}

std::string interface_digits(const ObjectName& pod) {
    const std::string text = pod.ns + "." + pod.name;
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    size_t length = 0;
    if (EVP_Q_digest(nullptr, "SHA1", nullptr, text.data(), text.size(), digest.data(), &length) != 1)
        return {};  // a FIPS build of OpenSSL without SHA-1: pods are then matched by their routes only
    return fmt::format("{:02x}{:02x}{:02x}{:02x}{:02x}{:x}", digest[0], digest[1], digest[2], digest[3], digest[4],
                       digest[5] >> 4);
}

std::string calico_interface_name(const ObjectName& pod) {
    return "cali" + interface_digits(pod);
}

}  // namespace catflap
