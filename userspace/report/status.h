// SPDX-License-Identifier: Apache-2.0
// What `catflap status` says, as plain values. The JSON is a contract (docs/cli.md), and is made by to_json() alone.
#pragma once

#include <chrono>
#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "report/early_drop.h"
#include "report/fast_path.h"
#include "report/engine_status.h"
#include "report/facts.h"

namespace catflap::report {

using Time = std::chrono::system_clock::time_point;

// Of an object, or of a file as a whole.
struct Notice {
    std::string file;
    int line = 0;
    std::string object;
    std::string field;
    std::string message;
    std::optional<Outcome> outcome;  // of a refused object
};
nlohmann::json to_json(const std::vector<Notice>& notices);

struct CacheRow {
    std::string path;
    std::optional<Time> saved_at;
    uint64_t bytes = 0;
    std::string lost;   // what the start could not read of it
    std::string error;  // why it is not written
};

// One kind of object, as a server sends it.
struct FeedRow {
    std::string resource;
    bool synced = false;
    bool absent = false;           // the server does not know the kind
    std::string error;             // "": it is up to date
    std::optional<Time> heard_at;  // the server's last word
    uint64_t lists = 0;
    uint64_t watches = 0;
    uint64_t events = 0;
};

// By which others of the cluster know that this agent lives.
struct LeaseRow {
    std::string name;  // "ns/name"
    std::optional<Time> renewed_at;
    std::string error;  // why the last attempt did not renew it
};

struct GuardRow {
    bool on = false;
    std::string by;
    std::string error;
};

struct CommitRow {
    Time at;
    std::chrono::microseconds duration{};
    size_t endpoints_changed = 0;
    size_t addresses_changed = 0;
    size_t tables_written = 0;
};

struct MendRow {
    std::string kind;
    uint64_t count = 0;
    std::optional<Time> last;
};

// Passes over what is loaded, compared with what is to be.
struct VerifyRow {
    std::chrono::milliseconds interval{};  // 0: only for who asks
    uint64_t passes = 0;
    NamedNumbers differences;  // by check
    uint64_t mended = 0;
    uint64_t unread = 0;
    std::optional<Time> last;
    std::chrono::microseconds last_took{};
    std::chrono::microseconds took{};
    std::string error;  // what the last one could not compare, or mend
};

// While no state of this agent is in force yet.
struct StartingRow {
    std::string error;
    uint64_t attempts = 0;
    Time next_attempt_at;
    bool open_on_failure = false;
    bool interfaces_open = false;
};

struct Status {
    int pid = 0;
    std::string node;
    std::string mode;
    std::string source_kind = "directory";
    std::string source_path;
    std::vector<FeedRow> feeds;  // of a source that asks a server for each kind
    std::string source_error;    // "": it is synced
    std::optional<CacheRow> cache;
    std::optional<LeaseRow> lease;  // of a source that holds one
    bool keeps_established = false;
    std::string attached_by;
    GuardRow guard;
    std::optional<FastPathRow> fast_path;
    std::optional<EarlyDropRow> early_drop;
    std::string kernel;
    Time started_at;
    uint64_t commits = 0;
    CommitRow last_commit;
    Facts facts;  // from which follow conditions, and pods that are not enforced
    std::vector<Notice> refused;
    std::vector<Notice> warnings;
    std::string pin_error;
    std::vector<MendRow> mends;
    VerifyRow verify;
    std::optional<StartingRow> starting;  // nothing: it enforces
    std::optional<EngineStatus> engine;
    NamedNumbers counts;  // besides the engine's
};

nlohmann::json to_json(const Status& status);

}  // namespace catflap::report
