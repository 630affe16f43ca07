// SPDX-License-Identifier: Apache-2.0
// What a Kubernetes API server sends, as JSON -> model values. Pure.
// https://kubernetes.io/docs/reference/using-api/api-concepts/#efficient-detection-of-changes
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "source/decode/decode.h"

namespace catflap::source {

// The kind that was asked for, for objects that do not say it (elements of a list), and the name under which a catalog
// knows all of them.
struct ApiKind {
    std::string_view kind;         // "NetworkPolicy"
    std::string_view api_version;  // "networking.k8s.io/v1"
    std::string file;
};

struct ApiObject {
    std::string key;  // as object_key(), also of an object that was refused
    std::string resource_version;
    Decoded decoded;  // of one object
};

// kind: Status, what the server answers when it refuses.
struct ApiStatus {
    int code = 0;        // as HTTP's
    std::string reason;  // "Expired"
    std::string message;
    std::optional<std::chrono::seconds> retry_after;
};

struct ListHead {
    std::string resource_version;
    std::string next;  // the token `continue`; "": it was the last page
};

struct WatchEvent {
    enum class Type : uint8_t { put, removed, bookmark, error };
    Type type = Type::bookmark;
    ApiObject object;                  // of a bookmark, only the version
    bool ends_initial_events = false;  // of a bookmark
    ApiStatus status;                  // of an error
};

// Each fails where the text is not what the API server sends: not JSON, no object, without a name.
Result<ApiObject> decode_api_object(std::string_view json, const ApiKind& kind);
// A list without its elements.
Result<ListHead> decode_list_head(std::string_view json, const ApiKind& kind);
Result<WatchEvent> decode_watch_event(std::string_view json, const ApiKind& kind);
// Of an answer's body that may be anything: what of it can be read.
ApiStatus decode_api_status(std::string_view json);

}  // namespace catflap::source
