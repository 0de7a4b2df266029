// One limit of a quota, kept by one of the three algorithms, with a guard for the sending side.
// A part of Quota; everyone else uses that.
#pragma once

#include <cstdint>
#include <variant>

#include "base/time.h"
#include "target/limits/fixed_window.h"
#include "target/limits/rate.h"
#include "target/limits/sliding_log.h"
#include "target/limits/token_bucket.h"

namespace squadload::limits {

enum class Algorithm { token_bucket, sliding_log, fixed_window };

struct MeterSettings {
    Algorithm algorithm = Algorithm::sliding_log;
    std::int64_t limit = 1;  // per window, >= 1
    Nanos window = std::chrono::seconds(60);
    std::int64_t depth = 1;  // of a token bucket, >= 1
    Nanos guard{};
    Align align = Align::first_hit;  // of fixed windows
    MonoTime origin{};
    friend bool operator==(const MeterSettings&, const MeterSettings&) = default;
};

// With a guard g: a bucket is guarded() (rate.h), a log's window is window + g, and a fixed window
// is kept as a log of window + g, because where the other side's windows start is not known.
class Meter {
  public:
    struct Entry {
        Mark mark = 0;  // 0: none
        std::uint32_t epoch = 0;
    };

    // epoch: differs between limiters that follow one another, whose marks mean nothing to the
    // next.
    Meter(const MeterSettings& settings, MonoTime now, std::uint32_t epoch);

    [[nodiscard]] Nanos wait_for(std::int64_t n, MonoTime now);
    Entry take(std::int64_t n, MonoTime now);  // wait_for(n, now) is 0
    void amend(Entry entry, std::int64_t from, std::int64_t to, MonoTime now);
    void undo(Entry entry, std::int64_t n, MonoTime now);
    // Another algorithm (or alignment) starts with what the old one counts as used, as if it had
    // come just now.
    void change(const MeterSettings& settings, MonoTime now, std::uint32_t epoch);
    [[nodiscard]] Level report(MonoTime now);
    [[nodiscard]] std::int64_t largest() const;  // that could ever be taken at once

  private:
    void count_as_used(std::int64_t used, MonoTime now);

    MeterSettings settings_;
    std::variant<TokenBucket, SlidingLog, FixedWindow> kept_;
    std::uint32_t epoch_;
};

}  // namespace squadload::limits
