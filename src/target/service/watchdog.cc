#include "target/service/watchdog.h"

namespace squadload::service {

// Shared with the timer's handler, which may run after the watchdog is gone.
struct Watchdog::State {
    State(asio::io_context& io, std::function<void()> on_strike)
        : timer(io), strike(std::move(on_strike)) {}

    Timer timer;
    std::function<void()> strike;  // empty: the watchdog is gone
    MonoTime deadline = MonoTime::max();
    MonoTime fires_at = MonoTime::max();
    std::uint64_t waits = 0;  // of an older wait nothing is believed
    bool struck = false;
};

Watchdog::Watchdog(asio::io_context& io, std::function<void()> strike)
    : state_(std::make_shared<State>(io, std::move(strike))) {}

Watchdog::~Watchdog() {
    state_->strike = nullptr;
    state_->timer.cancel();
}

void Watchdog::arm(MonoTime deadline) {
    state_->deadline = deadline;
    if (deadline < state_->fires_at) wait(state_);
}

void Watchdog::disarm() {
    state_->deadline = MonoTime::max();
}

bool Watchdog::struck() const {
    return state_->struck;
}

void Watchdog::wait(const std::shared_ptr<State>& state) {
    state->fires_at = state->deadline;
    const auto number = ++state->waits;
    state->timer.expires_at(state->deadline);
    state->timer.async_wait([state, number](const boost::system::error_code& error) {
        if (error || number != state->waits || !state->strike) return;
        state->fires_at = MonoTime::max();
        if (state->deadline == MonoTime::max()) return;
        if (mono_now() < state->deadline) {
            wait(state);
            return;
        }
        state->struck = true;
        state->strike();
    });
}

}  // namespace squadload::service
