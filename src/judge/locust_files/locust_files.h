// What a Locust run left in files → a ScenarioResult that is not judged yet. Reads what Locust
// 2.12 to 2.47 and squadload write. Pure: gets the files' text.
//
// - PREFIX_stats.csv has percentiles of rounded times and nothing between them: times are taken as
//   those of the next percentile up, so that no figure is better than the truth and each column
//   comes out as it stands there. Minimum, maximum and mean are exact.
// - The JSON of --json has all times, as Locust rounds them.
// - PREFIX_failures.csv says in words why requests failed (failure_text.h). What no text explains
// is
//   check_failed; nothing is dropped.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "judge/result/run_result.h"

namespace squadload::locust_files {

struct File {
    std::string name;  // as errors name it
    std::string text;
};

// At least one of stats and json.
struct Files {
    std::optional<File> stats, failures, exceptions, history;  // of --csv
    std::optional<File> json;                                  // of --json, --json-file
};

// A task of the scenario, as Locust would name it.
struct KnownTask {
    std::string name, method, entry_name;
};

// Times of one entry as exact as the files have them: ms → how many, ascending.
using Times = std::map<double, std::uint64_t>;

struct Read {
    // name, kind and what concerns configuration are for the caller; verdict is PASS.
    result::ScenarioResult scenario;
    std::vector<Times> times;  // of scenario.tasks
    Times all;                 // of all requests
    // Failures that no text explains, of scenario.tasks; they are among check_failed.
    std::vector<std::uint64_t> unexplained;
};

// Errors (kind config): the file, its line and what is wrong there: another header, a row cut off,
// a number that is none, percentiles that fall, counts that contradict each other.
[[nodiscard]] Result<Read> read(const Files& files, const std::vector<KnownTask>& tasks);

// Nearest rank, as measure::Histogram::percentile(); 0 without times.
[[nodiscard]] double percentile_ms(const Times& times, double q);

}  // namespace squadload::locust_files
