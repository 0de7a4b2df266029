#include "report/provider_table.h"

#include <fmt/format.h>

#include "judge/result/figures.h"
#include "report/text.h"

namespace squadload::report {
namespace {

std::string count_or_dash(std::uint64_t n) {
    return n == 0 ? "–" : result::thousands(n);
}

std::string peak(const result::ProviderResult& p) {
    const std::string limit = p.limit_per_minute == 0 ? "–" : result::thousands(p.limit_per_minute);
    return fmt::format("{} / {}", result::thousands(p.peak_per_minute), limit);
}

std::vector<std::string> times(const std::vector<result::ProviderResult>& providers,
                               double result::Summary::* figure) {
    std::vector<std::string> out;
    for (const auto& p : providers) {
        const auto s = result::summarize(p.time);
        out.push_back(s.count == 0 ? "–" : result::ms(s.*figure));
    }
    align_points(out);
    return out;
}

}  // namespace

std::string provider_table(const std::vector<result::ProviderResult>& providers,
                           const Style& style) {
    if (providers.empty()) return {};
    Table table({{"provider", false},
                 {"calls"},
                 {"share"},
                 {"mean ms", true, 2},
                 {"p95 ms"},
                 {"429"},
                 {"failed"},
                 {"rpm peak / limit", true, 1},
                 {"served as fallback"}});
    const auto means = times(providers, &result::Summary::mean);
    const auto p95s = times(providers, &result::Summary::p95);
    for (std::size_t i = 0; i < providers.size(); ++i) {
        const auto& p = providers[i];
        table.add({{p.name},
                   {result::thousands(p.calls())},
                   {result::percent(result::share(p, providers), 0)},
                   {means[i]},
                   {p95s[i]},
                   {result::thousands(p.responses_429),
                    p.responses_429 > 0 ? Tone::rate_limited : Tone::plain},
                   {result::thousands(p.failed), p.failed > 0 ? Tone::failed : Tone::plain},
                   {peak(p)},
                   {count_or_dash(p.served_as_fallback)}});
    }
    std::string out = "\n";
    for (const auto& line : table.lines(style)) out += line + "\n";
    return out;
}

}  // namespace squadload::report
