#include "judge/result/run_result.h"

namespace squadload::result {

std::string_view name(Verdict v) {
    switch (v) {
        case Verdict::pass:
            return "PASS";
        case Verdict::fail:
            return "FAIL";
        case Verdict::void_run:
            return "VOID";
        case Verdict::interrupted:
            break;
    }
    return "INTERRUPTED";
}

std::string_view name(WitnessAnswer answer) {
    switch (answer) {
        case WitnessAnswer::kept:
            return "kept";
        case WitnessAnswer::within_jitter:
            return "within jitter";
        case WitnessAnswer::broken:
            return "broken";
        case WitnessAnswer::not_exercised:
            break;
    }
    return "not exercised";
}

std::string_view name(CriterionAnswer answer) {
    switch (answer) {
        case CriterionAnswer::met:
            return "met";
        case CriterionAnswer::not_met:
            return "not met";
        case CriterionAnswer::left_out:
            return "left out";
        case CriterionAnswer::not_exercised:
            break;
    }
    return "not exercised";
}

std::uint64_t fallbacks(const std::vector<ProviderResult>& all) {
    std::uint64_t sum = 0;
    for (const auto& one : all) sum += one.served_as_fallback;
    return sum;
}

Summary summarize(const measure::Histogram& h) {
    Summary s;
    s.count = h.count();
    s.mean = h.mean_ns() / 1e6;
    s.min = to_ms(h.min());
    s.p50 = to_ms(h.percentile(0.50));
    s.p75 = to_ms(h.percentile(0.75));
    s.p90 = to_ms(h.percentile(0.90));
    s.p95 = to_ms(h.percentile(0.95));
    s.p99 = to_ms(h.percentile(0.99));
    s.p99_9 = to_ms(h.percentile(0.999));
    s.max = to_ms(h.max());
    return s;
}

Rates rates(const measure::OutcomeCounts& counts) {
    Rates r;
    if (counts.requests() == 0) return r;
    const auto all = static_cast<double>(counts.requests());
    r.success = static_cast<double>(counts.ok()) / all;
    r.rate_limited = static_cast<double>(counts.rate_limited()) / all;
    r.failure = static_cast<double>(counts.failed()) / all;
    r.server_error = static_cast<double>(counts[measure::Outcome::server_error]) / all;
    return r;
}

double rate_limited_share(const measure::TaskStats& stats) {
    const auto tries = stats.outcomes.requests() + stats.retries;
    const auto refused = stats.outcomes.rate_limited() + stats.retries;
    return tries == 0 ? 0 : static_cast<double>(refused) / static_cast<double>(tries);
}

double share(const ProviderResult& provider, const std::vector<ProviderResult>& all) {
    std::uint64_t calls = 0;
    for (const auto& one : all) calls += one.calls();
    return calls == 0 ? 0 : static_cast<double>(provider.calls()) / static_cast<double>(calls);
}

double throughput_per_s(const measure::OutcomeCounts& counts, double duration_s) {
    return duration_s > 0 ? static_cast<double>(counts.completed()) / duration_s : 0;
}

}  // namespace squadload::result
