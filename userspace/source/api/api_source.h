// SPDX-License-Identifier: Apache-2.0
// The Kubernetes API as a source.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <set>
#include <string>

#include "source/api/access.h"
#include "source/api/feeder.h"
#include "source/api/mailbox.h"
#include "source/catalog/kept_catalog.h"
#include "source/source.h"

namespace catflap::source {

struct ApiOptions {
    Access access;
    std::string node;             // as expect_pods_of()
    std::filesystem::path cache;  // where what is in force outlives the process; "": nowhere
    LeaseOptions lease{};         // by which others see this agent
};

class ApiSource : public Source {
  public:
    using Clock = std::chrono::steady_clock;

    // Begins to read. Whether the server answers is told by is_complete() and refresh().
    static Result<std::unique_ptr<ApiSource>> open(const ApiOptions& options);

    [[nodiscard]] std::string describe() const override { return "cluster " + server_; }
    [[nodiscard]] int fd() const override { return mailbox_->fd(); }

    Result<bool> refresh(bool patient) override;
    // Fails where a kind has failed for some seconds, or is as the cache had it, and where a new list of Pods has none
    // of the expected node any more: the earlier one stays then, until a list has one.
    [[nodiscard]] Result<> is_up_to_date() const override;
    // Every kind that nothing can be enforced without was listed once, or is known from the cache. The cache is asked
    // when the server has failed, or has not answered for some seconds.
    [[nodiscard]] Result<> is_complete() const override;
    void expect_pods_of(const std::string& node) override { node_ = node; }
    [[nodiscard]] bool emptied_on_purpose() const override { return false; }
    void doubt() override { (void)ask(); }
    // Lists all of every kind again: what watches have brought so far may be behind.
    uint64_t ask() override;
    [[nodiscard]] bool has_answered(uint64_t question) const override;

    [[nodiscard]] const Cluster& cluster() const override { return catalog_.cluster(); }
    [[nodiscard]] const Changes& changes() const override { return catalog_.changes(); }
    Changes take_changes() override {
        first_seen_.reset();
        return catalog_.take_changes();
    }
    [[nodiscard]] std::optional<Clock::time_point> first_seen() const override { return first_seen_; }
    [[nodiscard]] const std::vector<Diagnostic>& refusals() const override { return catalog_.refusals(); }
    [[nodiscard]] const std::vector<Diagnostic>& warnings() const override { return catalog_.warnings(); }
    [[nodiscard]] std::vector<FeedStatus> feeds() const override;

    void set_presence(const Presence& presence) override { mailbox_->set_presence(presence); }
    void set_refused_policies(const std::vector<RefusedPolicy>& refused) override { mailbox_->set_refused(refused); }
    [[nodiscard]] std::string cannot_tell_owners() const override { return mailbox_->cannot_tell_owners(); }
    [[nodiscard]] std::optional<LeaseStatus> lease() const override { return mailbox_->lease(); }

    [[nodiscard]] bool unsaved() const override { return catalog_.unsaved(); }
    Result<> save() override { return catalog_.save(); }
    [[nodiscard]] const CacheStatus* cache_status() const override { return catalog_.cache_status(); }

  private:
    ApiSource(const ApiOptions& options, std::unique_ptr<Mailbox> mailbox, std::unique_ptr<Feeder> feeder,
              uint64_t question);

    void take(Delivery delivery);
    void take_list(size_t resource, Decoded list, uint64_t question);
    void use_cache_where_needed();

    std::string server_;
    std::string node_;
    KeptCatalog catalog_;
    std::unique_ptr<Mailbox> mailbox_;
    std::unique_ptr<Feeder> feeder_;  // ends before the mailbox
    Clock::time_point opened_at_ = Clock::now();
    uint64_t question_;
    std::optional<Clock::time_point> first_seen_;
    std::map<size_t, uint64_t> listed_;  // resources whose list was taken, and the last question that it answers
    std::set<size_t> restored_;          // resources that are as the cache had them
    std::set<size_t> without_our_pods_;  // whose last list was not believed
    Clock::time_point list_again_at_{};  // while there are such
};

}  // namespace catflap::source
