// The four CSV files that `locust --csv` writes, from one scenario: same names, columns, rows and
// arithmetic (locust/stats.py: StatsCSVFileWriter, StatsEntry), so that what reads Locust's files
// reads these. Pure text.
#pragma once

#include <string>

#include "judge/result/run_result.h"

namespace squadload::report {

struct LocustCsv {
    std::string stats;       // PREFIX_stats.csv
    std::string history;     // PREFIX_stats_history.csv: whole-run figures, a row per second
    std::string failures;    // PREFIX_failures.csv
    std::string exceptions;  // PREFIX_exceptions.csv: the header; there are none
};

// What Locust calls a failure is everything but `ok`, 429 too. Requests/s are over the time from
// the first intended start to the last end.
[[nodiscard]] LocustCsv locust_csv(const result::ScenarioResult& scenario);

// A float as Python's repr() writes it: "38.0", "11.03312806268022", "1e-05".
[[nodiscard]] std::string python_float(double value);

}  // namespace squadload::report
