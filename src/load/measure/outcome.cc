#include "load/measure/outcome.h"

#include <numeric>

namespace squadload::measure {
namespace {

constexpr std::array<std::string_view, kOutcomes> kNames = {
    "unsent",         "connect_error", "timeout",      "connection_closed",
    "protocol_error", "abandoned",     "rate_limited", "ok",
    "server_error",   "client_error",  "check_failed"};

}  // namespace

std::string_view name(Outcome outcome) {
    return kNames[static_cast<std::size_t>(outcome)];
}

std::optional<Outcome> outcome_from_name(std::string_view name) {
    for (std::size_t i = 0; i < kOutcomes; ++i) {
        if (kNames[i] == name) return static_cast<Outcome>(i);
    }
    return std::nullopt;
}

void OutcomeCounts::merge(const OutcomeCounts& other) {
    for (std::size_t i = 0; i < kOutcomes; ++i) count[i] += other.count[i];
}

std::uint64_t OutcomeCounts::scheduled() const {
    return std::accumulate(count.begin(), count.end(), std::uint64_t{0});
}

std::uint64_t OutcomeCounts::requests() const {
    return scheduled() - (*this)[Outcome::unsent];
}

std::uint64_t OutcomeCounts::failed() const {
    return requests() - ok() - rate_limited();
}

std::uint64_t OutcomeCounts::completed() const {
    const OutcomeCounts& c = *this;
    return c[Outcome::rate_limited] + c[Outcome::ok] + c[Outcome::server_error] +
           c[Outcome::client_error] + c[Outcome::check_failed];
}

}  // namespace squadload::measure
