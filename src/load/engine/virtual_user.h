// A virtual user of a class with a flow: what it keeps, where it is in its flow, and the account of
// its iterations. When its requests start, and on which connection, is the drivers' business.
#pragma once

#include <cstdint>
#include <string>

#include "base/random.h"
#include "load/engine/driver.h"
#include "load/engine/flow.h"
#include "load/engine/user_data.h"

namespace squadload::engine {

// How long a user waits at least before it tries on_start again, or goes on after an iteration that
// sent nothing: neither may spin.
inline constexpr Nanos kShortestRetry = std::chrono::seconds{1};

// Owned by a driver; single thread.
class VirtualUser {
  public:
    // `number` is the user's over all workers: user(), and seq() in on_start and on_stop.
    VirtualUser(const DriverContext& context, std::uint16_t user_class, std::uint64_t number);
    VirtualUser(const VirtualUser&) = delete;
    VirtualUser& operator=(const VirtualUser&) = delete;

    [[nodiscard]] const Flow& flow() const { return flow_; }

    // Each begins a sequence and tells its first request. on_start begins with no variables and no
    // cookies. `random` has been used to pick the task; it serves all requests of the iteration.
    [[nodiscard]] Flow::Next begin_on_start(MonoTime intended);
    [[nodiscard]] Flow::Next begin_iteration(std::uint16_t sequence, std::uint64_t number,
                                             const Random& random, MonoTime intended);
    [[nodiscard]] Flow::Next begin_on_stop(MonoTime intended);
    // The request told last has ended.
    [[nodiscard]] Flow::Next answered(const ExchangeResult& result);
    // The run ends here: an iteration under way is neither ok nor failed.
    void cut_off();
    [[nodiscard]] bool sent_any() const { return sent_any_; }  // in the sequence under way, or last

    // The job of request `next.entry`; its times are the caller's.
    void fill(Connection::Job& job, const Flow::Next& next);
    [[nodiscard]] Random& random() { return in_session() ? session_ : random_; }
    // Thinking before request `next`, which is drawn.
    [[nodiscard]] Nanos think(const Flow::Next& next);
    // When the sequence that is over was followed by its wait, from now on: start of the next
    // iteration, or of the next try of on_start. Offsets from the start of the run.
    [[nodiscard]] Nanos next_begin(Nanos started, Nanos ended);
    // Of the sequence under way, or the last: intended start of its first request, end of its last
    // response so far (or the former).
    [[nodiscard]] MonoTime started() const { return started_; }
    [[nodiscard]] MonoTime ended() const { return ended_; }

  private:
    [[nodiscard]] bool in_session() const { return flow_.part() != scenario::Part::task; }
    void begin(MonoTime intended);
    Flow::Next note(const Flow::Next& next);
    void iteration_ended(measure::IterationEnd end, const std::string& reason);
    [[nodiscard]] const std::string& step_name(std::uint16_t entry) const;

    const DriverContext& c_;
    Flow flow_;
    UserData data_;
    std::uint16_t class_;
    std::uint64_t user_;
    std::uint64_t iteration_ = 0;
    Random session_;  // of on_start and on_stop
    Random random_;   // of the iteration
    MonoTime started_{};
    MonoTime ended_{};
    std::uint16_t entry_ = 0;  // sent last
    bool sent_any_ = false;    // in this sequence
    measure::Outcome outcome_ = measure::Outcome::ok;
};

}  // namespace squadload::engine
