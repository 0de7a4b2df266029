#include "target/providers/arrival_stats.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace squadload::providers {

void Peak::add(std::int64_t n, MonoTime now) {
    seen_.add(n, now);
    value_ = std::max(value_, seen_.used(now));
}

CallGroup& ArrivalStats::opened(const arrivals::Arrival& arrival, MonoTime now) {
    Name name{arrival.provider, arrival.key, arrival.model};
    if (groups_.size() >= kMostGroups && !groups_.contains(name)) {
        name = {arrival.provider, "(others)", "(others)"};
    }
    CallGroup& group = groups_.try_emplace(std::move(name), window_).first->second;
    ++group.arrivals;
    ++group.open;
    group.peak_arrivals.add(1, now);
    if (!arrival.admitted) return group;
    ++group.admitted;
    group.prompt_tokens += arrival.prompt_tokens;
    group.peak_admitted.add(1, now);
    group.peak_tokens.add(arrival.reserved_tokens, now);
    return group;
}

void ArrivalStats::closed(CallGroup& group, const arrivals::Arrival& arrival) {
    --group.open;
    ++group.by_status[arrival.status];
    const auto reason = group.by_reason.find(arrival.reason);
    if (reason == group.by_reason.end())
        group.by_reason.emplace(arrival.reason, 1);
    else
        ++reason->second;
    group.completion_tokens += arrival.completion_tokens;
}

std::string ArrivalStats::json() const {
    using nlohmann::ordered_json;
    ordered_json all = ordered_json::array();
    for (const auto& [name, group] : groups_) {
        const auto& [provider, key, model] = name;
        ordered_json by_status = ordered_json::object();
        for (const auto& [status, n] : group.by_status) by_status[std::to_string(status)] = n;
        ordered_json by_reason = ordered_json::object();
        for (const auto& [reason, n] : group.by_reason) {
            by_reason[reason.empty() ? "served" : reason] = n;
        }
        all.push_back({{"provider", provider},
                       {"key", key},
                       {"model", model},
                       {"arrivals", group.arrivals},
                       {"admitted", group.admitted},
                       {"open", group.open},
                       {"by_status", std::move(by_status)},
                       {"by_reason", std::move(by_reason)},
                       {"prompt_tokens", group.prompt_tokens},
                       {"completion_tokens", group.completion_tokens},
                       {"peak_in_window",
                        {{"arrivals", group.peak_arrivals.value()},
                         {"admitted", group.peak_admitted.value()},
                         {"reserved_tokens", group.peak_tokens.value()}}}});
    }
    return all.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
}

}  // namespace squadload::providers
