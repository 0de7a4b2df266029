#include "report/locust_csv.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <tuple>
#include <utility>
#include <vector>

#include "judge/result/figures.h"

namespace squadload::report {
namespace {

using measure::RoundedTimes;
using result::ScenarioResult;

constexpr std::array kPercentiles{0.50, 0.66, 0.75,  0.80,   0.90, 0.95,
                                  0.98, 0.99, 0.999, 0.9999, 1.0};
constexpr const char* kPercentileTitles = "50%,66%,75%,80%,90%,95%,98%,99%,99.9%,99.99%,100%";

// Of a StatsEntry.
struct Entry {
    std::uint64_t requests = 0, failures = 0;
    double total_ms = 0, min_ms = 0, max_ms = 0;
    std::uint64_t content = 0;  // bytes
    RoundedTimes times;
};

void add(Entry& entry, const measure::TaskStats& stats) {
    const auto& time = stats.response_time;
    if (time.count() == 0) return;
    entry.min_ms =
        entry.requests == 0 ? to_ms(time.min()) : std::min(entry.min_ms, to_ms(time.min()));
    entry.max_ms = std::max(entry.max_ms, to_ms(time.max()));
    entry.requests += stats.outcomes.requests();
    entry.failures += stats.outcomes.requests() - stats.outcomes.ok();
    entry.total_ms += time.sum_ns() / 1e6;
    entry.content += stats.body_bytes;
    entry.times.merge(stats.rounded_times);
}

void add(Entry& entry, const measure::SeriesPoint& point) {
    const auto requests = point.outcomes.requests();
    if (requests == 0) return;
    entry.min_ms = entry.requests == 0 ? point.min_ms : std::min(entry.min_ms, point.min_ms);
    entry.max_ms = std::max(entry.max_ms, point.max_ms);
    entry.requests += requests;
    entry.failures += requests - point.outcomes.ok();
    entry.total_ms += point.sum_ms;
    entry.content += point.body_bytes;
    entry.times.merge(point.rounded_times);
}

// As csv.writer's dialect "excel" quotes: only where it must.
std::string cell(const std::string& text) {
    if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
    std::string out = "\"";
    for (const char c : text) {
        if (c == '"') out += '"';
        out += c;
    }
    return out + "\"";
}

void add_row(std::string& out, const std::vector<std::string>& cells) {
    for (std::size_t i = 0; i < cells.size(); ++i) {
        if (i > 0) out += ',';
        out += cell(cells[i]);
    }
    out += "\r\n";
}

// The value at each of the ascending 0-based ranks.
std::vector<std::uint32_t> at_ranks(const RoundedTimes& times,
                                    const std::vector<std::uint64_t>& ranks) {
    std::vector<std::uint32_t> out;
    std::uint64_t below = 0;
    times.for_each([&](std::uint32_t ms, std::uint64_t count) {
        below += count;
        while (out.size() < ranks.size() && ranks[out.size()] < below) out.push_back(ms);
    });
    return out;
}

// calculate_response_time_percentile(): rank min(floor(n * p), n - 1), the product in floats.
std::vector<std::string> percentiles(const Entry& entry) {
    const auto n = entry.times.count();
    if (n == 0) return std::vector<std::string>(kPercentiles.size(), "N/A");
    std::vector<std::uint64_t> ranks;
    for (const double p : kPercentiles)
        ranks.push_back(std::min(static_cast<std::uint64_t>(static_cast<double>(n) * p), n - 1));
    std::vector<std::string> out;
    for (const auto ms : at_ranks(entry.times, ranks)) out.push_back(std::to_string(ms));
    return out;
}

// StatsEntry.median_response_time: the lower middle, held within the unrounded extremes.
std::string median(const Entry& entry) {
    const auto n = entry.times.count();
    if (n == 0) return "0";
    const std::uint32_t middle = at_ranks(entry.times, {(n - 1) / 2}).front();
    if (middle > entry.max_ms) return python_float(entry.max_ms);
    if (middle < entry.min_ms) return python_float(entry.min_ms);
    // Python's round() gives whole numbers below 100 ms and floats above.
    return middle < 100 ? std::to_string(middle) : python_float(middle);
}

double per(double value, std::uint64_t n) {
    return value / static_cast<double>(n);
}

// Median, average, minimum, maximum, content size.
std::vector<std::string> times(const Entry& entry) {
    if (entry.requests == 0) return {"0", "0", "0", "0", "0"};
    return {median(entry), python_float(per(entry.total_ms, entry.requests)),
            entry.min_ms == 0 ? "0" : python_float(entry.min_ms),
            entry.max_ms == 0 ? "0" : python_float(entry.max_ms),
            python_float(per(static_cast<double>(entry.content), entry.requests))};
}

void append(std::vector<std::string>& row, const std::vector<std::string>& cells) {
    row.insert(row.end(), cells.begin(), cells.end());
}

std::string rate(std::uint64_t n, double seconds) {
    return seconds > 0 ? python_float(static_cast<double>(n) / seconds) : "0.0";
}

std::string stats_csv(const ScenarioResult& s) {
    std::string out = fmt::format(
        "Type,Name,Request Count,Failure Count,Median Response Time,Average Response Time,Min "
        "Response Time,Max Response Time,Average Content Size,Requests/s,Failures/s,{}\r\n",
        kPercentileTitles);
    std::map<std::pair<std::string, std::string>, Entry> entries;  // by (name, method), as Locust
    Entry all;
    for (const auto& task : s.tasks) {
        if (task.stats.outcomes.requests() == 0) continue;
        add(entries[{task.entry_name, task.method}], task.stats);
    }
    add(all, s.totals);
    const auto line = [&](const std::string& method, const std::string& name, const Entry& entry) {
        std::vector<std::string> row{method, name, std::to_string(entry.requests),
                                     std::to_string(entry.failures)};
        append(row, times(entry));
        append(row, {rate(entry.requests, s.duration_s), rate(entry.failures, s.duration_s)});
        append(row, percentiles(entry));
        add_row(out, row);
    };
    for (const auto& [key, entry] : entries) line(key.second, key.first, entry);
    line("", "Aggregated", all);
    return out;
}

// StatsEntry.current_rps: the mean over ten whole seconds, that of the last request and the two
// before it left out.
double current(const std::vector<std::uint64_t>& per_second, std::size_t last) {
    const std::size_t end = last < 2 ? 0 : last - 2;
    const std::size_t begin = last < 12 ? 0 : last - 12;
    if (begin >= end) return 0;
    std::uint64_t sum = 0;
    for (std::size_t i = begin; i < end; ++i) sum += per_second[i];
    return per(static_cast<double>(sum), end - begin);
}

std::string history_csv(const ScenarioResult& s, WallTime started) {
    std::string out = fmt::format(
        "Timestamp,User Count,Type,Name,Requests/s,Failures/s,{},Total Request Count,Total Failure "
        "Count,Total Median Response Time,Total Average Response Time,Total Min Response Time,"
        "Total Max Response Time,Total Average Content Size\r\n",
        kPercentileTitles);
    const auto begin = std::chrono::floor<std::chrono::seconds>(started).time_since_epoch() /
                       std::chrono::seconds{1};
    Entry all;
    std::vector<std::uint64_t> requests, failures;
    std::size_t last = 0;
    for (const auto& point : s.series) {
        add(all, point);
        requests.push_back(point.outcomes.requests());
        failures.push_back(requests.back() - point.outcomes.ok());
        if (requests.back() > 0) last = requests.size() - 1;
        std::vector<std::string> row{std::to_string(begin + point.second + 1),
                                     std::to_string(point.users),
                                     "",
                                     "Aggregated",
                                     fmt::format("{:.6f}", current(requests, last)),
                                     fmt::format("{:.6f}", current(failures, last))};
        append(row, percentiles(all));
        append(row, {std::to_string(all.requests), std::to_string(all.failures)});
        append(row, times(all));
        add_row(out, row);
    }
    return out;
}

std::string failures_csv(const ScenarioResult& s, WallTime started) {
    struct Error {
        std::uint64_t count = 0;
        std::string first, last;
    };
    std::map<std::tuple<std::string, std::string, std::string>, Error>
        errors;  // name, method, text
    const auto add_error = [&](const result::TaskResult& task, const std::string& text) -> Error& {
        return errors[{task.entry_name, task.method, text}];
    };
    const auto at = [&](Nanos t) {
        const auto iso = utc_iso8601(started + t);
        return iso.substr(0, iso.find('.')) + "Z";
    };
    for (const auto& f : s.failures) {
        if (f.task >= s.tasks.size()) continue;
        auto& error = add_error(s.tasks[f.task], f.message);
        error.count += f.count;
        error.first = error.first.empty() ? at(f.first) : std::min(error.first, at(f.first));
        error.last = std::max(error.last, at(f.last));
    }
    // Locust counts them as failures; when each came is not kept.
    for (const auto& task : s.tasks)
        if (const auto n = task.stats.outcomes.rate_limited(); n > 0)
            add_error(task, "status 429").count += n;
    std::string out = "Method,Name,Error,Occurrences,First Seen,Last Seen\r\n";
    for (const auto& [key, e] : errors)
        add_row(out, {std::get<1>(key), std::get<0>(key), std::get<2>(key), std::to_string(e.count),
                      e.first, e.last});
    return out;
}

}  // namespace

std::string python_float(double value) {
    std::string text = fmt::format("{}", value);
    if (text.find_first_of(".en") == std::string::npos) text += ".0";
    return text;
}

LocustCsv locust_csv(const ScenarioResult& s) {
    const auto started = from_utc_iso8601(s.started_at).value_or(WallTime{});
    return {stats_csv(s), history_csv(s, started), failures_csv(s, started),
            "Count,Message,Traceback,Nodes\r\n"};
}

}  // namespace squadload::report
