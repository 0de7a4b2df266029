#include "target/squad_api/provider_state.h"

#include <algorithm>

namespace squadload::squad_api {
namespace {

std::int64_t second_of(MonoTime t) {
    return std::chrono::floor<std::chrono::seconds>(t).time_since_epoch().count();
}

}  // namespace

void RecentMean::add(Nanos value, MonoTime now) {
    const std::int64_t second = second_of(now);
    Slot& slot = slots_[static_cast<std::size_t>(second) % kSlots];
    if (slot.second != second) slot = Slot{second, 0, {}};
    ++slot.count;
    slot.sum += value;
}

std::optional<Nanos> RecentMean::mean(MonoTime now) const {
    const std::int64_t second = second_of(now);
    std::int64_t count = 0;
    Nanos sum{};
    for (const Slot& slot : slots_) {
        if (slot.second < 0 || slot.second <= second - static_cast<std::int64_t>(kSlots)) continue;
        count += slot.count;
        sum += slot.sum;
    }
    if (count == 0) return std::nullopt;
    return sum / count;
}

ProviderState::ProviderState(const ProviderSettings& settings)
    : settings_(settings), throttle_(settings.throttle), breaker_(settings.breaker) {}

std::optional<Closed> ProviderState::closed(MonoTime now) {
    if (now < floor_) return Closed{Reason::throttle, floor_ - now};
    if (!breaker_.would_allow(now)) return Closed{Reason::breaker, breaker_.retry_after(now)};
    return std::nullopt;
}

std::optional<ProviderState::Pass> ProviderState::begin(MonoTime now) {
    if (now < floor_) return std::nullopt;
    const auto pass = breaker_.allows(now);
    if (!pass) return std::nullopt;
    ++in_flight_;
    return Pass{*pass, now};
}

void ProviderState::ended(const Pass& pass, const CallEnd& end, MonoTime now) {
    --in_flight_;
    if (end.status != 0) latency_.add(now - pass.began, now);
    if (end.reason == Reason::rate_limited) throttle_.rate_limited(now);
    switch (end.reason) {
        case Reason::none:
            pauses_ = 0;
            [[fallthrough]];
        case Reason::rejected:
            breaker_.succeeded(pass.breaker, now);
            break;
        case Reason::rate_limited:
        case Reason::quota:
            breaker_.abandoned(pass.breaker, now);
            break;
        default:
            if (end.abandoned)
                breaker_.abandoned(pass.breaker, now);
            else
                breaker_.failed(pass.breaker, now);
    }
    pause(pass, end, now);
}

void ProviderState::pause(const Pass& pass, const CallEnd& end, MonoTime now) {
    if (end.reason == Reason::none || end.reason == Reason::rejected) return;
    if (end.retry_after) {
        floor_ = std::max(floor_, now + *end.retry_after);
    } else if (end.reason == Reason::quota) {
        floor_ = std::max(floor_, now + settings_.exhausted_pause);
    } else if (end.reason == Reason::rate_limited) {
        // Calls that were under way when the pause began tell nothing new.
        if (pauses_ > 0 && pass.began <= paused_at_) return;
        Nanos length = settings_.backoff_base;
        for (int i = 0; i < pauses_ && length < settings_.backoff_max; ++i) length *= 2;
        ++pauses_;
        paused_at_ = now;
        floor_ = std::max(floor_, now + std::min(length, settings_.backoff_max));
    }
}

}  // namespace squadload::squad_api
