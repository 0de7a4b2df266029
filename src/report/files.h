// Files of a run: written to a temporary name and renamed, never overwriting.
#pragma once

#include <cstdio>
#include <string>
#include <string_view>

#include "base/error.h"
#include "judge/result/run_result.h"
#include "load/measure/interval.h"

namespace squadload::report {

// <dir>/load_test_metrics_<stamp>.json; a second run in the same second gets _2, _3 … Creates
// `dir`. Returns the path. Error kind io: a sentence with the path and the reason.
[[nodiscard]] Result<std::string> write_metrics(const result::RunResult& run,
                                                const std::string& dir, const std::string& stamp);

// The page (report/html.h) beside the metrics file that was written to `metrics_path`:
// <dir>/locust_report_<stamp>.html, with the same _2, _3 …
[[nodiscard]] Result<std::string> write_page(const result::RunResult& run,
                                             const std::string& metrics_path);

// Any file of a run, in the same way: <dir>/<stem><extension>.
[[nodiscard]] Result<std::string> write_file(const std::string& dir, const std::string& stem,
                                             const std::string& extension, std::string_view text);

// A file that a user named: replaces what stands there, in one step. Creates its folder. Error kind
// io: a sentence with the path and the reason.
[[nodiscard]] Result<void> replace_file(const std::string& path, std::string_view text);
// Adds to the end of a file, as GITHUB_STEP_SUMMARY asks for; creates it.
[[nodiscard]] Result<void> append_file(const std::string& path, std::string_view text);

// One-second series appended as the run goes (NDJSON, one flush a second), so that a killed run
// leaves what it measured. <dir>/load_test_series_<stamp>.ndjson. Removed by finish() once the
// metrics file is written.
class SeriesLog {
  public:
    [[nodiscard]] static Result<SeriesLog> open(const std::string& dir, const std::string& stamp);
    SeriesLog(SeriesLog&& other) noexcept;
    SeriesLog& operator=(SeriesLog&&) = delete;
    ~SeriesLog();
    void append(const std::string& scenario, const measure::SeriesPoint& point);
    void finish();  // closes and removes the file
    [[nodiscard]] const std::string& path() const { return path_; }

  private:
    SeriesLog(std::FILE* file, std::string path);
    std::FILE* file_;
    std::string path_;
};

}  // namespace squadload::report
