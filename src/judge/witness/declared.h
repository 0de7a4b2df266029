// What a gateway says it keeps to: limits per provider, chains per agent, how it falls back and
// slows down. Plain values; 0 or nothing means that it declares none.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/time.h"

namespace squadload::witness {

struct DeclaredThrottle {
    std::int64_t trigger = 3;   // so many 429s …
    Nanos window{};             // … within this
    double decrease = 0.5;      // multiply the rate by this,
    Nanos hold{};               // not again within this,
    double floor = 0.1;         // and not below this share.
    Nanos calm{};               // Without a 429 for so long …
    double restore_step = 0.1;  // … the share grows by this.
    // From the floor back to the whole rate.
    [[nodiscard]] Nanos longest_recovery() const;
};

struct DeclaredProvider {
    std::string name;
    std::int64_t requests = 0;  // per window
    std::int64_t burst = 0;     // token bucket of this depth, refilled at requests / window
    std::int64_t tokens = 0;    // per window, reserved at arrival
    std::int64_t concurrency = 0;
    Nanos window = std::chrono::seconds(60);
    Nanos guard{};  // of every window, kept free
    std::optional<DeclaredThrottle> throttle;
    std::optional<Nanos> breaker_open_max;
};

struct Declared {
    std::vector<DeclaredProvider> providers;
    std::map<std::string, std::vector<std::string>, std::less<>> chains;  // by agent
    std::optional<double> amplification;  // calls stay below this × requests + reserve
    double amplification_reserve = 0;
    Nanos queue_wait{};  // of a request, at most

    [[nodiscard]] const DeclaredProvider* provider(std::string_view name) const;
    [[nodiscard]] const std::vector<std::string>* chain(std::string_view agent) const;
};

// GET /providers and GET /v1/agents of a squad-api; agents may be "" (chains are then not known).
// Errors (kind config): not JSON, or not of that shape.
[[nodiscard]] Result<Declared> read_declared(std::string_view providers, std::string_view agents);

// Both in one document, as a run saves it beside the log: {"providers": …, "agents": …}, each what
// the endpoint answers.
[[nodiscard]] Result<Declared> read_declared_file(std::string_view text, const std::string& file);
[[nodiscard]] std::string declared_file(std::string_view providers, std::string_view agents);

}  // namespace squadload::witness
