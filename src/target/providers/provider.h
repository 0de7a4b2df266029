// One simulated provider: decides what becomes of a call, and lets its time pass. Not for other
// rooms.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "arrivals/arrival.h"
#include "target/limits/quota.h"
#include "target/llm/chat.h"
#include "target/llm/dialect.h"
#include "target/llm/limit_headers.h"
#include "target/llm/wire.h"
#include "target/providers/arrival_stats.h"
#include "target/providers/fault.h"
#include "target/providers/latency.h"
#include "target/providers/profile.h"
#include "target/providers/quota_book.h"
#include "target/providers/settings.h"
#include "target/providers/slots.h"
#include "target/service/key_hash.h"
#include "target/service/message.h"

namespace squadload::providers {

// Every wait of a call ends: a hang after so long with a reset, a queue likewise.
inline constexpr Nanos kLongestWait = std::chrono::minutes(10);

// A call between its arrival and its end.
struct Call {
    llm::Dialect dialect = llm::Dialect::openai;
    arrivals::Arrival arrival;
    std::uint64_t number = 0;  // among the provider's calls, from 1
    LatencySettings latency;
    Draw drawn;
    llm::LimitState limits;  // at admission
    limits::Quota* quota = nullptr;
    limits::Ticket ticket;
    std::optional<FaultKind> fault;         // meets it in the place of an answer
    int error_status = 0;                   // of a fault of kind error_rate
    double slow = 1;                        // its time is so many times as long
    std::optional<service::Reply> at_once;  // a refusal, or what an outage looks like
    std::shared_ptr<const service::Hangup> hangup;
};

// Owner: Core; its loop's thread.
class SimulatedProvider {
  public:
    SimulatedProvider(asio::any_io_executor executor, const Settings& settings,
                      const Profile& profile, MonoTime log_start);

    // Everything that is decided when a call arrives; afterwards the log can take it. `now` is the
    // call's time for quotas, never before an earlier call's.
    [[nodiscard]] Call begin(const service::Request& request, llm::Dialect dialect, MonoTime now);
    // Lets its time pass and gives its answer; sets what the log needs to know of the outcome. When
    // the wait was cancelled there is no status and no reason. The call outlives it.
    [[nodiscard]] asio::awaitable<service::Reply> answer(Call* arrived);
    // Gives back what the call holds. `now` as in begin().
    void end(Call& call, MonoTime now);

    [[nodiscard]] const Profile& profile() const { return profile_; }
    [[nodiscard]] FaultBoard& faults() { return faults_; }
    [[nodiscard]] QuotaBook& quotas() { return quotas_; }
    [[nodiscard]] std::int64_t in_flight() const { return in_flight_; }
    [[nodiscard]] std::int64_t in_flight_peak() const { return in_flight_peak_; }
    [[nodiscard]] std::int64_t waiting() const { return slots_.waiting(); }
    [[nodiscard]] std::uint64_t calls() const { return calls_; }

    // The provider's own words for a path it does not have.
    [[nodiscard]] static service::Reply no_such_path(llm::Dialect dialect,
                                                     const service::Request& request);
    [[nodiscard]] service::Reply models(llm::Dialect dialect) const;

  private:
    void describe(Call& call, const service::Request& request);
    // Each gives false, and the call its answer, when it goes no further.
    bool is_readable(Call& call, const service::Request& request) const;
    bool is_up(Call& call, const FaultPlan& plan);
    bool is_admitted(Call& call, MonoTime now);
    void meet_fault(Call& call, const FaultPlan& plan, MonoTime now);

    [[nodiscard]] asio::awaitable<bool> pass(Nanos time) const;  // false: cancelled
    [[nodiscard]] service::Reply served(Call& call, Nanos queued) const;
    [[nodiscard]] service::Reply faulty(Call& call, Nanos queued) const;

    asio::any_io_executor executor_;
    const Profile& profile_;
    std::uint64_t seed_;
    double latency_scale_;
    bool fractional_hints_;
    service::KeyHashes hashes_;
    FaultBoard faults_;
    QuotaBook quotas_;
    Slots slots_;
    std::uint64_t calls_ = 0;
    std::int64_t in_flight_ = 0;
    std::int64_t in_flight_peak_ = 0;
};

}  // namespace squadload::providers
