#include "load/engine/recorder.h"

#include <algorithm>

namespace squadload::engine {

Delay delay_of(const Connection::Job& job, const ExchangeResult& result) {
    const MonoTime free_at =
        std::clamp(job.free_since, job.intended, std::max(job.intended, result.actual_start));
    const Nanos blocked = std::max(Nanos{0}, free_at - job.intended - job.free_before);
    return {blocked, std::max(Nanos{0}, result.actual_start - job.intended - blocked)};
}

Recorder::Recorder(IntervalSink& sink, std::uint32_t worker, std::size_t entries,
                   std::size_t sequences, measure::ArrivalBins bins, std::size_t most_claims)
    : sink_(sink),
      worker_(worker),
      keeps_claims_(most_claims > 0),
      interval_(std::make_unique<measure::Interval>(entries, sequences, most_claims)),
      bins_(std::move(bins)) {}

void Recorder::started(const Connection::Job& job, MonoTime actual_start) {
    ++interval_->started;
    ++started_;
    if (!job.arrival) return;
    ++arrivals_started_;
    bins_.add(since_start(actual_start));
}

void Recorder::nothing_to_send() {
    --scheduled_;
    ++arrivals_started_;
    ++overcounted_;
}

void Recorder::finished(const Connection::Job& job, const ExchangeResult& result) {
    measure::RequestRecord r;
    r.task = job.entry;
    r.outcome = result.outcome;
    r.status = result.status;
    r.response_time = result.end - job.intended;
    r.service_time = result.end - result.actual_start - result.waited;
    const Delay delay = delay_of(job, result);
    r.blocked = delay.blocked;
    r.generator_lag = delay.generator_lag;
    r.connect = result.connect;
    r.handshake = result.handshake;
    r.resumed = result.resumed;
    r.first_byte = result.first_byte;
    r.bytes_received = result.bytes_received;
    r.bytes_sent = result.bytes_sent;
    r.body_bytes = result.body_bytes;
    r.redirects = result.redirects;
    interval_->tasks[job.entry].record(r);
    if (result.user_waits) interval_->tasks[job.entry].retry_wait.record(*result.user_waits);
    if (result.claim != nullptr) record_claim(result, r.task, r.response_time);
    first_intended_ = std::min(first_intended_, since_start(job.intended));
    const Nanos end = since_start(result.end);
    last_end_ = std::max(last_end_, end);
    if (result.own_limit && own_limit_hits_++ == 0) own_limit_ = result.message;
    if (result.outcome != measure::Outcome::ok &&
        result.outcome != measure::Outcome::rate_limited) {
        interval_->failures.add(job.entry, result.outcome, result.message, end, result.status,
                                result.example);
    }
}

void Recorder::refused(const Connection::Job& job, const ExchangeResult& so_far, Nanos wait) {
    auto& stats = interval_->tasks[job.entry];
    ++stats.responses_429;
    ++stats.retries;
    stats.retry_wait.record(wait);
    if (so_far.claim != nullptr) record_claim(so_far, job.entry, so_far.end - so_far.actual_start);
}

void Recorder::record_claim(const ExchangeResult& result, std::uint16_t task, Nanos response_time) {
    measure::Claim claim = *result.claim;
    claim.end = since_start(result.end);
    claim.task = task;
    claim.status = result.status;
    claim.ok = result.outcome == measure::Outcome::ok;
    if (!claim.provider.empty()) interval_->providers.record(claim, response_time);
    if (keeps_claims_) interval_->claims.add(claim);
}

void Recorder::unsent(std::uint16_t entry, bool slot_was_free) {
    interval_->tasks[entry].record_unsent();
    if (slot_was_free) ++unsent_while_free_;
}

void Recorder::iteration_ended(std::uint16_t sequence, measure::IterationEnd end, Nanos time,
                               std::string_view reason) {
    auto& stats = interval_->iterations[sequence];
    stats.add(end);
    if (time >= Nanos{0}) stats.time.record(time);
    if (!reason.empty()) stats.add_reason(reason);
}

void Recorder::unfit(std::uint16_t sequence, std::string_view reason) {
    interval_->iterations[sequence].add_reason(reason);
}

void Recorder::hand_over(std::uint32_t in_flight, std::uint32_t backlog, std::uint32_t users,
                         bool last) {
    const std::uint32_t second = interval_->second;
    const std::uint64_t corrected = std::min(overcounted_, interval_->scheduled);
    interval_->scheduled -= corrected;
    overcounted_ -= corrected;
    interval_->in_flight = in_flight;
    interval_->backlog = backlog;
    interval_->users = users;
    interval_->last = last;
    interval_ = sink_.exchange(worker_, std::move(interval_));
    if (interval_) interval_->second = second + 1;
}

}  // namespace squadload::engine
