// The open model's intended starts. The intended start of request k is a pure function of k and the
// seed:
//   constant: time_of(k);   poisson: time_of(E_0 + … + E_k), E_i exponential(1) drawn by (seed, i)
// (time rescaling: an inhomogeneous Poisson process is a unit-rate one in L(t); Lewis & Shedler
// 1979). Nothing accumulates in time, so rounding never drifts.
#pragma once

#include <cstdint>
#include <optional>

#include "base/time.h"
#include "load/pacing/rate_profile.h"

namespace squadload::pacing {

enum class Arrivals { constant, poisson };

// Immutable; must outlive its cursors; shared by all workers.
class Schedule {
  public:
    // max_requests: stop after that many intended starts (none: the profile's duration alone ends
    // it).
    Schedule(RateProfile profile, Arrivals arrivals, std::uint64_t seed,
             std::optional<std::uint64_t> max_requests = std::nullopt);

    [[nodiscard]] const RateProfile& profile() const { return profile_; }
    [[nodiscard]] Arrivals arrivals() const { return arrivals_; }
    [[nodiscard]] std::uint64_t seed() const { return seed_; }
    [[nodiscard]] std::optional<std::uint64_t> max_requests() const { return max_requests_; }
    // Number of intended starts over the whole run: exact for constant arrivals; for poisson the
    // profile's total or max_requests, whichever is smaller.
    [[nodiscard]] double expected_total() const;

  private:
    RateProfile profile_;
    Arrivals arrivals_;
    std::uint64_t seed_;
    std::optional<std::uint64_t> max_requests_;
};

// One worker's walk along the sequence: k = worker, worker + workers, … Every worker draws the same
// sequence and skips what is not its share. Owned by one worker; no allocation.
class ScheduleCursor {
  public:
    // worker < workers
    ScheduleCursor(const Schedule& schedule, std::uint32_t worker, std::uint32_t workers);

    [[nodiscard]] bool done() const { return done_; }         // no more intended starts
    [[nodiscard]] std::uint64_t index() const { return k_; }  // request number k; valid unless done
    [[nodiscard]] Nanos offset() const { return offset_; }  // since the start of the run; likewise
    void advance();  // to this worker's next request; no effect once done

  private:
    void settle();

    const Schedule& schedule_;
    std::uint32_t workers_;
    std::uint64_t k_;
    std::uint64_t drawn_ = 0;   // gaps drawn so far (poisson)
    long double position_ = 0;  // place of request k on the axis of L
    Nanos offset_{};
    bool done_ = false;
};

}  // namespace squadload::pacing
