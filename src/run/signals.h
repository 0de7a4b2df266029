// SIGINT and SIGTERM. The first asks the run to stop and keep its results; the second quits at
// once. A first one before anything was measured quits at once, too: there is nothing to keep.
#pragma once

#include "load/engine/engine.h"

namespace squadload::run {

// Installs the handlers while it lives; SIGPIPE is ignored, so that a closed pipe is a write error.
// One at a time.
class SignalGuard {
  public:
    SignalGuard();
    SignalGuard(const SignalGuard&) = delete;
    SignalGuard& operator=(const SignalGuard&) = delete;
    ~SignalGuard();

    // The switch the next first signal turns; `stop_switch` outlives this guard or the next call. A
    // signal that came since the last run began turns it at once.
    void watch(engine::StopSwitch& stop_switch);
    // Results exist and no run is under way: a signal is remembered for the next watch().
    void unwatch();

    // 0, SIGINT or SIGTERM: the first that came.
    [[nodiscard]] int received() const;
};

// Kept for the handler: a hidden cursor is shown again before quitting. -1: none is hidden. Any
// thread.
void set_hidden_cursor(int terminal_fd);

}  // namespace squadload::run
