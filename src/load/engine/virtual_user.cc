#include "load/engine/virtual_user.h"

#include <fmt/format.h>

#include <algorithm>

namespace squadload::engine {

using Kind = Flow::Next::Kind;
using measure::IterationEnd;

VirtualUser::VirtualUser(const DriverContext& context, std::uint16_t user_class,
                         std::uint64_t number)
    : c_(context),
      flow_(context.entries, user_class),
      class_(user_class),
      user_(number),
      session_(context.plan.scenario.seed, RandomStream::user, number),
      random_(session_) {
    data_.variables.resize(c_.plan.scenario.classes[user_class].variables.size());
}

void VirtualUser::begin(MonoTime intended) {
    started_ = ended_ = intended;
    sent_any_ = false;
    outcome_ = measure::Outcome::ok;
}

Flow::Next VirtualUser::begin_on_start(MonoTime intended) {
    begin(intended);
    data_.clear();
    return note(flow_.begin_on_start(data_.variables));
}

Flow::Next VirtualUser::begin_iteration(std::uint16_t sequence, std::uint64_t number,
                                        const Random& random, MonoTime intended) {
    begin(intended);
    iteration_ = number;
    random_ = random;
    return note(flow_.begin_iteration(sequence, data_.variables));
}

Flow::Next VirtualUser::begin_on_stop(MonoTime intended) {
    begin(intended);
    return note(flow_.begin_on_stop(data_.variables));
}

Flow::Next VirtualUser::answered(const ExchangeResult& result) {
    ended_ = std::max(ended_, result.end);
    outcome_ = result.outcome;
    return note(flow_.answered(result.outcome == measure::Outcome::ok, data_.variables));
}

Flow::Next VirtualUser::note(const Flow::Next& next) {
    switch (next.kind) {
        case Kind::send:
            break;
        case Kind::over:
            iteration_ended(IterationEnd::ok, "");
            break;
        case Kind::failed:
            // What this run's end broke off says nothing about the target.
            if (outcome_ == measure::Outcome::abandoned) {
                iteration_ended(IterationEnd::cut_off, "");
            } else {
                iteration_ended(IterationEnd::failed, fmt::format("at {}: {}", step_name(entry_),
                                                                  measure::name(outcome_)));
            }
            break;
        case Kind::missing: {
            const auto& names = c_.plan.scenario.classes[class_].variables;
            const std::string reason =
                fmt::format("before {}: {} is not set", step_name(next.entry),
                            next.variable < names.size() ? names[next.variable] : "a variable");
            if (in_session()) {
                c_.recorder.unfit(flow_.sequence(), reason);
            } else {
                iteration_ended(IterationEnd::failed, reason);
            }
            break;
        }
    }
    return next;
}

void VirtualUser::cut_off() {
    if (!flow_.under_way()) return;
    flow_.give_up();
    if (sent_any_) iteration_ended(IterationEnd::cut_off, "");
}

void VirtualUser::iteration_ended(IterationEnd end, const std::string& reason) {
    if (in_session()) return;
    const bool steps = !c_.entries.sequence(flow_.sequence()).steps.empty();
    if (!steps && (sent_any_ || end != IterationEnd::failed)) return;  // its request says it all
    const bool timed = sent_any_ && end != IterationEnd::cut_off;
    c_.recorder.iteration_ended(flow_.sequence(), end, timed ? ended_ - started_ : Nanos{-1},
                                reason);
}

const std::string& VirtualUser::step_name(std::uint16_t entry) const {
    return c_.entries[entry].request->name;
}

void VirtualUser::fill(Connection::Job& job, const Flow::Next& next) {
    job.entry = entry_ = next.entry;
    job.number = in_session() ? user_ : iteration_;
    job.user = user_;
    job.data = &data_;
    sent_any_ = true;
}

Nanos VirtualUser::think(const Flow::Next& next) {
    if (next.think == nullptr) return Nanos{0};
    return pacing::next_start(*next.think, Nanos{0}, Nanos{0}, random());
}

Nanos VirtualUser::next_begin(Nanos started, Nanos ended) {
    const auto& scenario = c_.plan.scenario;
    const auto& wait = scenario.classes[class_].wait;
    if (in_session()) {
        return std::max(pacing::next_start(wait, started, ended, session_), ended + kShortestRetry);
    }
    Random random(scenario.seed, RandomStream::wait, iteration_);
    const Nanos next = pacing::next_start(wait, started, ended, random);
    return sent_any_ ? next : std::max(next, ended + kShortestRetry);
}

}  // namespace squadload::engine
