// A scenario's events, brought about on schedule at the simulators.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "base/error.h"
#include "judge/result/fired_event.h"
#include "load/scenario/scenario.h"
#include "run/side_client.h"

namespace squadload::run {

// Whether the simulators know every provider an event is about. Error (kind config) at the event.
[[nodiscard]] Result<void> check_events(const std::vector<scenario::Event>& events,
                                        SideClient& simulators);

// Fires on a thread of its own while it lives; the client is that thread's until then.
class EventDriver {
  public:
    // `simulators` is asked with `network`'s way at `url`. Nothing happens before start().
    EventDriver(std::vector<scenario::Event> events, std::unique_ptr<SideClient> simulators);
    ~EventDriver();  // as finish()
    EventDriver(const EventDriver&) = delete;
    EventDriver& operator=(const EventDriver&) = delete;

    void start();  // the scenario begins now
    // The scenario is over: what was changed is put back, what is not due any more is left out.
    // What came to pass, in the order of the schedule; `end` bounds those without an end of their
    // own.
    [[nodiscard]] std::vector<result::FiredEvent> finish(Nanos end);

  private:
    void work(MonoTime start);
    void fire(const scenario::Event& event, Nanos at);
    void undo();

    std::vector<scenario::Event> events_;  // by time
    std::unique_ptr<SideClient> simulators_;
    std::vector<result::FiredEvent> fired_;
    std::vector<std::string> changed_quotas_;  // providers
    std::vector<std::string> faults_;          // their ids
    std::mutex mutex_;
    std::condition_variable over_;
    bool stop_ = false;
    std::thread thread_;
};

}  // namespace squadload::run
