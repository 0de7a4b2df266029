// How long a writer's thread may wait inside a store: until the operation's deadline, or until the
// sink is to be closed, whichever comes first; the latter may be set while it waits.
#pragma once

#include <algorithm>
#include <atomic>

#include "base/time.h"

namespace squadload::squad_api {

// Set once, by whoever closes; any thread.
class ClosingTime {
  public:
    void set(MonoTime at) { at_ = at.time_since_epoch().count(); }
    [[nodiscard]] MonoTime get() const { return MonoTime{Nanos{at_.load()}}; }

  private:
    std::atomic<Nanos::rep> at_ = Nanos::max().count();
};

struct Patience {
    MonoTime deadline = MonoTime::max();
    const ClosingTime* closing = nullptr;  // none: nobody closes

    [[nodiscard]] MonoTime until() const {
        return closing == nullptr ? deadline : std::min(deadline, closing->get());
    }
    // Until then, but no longer than `slice`: whoever waits looks again after each.
    [[nodiscard]] MonoTime next(MonoTime now, Nanos slice) const {
        return std::min(until(), now + slice);
    }
};

}  // namespace squadload::squad_api
