// One call that arrived at a provider, and its NDJSON form: one JSON object a line, the keys being
// the members' names (times with their unit: at_ns, done_ns, retry_after_ms). Written by the
// simulated providers, read by whoever judges. Plain values; no clock, no I/O.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/time.h"

namespace squadload::arrivals {

struct Arrival {
    std::uint64_t seq = 0;  // order of arrival, from 1, without gaps
    Nanos at{};             // at_ns: monotonic, since the log's start
    std::string provider;
    std::string key;  // first 12 hex digits of the SHA-256 of the API key; "" without a key
    std::string model;
    std::int64_t prompt_tokens = 0;
    std::int64_t max_tokens = 0;  // asked for; 0 when not sent
    std::int64_t reserved_tokens =
        0;  // asked of the quota: prompt and longest answer; 0: it was not
    bool admitted = false;
    std::string reason;          // "" when served; else requests, burst, tokens, outage, …
    std::int64_t status = 0;     // HTTP status; 0 when none was sent (a hang, a reset)
    std::int64_t in_flight = 0;  // calls in flight at that provider when this one arrived
    std::string correlation_id;  // "" when not sent; likewise the next
    std::string agent;
    std::int64_t attempt = 0;            // from 1; 0 when not sent
    std::int64_t completion_tokens = 0;  // 0 while open
    std::optional<Nanos> retry_after;    // retry_after_ms, with a fraction where there is one
    std::optional<Nanos> done;           // done_ns: like at; null while open
    friend bool operator==(const Arrival&, const Arrival&) = default;
};

// Appends the line and its '\n'. Strings are escaped; what is not UTF-8 in them becomes U+FFFD, one
// for each maximal ill-formed part (Unicode 15, 3.9). Allocates only to let `out` grow.
void to_line(const Arrival& arrival, std::string& out);

// Reads one line, with or without its end. Unknown keys are ignored. A key that is missing, stands
// twice, or has the wrong type or range is an error (kind io) naming the key.
[[nodiscard]] Result<Arrival> from_line(std::string_view line);
// The same into an arrival that is reused, with the memory of its strings. On an error it is half
// written.
[[nodiscard]] Result<void> read_line(std::string_view line, Arrival& into);

}  // namespace squadload::arrivals
