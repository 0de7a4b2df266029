// One thread's part of a run: own loop, own connections, own recorder; nothing shared but the plan
// and the stop switch.
#pragma once

#include <cstdint>
#include <memory>

#include "load/engine/driver.h"
#include "load/engine/engine.h"
#include "load/engine/recorder.h"

namespace squadload::engine {

// `schedule` is null in the closed model. Everything passed in outlives the worker. Used on one
// thread.
class Worker {
  public:
    Worker(const Plan& plan, const EntryTable& entries, const pacing::Schedule* schedule,
           Share share, transport::Loop& loop, IntervalSink& sink, const StopSwitch& stop_switch);

    // Blocks from `start` (loop time, may lie ahead) until every scheduled request has its outcome
    // and the sockets are closed.
    void run(MonoTime start);

    [[nodiscard]] const Recorder& recorder() const { return recorder_; }
    [[nodiscard]] ChannelContext& channels() { return channels_; }
    [[nodiscard]] std::uint64_t connections_opened() const { return driver_->connections_opened(); }
    [[nodiscard]] Nanos schedule_duration() const { return driver_->planned_end() - start_; }

  private:
    void steer(MonoTime now);
    void close_intervals(MonoTime now);
    void close_connections();

    transport::Loop& loop_;
    const StopSwitch& stop_switch_;
    Nanos graceful_stop_;
    Steering* steering_;
    std::uint64_t steered_ = 0;  // the last target taken
    std::uint32_t index_;
    MonoTime cut_at_ = MonoTime::max();
    MonoTime start_{};
    Recorder recorder_;
    ChannelContext channels_;
    std::unique_ptr<Driver> driver_;
};

}  // namespace squadload::engine
