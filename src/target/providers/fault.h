// Faults of a simulated provider: planned (profile) or injected (control endpoint), each with an
// optional start and end. Pure: the time is an argument, and whether a fault strikes call number k
// is a function of seed, fault and k.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"

namespace squadload::providers {

// What a call meets when several would strike: an outage before everything else, quota included;
// then, among the calls the quota admits, the first of this list. Slow-downs multiply, and add to
// any other.
enum class FaultKind {
    outage,      // nothing is served: see How
    storm,       // 429 with `retry_after`, though the quota has room
    error_rate,  // `status`
    reset,       // the connection is reset instead of an answer
    hang,        // never answered
    truncated,   // half of the answer, then the connection closes
    malformed,   // 200, and a body that is no JSON
    slow_down,   // the answer takes `factor` times as long
};
inline constexpr std::size_t kFaultKinds = 8;
[[nodiscard]] std::string_view name_of(FaultKind kind);  // "outage", "error_rate", …
[[nodiscard]] std::optional<FaultKind> fault_kind(std::string_view name);

// How an outage looks from outside.
enum class How { unavailable, reset, hang };  // unavailable: 503

[[nodiscard]] std::string_view name_of(How how);  // "503", "reset", "hang"

struct FaultSpec {
    FaultKind kind = FaultKind::outage;
    std::string model;                                // "": all of the provider's
    double share = 1;                                 // of the calls, [0, 1]
    How how = How::unavailable;                       // of outage
    int status = 500;                                 // of error_rate: 500 … 599
    std::optional<Nanos> retry_after = std::nullopt;  // of storm; none: a 429 without a hint
    double factor = 2;                                // of slow_down, [0.01, 1000]
    Nanos after{};                                    // from when it is added until it begins
    std::optional<Nanos> lasts = std::nullopt;        // none: until it is removed
    friend bool operator==(const FaultSpec&, const FaultSpec&) = default;
};

struct FaultState {
    std::uint64_t id = 0;
    FaultSpec spec;
    MonoTime begins;
    std::optional<MonoTime> ends;
    std::uint64_t struck = 0;  // calls so far
};

// What one call meets.
struct FaultPlan {
    const FaultState* outage = nullptr;
    const FaultState* fault = nullptr;  // neither outage nor slow_down
    double factor = 1;
    std::vector<std::uint64_t> slowed_by;  // ids of the slow-downs in it
};

// The faults of one provider. Owner: the simulator; its loop's thread.
class FaultBoard {
  public:
    // More than kMost at once are a mistake: add() refuses them.
    static constexpr std::size_t kMost = 100;

    explicit FaultBoard(std::uint64_t seed) : seed_(seed) {}

    // False when there are kMost already.
    bool add(std::uint64_t id, FaultSpec spec, MonoTime now);
    bool remove(std::uint64_t id);  // false: there is none of that id
    std::size_t clear();            // how many were removed

    // For call number `number` (from 1). The states are the board's: valid until it is next called.
    [[nodiscard]] FaultPlan plan(std::string_view model, std::uint64_t number, MonoTime now);
    // One of plan()'s has had its effect.
    void count(std::uint64_t id);
    // Those under way and those to come, in the order they were added.
    [[nodiscard]] const std::vector<FaultState>& list(MonoTime now);

  private:
    void expire(MonoTime now);
    [[nodiscard]] bool strikes(const FaultState& state, std::string_view model,
                               std::uint64_t number, MonoTime now) const;

    std::uint64_t seed_;
    std::vector<FaultState> faults_;
};

}  // namespace squadload::providers
