// A deadline for one socket: when it comes, the socket is closed, so that whatever waits for it
// ends. Deadlines that are met cost no timer: the one that is armed is moved on when it fires.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "base/time.h"
#include "target/service/loop_types.h"

namespace squadload::service {

// On the thread of the io_context.
class Watchdog {
  public:
    // `strike` is called from the loop, never from within arm(), and not after the end of this.
    Watchdog(asio::io_context& io, std::function<void()> strike);
    ~Watchdog();
    Watchdog(const Watchdog&) = delete;
    Watchdog& operator=(const Watchdog&) = delete;

    void arm(MonoTime deadline);  // instead of the one before
    void disarm();
    [[nodiscard]] bool struck() const;

  private:
    struct State;
    static void wait(const std::shared_ptr<State>& state);

    std::shared_ptr<State> state_;
};

}  // namespace squadload::service
