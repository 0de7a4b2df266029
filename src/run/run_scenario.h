// One scenario from bounds to judged result.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "judge/result/run_result.h"
#include "judge/verdict/fail_fast.h"
#include "judge/verdict/threshold.h"
#include "judge/verdict/verdict.h"
#include "load/engine/engine.h"
#include "report/files.h"
#include "run/display.h"
#include "run/metrics_page.h"
#include "run/outputs.h"

namespace squadload::run {

struct Options {
    std::string tool_version;
    std::string command;  // as typed, shell-quoted, secrets masked
    std::string output_dir = "reports";
    Outputs outputs;
    std::string backend = "auto";                  // "auto" | "io_uring" | "epoll"
    std::optional<std::uint16_t> prometheus_port;  // 0: a free one
    bool save_arrivals = false;  // the providers' log and what was declared, for audit
    bool quiet = false;          // no progress, no notes; results are printed all the same
    verdict::Policy policy;
};

// A scenario with its bounds compiled: nothing in the file can fail any more.
struct Judged {
    scenario::Scenario scenario;
    std::vector<verdict::Threshold> thresholds;
    std::vector<verdict::Threshold> fail_fast_bounds;
    std::vector<verdict::ProviderBound> provider_bounds;
};
// Errors (kind config): those of verdict::compile and compile_provider_bounds; a bound on providers
// among those of fail_fast.
[[nodiscard]] Result<Judged> compile_bounds(scenario::Scenario scenario);

// What accompanies a run; everything outlives it.
struct Surroundings {
    const Options& options;
    engine::LoopFactory make_loop;
    std::string backend_name;  // "io_uring"
    engine::StopSwitch& stop_switch;
    Display& display;
    report::SeriesLog* series_log;  // may be null
    MetricsPage* metrics_page = nullptr;
    engine::Observer each_second = {};  // told, too; on the thread of run_scenario
};

// The line at the start: "squadload 0.1.0 · spike · open 60/s constant · http://host · epoll, 1
// worker".
[[nodiscard]] std::string header_line(const Options& options, const scenario::Scenario& scenario,
                                      const std::string& backend);

// What the responses of one second said about one provider.
struct ProviderSecond {
    std::uint32_t second = 0;
    std::string provider;
    std::uint64_t responses = 0, ok = 0, fallbacks = 0;
};

struct Ran {
    result::ScenarioResult result;  // judged, but for what the providers' side says
    engine::Measurements measured;
    std::vector<ProviderSecond> provider_seconds;
};

// Runs until the schedule's end or a stop. Errors: of run_engine.
[[nodiscard]] Result<Ran> run_scenario(const engine::Plan& plan, const Judged& judged,
                                       const Surroundings& surroundings);

// The loop implementation by option: its name and factory. "auto" is io_uring where the kernel
// allows it, epoll otherwise. Error kind usage for an unknown one, kind resources when io_uring is
// asked for and refused.
struct Backend {
    std::string name;
    engine::LoopFactory make_loop;
    std::string note = {};  // why it is not io_uring; empty unless "auto" had to do without
};
[[nodiscard]] Result<Backend> choose_backend(const std::string& option);

}  // namespace squadload::run
