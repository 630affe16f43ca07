// SPDX-License-Identifier: Apache-2.0
#include "source/api/asker.h"

namespace catflap::source {

void Asker::ask(const Request& request) {
    begun_at_ = now_;
    head_ = {};
    answer_.clear();
    transport_.start(request, *this);
}

Result<> Asker::head(const ResponseHead& head) {
    head_ = head;
    return {};
}

Result<> Asker::body(std::string_view bytes) {
    if (answer_.size() + bytes.size() > most_)
        return fail("an answer of more than {} bytes", most_);
    answer_.append(bytes);
    return {};
}

}  // namespace catflap::source
