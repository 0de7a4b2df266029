#include "load/engine/flow.h"

#include "base/check.h"

namespace squadload::engine {

bool is_met(const scenario::Condition& condition, Flow::Variables variables) {
    const bool known = condition.variable < variables.size();
    const bool set = known && variables[condition.variable].set;
    const bool same = set && variables[condition.variable].text == condition.text;
    switch (condition.is) {
        case scenario::Condition::Is::set:
            return set;
        case scenario::Condition::Is::unset:
            return !set;
        case scenario::Condition::Is::equal:
            return same;
        case scenario::Condition::Is::different:
            break;
    }
    return !same;
}

Flow::Next Flow::begin_on_start(Variables variables) {
    ready_ = false;
    return begin(class_.on_start, variables);
}

Flow::Next Flow::begin_iteration(std::uint16_t sequence, Variables variables) {
    SQUADLOAD_CHECK(!needs_on_start() && !stopped_);
    ready_ = true;
    return begin(sequence, variables);
}

Flow::Next Flow::begin_on_stop(Variables variables) {
    SQUADLOAD_CHECK(needs_on_stop());
    stopped_ = true;
    return begin(class_.on_stop, variables);
}

Flow::Next Flow::begin(std::uint16_t sequence, Variables variables) {
    under_way_ = true;
    sequence_ = sequence;
    step_ = 0;
    times_ = 0;
    think_ = nullptr;
    const bool own_request = part() == scenario::Part::task && !has(sequence);
    return own_request ? send(variables) : seek(variables);
}

Flow::Next Flow::answered(bool ok, Variables variables) {
    SQUADLOAD_CHECK(under_way_);
    if (!ok) return end({Next::Kind::failed});
    const auto steps = entries_.sequence(sequence_).steps;
    if (steps.empty()) return end({Next::Kind::over});
    const scenario::Step& step = steps[step_];
    think_ = &step.think;
    const bool again = times_ < step.repeat && !(step.until && is_met(*step.until, variables));
    if (again) return send(variables);
    ++step_;
    times_ = 0;
    return seek(variables);
}

Flow::Next Flow::seek(Variables variables) {
    const auto steps = entries_.sequence(sequence_).steps;
    for (; step_ < steps.size(); ++step_) {
        const scenario::Step& step = steps[step_];
        const bool wanted = step.repeat > 0 && (!step.when || is_met(*step.when, variables));
        if (wanted) return send(variables);
    }
    return end({Next::Kind::over});
}

Flow::Next Flow::send(Variables variables) {
    Next next{Next::Kind::send};
    next.entry = static_cast<std::uint16_t>(entries_.sequence(sequence_).first_entry + step_);
    next.think = think_;
    for (const std::uint16_t variable : entries_[next.entry].needs) {
        if (variable < variables.size() && variables[variable].set) continue;
        next.kind = Next::Kind::missing;
        next.variable = variable;
        return end(next);
    }
    ++times_;
    return next;
}

Flow::Next Flow::end(Next next) {
    under_way_ = false;
    if (next.kind == Next::Kind::over && part() == scenario::Part::on_start) ready_ = true;
    return next;
}

}  // namespace squadload::engine
