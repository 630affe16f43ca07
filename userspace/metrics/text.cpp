// SPDX-License-Identifier: Apache-2.0
#include "metrics/text.h"

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <map>
#include <set>

#include "metrics/process.h"
#include "report/conditions.h"

namespace catflap::metrics {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;
using report::AllowedAndDropped;
using report::Counted;
using Labels = std::vector<ClientMetric::Label>;

double seconds_of(const std::optional<report::Time>& time) {
    return time ? std::chrono::duration<double>(time->time_since_epoch()).count() : 0;
}

class Families {
  public:
    // A family without a value is not printed.
    MetricFamily& counter(const char* name, const char* help) { return family(MetricType::Counter, name, help); }
    MetricFamily& gauge(const char* name, const char* help) { return family(MetricType::Gauge, name, help); }
    MetricFamily& histogram(const char* name, const char* help) { return family(MetricType::Histogram, name, help); }

    [[nodiscard]] std::string text() && {
        std::vector<MetricFamily> printed;
        for (auto& one : families_)
            if (!one->metric.empty())
                printed.push_back(std::move(*one));
        return prometheus::TextSerializer().Serialize(printed);
    }

  private:
    MetricFamily& family(MetricType type, const char* name, const char* help) {
        auto made = std::make_unique<MetricFamily>();
        made->name = name;
        made->help = help;
        made->type = type;
        families_.push_back(std::move(made));
        return *families_.back();
    }

    std::vector<std::unique_ptr<MetricFamily>> families_;
};

template <class Number>
void add(MetricFamily& family, Labels labels, Number number) {
    const auto value = static_cast<double>(number);
    ClientMetric metric;
    metric.label = std::move(labels);
    if (family.type == MetricType::Counter)
        metric.counter.value = value;
    else
        metric.gauge.value = value;
    family.metric.push_back(std::move(metric));
}

void add(MetricFamily& family, Labels labels, const Histogram& histogram) {
    ClientMetric metric;
    metric.label = std::move(labels);
    metric.histogram.sample_count = histogram.count();
    metric.histogram.sample_sum = histogram.sum_s();
    for (size_t i = 0; i < Histogram::kBounds_s.size(); ++i)
        metric.histogram.bucket.push_back({histogram.cumulative(i), Histogram::kBounds_s[i]});
    family.metric.push_back(std::move(metric));
}

void add_agent(Families& families, const report::Status& status) {
    add(families.gauge("catflap_build_info", "Always 1; the labels say what runs here."),
        {{"version", CATFLAP_VERSION},
         {"mode", status.mode},
         {"attached_by", status.attached_by},
         {"source", status.source_kind},
         {"kernel", status.kernel}},
        1);
    add(families.gauge("catflap_start_time_seconds", "When the agent started, in seconds since 1970."), {},
        seconds_of(status.started_at));
    add(families.gauge("catflap_enforcing", "1: a state of this agent is in force."), {}, !status.starting);
    auto& conditions = families.gauge("catflap_condition", "1: this is not in order, as catflap status --check says.");
    std::set<std::string> found;
    for (const report::Finding& finding : report::findings(status.facts))
        found.insert(finding.condition->id);
    for (const report::Condition& condition : report::conditions())
        add(conditions, {{"id", condition.id}, {"severity", to_string(condition.severity)}},
            found.contains(condition.id));
    auto& mends = families.counter("catflap_mends_total", "What others broke of catflap's, and the agent put right.");
    for (const report::MendRow& mend : status.mends)
        add(mends, {{"what", mend.kind}}, mend.count);
    const report::VerifyRow& verify = status.verify;
    add(families.counter("catflap_verify_passes_total", "Passes that compared what is loaded with what is to be."), {},
        verify.passes);
    auto& differences = families.counter("catflap_verify_differences_total", "What they found to differ.");
    for (const auto& [check, count] : verify.differences)
        add(differences, {{"check", check}}, count);
    add(families.counter("catflap_verify_unread_total", "Checks that could not be made, or not wholly."), {},
        verify.unread);
    add(families.gauge("catflap_verify_last_timestamp_seconds", "When the last pass ended; 0: none has."), {},
        seconds_of(verify.last));
    add(families.counter("catflap_verify_seconds_total", "Time of the agent's loop that they took."), {},
        std::chrono::duration<double>(verify.took).count());
}

void add_source(Families& families, const report::Status& status) {
    add(families.gauge("catflap_source_up_to_date", "1: what the source holds now is known, and in force or refused."),
        {}, status.source_error.empty() && !status.starting);
    auto& synced = families.gauge("catflap_feed_synced", "1: a list of this kind was taken since the agent started.");
    auto& failing = families.gauge("catflap_feed_failing", "1: this kind is not up to date.");
    auto& heard = families.gauge("catflap_feed_heard_timestamp_seconds", "The server's last word; 0: none yet.");
    auto& lists = families.counter("catflap_feed_lists_total", "Lists that were begun.");
    auto& watches = families.counter("catflap_feed_watches_total", "Watches that were begun.");
    auto& events = families.counter("catflap_feed_events_total", "Changes of single objects that were received.");
    for (const report::FeedRow& feed : status.feeds) {
        const Labels resource = {{"resource", feed.resource}};
        add(synced, resource, feed.synced);
        add(failing, resource, !feed.error.empty());
        add(heard, resource, seconds_of(feed.heard_at));
        add(lists, resource, feed.lists);
        add(watches, resource, feed.watches);
        add(events, resource, feed.events);
    }
    if (status.lease)
        add(families.gauge("catflap_lease_renewed_timestamp_seconds",
                           "When the Lease by which others know this agent was renewed last; 0: never."),
            {}, seconds_of(status.lease->renewed_at));
    if (!status.cache)
        return;
    add(families.gauge("catflap_cache_saved_timestamp_seconds", "When last good versions were saved last; 0: never."),
        {}, seconds_of(status.cache->saved_at));
    add(families.gauge("catflap_cache_bytes", "Size of the file of last good versions."), {}, status.cache->bytes);
}

void add_commits(Families& families, const Snapshot& snapshot) {
    const report::Status& status = snapshot.status;
    add(families.counter("catflap_commits_total", "States that were brought into force."), {}, status.commits);
    add(families.gauge("catflap_last_commit_timestamp_seconds", "When the last one was; 0: none yet."), {},
        status.commits == 0 ? 0 : seconds_of(status.last_commit.at));
    add(families.histogram("catflap_commit_duration_seconds", "From the begin of the computation until in force."), {},
        snapshot.durations.commit);
    auto& enforced = families.histogram("catflap_seen_to_enforced_seconds",
                                        "From when the first change of a commit was seen until it was in force. "
                                        "Not urgent are other nodes' pods that change their labels or their number.");
    add(enforced, {{"urgent", "true"}}, snapshot.durations.urgent);
    add(enforced, {{"urgent", "false"}}, snapshot.durations.patient);
}

void add_objects(Families& families, const report::Status& status) {
    auto& objects = families.gauge("catflap_objects", "Numbers of catflap status: endpoints, sets, refused, ...");
    std::map<std::string, uint64_t> counts(status.counts.begin(), status.counts.end());
    if (status.engine)
        counts.insert(status.engine->counts.begin(), status.engine->counts.end());
    for (const auto& [what, count] : counts)
        add(objects, {{"what", what}}, count);
    if (!status.engine)
        return;
    auto& events = families.counter("catflap_datapath_events_total", "What the datapath counts of its inner life.");
    for (const auto& [event, count] : status.engine->health)
        add(events, {{"event", event}}, count);
    auto& entries = families.gauge("catflap_map_entries", "Entries of a map in the kernel; of large ones an estimate.");
    auto& most = families.gauge("catflap_map_max_entries", "So many fit.");
    auto& memory = families.gauge("catflap_map_memory_bytes", "Kernel memory that it takes.");
    for (const report::MapRow& map : status.engine->maps) {
        add(memory, {{"map", map.name}}, map.memory_bytes);
        if (map.fixed)
            continue;
        add(entries, {{"map", map.name}}, map.entries);
        add(most, {{"map", map.name}}, map.max_entries);
    }
}

// Packets and bytes of one place, by verdict.
class Verdicts {
  public:
    Verdicts(Families& families, const char* packets, const char* bytes, const char* of)
        : packets_(families.counter(packets, fmt::format("Packets {}.", of).c_str())),
          bytes_(families.counter(bytes, fmt::format("Bytes {}, from the IP header on.", of).c_str())) {}

    void add_both(const Labels& labels, const AllowedAndDropped& counted) {
        add_one(labels, "allowed", counted.allowed);
        add_one(labels, "dropped", counted.dropped);
    }

  private:
    void add_one(Labels labels, const char* verdict, const Counted& counted) {
        labels.push_back({"verdict", verdict});
        add(packets_, labels, counted.packets);
        add(bytes_, std::move(labels), counted.bytes);
    }

    MetricFamily& packets_;
    MetricFamily& bytes_;
};

void add_endpoints(Families& families, const Snapshot& snapshot) {
    Verdicts verdicts(families, "catflap_endpoint_packets_total", "catflap_endpoint_bytes_total",
                      "of a pod here, from it and to it");
    for (const report::EndpointRow& row : snapshot.endpoints) {
        const auto labels = [&](const char* direction) -> Labels {
            return {{"namespace", row.ns}, {"pod", row.pod}, {"interface", row.interface}, {"direction", direction}};
        };
        verdicts.add_both(labels("from_pod"), row.from_pod);
        verdicts.add_both(labels("to_pod"), row.to_pod);
    }
}

void add_policies(Families& families, const Snapshot& snapshot) {
    auto& endpoints = families.gauge("catflap_policy_endpoints", "Pods here that the policy selects.");
    Verdicts verdicts(families, "catflap_policy_packets_total", "catflap_policy_bytes_total",
                      "that a policy allowed or dropped; one that several deny counts for each of them");
    for (const report::PolicyRow& row : snapshot.policies) {
        // Policies of the cluster have no namespace, and those of two kinds may share a name.
        const std::string policy = row.ns.empty() ? row.kind + " " + row.name : row.name;
        const auto labels = [&](const char* direction) -> Labels {
            return {{"namespace", row.ns}, {"policy", policy}, {"direction", direction}};
        };
        add(endpoints, {{"namespace", row.ns}, {"policy", policy}}, row.endpoints);
        if (row.isolates_ingress)
            verdicts.add_both(labels("ingress"), row.counted.ingress);
        if (row.isolates_egress)
            verdicts.add_both(labels("egress"), row.counted.egress);
    }
}

void add_drops(Families& families, const Snapshot& snapshot) {
    auto& packets = families.counter("catflap_dropped_packets_total", "Packets dropped, by reason.");
    auto& bytes = families.counter("catflap_dropped_bytes_total", "Their bytes.");
    for (const report::DropRow& row : snapshot.drops) {
        add(packets, {{"reason", row.reason}}, row.dropped.packets);
        add(bytes, {{"reason", row.reason}}, row.dropped.bytes);
    }
}

void add_scrape(Families& families, const Snapshot& snapshot) {
    auto& left_out = families.gauge("catflap_metrics_left_out", "Beyond --metrics-rows, without series of their own.");
    add(left_out, {{"kind", "endpoints"}}, snapshot.endpoints_left_out);
    add(left_out, {{"kind", "policies"}}, snapshot.policies_left_out);
    add(families.gauge("catflap_metrics_incomplete", "1: series of endpoints, policies or drops could not be read."),
        {}, snapshot.incomplete);
    add(families.gauge("catflap_metrics_loop_seconds", "Time of the agent's loop that this scrape took."), {},
        std::chrono::duration<double>(snapshot.loop_time).count());
    const ProcessUsage usage = process_usage();
    add(families.counter("process_cpu_seconds_total", "User and system time of the agent."), {}, usage.cpu_s);
    add(families.gauge("process_resident_memory_bytes", "Resident memory of the agent."), {}, usage.resident_bytes);
    add(families.gauge("process_open_fds", "Open file descriptors of the agent."), {}, usage.open_fds);
    add(families.gauge("process_threads", "Threads of the agent."), {}, usage.threads);
}

}  // namespace

std::string text_of(const Snapshot& snapshot) {
    Families families;
    add_agent(families, snapshot.status);
    add_source(families, snapshot.status);
    add_commits(families, snapshot);
    add_objects(families, snapshot.status);
    add_drops(families, snapshot);
    add_policies(families, snapshot);
    add_endpoints(families, snapshot);
    add_scrape(families, snapshot);
    return std::move(families).text();
}

}  // namespace catflap::metrics
