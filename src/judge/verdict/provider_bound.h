// Bounds on the providers' side, judged once a scenario is over. Pure.
//
//   provider(NAME).FIGURE COMPARISON VALUE
//       FIGURE: rpm (most calls in any minute; VALUE a number or `limit`, the declared one), calls,
//       ok, failed, responses_429, fallbacks (served for a chain that begins elsewhere): whole
//       numbers; share: 60% or 0.6; mean, max, p50 … p99.9 of its ok calls: 300ms, 2s.
//       NAME *: every provider has to.
//   fallbacks COMPARISON N          requests served as fallback, by all providers
//   witness(CHECK) == kept          the check was exercised, and no row of it is broken
//   witness(CHECK, NAME) == kept    the same of one provider
//       CHECK: a check's name, or all: no check is broken and one was exercised at least.
//
// What is not exercised, or not known, never meets a bound.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "judge/result/run_result.h"
#include "judge/verdict/threshold.h"
#include "load/scenario/scenario.h"

namespace squadload::verdict {

struct ProviderBound {
    enum class Subject { provider, fallbacks, witness };
    enum class Figure {
        rpm,
        calls,
        ok,
        failed,
        responses_429,
        fallbacks,
        share,
        mean,
        max,
        quantile
    };
    std::string name;  // the expression as written
    Subject subject = Subject::provider;
    std::string provider;  // "*": every one; "" for fallbacks, and for a check over all of them
    Figure figure = Figure::rpm;
    double quantile = 0;
    std::string check;  // of the witness
    Comparison comparison = Comparison::less;
    double bound = 0;            // count, share or ms
    bool against_limit = false;  // the bound is the provider's declared limit
};

// Whether an expression is one of these, rather than one on requests (threshold.h).
[[nodiscard]] bool is_provider_expression(std::string_view text);

// Those among a scenario's bounds; the others are left to compile(). Errors (kind config) at the
// entry's mark: malformed expression, unknown figure or check.
[[nodiscard]] Result<std::vector<ProviderBound>> compile_provider_bounds(
    const std::vector<scenario::ThresholdEntry>& entries);

[[nodiscard]] result::ThresholdResult judge(const ProviderBound& bound,
                                            const result::ScenarioResult& scenario);

// The names a witness(…) may have: those of judge/witness and judge/observe.
[[nodiscard]] const std::vector<std::string>& witness_check_names();

// What all rows of one check come to, of one provider ("": of all). None: not exercised.
[[nodiscard]] result::WitnessAnswer answer_of(const std::vector<result::WitnessCheck>& rows,
                                              std::string_view check, std::string_view provider);

}  // namespace squadload::verdict
