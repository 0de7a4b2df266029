// Takes values out of a response into a user's variables. Pure.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "load/http/response_parser.h"
#include "load/scenario/scenario.h"

namespace squadload::http {

// Longer values are refused: a user keeps them, and there may be thousands of users.
inline constexpr std::size_t kMaxExtractedBytes = scenario::kMaxVariableBytes;

// The extractions of one request. Immutable once made; shared by threads.
class Extractor {
  public:
    Extractor() = default;  // extracts nothing
    // `extractions` outlive this; `names` are UserClass::variables, read here only. A regex
    // extraction has its `regex`.
    Extractor(std::span<const scenario::Extraction> extractions,
              std::span<const std::string> names);

    [[nodiscard]] bool empty() const { return extractions_.empty(); }
    // What ResponseParser::start is to keep.
    [[nodiscard]] bool needs_headers() const { return needs_headers_; }
    [[nodiscard]] bool needs_body() const { return needs_body_; }

    // Sets the variables (into[Extraction::variable]), all of them or none, and returns "". Else a
    // sentence that stays the same for the same cause: "extract token: json /token missing". A
    // value that is not there, JSON null, or anything looked for in a body that is not JSON, is the
    // fallback where there is one; a value longer than kMaxExtractedBytes is always refused.
    //
    // JSON strings come unescaped, other JSON values as compact JSON. A value is what the target
    // sent, control characters included: whoever writes it into a request escapes it for the place
    // (scenario::Escape), so that it cannot end a header line. Reuses the variables' memory: no
    // allocation in steady state.
    [[nodiscard]] std::string extract(const ResponseParser& response,
                                      std::span<scenario::Variable> into) const;

  private:
    std::span<const scenario::Extraction> extractions_;
    std::vector<std::string> names_;  // of the variable of each extraction
    bool needs_headers_ = false;
    bool needs_body_ = false;
    bool needs_json_ = false;
};

}  // namespace squadload::http
