// Shared by the sources of this room.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/time.h"
#include "judge/locust_files/locust_files.h"

namespace squadload::locust_files::internal {

// One entry of Locust's statistics, or all of them together.
struct Entry {
    std::string method, name;
    SourceMark mark;  // where it stands
    std::uint64_t requests = 0, failures = 0;
    std::uint64_t timed = 0;  // requests with a time
    double min_ms = 0, max_ms = 0, total_ms = 0, body_bytes = 0;
    Times times;                   // `timed` of them, for judging
    measure::RoundedTimes locust;  // the same, for what shows Locust's figures
};

struct Statistics {
    std::vector<Entry> entries;
    Entry all;
    double duration_s = 0;            // 0: not told
    std::optional<WallTime> started;  // as far as it is told
};

struct FailureRow {
    std::string method, name, error;
    std::uint64_t count = 0;
    std::optional<WallTime> first, last;
    SourceMark mark;
};

struct ExceptionRow {
    std::uint64_t count = 0;
    std::string message;
};

// A second, by the end of which so much had come.
struct HistoryRow {
    std::int64_t time = 0;  // s since 1970
    std::uint64_t users = 0, requests = 0, failures = 0;
    double total_ms = 0, body_bytes = 0;
};

// A longer time, and a later second since 1970, is none: both are held in nanoseconds.
inline constexpr double kLongestMs = 1e9;
inline constexpr double kLatest = 7e9;

[[nodiscard]] Result<Statistics> read_stats(const File& file);
[[nodiscard]] Result<std::vector<FailureRow>> read_failures(const File& file);
[[nodiscard]] Result<std::vector<ExceptionRow>> read_exceptions(const File& file);
// Rows of all requests, in the order of time.
[[nodiscard]] Result<std::vector<HistoryRow>> read_history(const File& file);
[[nodiscard]] Result<Statistics> read_json(const File& file);

// Sets times and locust of an entry from the value of each percentile column, ascending: (p, ms).
void fill_steps(Entry& entry, const std::vector<std::pair<double, double>>& columns);
// The lowest and the highest are known exactly; none may lie beyond them.
void hold_within(Times& times, double min_ms, double max_ms);
[[nodiscard]] measure::Histogram histogram(const Entry& entry);

}  // namespace squadload::locust_files::internal
