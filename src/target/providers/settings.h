// How a simulator is run.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/time.h"
#include "target/providers/profile.h"

namespace squadload::providers {

struct Settings {
    std::vector<Profile> profiles;   // at least one
    std::string host = "127.0.0.1";  // an address, or "localhost"
    std::uint16_t port = 0;          // 0: a free one
    std::uint64_t seed = 1;          // same seed: call number k of a provider draws the same
    Nanos window = std::chrono::seconds(60);  // how long a minute of the quotas lasts; >= 10ms
    double latency_scale = 1;  // of all answer times, [0, 1000]; 0: at once, no timer
    // Retry-After in fractions of a second, where a provider would write whole ones: for shortened
    // windows, in which a second is long.
    bool fractional_hints = false;
    std::size_t log_capacity = 1'000'000;  // calls kept in memory, at most 100,000,000
    std::string arrivals_file;             // "": none
    // Control requests must show it ("Authorization: Bearer …"). "": none is needed on a loopback
    // address, and elsewhere they are refused.
    std::string control_token;
};

// With the shipped profiles.
[[nodiscard]] Result<Settings> shipped_settings();
// What stands in the fields, profiles apart. Error of kind config, in a sentence.
[[nodiscard]] Result<void> check(const Settings& settings);

}  // namespace squadload::providers
