#include "report/provider_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "judge/result/figures.h"
#include "report/text.h"

namespace squadload::report {
namespace {

using result::ProviderResult;
using result::ScenarioResult;

constexpr std::size_t kShownSpikes = 3;

std::string count_or_dash(std::uint64_t n) {
    return n == 0 ? "–" : result::thousands(n);
}

std::string peak(const ProviderResult& p) {
    const std::string limit =
        p.limit_per_minute == 0 ? "not reported" : result::thousands(p.limit_per_minute);
    return fmt::format("{} / {}", result::thousands(p.peak_per_minute), limit);
}

std::vector<std::string> times(const std::vector<ProviderResult>& providers,
                               double result::Summary::* figure) {
    std::vector<std::string> out;
    for (const auto& p : providers) {
        const auto s = result::summarize(p.time);
        out.push_back(s.count == 0 ? "–" : result::ms(s.*figure));
    }
    align_points(out);
    return out;
}

std::string at(double seconds) {
    return result::clock(from_seconds(std::max(0.0, seconds)));
}

std::string rows(const ScenarioResult& s, const Style& style) {
    const auto& shown = s.provider_columns;
    std::vector<Column> columns{
        {"provider", false}, {"calls"}, {"share"}, {"mean ms", true, 2}, {"p95 ms"}};
    if (shown.responses_429) columns.push_back({"429"});
    columns.push_back({"failed"});
    if (shown.rpm) columns.push_back({"rpm peak / limit", true, 1});
    if (shown.fallback) columns.push_back({"served as fallback"});
    Table table(columns);
    const auto means = times(s.providers, &result::Summary::mean);
    const auto p95s = times(s.providers, &result::Summary::p95);
    for (std::size_t i = 0; i < s.providers.size(); ++i) {
        const auto& p = s.providers[i];
        std::vector<Segment> row{{p.name},
                                 {result::thousands(p.calls())},
                                 {result::percent(result::share(p, s.providers), 0)},
                                 {means[i]},
                                 {p95s[i]}};
        if (shown.responses_429)
            row.push_back({result::thousands(p.responses_429),
                           p.responses_429 > 0 ? Tone::rate_limited : Tone::plain});
        row.push_back({result::thousands(p.failed), p.failed > 0 ? Tone::failed : Tone::plain});
        if (shown.rpm) row.push_back({peak(p)});
        if (shown.fallback) row.push_back({count_or_dash(p.served_as_fallback)});
        table.add(std::move(row));
    }
    std::string out;
    for (const auto& line : table.lines(style)) out += line + "\n";
    return out;
}

// "fallbacks 2,700 (quota 2,610, rate_limited 90) · 1.31 attempts per request".
std::string fallback_line(const ScenarioResult& s) {
    std::map<std::string, std::uint64_t> reasons;
    std::uint64_t attempts = 0, with_attempts = 0;
    for (const auto& p : s.providers) {
        for (const auto& one : p.responses.fallback_reasons) reasons[one.reason] += one.count;
        attempts += p.responses.attempts;
        with_attempts += p.responses.with_attempts;
    }
    std::string out;
    const auto n = result::fallbacks(s.providers);
    if (s.provider_columns.fallback && n > 0) {
        out = fmt::format(" fallbacks {}", result::thousands(n));
        std::string why;
        for (const auto& [reason, count] : reasons)
            why +=
                fmt::format("{}{} {}", why.empty() ? "" : ", ", reason, result::thousands(count));
        if (!why.empty()) out += fmt::format(" ({})", why);
    }
    if (with_attempts > 0)
        out += fmt::format(
            "{}{} attempts per request", out.empty() ? " " : " · ",
            result::number(static_cast<double>(attempts) / static_cast<double>(with_attempts), 2));
    return out;
}

std::string spike_text(const std::string& provider, const result::Spike429& spike) {
    return fmt::format(" 429 spike on {} at {}: {} in {} s", provider, at(spike.at_s),
                       result::thousands(spike.count), result::number(spike.duration_s, 1));
}

std::string event_text(const result::FiredEvent& event) {
    std::string text = fmt::format(" event {}", at(to_seconds(event.at)));
    if (event.until) text += fmt::format("–{}", at(to_seconds(*event.until)));
    text += " " + event.label;
    if (!event.error.empty()) text += fmt::format(": did not come to pass: {}", event.error);
    return text;
}

}  // namespace

std::string provider_table(const ScenarioResult& s, const Style& style) {
    if (s.providers.empty() && s.events.empty()) return {};
    std::string out = "\n";
    const auto add = [&](const std::string& text, Tone tone) {
        std::string indent = " ";
        for (const auto& part : wrapped(printable(text, style), columns(style) - 3)) {
            out += painted(indent + part, tone, style) + "\n";
            indent = "   ";
        }
    };
    if (!s.providers.empty()) out += rows(s, style);
    add(fallback_line(s), Tone::muted);
    for (const auto& p : s.providers) {
        if (!s.provider_columns.responses_429) break;
        for (std::size_t i = 0; i < std::min(p.spikes.size(), kShownSpikes); ++i)
            add(spike_text(p.name, p.spikes[i]), Tone::rate_limited);
        if (p.spikes.size() > kShownSpikes)
            add(fmt::format(" … {} more spikes on {}", p.spikes.size() - kShownSpikes, p.name),
                Tone::muted);
    }
    for (const auto& event : s.events)
        add(event_text(event), event.error.empty() ? Tone::muted : Tone::failed);
    return out;
}

}  // namespace squadload::report
