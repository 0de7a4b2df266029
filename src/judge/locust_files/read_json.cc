#include <fmt/core.h>

#include <charconv>
#include <chrono>
#include <cmath>
#include <nlohmann/json.hpp>

#include "judge/locust_files/internal.h"

namespace squadload::locust_files::internal {
namespace {

using Json = nlohmann::json;

constexpr double kMost = 1e15;

// Members of one entry; the first that is wrong is the error.
class Reader {
  public:
    Reader(const Json& entry, std::string path) : entry_(entry), path_(std::move(path)) {}

    double number(const char* key, double otherwise = -1) {
        const auto it = entry_.find(key);
        if (it == entry_.end() || it->is_null()) {
            if (otherwise >= 0) return otherwise;
            return wrong(fmt::format("{}.{} is missing", path_, key));
        }
        if (!it->is_number() || it->get<double>() < 0 || it->get<double>() > kMost)
            return wrong(fmt::format("{}.{} is not a number of 0 or more", path_, key));
        return it->get<double>();
    }
    std::uint64_t count(const char* key, double otherwise = -1) {
        const double value = number(key, otherwise);
        if (value != std::floor(value)) wrong(fmt::format("{}.{} is no whole number", path_, key));
        return static_cast<std::uint64_t>(value);
    }
    std::string text(const char* key) {
        const auto it = entry_.find(key);
        if (it != entry_.end() && it->is_string()) return it->get<std::string>();
        wrong(fmt::format("{}.{} is missing, or no text", path_, key));
        return {};
    }
    double wrong(std::string message) {
        if (message_.empty()) message_ = std::move(message);
        return 0;
    }
    // ms → how many.
    Times times() {
        Times out;
        const auto it = entry_.find("response_times");
        if (it == entry_.end() || !it->is_object()) {
            wrong(fmt::format("{}.response_times is missing, or no map of times", path_));
            return out;
        }
        for (const auto& [key, value] : it->items()) {
            double ms = 0;
            const auto [end, error] = std::from_chars(key.data(), key.data() + key.size(), ms);
            const bool good = error == std::errc() && end == key.data() + key.size() && ms >= 0 &&
                              ms <= kLongestMs && value.is_number_unsigned() &&
                              value.get<double>() <= kMost;
            if (!good) {
                wrong(fmt::format("{}.response_times has '{}', which is no time with a count",
                                  path_, key));
                return out;
            }
            if (value.get<std::uint64_t>() > 0) out[ms] += value.get<std::uint64_t>();
        }
        return out;
    }
    [[nodiscard]] const std::string& message() const { return message_; }

  private:
    const Json& entry_;
    std::string path_, message_;
};

void add(Entry& sum, const Entry& more) {
    if (more.timed > 0) {
        sum.min_ms = sum.timed == 0 ? more.min_ms : std::min(sum.min_ms, more.min_ms);
        sum.max_ms = std::max(sum.max_ms, more.max_ms);
    }
    sum.requests += more.requests;
    sum.failures += more.failures;
    sum.timed += more.timed;
    sum.total_ms += more.total_ms;
    sum.body_bytes += more.body_bytes;
    for (const auto& [ms, count] : more.times) sum.times[ms] += count;
    sum.locust.merge(more.locust);
}

void check(const Entry& entry, Reader& reader, const std::string& path) {
    std::uint64_t counted = 0;
    for (const auto& [ms, count] : entry.times) counted += count;
    if (counted != entry.timed)
        reader.wrong(
            fmt::format("{} has {} requests with a time and {} times: they contradict "
                        "each other",
                        path, entry.timed, counted));
    if (entry.failures > entry.requests)
        reader.wrong(fmt::format("{}: {} failures of {} requests contradict each other", path,
                                 entry.failures, entry.requests));
    if (entry.max_ms > kLongestMs) reader.wrong(path + ".max_response_time is no time");
    if (entry.timed > 0 && entry.min_ms > entry.max_ms)
        reader.wrong(fmt::format("{}: its minimum is above its maximum", path));
}

WallTime wall(double seconds) {
    return WallTime{from_seconds(seconds)};
}

}  // namespace

Result<Statistics> read_json(const File& file) {
    const auto bad = [&](const std::string& why) {
        return fail(ErrorKind::config, fmt::format("{}: {}", file.name, why));
    };
    if (file.text.find_first_not_of(" \t\r\n") == std::string::npos)
        return bad("the file is empty");
    Json root;
    try {
        root = Json::parse(file.text);
    } catch (const Json::parse_error& e) {
        const auto upto = file.text.substr(0, std::min(e.byte, file.text.size()));
        const auto line = 1 + std::count(upto.begin(), upto.end(), '\n');
        return fail_at({file.name, static_cast<int>(line), 1},
                       "this is no valid JSON: it is cut off, or not what locust --json wrote");
    }
    if (!root.is_array()) return bad("this is not the array that locust --json writes");
    Statistics out;
    double first = 0, last = 0;
    for (std::size_t i = 0; i < root.size(); ++i) {
        const auto path = fmt::format("[{}]", i);
        if (!root[i].is_object()) return bad(path + " is no entry of statistics");
        Reader reader(root[i], path);
        Entry entry;
        entry.method = reader.text("method");
        entry.name = reader.text("name");
        entry.mark = {file.name, 0, 0};
        entry.requests = reader.count("num_requests");
        entry.failures = reader.count("num_failures");
        const auto without = reader.count("num_none_requests", 0);
        entry.timed = entry.requests - std::min(entry.requests, without);
        entry.total_ms = reader.number("total_response_time");
        entry.max_ms = reader.number("max_response_time");
        entry.min_ms = reader.number("min_response_time", 0);
        entry.body_bytes = reader.number("total_content_length", 0);
        const double start = reader.number("start_time", 0);
        const double end = reader.number("last_request_timestamp", 0);
        entry.times = reader.times();
        check(entry, reader, path);
        if (start > kLatest || end > kLatest)
            reader.wrong(path + ": its time of start or end is none");
        if (!reader.message().empty()) return bad(reader.message());
        if (start > 0 && (first == 0 || start < first)) first = start;
        last = std::max(last, end);
        for (const auto& [ms, count] : entry.times)
            entry.locust.add(measure::RoundedTimes::rounded(Nanos{std::llround(ms * 1e6)}), count);
        hold_within(entry.times, entry.min_ms, entry.max_ms);
        for (const auto& known : out.entries)
            if (known.method == entry.method && known.name == entry.name)
                return bad(fmt::format("{} {} stands here twice", entry.method, entry.name));
        add(out.all, entry);
        out.entries.push_back(std::move(entry));
    }
    if (first > 0) out.started = wall(first);
    if (first > 0 && last > first) out.duration_s = last - first;
    return out;
}

}  // namespace squadload::locust_files::internal
