// One worker's measurements: the interval being filled, handed over once a second, and the sums for
// the audit.
#pragma once

#include <cstdint>
#include <memory>

#include "base/time.h"
#include "load/engine/connection.h"
#include "load/measure/audit.h"
#include "load/measure/interval.h"

namespace squadload::engine {

// Takes full intervals and gives empty ones back. Called on the worker's thread.
class IntervalSink {
  public:
    virtual std::unique_ptr<measure::Interval> exchange(
        std::uint32_t worker, std::unique_ptr<measure::Interval> full) = 0;

  protected:
    ~IntervalSink() = default;
};

// The delay before the actual start, split by whether a slot was free.
struct Delay {
    Nanos blocked;
    Nanos generator_lag;
};
[[nodiscard]] Delay delay_of(const Connection::Job& job, const ExchangeResult& result);

// Owned by a worker, used on its thread alone.
class Recorder {
  public:
    Recorder(IntervalSink& sink, std::uint32_t worker, std::size_t entries, std::size_t sequences,
             measure::ArrivalBins bins, std::size_t most_claims = 0);

    void begin(MonoTime start) { start_ = start; }
    [[nodiscard]] Nanos since_start(MonoTime t) const { return t - start_; }

    void scheduled() {
        ++interval_->scheduled;
        ++scheduled_;
    }
    // Open model: an iteration fell due, and with it its first request.
    void arrived() {
        ++interval_->arrivals;
        ++arrivals_;
        scheduled();
    }
    // The iteration turned out to have no request to send.
    void nothing_to_send();
    void started(const Connection::Job& job, MonoTime actual_start);
    void finished(const Connection::Job& job, const ExchangeResult& result);
    // A 429 that is retried after `wait`: no outcome yet.
    void refused(const Connection::Job& job, const ExchangeResult& so_far, Nanos wait);
    void unsent(std::uint16_t entry, bool slot_was_free);
    // `time` < 0: it has none.
    void iteration_ended(std::uint16_t sequence, measure::IterationEnd end, Nanos time,
                         std::string_view reason);
    // on_start or on_stop ended before a request that it could not make.
    void unfit(std::uint16_t sequence, std::string_view reason);

    // The end of the second being filled.
    [[nodiscard]] MonoTime boundary() const {
        return start_ + shift_ + std::chrono::seconds{interval_->second + 1};
    }
    // The second being filled ends at `now`, and the next ones a second each after that.
    void cut(MonoTime now) { shift_ += now - boundary(); }
    void hand_over(std::uint32_t in_flight, std::uint32_t backlog, std::uint32_t users,
                   bool last = false);

    [[nodiscard]] const measure::ArrivalBins& bins() const { return bins_; }
    [[nodiscard]] std::uint64_t scheduled_total() const { return scheduled_; }
    [[nodiscard]] std::uint64_t started_total() const { return started_; }
    [[nodiscard]] std::uint64_t arrivals_total() const { return arrivals_; }
    [[nodiscard]] std::uint64_t arrivals_started_total() const { return arrivals_started_; }
    [[nodiscard]] std::uint64_t unsent_while_free() const { return unsent_while_free_; }
    // Requests that failed because this machine had no port or descriptor left, and what the first
    // said.
    [[nodiscard]] std::uint64_t own_limit_hits() const { return own_limit_hits_; }
    [[nodiscard]] const std::string& own_limit() const { return own_limit_; }
    [[nodiscard]] Nanos first_intended() const { return first_intended_; }  // max(): nothing ended
    [[nodiscard]] Nanos last_end() const { return last_end_; }

  private:
    void record_claim(const ExchangeResult& result, std::uint16_t task, Nanos response_time);

    IntervalSink& sink_;
    std::uint32_t worker_;
    bool keeps_claims_;
    std::unique_ptr<measure::Interval> interval_;
    measure::ArrivalBins bins_;
    MonoTime start_{};
    Nanos shift_{};  // of the boundaries, once one was cut
    std::uint64_t scheduled_ = 0;
    std::uint64_t started_ = 0;
    std::uint64_t arrivals_ = 0;
    std::uint64_t arrivals_started_ = 0;
    std::uint64_t overcounted_ = 0;  // scheduled in a second handed over, then nothing to send
    std::uint64_t unsent_while_free_ = 0;
    std::uint64_t own_limit_hits_ = 0;
    std::string own_limit_;
    Nanos first_intended_ = Nanos::max();
    Nanos last_end_{};
};

}  // namespace squadload::engine
