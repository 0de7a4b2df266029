#include "cli/judged.h"

#include <fmt/format.h>

#include "judge/verdict/verdict.h"
#include "report/console.h"
#include "report/files.h"

namespace squadload::cli {

Result<int> finish_judged(result::RunResult& run, const Invocation& invocation, bool terminated,
                          const run::Terminal& terminal) {
    verdict::conclude_run(run, terminated);
    const auto style = terminal.out_style();
    for (const auto& scenario : run.scenarios) {
        terminal.out(report::summary(scenario, style));
        if (run.scenarios.size() > 1) terminal.out("\n");
    }
    terminal.out(report::suite_summary(run, style));
    std::vector<Error> errors;
    const auto named = run::write_outputs(run, invocation.outputs, errors);
    const auto metrics =
        report::write_metrics(run, invocation.output_dir, utc_file_stamp(wall_now()));
    if (metrics) {
        terminal.out(*metrics + "\n");
        if (const auto page = report::write_page(run, *metrics))
            terminal.out(*page + "\n");
        else
            errors.push_back(page.error());
    } else {
        errors.push_back(metrics.error());
    }
    for (const auto& file : named) terminal.out(file + "\n");
    for (const auto& error : errors)
        terminal.err(fmt::format("squadload: error: {}\n", error.text()));
    if (!errors.empty() && run.exit_code == result::ExitCode::pass)
        return result::ExitCode::internal;
    return run.exit_code;
}

}  // namespace squadload::cli
