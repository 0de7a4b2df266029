#include "load/engine/worker.h"

#include <algorithm>

namespace squadload::engine {
namespace {

constexpr Nanos kStopCheck = std::chrono::milliseconds{100};  // how soon a stop is noticed
// A steered run hands over once more so soon after a stop: whoever ended it waits for the figures,
// but not for the slowest request.
constexpr Nanos kLastCut = std::chrono::milliseconds{220};
constexpr Nanos kSteerCheck = std::chrono::milliseconds{10};  // and a new target
constexpr Nanos kCloseTime = std::chrono::seconds{5};  // bound on the time spent closing sockets
constexpr int kLookEvery = 16;  // turns of closing: with many users, looking takes longer than they

// Of a steered run nobody knows beforehand how many arrivals a bin should have.
measure::ArrivalBins make_bins(const Plan& plan, const pacing::Schedule* schedule) {
    if (schedule == nullptr || plan.steering != nullptr) return {};
    if (schedule->arrivals() != pacing::Arrivals::poisson) return {};
    return measure::ArrivalBins(*schedule, measure::kAuditBins);
}

}  // namespace

Worker::Worker(const Plan& plan, const EntryTable& entries, const pacing::Schedule* schedule,
               Share share, transport::Loop& loop, IntervalSink& sink,
               const StopSwitch& stop_switch)
    : loop_(loop),
      stop_switch_(stop_switch),
      graceful_stop_(plan.scenario.graceful_stop),
      steering_(plan.steering),
      index_(share.index),
      recorder_(sink, share.index, entries.size(), entries.sequence_count(),
                make_bins(plan, schedule), plan.most_claims),
      channels_{loop, plan, share.index} {
    const DriverContext context{loop, channels_, plan, entries, recorder_, share};
    driver_ =
        schedule != nullptr ? make_open_driver(context, *schedule) : make_closed_driver(context);
}

void Worker::run(MonoTime start) {
    start_ = start;
    recorder_.begin(start);
    driver_->begin(start);
    bool stopping = false;
    for (;;) {
        const MonoTime now = loop_.now();
        if (now >= cut_at_) {
            recorder_.cut(now);
            cut_at_ = MonoTime::max();
        }
        close_intervals(now);
        if (!stopping && stop_switch_.stopped()) {
            stopping = true;
            driver_->stop(now);
            if (steering_ != nullptr) {
                graceful_stop_ = steering_->grace().value_or(graceful_stop_);
                cut_at_ = now + kLastCut;
            }
        } else {
            if (!stopping) steer(now);
            driver_->turn(now);
        }
        if (driver_->finished(now)) break;
        const MonoTime deadline = driver_->schedule_end() + graceful_stop_;
        if (now >= deadline) {
            driver_->give_up(now);
            break;
        }
        loop_.run_once(std::min({driver_->next_wake(), recorder_.boundary(), deadline, cut_at_,
                                 now + (steering_ != nullptr ? kSteerCheck : kStopCheck)}));
    }
    driver_->count_due(MonoTime::max());
    recorder_.hand_over(driver_->in_flight(), driver_->backlog(), driver_->users(), true);
    close_connections();
}

void Worker::steer(MonoTime now) {
    if (steering_ == nullptr || steering_->generation() == steered_) return;
    const LoadTarget target = steering_->target(steered_);
    driver_->steer(target, now);
    steering_->taken(index_, steered_);
}

void Worker::close_intervals(MonoTime now) {
    while (now >= recorder_.boundary()) {
        driver_->count_due(recorder_.boundary());
        recorder_.hand_over(driver_->in_flight(), driver_->backlog(), driver_->users());
    }
}

void Worker::close_connections() {
    const MonoTime last = loop_.now() + kCloseTime;
    for (int turn = 0; loop_.now() < last; ++turn) {
        if ((turn < kLookEvery || turn % kLookEvery == 0) && driver_->shut()) return;
        loop_.run_once(loop_.now() + std::chrono::milliseconds{1});
    }
}

}  // namespace squadload::engine
