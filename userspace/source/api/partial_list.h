// SPDX-License-Identifier: Apache-2.0
// A list of which not everything has come yet. What changes meanwhile counts as it is now.
#pragma once

#include <string>
#include <unordered_map>
#include <unordered_set>

#include "source/decode/api_object.h"

namespace catflap::source {

class PartialList {
  public:
    PartialList() { list_.empty = false; }
    void put(ApiObject object);
    void remove(const std::string& key);
    [[nodiscard]] Decoded take() { return std::move(list_); }

  private:
    void forget_diagnostics(const std::string& key);

    Decoded list_;
    std::unordered_map<std::string, size_t> places_;  // in list_.objects
    std::unordered_set<std::string> diagnosed_;
};

}  // namespace catflap::source
