#include <fmt/core.h>

#include <algorithm>
#include <optional>
#include <regex>

#include "base/units.h"
#include "load/scenario/entries.h"
#include "load/scenario/parsed_file.h"

namespace squadload::scenario {
namespace {

// "Baseline warm-up, 5 req/s for 1 minute" → 5.
std::optional<double> named_rate(const std::string& description) {
    static const std::regex pattern(
        R"((\d+(?:\.\d+)?) ?(?:req/s|requests?/s|requests? per second|rps))",
        std::regex::ECMAScript | std::regex::icase);
    std::smatch match;
    if (description.size() > 1000 || !std::regex_search(description, match, pattern))
        return std::nullopt;
    const auto rate = parse_number(match[1].str());
    return rate ? std::optional(*rate) : std::nullopt;
}

double mean_s(const pacing::WaitTime& wait) {
    using WaitKind = pacing::WaitTime::Kind;
    switch (wait.kind) {
        case WaitKind::none:
            return 0;
        case WaitKind::constant:
        case WaitKind::constant_pacing:
            return to_seconds(wait.low);
        case WaitKind::between:
            return (to_seconds(wait.low) + to_seconds(wait.high)) / 2;
        case WaitKind::constant_throughput:
            return 1 / wait.per_s;
    }
    return 0;
}

// One iteration, if every answer came at once.
struct Iteration {
    double requests = 0;
    double seconds = 0;  // until the next one begins
};

// None when the answers decide how many requests there are.
std::optional<Iteration> iteration_of(const Task& task, const pacing::WaitTime& wait) {
    using WaitKind = pacing::WaitTime::Kind;
    Iteration one;
    for (const Step& step : task.steps) {
        if (step.when || step.until) return std::nullopt;
        one.requests += step.repeat;
        one.seconds += step.repeat * mean_s(step.think);
    }
    if (task.steps.empty())
        one.requests = 1;
    else
        one.seconds -= mean_s(task.steps.back().think);  // not at the end of the flow
    const bool paced =
        wait.kind == WaitKind::constant_pacing || wait.kind == WaitKind::constant_throughput;
    one.seconds = paced ? std::max(one.seconds, mean_s(wait)) : one.seconds + mean_s(wait);
    return one;
}

// The mean over the tasks by weight.
std::optional<Iteration> mean_iteration(const UserClass& user) {
    double weights = 0;
    for (const Task& task : user.tasks) weights += task.weight;
    Iteration mean;
    for (const Task& task : user.tasks) {
        if (task.weight == 0) continue;
        const auto one = iteration_of(task, user.wait);
        if (!one) return std::nullopt;
        mean.requests += one->requests * task.weight / weights;
        mean.seconds += one->seconds * task.weight / weights;
    }
    return mean;
}

}  // namespace

std::string unreachable_rate_note(const Scenario& scenario) {
    const auto named = named_rate(scenario.description);
    if (scenario.model != Model::closed || !named) return "";
    double weights = 0;
    for (const UserClass& user : scenario.classes) weights += user.weight;
    Iteration all;     // of a user of any class
    double per_s = 0;  // requests of all users
    for (const UserClass& user : scenario.classes) {
        if (user.weight == 0) continue;
        const auto mean = mean_iteration(user);
        if (!mean || mean->seconds <= 0) return "";  // the answers alone set the pace
        const double share = user.weight / weights;
        per_s += scenario.users * share * mean->requests / mean->seconds;
        all.requests += share * mean->requests;
        all.seconds += share * mean->seconds;
    }
    if (per_s >= *named * 0.999) return "";
    if (has_iterations(scenario)) {
        return fmt::format(
            "{} cannot reach the {:g} requests per second its description names: with iterations "
            "of {:.3g} requests and {:.3g} s of waits on average, {} users make at most {:.3g} "
            "(closed model); `rate: {:.3g}` delivers it",
            scenario.name, *named, all.requests, all.seconds, scenario.users, per_s,
            *named / all.requests);
    }
    return fmt::format(
        "{0} cannot reach the {1:g} requests per second its description names: {2} users with a "
        "mean wait of {3:.3g} s make at most {4:.3g} (closed model); `rate: {1:g}` delivers it",
        scenario.name, *named, scenario.users, scenario.users / per_s, per_s);
}

}  // namespace squadload::scenario
