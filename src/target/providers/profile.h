// What a simulated provider is like: a dated YAML file in config/providers, read strictly. Two
// kinds of numbers stand in it: `documented` is what the real provider publishes, with source and
// date; `quota` is what the simulator enforces.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/time.h"
#include "target/limits/quota.h"
#include "target/llm/dialect.h"
#include "target/providers/fault.h"
#include "target/providers/latency.h"

namespace squadload::providers {

// The real provider's published limits for one model; none: not published.
struct Documented {
    std::string model;
    std::string tier;  // "free", …
    std::optional<std::int64_t> requests_per_minute;
    std::optional<std::int64_t> requests_per_day;
    std::optional<std::int64_t> tokens_per_minute;
    std::optional<std::int64_t> tokens_per_day;
    std::string source;  // URL
    std::string read;    // date, 2026-11-23
    std::string note;
};

// Whose calls share one quota.
enum class Scope { key_model, key };

struct ModelProfile {
    std::string name;
    limits::QuotaSettings quota;
    LatencySettings latency;
};

struct Profile {
    std::string provider;                         // also the first segment of its paths
    llm::Dialect dialect = llm::Dialect::openai;  // gemini speaks gemini_openai, too
    std::string dated;                            // when its numbers were read
    std::vector<Documented> documented;
    Scope scope = Scope::key_model;
    bool other_models = false;  // models not listed are served, as `quota` and `latency` say
    // window, day and origin are the simulator's to set: see enforced().
    limits::QuotaSettings quota;
    LatencySettings latency;
    std::int64_t concurrency = 0;      // calls at work at once; beyond, they queue; 0: no bound
    std::int64_t queue = 0;            // calls waiting; beyond, the provider is overloaded
    std::vector<ModelProfile> models;  // in file order
    std::vector<FaultSpec> faults;     // from the start on

    [[nodiscard]] const ModelProfile* model(std::string_view name) const;
};

inline constexpr std::int64_t kMostServed = 1'000'000;  // of concurrency and queue

// Errors: kind config, at the place.
[[nodiscard]] Result<Profile> parse_profile(std::string_view text, const std::string& file_name);
// Each a file, or a folder whose *.yaml are read in alphabetical order. No provider twice.
[[nodiscard]] Result<std::vector<Profile>> load_profiles(std::span<const std::string> paths);

// The shipped profiles, which are part of the program.
struct ShippedProfile {
    std::string_view file_name;  // "config/providers/groq.yaml"
    std::string_view text;
};
[[nodiscard]] std::span<const ShippedProfile> shipped_profile_texts();
[[nodiscard]] Result<std::vector<Profile>> shipped_profiles();

// Quota settings with a minute as long as `window`; a day stays 1,440 minutes. Counts per window
// are as they were.
[[nodiscard]] limits::QuotaSettings enforced(limits::QuotaSettings quota, Nanos window,
                                             MonoTime origin);

// Enforces what is documented: each model listed in `documented` gets those limits in place of its
// own. Error: the provider documents none (kind config).
[[nodiscard]] Result<void> enforce_documented(Profile& profile);

// A change of quota from outside. None: as before, but that the burst shrinks with the requests.
// From 1: nothing at all is an outage.
struct QuotaChange {
    std::optional<std::int64_t> requests, burst, requests_day, tokens, concurrency;
    std::string model;           // "": all
    std::optional<Nanos> lasts;  // none: until it is restored
};
[[nodiscard]] limits::QuotaSettings changed(limits::QuotaSettings quota, const QuotaChange& change);

// Bodies of control requests: JSON, which is read as the YAML it is, with the same care and the
// same messages. `provider` is left to the caller.
struct FaultRequest {
    std::string provider;
    FaultSpec spec;
};
struct QuotaRequest {
    std::string provider;
    QuotaChange change;
};
[[nodiscard]] Result<FaultRequest> parse_fault(std::string_view json);
[[nodiscard]] Result<QuotaRequest> parse_quota_change(std::string_view json);

}  // namespace squadload::providers
