// SPDX-License-Identifier: Apache-2.0
#include "fuzz/differential.h"

#include "support/random/generator.h"
#include "support/random/shrink.h"
#include "support/table/table_text.h"

namespace catflap::test {
namespace {

// What the executors said of one packet; empty where nobody but the first could be asked.
struct Opinions {
    bool comparable = false;
    bool allowed = false;    // the first executor's word
    std::string difference;  // "tables: dropped", or an error; empty: all agree
};

class Jury {
  public:
    explicit Jury(const std::vector<ExecutorFactory>& factories) {
        for (const ExecutorFactory& make : factories)
            executors_.push_back(make());
    }

    // Empty, or who could not take the cluster in, and why. All executors accept everything that
    // the generator makes.
    std::string load(const Cluster& cluster, bool fresh) {
        for (const auto& executor : executors_) {
            const auto loaded = fresh ? executor->start(cluster) : executor->update(cluster);
            if (!loaded)
                return fmt::format("{}: {}", executor->name(), loaded.error().message);
        }
        return {};
    }

    Opinions ask(const Cluster& cluster, const oracle::Hop& hop) {
        Opinions opinions;
        const auto reference = executors_.front()->allowed(hop);
        opinions.allowed = reference.value_or(false);
        for (size_t i = 1; i < executors_.size(); ++i) {
            if (!executors_[i]->carries(cluster, hop))
                continue;
            opinions.comparable = true;
            const auto verdict = executors_[i]->allowed(hop);
            if (!verdict || *verdict != opinions.allowed)
                opinions.difference += fmt::format("{}: {}; ", executors_[i]->name(),
                                                   !verdict   ? verdict.error().message
                                                   : *verdict ? "allowed"
                                                              : "dropped");
        }
        return opinions;
    }

    // The whole story again, from a fresh start.
    std::string replay(const Scenario& scenario) {
        bool fresh = true;
        for (const Cluster& state : scenario.states) {
            if (std::string failure = load(state, fresh); !failure.empty())
                return failure;
            fresh = false;
        }
        return ask(scenario.states.back(), scenario.hop).difference;
    }

  private:
    std::vector<std::unique_ptr<Executor>> executors_;
};

class Run {
  public:
    Run(const FuzzOptions& options, const std::vector<ExecutorFactory>& executors)
        : options_(options), jury_(executors) {}

    FuzzSummary all(const FuzzProgress& progress) {
        for (uint64_t i = 0; i < options_.clusters && summary_.differences == 0; ++i) {
            if (options_.deadline && std::chrono::steady_clock::now() >= *options_.deadline)
                break;
            one_cluster(options_.first_seed + i);
            ++summary_.clusters;
            progress(summary_);
        }
        return summary_;
    }

  private:
    void one_cluster(uint64_t seed) {
        Generator generator(seed);
        Scenario scenario{{generator.cluster()}, {}};
        for (size_t update = 0; update <= options_.updates; ++update) {
            if (update > 0) {
                scenario.states.push_back(scenario.states.back());
                generator.mutate(scenario.states.back());
            }
            const std::string failure = jury_.load(scenario.states.back(), update == 0);
            ++summary_.states;
            if (!failure.empty()) {
                scenario.hop = generator.probe(scenario.states.back());
                return report(seed, scenario, failure);
            }
            if (!probe(seed, generator, scenario))
                return;
        }
    }

    // False: a difference was found, and reported.
    bool probe(uint64_t seed, Generator& generator, Scenario& scenario) {
        const Cluster& cluster = scenario.states.back();
        for (size_t i = 0; i < options_.packets; ++i) {
            scenario.hop = generator.probe(cluster);
            const Opinions opinions = jury_.ask(cluster, scenario.hop);
            if (!opinions.comparable)
                continue;
            ++summary_.packets;
            summary_.allowed += opinions.allowed ? 1 : 0;
            if (!opinions.difference.empty()) {
                report(seed, scenario, opinions.difference);
                return false;
            }
        }
        return true;
    }

    void report(uint64_t seed, const Scenario& found, const std::string& difference) {
        summary_.differences = 1;
        const bool again = !jury_.replay(found).empty();
        const Scenario small =
            again ? shrink(found, [&](const Scenario& s) { return !jury_.replay(s).empty(); }) : found;
        const auto decision = oracle::judge(small.states.back(), small.hop);
        summary_.report =
            fmt::format("seed {}: {}\n{}{}\noracle: {} ({})\n\n{}", seed, to_string(found.hop), difference,
                        again ? "" : "\nNOT SEEN AGAIN in a replay: the state that came before the packet matters",
                        decision.allowed ? "allowed" : "dropped", decision.why,
                        case_text(fmt::format("found by seed {}", seed), small.states, small.hop, decision.allowed));
    }

    FuzzOptions options_;
    Jury jury_;
    FuzzSummary summary_;
};

}  // namespace

FuzzSummary run_differential(const FuzzOptions& options, const std::vector<ExecutorFactory>& executors,
                             const FuzzProgress& progress) {
    return Run(options, executors).all(progress);
}

}  // namespace catflap::test
