// Throttling beside all limits: below a factor of 1, requests are paced by a bucket of rate
// factor × requests / window and depth max(1, factor × requests / 60), which is empty at first, so
// that the rate falls at once; and concurrency is max(1, factor × concurrency). At 1: none of this.
// Used by Quota, and by whoever keeps only this part of a quota to itself.
#pragma once

#include <cstdint>
#include <optional>

#include "base/time.h"
#include "target/limits/rate.h"
#include "target/limits/token_bucket.h"

namespace squadload::limits {

class Pace {
  public:
    struct Entry {  // what was taken; of another bucket than there is now, it means nothing
        Mark mark = 0;
        std::uint32_t epoch = 0;
    };

    // Where there is no limit (0) there is nothing to scale. A bucket that is there goes on.
    void set_limits(std::int64_t requests, Nanos window, std::int64_t concurrency, MonoTime now);
    // Values outside [0.001, 1] count as the nearer end.
    void set_factor(double factor, MonoTime now);
    [[nodiscard]] double factor() const { return factor_; }

    // Until a request may go; 0: now.
    [[nodiscard]] Nanos wait(MonoTime now) const;
    Entry take(MonoTime now);  // wait(now) is 0
    void undo(const Entry& entry, MonoTime now);

    [[nodiscard]] std::int64_t concurrency() const;  // scaled; 0: no limit

  private:
    void build(MonoTime now);

    std::int64_t requests_ = 0;
    Nanos window_{};
    std::int64_t concurrency_ = 0;
    double factor_ = 1;
    std::optional<TokenBucket> bucket_;
    std::uint32_t epoch_ = 0;
};

}  // namespace squadload::limits
