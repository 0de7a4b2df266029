#include "target/limits/quota.h"

#include <algorithm>

namespace squadload::limits {
namespace {

QuotaSettings within_range(QuotaSettings settings) {
    for (std::int64_t* amount : {&settings.requests, &settings.burst, &settings.requests_day,
                                 &settings.tokens, &settings.concurrency}) {
        *amount = std::clamp<std::int64_t>(*amount, 0, kMaxAmount);
    }
    settings.window = std::max(settings.window, Nanos{1});
    settings.day = std::max(settings.day, Nanos{1});
    settings.guard = std::max(settings.guard, Nanos::zero());
    return settings;
}

MeterSettings meter_of(const QuotaSettings& settings, Algorithm algorithm, std::int64_t limit,
                       Nanos window) {
    MeterSettings meter;
    meter.algorithm = algorithm;
    meter.limit = limit;
    meter.window = window;
    meter.depth = limit;
    meter.guard = settings.guard;
    meter.align = settings.align;
    meter.origin = settings.origin;
    return meter;
}

bool burst_binds(const QuotaSettings& settings) {
    if (settings.requests == 0 || settings.burst == 0) return false;
    if (settings.algorithm == Algorithm::token_bucket) return false;  // it is its depth
    return settings.algorithm == Algorithm::fixed_window || settings.burst < settings.requests;
}

}  // namespace

std::string_view name_of(Limit limit) {
    switch (limit) {
        case Limit::none:
            return "";
        case Limit::requests:
            return "requests";
        case Limit::burst:
            return "burst";
        case Limit::requests_day:
            return "requests_day";
        case Limit::tokens:
            return "tokens";
        case Limit::concurrency:
            return "concurrency";
        case Limit::too_large:
            return "too_large";
        case Limit::throttle:
            return "throttle";
    }
    return "";
}

Quota::Quota(const QuotaSettings& settings, MonoTime now) : settings_(within_range(settings)) {
    build(now);
}

Admission Quota::check(std::int64_t tokens, MonoTime now) {
    Admission admission;
    if (tokens_ && tokens > tokens_->largest()) {
        admission.refused_by = Limit::too_large;
        admission.wait = Nanos::max();
        return admission;
    }
    const auto consider = [&](Limit limit, Nanos wait) {
        if (wait <= admission.wait) return;
        admission.refused_by = limit;
        admission.wait = wait;
    };
    if (requests_) consider(Limit::requests, requests_->wait_for(1, now));
    if (burst_) consider(Limit::burst, burst_->wait_for(1, now));
    if (day_) consider(Limit::requests_day, day_->wait_for(1, now));
    if (tokens_) consider(Limit::tokens, tokens_->wait_for(tokens, now));
    consider(Limit::throttle, pace_.wait(now));
    const std::int64_t at_once = pace_.concurrency();
    if (admission.refused_by == Limit::none && at_once > 0 && in_flight_ >= at_once) {
        admission.refused_by = Limit::concurrency;
    }
    admission.admitted = admission.refused_by == Limit::none;
    return admission;
}

Admission Quota::admit(std::int64_t tokens, MonoTime now) {
    Admission admission = check(tokens, now);
    if (admission.admitted) admission.ticket = take(tokens, now);
    return admission;
}

Nanos Quota::wait_for(std::int64_t tokens, MonoTime now) {
    return check(tokens, now).wait;
}

Ticket Quota::take(std::int64_t tokens, MonoTime now) {
    if (free_.empty()) {
        free_.push_back(static_cast<std::uint32_t>(slots_.size()));
        slots_.emplace_back();
    }
    const std::uint32_t index = free_.back();
    free_.pop_back();
    Slot& slot = slots_[index];
    slot.open = true;
    slot.tokens = tokens;
    slot.requests = requests_ ? requests_->take(1, now) : Meter::Entry{};
    slot.burst = burst_ ? burst_->take(1, now) : Meter::Entry{};
    slot.day = day_ ? day_->take(1, now) : Meter::Entry{};
    slot.charge = tokens_ ? tokens_->take(tokens, now) : Meter::Entry{};
    slot.pace = pace_.take(now);
    ++in_flight_;
    return {std::uint64_t{slot.generation} << 32U | index};
}

Quota::Slot* Quota::close(Ticket ticket) {
    const auto index = static_cast<std::uint32_t>(ticket.id);
    if (index >= slots_.size()) return nullptr;
    Slot& slot = slots_[index];
    if (!slot.open || slot.generation != ticket.id >> 32U) return nullptr;
    slot.open = false;
    slot.generation = std::max(slot.generation + 1, 1U);  // 0 is nobody's
    free_.push_back(index);
    --in_flight_;
    return &slot;
}

void Quota::finish(Ticket ticket, std::optional<std::int64_t> used_tokens, MonoTime now) {
    const Slot* slot = close(ticket);
    if (slot == nullptr || !used_tokens || !tokens_) return;
    if (settings_.tokens_accounting == TokenAccounting::reserve) return;
    tokens_->amend(slot->charge, slot->tokens, *used_tokens, now);
}

void Quota::cancel(Ticket ticket, MonoTime now) {
    const Slot* slot = close(ticket);
    if (slot == nullptr) return;
    if (requests_) requests_->undo(slot->requests, 1, now);
    if (burst_) burst_->undo(slot->burst, 1, now);
    if (day_) day_->undo(slot->day, 1, now);
    if (tokens_) tokens_->undo(slot->charge, slot->tokens, now);
    pace_.undo(slot->pace, now);
}

QuotaState Quota::state(MonoTime now) {
    QuotaState state;
    if (requests_) state.requests = requests_->report(now);
    if (burst_) state.burst = burst_->report(now);
    if (day_) state.requests_day = day_->report(now);
    if (tokens_) state.tokens = tokens_->report(now);
    if (const std::int64_t at_once = pace_.concurrency(); at_once > 0)
        state.concurrency = level_of(at_once, in_flight_);
    state.in_flight = in_flight_;
    state.factor = pace_.factor();
    return state;
}

void Quota::change(const QuotaSettings& settings, MonoTime now) {
    settings_ = within_range(settings);
    build(now);
}

void Quota::build(MonoTime now) {
    ++epoch_;
    const auto keep = [&](std::optional<Meter>& meter, const MeterSettings& settings, bool wanted) {
        if (!wanted) {
            meter.reset();
        } else if (meter) {
            meter->change(settings, now, epoch_);
        } else {
            meter.emplace(settings, now, epoch_);
        }
    };
    const QuotaSettings& s = settings_;
    MeterSettings requests = meter_of(s, s.algorithm, s.requests, s.window);
    if (s.burst > 0) requests.depth = s.burst;
    keep(requests_, requests, s.requests > 0);
    MeterSettings burst = requests;
    burst.algorithm = Algorithm::token_bucket;
    keep(burst_, burst, burst_binds(s));
    keep(day_, meter_of(s, Algorithm::fixed_window, s.requests_day, s.day), s.requests_day > 0);
    const Algorithm of_tokens = s.tokens_algorithm.value_or(s.algorithm);
    keep(tokens_, meter_of(s, of_tokens, s.tokens, s.window), s.tokens > 0);
    pace_.set_limits(s.requests, s.window, s.concurrency, now);
}

}  // namespace squadload::limits
