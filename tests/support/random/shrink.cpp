// SPDX-License-Identifier: Apache-2.0
#include "support/random/shrink.h"

#include <set>

#include "support/random/smaller.h"

namespace catflap::test {
namespace {

using Predicate = std::function<bool(const Scenario&)>;

// One object in every state in which it has this value, so that what did not change between states
// still does not.
template <class Map, class Name, class Object>
Scenario replaced(Scenario scenario, Map Cluster::*map, const Name& name, const Object& old, const Object* with) {
    for (Cluster& state : scenario.states) {
        const auto found = (state.*map).find(name);
        if (found == (state.*map).end() || !(found->second == old))
            continue;
        if (with == nullptr)
            (state.*map).erase(found);
        else
            found->second = *with;
    }
    return scenario;
}

class Shrinker {
  public:
    Shrinker(Scenario scenario, const Predicate& still_differs)
        : scenario_(std::move(scenario)), still_differs_(still_differs) {}

    Scenario run() {
        bool progress = true;
        while (progress) {
            progress = drop_states();
            progress |= simplify_packet();
            progress |= shrink_objects(&Cluster::policies);
            progress |= shrink_objects(&Cluster::cluster_policies);
            progress |= shrink_objects(&Cluster::pods);
            progress |= shrink_objects(&Cluster::nodes);
            progress |= shrink_objects(&Cluster::namespaces);
        }
        return scenario_;
    }

  private:
    bool take(Scenario candidate) {
        if (!still_differs_(candidate))
            return false;
        scenario_ = std::move(candidate);
        return true;
    }

    // The last state alone; else without one of the earlier ones.
    bool drop_states() {
        bool progress = false;
        for (size_t i = 0; i + 1 < scenario_.states.size();) {
            Scenario without = scenario_;
            without.states.erase(without.states.begin() + static_cast<std::ptrdiff_t>(i));
            if (take(std::move(without)))
                progress = true;
            else
                ++i;
        }
        return progress;
    }

    // The packet that everybody knows: 80/TCP.
    bool simplify_packet() {
        Scenario plain = scenario_;
        plain.hop.protocol = static_cast<uint8_t>(Protocol::tcp);
        plain.hop.destination_port = 80;
        return plain.hop != scenario_.hop && take(std::move(plain));
    }

    template <class Map>
    bool shrink_objects(Map Cluster::*map) {
        std::set<typename Map::key_type> names;
        for (const Cluster& state : scenario_.states)
            for (const auto& [name, object] : state.*map)
                names.insert(name);
        bool progress = false;
        for (const auto& name : names)
            for (size_t i = 0; i < scenario_.states.size(); ++i)
                progress |= shrink_object(map, name, i);
        return progress;
    }

    // Away with it, or else one part after the other.
    template <class Map>
    bool shrink_object(Map Cluster::*map, const typename Map::key_type& name, size_t state) {
        using Object = typename Map::mapped_type;
        bool progress = false;
        for (bool again = true; again;) {
            again = false;
            const auto found = (scenario_.states[state].*map).find(name);
            if (found == (scenario_.states[state].*map).end())
                return progress;
            const Object old = found->second;
            if (take(replaced<Map, typename Map::key_type, Object>(scenario_, map, name, old, nullptr)))
                return true;
            for (const Object& candidate : smaller(old))
                if (take(replaced(scenario_, map, name, old, &candidate))) {
                    again = progress = true;
                    break;
                }
        }
        return progress;
    }

    Scenario scenario_;
    const Predicate& still_differs_;
};

}  // namespace

Scenario shrink(Scenario scenario, const Predicate& still_differs) {
    return Shrinker(std::move(scenario), still_differs).run();
}

}  // namespace catflap::test
