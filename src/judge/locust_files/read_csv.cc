#include <fmt/core.h>

#include <algorithm>
#include <charconv>

#include "judge/locust_files/csv_table.h"
#include "judge/locust_files/internal.h"

namespace squadload::locust_files::internal {
namespace {

constexpr const char* kAggregated = "Aggregated";

struct Column {
    std::string name;
    double p = 0;
};

// "50%", "99.9%" … ascending.
std::vector<Column> percentile_columns(const CsvTable& table) {
    std::vector<Column> out;
    for (const auto& name : table.columns()) {
        double percent = 0;
        const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), percent);
        const bool whole = error == std::errc() && end + 1 == name.data() + name.size();
        if (whole && *end == '%' && percent > 0 && percent <= 100)
            out.push_back({name, percent / 100});
    }
    std::sort(out.begin(), out.end(), [](const auto& a, const auto& b) { return a.p < b.p; });
    return out;
}

// As far apart as Locust's rounding brings a time and what it is shown as: 1,050 is 1,000.
bool far_below(double ms, double other) {
    return ms < 0.9 * other - 1;
}

// Reads numbers of one row; the first that is none is the error.
struct Row {
    const CsvTable& table;
    const CsvRow& row;
    std::optional<Error> error = std::nullopt;

    template <class T>
    T keep(Result<T> value) {
        if (value) return *value;
        if (!error) error = value.error();
        return {};
    }
    std::uint64_t count(std::string_view column) { return keep(table.count(row, column)); }
    double number(std::string_view column) { return keep(table.number(row, column)); }
};

Result<void> read_times(Entry& entry, const CsvTable& table, const CsvRow& row,
                        const std::vector<Column>& columns) {
    std::vector<std::pair<double, double>> steps;
    Row numbers{table, row};
    for (const auto& column : columns) {
        const double ms = numbers.number(column.name);
        if (numbers.error) return tl::unexpected(*numbers.error);
        if (!steps.empty() && ms < steps.back().second)
            return table.wrong(
                row, fmt::format("{} is {} ms, below the percentile before it ({} ms)", column.name,
                                 ms, steps.back().second));
        steps.emplace_back(column.p, ms);
    }
    const double top = steps.back().second, average = entry.total_ms;
    if (entry.min_ms > entry.max_ms || far_below(entry.max_ms, top) ||
        far_below(top, entry.max_ms) || far_below(steps.front().second, entry.min_ms))
        return table.wrong(row, fmt::format("percentiles, minimum ({} ms) and maximum ({} ms) "
                                            "contradict each other",
                                            entry.min_ms, entry.max_ms));
    if (average < entry.min_ms * (1 - 1e-9) - 1e-9 || average > entry.max_ms * (1 + 1e-9) + 1e-9)
        return table.wrong(
            row, fmt::format("the average, {} ms, is not within minimum and maximum", average));
    entry.total_ms = average * static_cast<double>(entry.timed);
    fill_steps(entry, steps);
    return {};
}

Result<Entry> read_entry(const CsvTable& table, const CsvRow& row,
                         const std::vector<Column>& columns) {
    Row numbers{table, row};
    Entry entry;
    entry.method = table.text(row, "Type");
    entry.name = table.text(row, "Name");
    entry.mark = {table.file(), row.line, 1};
    entry.requests = entry.timed = numbers.count("Request Count");
    entry.failures = numbers.count("Failure Count");
    entry.total_ms = numbers.number("Average Response Time");
    entry.min_ms = numbers.number("Min Response Time");
    entry.max_ms = numbers.number("Max Response Time");
    entry.body_bytes = numbers.number("Average Content Size") * static_cast<double>(entry.requests);
    if (numbers.error) return tl::unexpected(*numbers.error);
    if (entry.max_ms > kLongestMs)
        return table.wrong(row, fmt::format("a response time of {} ms is none", entry.max_ms));
    if (entry.failures > entry.requests)
        return table.wrong(row, fmt::format("{} failures of {} requests contradict each other",
                                            entry.failures, entry.requests));
    if (entry.requests == 0) return entry;
    if (auto read = read_times(entry, table, row, columns); !read)
        return tl::unexpected(read.error());
    return entry;
}

std::optional<WallTime> seen(const CsvTable& table, const CsvRow& row, const char* column) {
    if (!table.has(column)) return std::nullopt;
    auto text = table.text(row, column);
    if (text.size() == 20) text.insert(19, ".000");  // 2026-11-23T09:15:00Z
    return from_utc_iso8601(text);
}

}  // namespace

Result<Statistics> read_stats(const File& file) {
    const auto table =
        CsvTable::read(file.text, file.name,
                       {"Type", "Name", "Request Count", "Failure Count", "Average Response Time",
                        "Min Response Time", "Max Response Time", "Average Content Size",
                        "Requests/s", "50%", "95%", "99%", "100%"});
    if (!table) return tl::unexpected(table.error());
    const auto columns = percentile_columns(*table);
    Statistics out;
    bool whole = false;
    std::uint64_t requests = 0, failures = 0;
    for (const auto& row : table->rows()) {
        if (whole) return table->wrong(row, "a row after Aggregated, which is the last one");
        auto entry = read_entry(*table, row, columns);
        if (!entry) return tl::unexpected(entry.error());
        if (entry->method.empty() && entry->name == kAggregated) {
            whole = true;
            Row numbers{*table, row};
            const double rate = numbers.number("Requests/s");
            if (numbers.error) return tl::unexpected(*numbers.error);
            if (rate > 0) out.duration_s = static_cast<double>(entry->requests) / rate;
            out.all = *std::move(entry);
            continue;
        }
        for (const auto& known : out.entries)
            if (known.method == entry->method && known.name == entry->name)
                return table->wrong(row, fmt::format("{} {} stands here twice, first in line {}",
                                                     entry->method, entry->name, known.mark.line));
        requests += entry->requests;
        failures += entry->failures;
        out.entries.push_back(*std::move(entry));
    }
    if (!whole)
        return fail(ErrorKind::config, fmt::format("{} has no row Aggregated at its end: it is cut "
                                                   "off, or not of a finished Locust run",
                                                   file.name));
    if (requests != out.all.requests || failures != out.all.failures)
        return fail_at(out.all.mark,
                       fmt::format("Aggregated has {} requests and {} failures, the rows above it "
                                   "{} and {}: they contradict each other",
                                   out.all.requests, out.all.failures, requests, failures));
    return out;
}

Result<std::vector<FailureRow>> read_failures(const File& file) {
    const auto table =
        CsvTable::read(file.text, file.name, {"Method", "Name", "Error", "Occurrences"});
    if (!table) return tl::unexpected(table.error());
    std::vector<FailureRow> out;
    for (const auto& row : table->rows()) {
        const auto count = table->count(row, "Occurrences");
        if (!count) return tl::unexpected(count.error());
        out.push_back({table->text(row, "Method"),
                       table->text(row, "Name"),
                       table->text(row, "Error"),
                       *count,
                       seen(*table, row, "First Seen"),
                       seen(*table, row, "Last Seen"),
                       {file.name, row.line, 1}});
    }
    return out;
}

Result<std::vector<ExceptionRow>> read_exceptions(const File& file) {
    const auto table = CsvTable::read(file.text, file.name, {"Count", "Message", "Traceback"});
    if (!table) return tl::unexpected(table.error());
    std::vector<ExceptionRow> out;
    for (const auto& row : table->rows()) {
        const auto count = table->count(row, "Count");
        if (!count) return tl::unexpected(count.error());
        out.push_back({*count, table->text(row, "Message")});
    }
    return out;
}

Result<std::vector<HistoryRow>> read_history(const File& file) {
    const auto table = CsvTable::read(
        file.text, file.name,
        {"Timestamp", "User Count", "Type", "Name", "Total Request Count", "Total Failure Count",
         "Total Average Response Time", "Total Average Content Size"});
    if (!table) return tl::unexpected(table.error());
    std::vector<HistoryRow> out;
    for (const auto& row : table->rows()) {
        if (!table->text(row, "Type").empty() || table->text(row, "Name") != kAggregated) continue;
        Row numbers{*table, row};
        HistoryRow one;
        one.time = static_cast<std::int64_t>(numbers.count("Timestamp"));
        one.users = numbers.count("User Count");
        one.requests = numbers.count("Total Request Count");
        one.failures = numbers.count("Total Failure Count");
        const auto n = static_cast<double>(one.requests);
        one.total_ms = numbers.number("Total Average Response Time") * n;
        one.body_bytes = numbers.number("Total Average Content Size") * n;
        if (numbers.error) return tl::unexpected(*numbers.error);
        if (static_cast<double>(one.time) > kLatest)
            return table->wrong(row, fmt::format("Timestamp is {}, no time of ours", one.time));
        if (!out.empty() && one.time < out.back().time)
            return table->wrong(row, "its Timestamp lies before that of the row above");
        if (one.failures > one.requests)
            return table->wrong(row, fmt::format("{} failures of {} requests contradict each other",
                                                 one.failures, one.requests));
        out.push_back(one);
    }
    return out;
}

}  // namespace squadload::locust_files::internal
