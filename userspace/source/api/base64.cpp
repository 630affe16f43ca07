// SPDX-License-Identifier: Apache-2.0
#include "source/api/base64.h"

#include <openssl/evp.h>

#include <algorithm>

namespace catflap::source {

Result<std::string> decode_base64(std::string_view text) {
    std::string compact;
    std::ranges::copy_if(text, std::back_inserter(compact),
                         [](char c) { return c != ' ' && c != '\n' && c != '\r' && c != '\t'; });
    std::string decoded(compact.size() / 4 * 3, '\0');
    const int size =
        compact.empty() || compact.size() % 4 != 0
            ? -1
            : EVP_DecodeBlock(reinterpret_cast<unsigned char*>(decoded.data()),
                              reinterpret_cast<const unsigned char*>(compact.data()), static_cast<int>(compact.size()));
    // OpenSSL counts the padding as bytes.
    const auto padding = static_cast<size_t>(std::ranges::count(compact, '='));
    if (size < 0 || padding > 2)
        return fail("not base64");
    decoded.resize(static_cast<size_t>(size) - padding);
    return decoded;
}

}  // namespace catflap::source
