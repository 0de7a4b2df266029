#include "load/engine/worker.h"

#include <algorithm>

namespace squadload::engine {
namespace {

constexpr Nanos kStopCheck = std::chrono::milliseconds{100};  // how soon a stop is noticed
constexpr Nanos kCloseTime = std::chrono::seconds{5};  // bound on the time spent closing sockets
constexpr int kLookEvery = 16;  // turns of closing: with many users, looking takes longer than they

measure::ArrivalBins make_bins(const pacing::Schedule* schedule) {
    if (schedule == nullptr || schedule->arrivals() != pacing::Arrivals::poisson) return {};
    return measure::ArrivalBins(*schedule, measure::kAuditBins);
}

}  // namespace

Worker::Worker(const Plan& plan, const EntryTable& entries, const pacing::Schedule* schedule,
               Share share, transport::Loop& loop, IntervalSink& sink,
               const StopSwitch& stop_switch)
    : loop_(loop),
      stop_switch_(stop_switch),
      graceful_stop_(plan.scenario.graceful_stop),
      recorder_(sink, share.index, entries.size(), entries.sequence_count(), make_bins(schedule),
                plan.most_claims),
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
        close_intervals(now);
        if (!stopping && stop_switch_.stopped()) {
            stopping = true;
            driver_->stop(now);
        } else {
            driver_->turn(now);
        }
        if (driver_->finished(now)) break;
        const MonoTime deadline = driver_->schedule_end() + graceful_stop_;
        if (now >= deadline) {
            driver_->give_up(now);
            break;
        }
        loop_.run_once(
            std::min({driver_->next_wake(), recorder_.boundary(), now + kStopCheck, deadline}));
    }
    driver_->count_due(MonoTime::max());
    recorder_.hand_over(driver_->in_flight(), driver_->backlog(), driver_->users(), true);
    close_connections();
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
