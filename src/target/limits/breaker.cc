#include "target/limits/breaker.h"

#include <algorithm>

namespace squadload::limits {
namespace {

BreakerSettings within_range(BreakerSettings settings) {
    settings.failures = std::max<std::int64_t>(0, settings.failures);
    settings.failure_share = std::clamp(settings.failure_share, 0.0, 1.0);
    settings.min_samples = std::max<std::int64_t>(1, settings.min_samples);
    settings.window = std::max(settings.window, Nanos{16});
    settings.open = std::max(settings.open, Nanos::zero());
    settings.growth = std::max(settings.growth, 1.0);
    settings.open_max = std::max(settings.open_max, settings.open);
    settings.probes = std::max<std::int64_t>(1, settings.probes);
    settings.successes = std::max<std::int64_t>(1, settings.successes);
    settings.probe_timeout = std::max(settings.probe_timeout, Nanos{1});
    return settings;
}

}  // namespace

std::string_view name_of(BreakerPhase phase) {
    if (phase == BreakerPhase::open) return "open";
    return phase == BreakerPhase::closed ? "closed" : "half_open";
}

Breaker::Breaker(const BreakerSettings& settings)
    : settings_(within_range(settings)), open_time_(settings_.open) {}

std::optional<Breaker::Pass> Breaker::allows(MonoTime now) {
    if (!would_allow(now)) return std::nullopt;
    if (phase_ == BreakerPhase::half_open) {
        ++probes_out_;
        last_probe_ = now_;
    }
    Pass pass;
    pass.period_ = period_;
    return pass;
}

bool Breaker::would_allow(MonoTime now) {
    advance(now);
    if (phase_ == BreakerPhase::half_open) return probes_out_ < settings_.probes;
    return phase_ == BreakerPhase::closed;
}

void Breaker::succeeded(Pass pass, MonoTime now) {
    advance(now);
    if (pass.period_ != period_) return;
    if (phase_ == BreakerPhase::closed) {
        failures_in_row_ = 0;
        record(false);
    } else if (++probes_ok_ >= settings_.successes) {
        open_time_ = settings_.open;
        enter(BreakerPhase::closed, now_);
    } else {
        probes_out_ = std::max<std::int64_t>(0, probes_out_ - 1);
    }
}

void Breaker::failed(Pass pass, MonoTime now) {
    advance(now);
    if (pass.period_ != period_) return;
    if (phase_ == BreakerPhase::closed) {
        ++failures_in_row_;
        record(true);
        const bool in_row = settings_.failures > 0 && failures_in_row_ >= settings_.failures;
        if (in_row || share_exceeded()) trip(now_);
        return;
    }
    const double longer = static_cast<double>(open_time_.count()) * settings_.growth;
    const bool at_most = longer >= static_cast<double>(settings_.open_max.count());
    open_time_ = at_most ? settings_.open_max : Nanos{static_cast<std::int64_t>(longer)};
    trip(now_);
}

void Breaker::abandoned(Pass pass, MonoTime now) {
    advance(now);
    if (pass.period_ != period_ || phase_ != BreakerPhase::half_open) return;
    probes_out_ = std::max<std::int64_t>(0, probes_out_ - 1);
}

BreakerState Breaker::state(MonoTime now) {
    advance(now);
    const Counts counts = in_window();
    BreakerState state;
    state.phase = phase_;
    state.since = since_;
    state.failures_in_row = failures_in_row_;
    state.samples = counts.samples;
    state.failed = counts.failed;
    state.open_time = open_time_;
    state.opened = opened_;
    return state;
}

Nanos Breaker::retry_after(MonoTime now) {
    advance(now);
    return phase_ == BreakerPhase::open ? open_time_ - (now_ - *since_) : Nanos::zero();
}

void Breaker::change(const BreakerSettings& settings) {
    settings_ = within_range(settings);
    open_time_ =
        phase_ == BreakerPhase::closed ? settings_.open : std::min(open_time_, settings_.open_max);
    counts_.fill({});  // its slots have another length
}

void Breaker::advance(MonoTime now) {
    now_ = std::max(now_, now);
    if (phase_ == BreakerPhase::open && now_ - *since_ >= open_time_) {
        enter(BreakerPhase::half_open, now_);
    }
    const bool lost = probes_out_ > 0 && now_ - last_probe_ >= settings_.probe_timeout;
    if (phase_ == BreakerPhase::half_open && lost) probes_out_ = 0;
}

void Breaker::enter(BreakerPhase phase, MonoTime now) {
    phase_ = phase;
    ++period_;
    since_ = now;
    counts_.fill({});
    failures_in_row_ = 0;
    probes_out_ = 0;
    probes_ok_ = 0;
}

void Breaker::trip(MonoTime now) {
    enter(BreakerPhase::open, now);
    ++opened_;
}

void Breaker::record(bool failure) {
    const std::int64_t slot = now_.time_since_epoch() / (settings_.window / std::int64_t{kSlots});
    Counts& counts = counts_[static_cast<std::uint64_t>(slot) % kSlots];
    if (counts.slot != slot) counts = {slot, 0, 0};
    ++counts.samples;
    if (failure) ++counts.failed;
}

Breaker::Counts Breaker::in_window() const {
    const std::int64_t slot = now_.time_since_epoch() / (settings_.window / std::int64_t{kSlots});
    Counts sum{slot, 0, 0};
    for (const Counts& counts : counts_) {
        if (counts.slot <= slot - std::int64_t{kSlots} || counts.slot < 0) continue;
        sum.samples += counts.samples;
        sum.failed += counts.failed;
    }
    return sum;
}

bool Breaker::share_exceeded() const {
    if (settings_.failure_share <= 0) return false;
    const Counts counts = in_window();
    return counts.samples >= settings_.min_samples &&
           static_cast<double>(counts.failed) >=
               settings_.failure_share * static_cast<double>(counts.samples);
}

}  // namespace squadload::limits
