// What is shown while a scenario runs: the live view and the lines for pipes.
#include <fmt/core.h>

#include <algorithm>
#include <cmath>

#include "judge/result/figures.h"
#include "judge/verdict/verdict.h"
#include "report/console.h"
#include "report/text.h"

namespace squadload::report {
namespace {

using engine::Progress;
using measure::TaskStats;
using scenario::Model;
using verdict::Figure;

constexpr std::size_t kSparkSeconds = 20;

bool ends_by_time(const scenario::Scenario& s) {
    return s.duration > Nanos{0} && s.duration != Nanos::max();
}

// Intended starts over the whole run; 0 when only time ends it.
double expected_requests(const scenario::Scenario& s) {
    double total = 0;
    if (s.model == Model::open) {
        for (const auto& stage : s.rates) {
            total += to_seconds(stage.duration) * (stage.start_per_s + stage.end_per_s) / 2;
        }
    }
    if (!s.requests) return total;
    const auto limit = static_cast<double>(*s.requests);
    return total > 0 ? std::min(total, limit) : limit;
}

// Of what the schedule asks for: iterations in the open model, requests in the closed one.
std::uint64_t due_so_far(const Progress& p) {
    return p.totals.arrivals > 0 ? p.totals.arrivals : p.totals.scheduled;
}

// Part of the schedule that has passed: by time, or by requests where those end it first.
double share_done(const scenario::Scenario& s, const Progress& p) {
    double share = 0;
    if (ends_by_time(s)) share = to_seconds(p.elapsed) / to_seconds(s.duration);
    if (s.requests && *s.requests > 0) {
        share =
            std::max(share, static_cast<double>(due_so_far(p)) / static_cast<double>(*s.requests));
    }
    return std::clamp(share, 0.0, 1.0);
}

bool draining(const scenario::Scenario& s, const Progress& p) {
    return share_done(s, p) >= 1;
}

std::string time_text(const scenario::Scenario& s, const Progress& p, const char* slash) {
    std::string out = result::clock(p.elapsed);
    if (ends_by_time(s)) out += slash + result::clock(s.duration);
    return out;
}

std::string bar_line(const LiveContext& c, const Progress& p, const Style& style) {
    const auto& s = c.scenario;
    const double share = share_done(s, p);
    std::string counts = result::thousands(due_so_far(p));
    if (const double total = expected_requests(s); total > 0) {
        counts += " of " + result::number(total, 0);
    } else {
        counts += " requests";
    }
    const std::string rest = fmt::format("{:>3.0f} %   {}   {}", std::floor(share * 100),
                                         time_text(s, p, " / "), counts);
    const int width = std::clamp(columns(style) - display_width(rest) - 4, 0, 28);
    std::vector<Segment> segments{{"["}, {bar(share, width, style), Tone::ok}, {"] "}, {rest}};
    return line(segments, style);
}

std::string rate_line(const LiveContext& c, const Progress& p,
                      const std::vector<measure::SeriesPoint>& series, const Style& style) {
    const auto& point = p.point;
    std::vector<double> started;
    double top = 1;
    const std::size_t first = series.size() > kSparkSeconds ? series.size() - kSparkSeconds : 0;
    for (std::size_t i = first; i < series.size(); ++i) {
        started.push_back(static_cast<double>(series[i].started));
        top = std::max({top, started.back(), static_cast<double>(series[i].scheduled)});
    }
    std::vector<Segment> segments{
        {fmt::format(" rate      {}/s", result::thousands(point.started))}};
    if (c.scenario.model == Model::open) {
        segments.push_back(
            {fmt::format(" of {}/s", result::thousands(point.scheduled)), Tone::muted});
    } else {
        segments.push_back({fmt::format(" by {} of {}", result::thousands(point.users),
                                        result::plural(c.scenario.users, "user")),
                            Tone::muted});
    }
    segments.push_back({" " + sparkline(started, top, style), Tone::ok});
    const char* state = draining(c.scenario, p) ? "  awaiting " : "  in flight ";
    segments.push_back({state + result::thousands(point.in_flight)});
    if (point.backlog > 0) {
        segments.push_back(
            {fmt::format("  waiting {}", result::thousands(point.backlog)), Tone::rate_limited});
    }
    return line(segments, style);
}

// " (> 99 %)" of the bound on that figure over all tasks, and whether it is broken.
struct Bound {
    std::string text;
    bool broken = false;
};

Bound bound_on(const LiveContext& c, const TaskStats& all, double seconds, Figure figure,
               double quantile = 0) {
    for (const auto& t : c.thresholds) {
        if (!t.entries.empty() || t.figure != figure || std::abs(t.quantile - quantile) > 1e-9)
            continue;
        const auto judged = verdict::judge_stats(t, all, seconds);
        std::string text = judged.bound;
        if (text.ends_with(" ms")) text.resize(text.size() - 3);
        return {" (" + text + ")", judged.actual_value.has_value() && !judged.pass};
    }
    return {};
}

// A figure with the bound it must meet. The mark of a broken one goes with the figure, so that it
// stays where the terminal is too narrow for bounds.
struct Shown {
    std::string text;
    Tone tone;
    Bound bound;
};

std::string figures_line(const std::vector<Shown>& figures, const Style& style) {
    const auto segments = [&](bool with_bounds) {
        std::vector<Segment> out;
        for (const auto& f : figures) {
            out.push_back(
                {f.text + (f.bound.broken ? " ✘" : "") + (with_bounds ? f.bound.text : ""),
                 f.bound.broken ? Tone::failed : f.tone});
        }
        return out;
    };
    int width = 0;
    for (const auto& segment : segments(true))
        width += display_width(printable(segment.text, style));
    return line(segments(width <= columns(style)), style);
}

std::string success_line(const LiveContext& c, const TaskStats& all, double seconds,
                         const Style& style) {
    const auto rates = result::rates(all.outcomes);
    const auto tone = [](double share, Tone bad) { return share > 0 ? bad : Tone::plain; };
    const auto bound = [&](Figure figure) { return bound_on(c, all, seconds, figure); };
    return figures_line(
        {{" success   " + result::percent(rates.success), Tone::plain, bound(Figure::success_rate)},
         {"  429 " + result::percent(rates.rate_limited),
          tone(rates.rate_limited, Tone::rate_limited), bound(Figure::rate_limited_rate)},
         {"  failed " + result::percent(rates.failure), tone(rates.failure, Tone::failed),
          bound(Figure::failure_rate)}},
        style);
}

std::string response_line(const LiveContext& c, const TaskStats& all, double seconds,
                          const Style& style) {
    const auto time = result::summarize(all.response_time);
    const auto bound = [&](double quantile) {
        return bound_on(c, all, seconds, Figure::percentile, quantile);
    };
    return figures_line({{" response  p50 " + result::ms(time.p50), Tone::plain, bound(0.5)},
                         {"  p95 " + result::ms(time.p95), Tone::plain, bound(0.95)},
                         {"  p99 " + result::ms(time.p99), Tone::plain, bound(0.99)},
                         {"  max " + result::ms(time.max) + " ms", Tone::plain,
                          bound_on(c, all, seconds, Figure::max)}},
                        style);
}

std::string lag_line(const Progress& p, const Style& style) {
    std::vector<Segment> segments{
        {fmt::format(" lag p99   {} ms", result::ms(p.point.generator_lag_p99_ms)), Tone::muted}};
    segments.push_back({fmt::format("  blocked p99 {} ms", result::ms(p.point.blocked_p99_ms)),
                        p.point.blocked_p99_ms >= 1 ? Tone::rate_limited : Tone::muted});
    return line(segments, style);
}

std::string failure_line(const Progress& p, const Style& style) {
    const auto& groups = p.totals.failures.groups();
    const auto most =
        std::max_element(groups.begin(), groups.end(),
                         [](const auto& a, const auto& b) { return a.count < b.count; });
    if (most == groups.end()) return {};
    const std::string text = fmt::format(" failing   {} {}: {}", result::thousands(most->count),
                                         measure::name(most->outcome), most->message);
    return line({{cut(printable(text, style), columns(style) - 2), Tone::failed}}, style);
}

constexpr int kWide = 100;  // columns that have room for bars

// Who served, as responses say: shares, then requests served by another than the first of a chain.
std::string providers_line(const Progress& p, const Style& style) {
    std::uint64_t all = 0;
    for (const auto& provider : p.totals.providers.all()) all += provider.responses;
    if (all == 0) return {};
    std::vector<Segment> segments{{" providers"}};
    std::uint64_t fallbacks = 0;
    for (const auto& provider : p.totals.providers.all()) {
        fallbacks += provider.fallbacks;
        const double share = static_cast<double>(provider.responses) / static_cast<double>(all);
        segments.push_back({fmt::format(" {} {}", provider.name, result::percent(share, 0))});
        segments.push_back(
            {columns(style) < kWide ? " " : " " + bar(share, 6, style), Tone::muted});
    }
    if (fallbacks > 0)
        segments.push_back({" " + result::plural(fallbacks, "fallback"), Tone::rate_limited});
    return line(segments, style);
}

}  // namespace

std::vector<std::string> live_view(const LiveContext& c, const Progress& p,
                                   const std::vector<measure::SeriesPoint>& series,
                                   const Style& style) {
    const TaskStats all = verdict::pooled(p.totals.tasks);
    const double seconds = to_seconds(p.elapsed);
    std::vector<std::string> out{bar_line(c, p, style), "", rate_line(c, p, series, style)};
    if (all.outcomes.requests() == 0) {
        out.push_back(line({{" no request has ended yet", Tone::muted}}, style));
        return out;
    }
    out.push_back(success_line(c, all, seconds, style));
    out.push_back(response_line(c, all, seconds, style));
    out.push_back(lag_line(p, style));
    if (auto providers = providers_line(p, style); !providers.empty())
        out.push_back(std::move(providers));
    if (auto failing = failure_line(p, style); !failing.empty()) out.push_back(std::move(failing));
    return out;
}

std::string progress_line(const LiveContext& c, const Progress& p) {
    const TaskStats all = verdict::pooled(p.totals.tasks);
    const auto& s = c.scenario;
    std::string out =
        fmt::format("{} {} {}/s", s.name, time_text(s, p, "/"), result::thousands(p.point.started));
    if (s.model == Model::closed) out += " " + result::plural(p.point.users, "user");
    if (all.outcomes.requests() == 0) {
        out += " no request has ended yet";
    } else {
        const auto rates = result::rates(all.outcomes);
        out += fmt::format(" ok {} 429 {} failed {} p50 {} p95 {} max {} ms",
                           result::percent(rates.success), result::percent(rates.rate_limited),
                           result::percent(rates.failure),
                           result::ms(to_ms(all.response_time.percentile(0.5))),
                           result::ms(to_ms(all.response_time.percentile(0.95))),
                           result::ms(to_ms(all.response_time.max())));
    }
    out += fmt::format(" lag p99 {} ms in flight {}", result::ms(p.point.generator_lag_p99_ms),
                       result::thousands(p.point.in_flight));
    if (p.point.backlog > 0) out += " waiting " + result::thousands(p.point.backlog);
    return printable(out, Style{.colour = false, .unicode = true, .width = 80});
}

}  // namespace squadload::report
