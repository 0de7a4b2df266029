// A load model as one worker plays it: decides which request starts when. Two kinds, open and
// closed.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/time.h"
#include "load/engine/connection.h"
#include "load/engine/recorder.h"

namespace squadload::engine {

// A run that only a number of requests ends has an end all the same, so that no sum of times
// overflows.
inline constexpr Nanos kLongestRun = std::chrono::hours{10'000};

// A worker's place among the workers.
struct Share {
    std::uint32_t index = 0;
    std::uint32_t count = 1;
    // This worker's part of `total`, so that the parts of all workers add up.
    [[nodiscard]] std::uint64_t of(std::uint64_t total) const {
        return total / count + (index < total % count ? 1 : 0);
    }
    // The same, its odd ones beginning with another worker for each `kind`: many small totals do
    // not all go to the first.
    [[nodiscard]] std::uint64_t of(std::uint64_t total, std::size_t kind) const {
        return Share{static_cast<std::uint32_t>((index + kind) % count), count}.of(total);
    }
};

// What a driver works with; all of it belongs to the worker and outlives the driver.
struct DriverContext {
    transport::Loop& loop;
    ChannelContext& channels;
    const Plan& plan;
    const EntryTable& entries;
    Recorder& recorder;
    Share share;
};

class Driver {
  public:
    virtual ~Driver() = default;
    virtual void begin(MonoTime start) = 0;
    virtual void turn(MonoTime now) = 0;  // starts what is due
    // The load is to be this from `now` on; of a steered run alone.
    virtual void steer(const LoadTarget& target, MonoTime now) = 0;
    [[nodiscard]] virtual MonoTime next_wake()
        const = 0;  // turn() is wanted then; MonoTime::max(): no wish
    virtual void count_due(
        MonoTime until) = 0;  // tells the recorder of intended starts before `until`
    // No intended start after `now`. What is due by then still starts where a slot is free; what
    // waits for one is unsent.
    virtual void stop(MonoTime now) = 0;
    virtual void give_up(MonoTime now) = 0;  // graceful_stop is over
    [[nodiscard]] virtual MonoTime schedule_end()
        const = 0;  // no intended start at or after it; graceful_stop counts from here
    // Where the time that the scheduled requests are spread over ends: what rates are taken over.
    [[nodiscard]] virtual MonoTime planned_end() const { return schedule_end(); }
    [[nodiscard]] virtual bool finished(
        MonoTime now) const = 0;  // every scheduled request has its outcome, and none will follow

    [[nodiscard]] virtual std::uint32_t in_flight() const = 0;
    [[nodiscard]] virtual std::uint32_t backlog() const = 0;  // due, not started
    [[nodiscard]] virtual std::uint32_t users() const = 0;
    [[nodiscard]] virtual std::uint64_t connections_opened() const = 0;
    // Closes idle connections; true when none is open any more.
    [[nodiscard]] virtual bool shut() = 0;
};

[[nodiscard]] std::unique_ptr<Driver> make_open_driver(const DriverContext& context,
                                                       const pacing::Schedule& schedule);
[[nodiscard]] std::unique_ptr<Driver> make_closed_driver(const DriverContext& context);

}  // namespace squadload::engine
