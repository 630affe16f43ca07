// SPDX-License-Identifier: Apache-2.0
// The classes of ports and of pods' addresses.
#include <algorithm>

#include "compile/verify/comparison.h"

namespace catflap::compile {
namespace {

constexpr uint32_t kPortsInOnePiece = 2048;
constexpr uint32_t kBucketsInOnePiece = 64;

std::string ports_text(Protocol protocol, uint32_t first, uint32_t last) {
    return first == last ? fmt::format("{} port {}", to_string(protocol), first)
                         : fmt::format("{} ports {} to {}", to_string(protocol), first, last);
}

}  // namespace

std::string Comparison::name_of_class(ClassNumber number) const {
    const auto key = loaded().class_keys.find(number);
    if (number == 0)
        return "class 0 (no pod, no block)";
    if (key == loaded().class_keys.end())
        return fmt::format("class {}", number);
    std::string text = key->second;
    while (text.ends_with('|'))
        text.pop_back();
    return fmt::format("class {} ({})", number, text);
}

// Each run of ports that differ alike is one difference.
bool Comparison::ports() {
    constexpr uint32_t kPieces = 65536 / kPortsInOnePiece;
    const size_t index = cursor_ / kPieces;
    const Protocol protocol = kPortProtocols[index];
    const auto& wanted = loaded().ports[index];
    const auto there = view_.ports(protocol);
    const uint32_t begin = cursor_ % kPieces * kPortsInOnePiece;
    const uint32_t end = begin + kPortsInOnePiece;
    findings_.of(Part::ports).checked += kPortsInOnePiece;
    for (uint32_t port = begin; port < end; ++port) {
        if (there[port] == wanted[port])
            continue;
        const uint16_t found = there[port];
        uint32_t last = port;
        while (last + 1 < end && there[last + 1] == found && wanted[last + 1] == wanted[port])
            ++last;
        misjudged_ = true;
        differs({Part::ports, ports_text(protocol, port, last), fmt::format("port class {}", wanted[port]),
                 fmt::format("port class {}", found)},
                [&] {
                    return store_.set_ports(protocol, static_cast<uint16_t>(port), static_cast<uint16_t>(last),
                                            wanted[port]);
                });
        port = last;
    }
    return ++cursor_ == kPieces * kPortProtocols.size();
}

Result<> Comparison::put_address(const Address& address, ClassNumber number) {
    if (view_.put_address(address, number))
        return {};
    const std::pair entry(address, number);
    return store_.set_addresses({&entry, 1});  // into the trie
}

// What no packet finds goes first: an entry of the same key could be taken for the one that is found.
bool Comparison::addresses() {
    const uint32_t end = std::min(cursor_ + kBucketsInOnePiece, view_.address_buckets());
    for (; cursor_ < end; ++cursor_) {
        view_.read_bucket(cursor_, entries_);
        std::ranges::stable_partition(entries_, [](const AddressEntry& entry) { return !entry.found; });
        for (const AddressEntry& entry : entries_)
            compare_entry(cursor_, entry);
    }
    return cursor_ == view_.address_buckets();
}

void Comparison::compare_entry(uint32_t bucket, const AddressEntry& entry) {
    const auto wanted = loaded().addresses.find(entry.address);
    const bool is_known = wanted != loaded().addresses.end() && !view_.in_trie().contains(entry.address);
    if (is_known && entry.found && wanted->second == entry.number)
        return;
    misjudged_ = true;
    const std::string found = name_of_class(entry.number);
    if (is_known && entry.found)
        return differs({Part::addresses, to_string(entry.address), name_of_class(wanted->second), found},
                       [&] { return put_address(entry.address, wanted->second); });
    ++findings_.of(Part::addresses).checked;
    differs({Part::addresses, to_string(entry.address), is_known ? "no second entry" : "no entry",
             fmt::format("{} in bucket {}, slot {}", found, bucket, entry.slot)},
            [&]() -> Result<> {
                view_.clear_address(bucket, entry.slot);
                return {};
            });
}

// The bookkeeping bucket by bucket; where it has grown meanwhile, from the beginning.
bool Comparison::missing_addresses() {
    const auto& wanted = loaded().addresses;
    if (cursor_ == 0 || hash_buckets_ != wanted.bucket_count()) {
        hash_buckets_ = wanted.bucket_count();
        findings_.of(Part::addresses).checked -= findings_.of(Part::classes).checked;
        findings_.of(Part::classes).checked = 0;
        cursor_ = 0;
    }
    const auto end = static_cast<uint32_t>(std::min<size_t>(cursor_ + kBucketsInOnePiece, hash_buckets_));
    for (; cursor_ < end; ++cursor_)
        for (auto entry = wanted.begin(cursor_); entry != wanted.end(cursor_); ++entry) {
            const auto& [address, number] = *entry;
            ++findings_.of(Part::addresses).checked;
            ++findings_.of(Part::classes).checked;
            if (!loaded().class_keys.contains(number))
                note({Part::classes, to_string(address), "a class that is known",
                      fmt::format("class {}, a defect of catflap, please report it", number)});
            if (view_.in_trie().contains(address) || view_.address(address))
                continue;
            misjudged_ = true;
            differs({Part::addresses, to_string(address), name_of_class(number), "no entry"},
                    [&] { return put_address(address, number); });
        }
    return cursor_ == hash_buckets_;
}

}  // namespace catflap::compile
