#include "report/open_metrics.h"

#include <fmt/format.h>

#include <array>
#include <cmath>
#include <iterator>

#include "base/utf8.h"

namespace squadload::report {
namespace {

using measure::Histogram;
using measure::Outcome;

// Upper bounds in seconds. Answers of LLMs take long: up to two minutes.
constexpr std::array kTimeBounds{0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1,  0.25, 0.5,  0.75,
                                 1.0,   1.5,    2.0,   3.0,  5.0,   10.0, 30.0, 60.0, 120.0};
constexpr std::array kLagBounds{0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005,
                                0.01,    0.025,  0.05,    0.1,    0.25,  1.0};
constexpr const char* kEnd = "# EOF\n";

// In the quotes of a label.
std::string escaped(std::string_view text) {
    std::string out;
    for (const char c : valid_utf8(text)) {
        if (c == '\\' || c == '"')
            out += std::string("\\") + c;
        else if (c == '\n')
            out += "\\n";
        else
            out += c;
    }
    return out;
}

// "1.0", "0.25": as the specification wants bounds spelled.
std::string number(double value) {
    return value == std::floor(value) ? fmt::format("{:.1f}", value) : fmt::format("{}", value);
}

class Page {
  public:
    explicit Page(const std::string& scenario)
        : scenario_(fmt::format("scenario=\"{}\"", escaped(scenario))) {}

    void family(const char* name, const char* type, const char* help, const char* unit = nullptr) {
        add("# TYPE {} {}\n", name, type);
        if (unit != nullptr) add("# UNIT {} {}\n", name, unit);
        add("# HELP {} {}\n", name, help);
    }
    // `labels`: beside the scenario, "" or ",task=\"chat\"".
    void sample(const char* name, const std::string& labels, double value) {
        add("{}{{{}{}}} {}\n", name, scenario_, labels, value);
    }
    void sample(const char* name, const std::string& labels, std::uint64_t value) {
        add("{}{{{}{}}} {}\n", name, scenario_, labels, value);
    }
    template <std::size_t N>
    void histogram(const char* name, const std::string& labels, const Histogram& h,
                   const std::array<double, N>& bounds) {
        for (const double bound : bounds)
            add("{}_bucket{{{}{},le=\"{}\"}} {}\n", name, scenario_, labels, number(bound),
                h.count_at_or_below(from_seconds(bound)));
        add("{}_bucket{{{}{},le=\"+Inf\"}} {}\n", name, scenario_, labels, h.count());
        add("{}_count{{{}{}}} {}\n", name, scenario_, labels, h.count());
        add("{}_sum{{{}{}}} {}\n", name, scenario_, labels, h.sum_ns() / 1e9);
    }
    [[nodiscard]] std::string finished() && { return std::move(text_ += kEnd); }

  private:
    template <class... T>
    void add(fmt::format_string<T...> format, T&&... values) {
        fmt::format_to(std::back_inserter(text_), format, std::forward<T>(values)...);
    }
    std::string scenario_;
    std::string text_;
};

std::string label(const char* name, std::string_view value) {
    return fmt::format(",{}=\"{}\"", name, escaped(value));
}

void add_tasks(Page& page, const std::vector<std::string>& names,
               const std::vector<measure::TaskStats>& tasks) {
    page.family("squadload_requests", "counter",
                "Requests that ended, by outcome; unsent ones too.");
    for (std::size_t i = 0; i < tasks.size(); ++i)
        for (std::size_t o = 0; o < measure::kOutcomes; ++o) {
            const auto outcome = static_cast<Outcome>(o);
            page.sample("squadload_requests_total",
                        label("task", names[i]) + label("outcome", measure::name(outcome)),
                        tasks[i].outcomes[outcome]);
        }
    page.family("squadload_response_time_seconds", "histogram",
                "Response time from the intended start.", "seconds");
    for (std::size_t i = 0; i < tasks.size(); ++i)
        page.histogram("squadload_response_time_seconds", label("task", names[i]),
                       tasks[i].response_time, kTimeBounds);
}

void add_generator(Page& page, const engine::Progress& progress) {
    Histogram lag;
    for (const auto& task : progress.totals.tasks) lag.merge(task.generator_lag);
    page.family("squadload_generator_lag_seconds", "histogram",
                "How late requests started while nothing but the generator was in the way.",
                "seconds");
    page.histogram("squadload_generator_lag_seconds", "", lag, kLagBounds);
    const auto counter = [&](const char* name, const char* sample, const char* help,
                             std::uint64_t value) {
        page.family(name, "counter", help);
        page.sample(sample, "", value);
    };
    counter("squadload_scheduled", "squadload_scheduled_total", "Requests that fell due.",
            progress.totals.scheduled);
    counter("squadload_started", "squadload_started_total", "Requests that were started.",
            progress.totals.started);
    const auto gauge = [&](const char* name, const char* help, double value) {
        page.family(name, "gauge", help);
        page.sample(name, "", value);
    };
    gauge("squadload_in_flight", "Requests in flight.", progress.point.in_flight);
    gauge("squadload_backlog", "Requests due and not started.", progress.point.backlog);
    gauge("squadload_users", "Users; in the open model those at work.", progress.point.users);
    page.family("squadload_elapsed_seconds", "gauge", "Since the start of the scenario.",
                "seconds");
    page.sample("squadload_elapsed_seconds", "", to_seconds(progress.elapsed));
}

void add_providers(Page& page, const std::vector<measure::ProviderStats>& providers) {
    if (providers.empty()) return;
    const auto counter = [&](const char* name, const char* sample, const char* help,
                             std::uint64_t measure::ProviderStats::* figure) {
        page.family(name, "counter", help);
        for (const auto& p : providers) page.sample(sample, label("provider", p.name), p.*figure);
    };
    counter("squadload_provider_responses", "squadload_provider_responses_total",
            "Responses that named the provider.", &measure::ProviderStats::responses);
    counter("squadload_provider_fallbacks", "squadload_provider_fallbacks_total",
            "Of them, served as a fallback.", &measure::ProviderStats::fallbacks);
}

}  // namespace

std::string open_metrics(const std::string& scenario, const std::vector<std::string>& tasks,
                         const engine::Progress& progress) {
    Page page(scenario);
    add_tasks(page, tasks, progress.totals.tasks);
    add_generator(page, progress);
    add_providers(page, progress.totals.providers.all());
    return std::move(page).finished();
}

std::string no_open_metrics() {
    return kEnd;
}

}  // namespace squadload::report
