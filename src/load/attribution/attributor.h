// Who served a response, was it by fallback, in how many calls: read from where the scenario says
// the target tells. Pure.
#pragma once

#include <array>
#include <span>
#include <vector>

#include "load/http/extract.h"
#include "load/http/response_parser.h"
#include "load/measure/claims.h"
#include "load/scenario/scenario.h"

namespace squadload::attribution {

// Immutable once made; shared by threads.
class Attributor {
  public:
    // What one reader needs beside it; one per thread, reused.
    struct Scratch {
        std::array<scenario::Variable, scenario::Attribution::kFields> values;
    };

    explicit Attributor(const scenario::Attribution& settings);
    Attributor(const Attributor&) = delete;
    Attributor& operator=(const Attributor&) = delete;

    [[nodiscard]] bool empty() const { return extractions_.empty(); }
    // What ResponseParser::start is to keep.
    [[nodiscard]] bool needs_headers() const { return extractor_.needs_headers(); }
    [[nodiscard]] bool needs_body() const { return extractor_.needs_body(); }

    // True when the response names a provider or tells of attempts; then `claim` has what it says,
    // its views valid until the scratch is used again. end, task, status and ok are the caller's.
    // No allocation in steady state.
    [[nodiscard]] bool read(const http::ResponseParser& response, Scratch& scratch,
                            measure::Claim& claim) const;

  private:
    std::vector<scenario::Extraction> extractions_;
    std::vector<std::string> names_;
    http::Extractor extractor_;
};

// "true", "1", "config.targets[1]": yes; "false", "0", "config.targets[0]": no; else unknown.
[[nodiscard]] measure::Claim::Fallback read_fallback(std::string_view text);
// Calls in "groq=429, cerebras=skipped:quota, gemini=ok": 2. A number is that of retries: 1 more
// calls. 0: nothing is told.
[[nodiscard]] std::uint32_t read_calls(std::string_view text);

}  // namespace squadload::attribution
