// The quotas of one provider: one for each key and model (or each key), made as keys show up, and
// changes of all of them from outside. Pure: the time is an argument.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/error.h"
#include "base/time.h"
#include "target/limits/quota.h"
#include "target/providers/profile.h"

namespace squadload::providers {

// Owner: the simulator; its loop's thread. The profile outlives it.
class QuotaBook {
  public:
    // Quotas at once. When there are more, those that hold nothing are forgotten.
    static constexpr std::size_t kMost = 10'000;
    static constexpr std::size_t kMostChanges = 100;

    // `window` is how long a minute lasts; `origin` is where aligned windows begin.
    QuotaBook(const Profile& profile, Nanos window, MonoTime origin);

    // Null when there are too many. The quota stays where it is while a call is in flight in it.
    [[nodiscard]] limits::Quota* find(std::string_view key, std::string_view model, MonoTime now);

    // Holds for the quotas there are and those to come. A later change goes on top of an earlier
    // one. Error: no such model, models that share one quota, too many changes (kind config).
    [[nodiscard]] Result<void> change(const QuotaChange& change, MonoTime now);
    void restore(MonoTime now);  // ends all changes

    // What is enforced on that model now.
    [[nodiscard]] limits::QuotaSettings effective(std::string_view model, MonoTime now);
    struct Active {
        QuotaChange change;
        MonoTime since;
        std::optional<MonoTime> ends;
    };
    [[nodiscard]] const std::vector<Active>& changes(MonoTime now);
    [[nodiscard]] std::size_t size() const { return quotas_.size(); }

  private:
    struct Entry {
        std::string model;
        limits::Quota quota;
    };
    void expire(MonoTime now);
    void apply(MonoTime now);
    void forget_idle(MonoTime now);
    [[nodiscard]] limits::QuotaSettings settings(std::string_view model) const;

    const Profile& profile_;
    Nanos window_;
    MonoTime origin_;
    std::unordered_map<std::string, Entry> quotas_;  // by key, or key and model
    std::vector<Active> changes_;
    MonoTime next_sweep_{};
    std::string name_;  // of the last look-up: saves an allocation per call
};

}  // namespace squadload::providers
