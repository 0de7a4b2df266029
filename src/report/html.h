// The report page: one HTML file that opens offline, with the metrics file in it. The page itself
// is built in web/. Pure text.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "judge/result/run_result.h"

namespace squadload::report {

// Draws everything from the metrics file it carries, as docs/metrics.schema.json describes it.
[[nodiscard]] std::string html(const result::RunResult& run);

// The page with `json` in script elements of these ids.
struct PageData {
    std::string id, json;
};
[[nodiscard]] std::string page_with(const std::vector<PageData>& data);

// The page without data, as it was built; valid as long as the program runs.
[[nodiscard]] std::string_view empty_page();

}  // namespace squadload::report
