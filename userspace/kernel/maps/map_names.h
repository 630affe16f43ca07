// SPDX-License-Identifier: Apache-2.0
// The maps by name: include/catflap/maps.def for C++.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace catflap::kernel {

enum class MapLifetime : uint8_t { KEPT, STATE, LOAD };
enum class MapCopies : uint8_t { ONE, EACH_CPU };

struct MapRow {
    const char* name;
    MapLifetime lifetime;
    MapCopies copies;
};

inline constexpr auto kMaps = std::to_array<MapRow>({
#define CATFLAP_MAP(name, lifetime, copies) {#name, MapLifetime::lifetime, MapCopies::copies},
#include <catflap/maps.def>
});
inline constexpr auto kLedgerMaps = std::to_array<const char*>({
#define CATFLAP_LEDGER_MAP(name) #name,
#include <catflap/maps.def>
});

// The name of a map of the programs. A literal that names none does not compile.
class MapName {
  public:
    consteval MapName(const char* name) : name_(name) {
        for (const MapRow& row : kMaps)
            if (std::string_view(row.name) == name)
                return;
        throw "maps.def has no map of the programs with this name";
    }
    constexpr explicit MapName(const MapRow& row) : name_(row.name) {}
    [[nodiscard]] constexpr const char* text() const { return name_; }

  private:
    const char* name_;
};

consteval size_t count_maps(MapLifetime lifetime) {
    size_t count = 0;
    for (const MapRow& row : kMaps)
        count += row.lifetime == lifetime;
    return count;
}

template <MapLifetime lifetime>
consteval auto maps_with_lifetime() {
    std::array<MapRow, count_maps(lifetime)> result{};
    size_t count = 0;
    for (const MapRow& row : kMaps)
        if (row.lifetime == lifetime)
            result[count++] = row;
    return result;
}

inline constexpr auto kKeptMaps = maps_with_lifetime<MapLifetime::KEPT>();
inline constexpr auto kStateMaps = maps_with_lifetime<MapLifetime::STATE>();
inline constexpr auto kLoadMaps = maps_with_lifetime<MapLifetime::LOAD>();

}  // namespace catflap::kernel
