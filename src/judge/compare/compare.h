// Whether run B is worse than run A. Every figure of every task gets a difference with an interval
// that holds the noise within the runs; what lies beyond noise and beyond a tolerance is a
// regression. Pure functions of two RunResults.
//
// The method. Percentiles: the interval of a quantile's rank is q ± z·sqrt(D·q(1−q)/n), read from
// the histogram (Conover, Practical Nonparametric Statistics, 3.2). Means: z·sqrt(D·variance/n).
// Shares: Wilson's interval over n/D. Two intervals become that of the difference by the square
// root of the squared distances (MOVER: Newcombe 1998, method 10; Zou and Donner 2008). z is for
// 0.1 % over all figures of the comparison together (Bonferroni). D, the design effect, says how
// much more than independent requests the runs vary: the variance of the difference of both
// runs' shares (below common percentiles; of an outcome; of a provider's calls) over up to 20 spans
// of the same schedule time, against the binomial one; 1 where chance makes it so. Where it surely
// is more, z is Student's for that many spans. What both runs do at the same time, an event or a
// ramp, is no noise. The seconds hold all tasks together: times of one task that wander by
// themselves are seen only where they move a percentile of all. Noise between runs (another
// machine, other neighbours) cannot be seen in two runs: the tolerance is for that.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "judge/result/run_result.h"

namespace squadload::compare {

// What a difference must exceed, beside the noise, to be a regression.
struct Tolerance {
    double relative = 0.02;  // of A's figure: times and rates; >= 0
    double time_ms = 1;      // and for times at least this much; >= 0
    double share = 0.001;    // of requests: failed, rate limited; >= 0
};

enum class Finding {
    same,        // within noise
    better,      // beyond noise
    worse,       // beyond noise, within the tolerance
    regression,  // beyond noise and tolerance
    differs,     // beyond noise; neither way is better
    unknown,     // too few samples to tell
};
[[nodiscard]] std::string_view name(Finding finding);  // "within noise", "better", …

struct Difference {
    std::string task;                 // "chat"; "all"; "provider groq"
    std::string figure;               // "p95 response", "failed"
    std::string unit;                 // "ms", "share", "per_s"
    std::optional<double> a, b;       // none: no samples there
    std::optional<double> low, high;  // of b − a; none: unknown
    Finding finding = Finding::unknown;
};

struct ScenarioComparison {
    std::string name;
    std::size_t a = 0, b = 0;             // which scenario of each run
    double design_effect = 1;             // D of response times
    bool effect_seen = false;             // else it is assumed
    std::vector<Difference> differences;  // "all" first, then tasks in A's order, then providers
    std::vector<std::string> notes;       // other load, other length, tasks that only one has …
};

struct Comparison {
    std::vector<ScenarioComparison> scenarios;
    std::vector<std::string> notes;  // scenarios that only one run has
    // Why nothing can be said: a run is VOID, or they have no scenario in common. "": something
    // can.
    std::string void_reason;
    Tolerance tolerance;
    double z = 0;
    std::size_t judged = 0;  // figures that could be compared
    [[nodiscard]] std::size_t count(Finding finding) const;
    [[nodiscard]] int exit_code() const;  // PASS, FAIL for a regression, VOID
};

[[nodiscard]] Comparison compare(const result::RunResult& a, const result::RunResult& b,
                                 const Tolerance& tolerance);

}  // namespace squadload::compare
