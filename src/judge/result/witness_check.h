// What a check on the providers' side found: of the witness (arrival log) or of the observer
// (/metrics beside our own counts). Plain values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"

namespace squadload::result {

enum class WitnessAnswer {
    kept,
    within_jitter,  // above the bound, but a correct gateway could look like this: see jitter
    broken,
    not_exercised,  // the run gave no occasion, or what the check needs is missing; `sentence` says
                    // which
};
[[nodiscard]] std::string_view name(WitnessAnswer answer);  // "kept", "within jitter", …

struct WitnessCheck {
    std::string check;     // "window"; the names stand in judge/witness/witness.h and observe.h
    std::string provider;  // "": over all of them
    std::string key;       // the hash that the log carries; "": over all
    std::string model;
    WitnessAnswer answer = WitnessAnswer::not_exercised;
    std::string bound;     // for people: "1,560 in any 60 s"
    std::string actual;    // for people: "peak 1,560 at 00:41"
    std::string sentence;  // why this answer, with the counts; never empty
    std::optional<double> bound_value, actual_value;  // where the check is on one number
    std::uint64_t judged = 0;                         // arrivals, or requests, that it rests on
    Nanos jitter{};  // measured, of the way from gateway to provider
    // The interval that breaks it (or the worst one), since the start of the scenario.
    std::optional<Nanos> from, to;
    std::vector<std::string> request_ids;  // of those in it, at most kMaxRequestIds
    static constexpr std::size_t kMaxRequestIds = 20;
    friend bool operator==(const WitnessCheck&, const WitnessCheck&) = default;
};

}  // namespace squadload::result
