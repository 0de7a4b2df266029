// What the arrival log adds up to, counted as calls come and go and so independent of how many of
// them are kept: per provider, key and model, calls by status and reason, the most in any window,
// tokens, calls in flight.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "arrivals/arrival.h"
#include "base/time.h"
#include "target/limits/sliding_log.h"

namespace squadload::providers {

// Highest count in any half-open window (t - window, t], taken at each arrival. Beyond 8,192 calls
// in a window up to a window's 1/8,192 wider (limits/sliding_log.h).
class Peak {
  public:
    explicit Peak(Nanos window) : seen_(0, window) {}
    void add(std::int64_t n, MonoTime now);
    [[nodiscard]] std::int64_t value() const { return value_; }

  private:
    limits::SlidingLog seen_;
    std::int64_t value_ = 0;
};

// One provider, key and model.
struct CallGroup {
    explicit CallGroup(Nanos window)
        : peak_arrivals(window), peak_admitted(window), peak_tokens(window) {}

    std::uint64_t arrivals = 0;
    std::uint64_t admitted = 0;
    std::uint64_t open = 0;
    std::map<std::int64_t, std::uint64_t> by_status;              // ended calls; 0: none was sent
    std::map<std::string, std::uint64_t, std::less<>> by_reason;  // ended calls; "": served
    std::int64_t prompt_tokens = 0;                               // of admitted calls
    std::int64_t completion_tokens = 0;                           // likewise
    Peak peak_arrivals;
    Peak peak_admitted;
    Peak peak_tokens;  // of admitted calls: as reserved
};

// Owner: the simulator; its loop's thread.
class ArrivalStats {
  public:
    // Calls beyond so many groups are added up in one whose key and model are "(others)".
    static constexpr std::size_t kMostGroups = 1'000;

    explicit ArrivalStats(Nanos window) : window_(window) {}

    // `now` is the call's time, `at` on the clock. The group stays where it is.
    CallGroup& opened(const arrivals::Arrival& arrival, MonoTime now);
    static void closed(CallGroup& group, const arrivals::Arrival& arrival);

    // A JSON array, sorted by provider, key and model.
    [[nodiscard]] std::string json() const;
    [[nodiscard]] Nanos window() const { return window_; }

  private:
    using Name = std::tuple<std::string, std::string, std::string>;  // provider, key, model

    Nanos window_;
    std::map<Name, CallGroup> groups_;
};

}  // namespace squadload::providers
