#include <fmt/core.h>

#include <optional>
#include <regex>

#include "base/units.h"
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

// Seconds between two requests of one user if every answer came at once.
double mean_wait_s(const pacing::WaitTime& wait) {
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

}  // namespace

std::string unreachable_rate_note(const Scenario& scenario) {
    const auto named = named_rate(scenario.description);
    if (scenario.model != Model::closed || !named) return "";
    double weights = 0;
    for (const UserClass& user : scenario.classes) weights += user.weight;
    double per_s = 0;
    for (const UserClass& user : scenario.classes) {
        if (user.weight == 0) continue;
        const double wait = mean_wait_s(user.wait);
        if (wait <= 0) return "";  // the answers alone set the pace
        per_s += scenario.users * (user.weight / weights) / wait;
    }
    if (per_s >= *named * 0.999) return "";
    return fmt::format(
        "{0} cannot reach the {1:g} requests per second its description names: {2} users with a "
        "mean wait of {3:.3g} s make at most {4:.3g} (closed model); `rate: {1:g}` delivers it",
        scenario.name, *named, scenario.users, scenario.users / per_s, per_s);
}

}  // namespace squadload::scenario
