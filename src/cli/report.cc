#include "cli/report.h"

#include <fmt/format.h>

#include <iterator>

#include "cli/files.h"
#include "report/capacity_table.h"
#include "report/comparison.h"
#include "report/console.h"
#include "report/files.h"

namespace squadload::cli {

Result<result::RunResult> read_metrics(const std::string& path) {
    auto in = open_file(path);
    if (!in) return tl::unexpected(in.error());
    const std::string text{std::istreambuf_iterator<char>(*in), std::istreambuf_iterator<char>()};
    if (in->bad()) return fail(ErrorKind::io, fmt::format("cannot read {}", path));
    return result::from_json(text, path);
}

Result<int> show_report(const std::string& path, const run::Outputs& outputs,
                        const run::Terminal& terminal) {
    const auto run = read_metrics(path);
    if (!run) return tl::unexpected(run.error());
    if (auto writable = run::check_outputs(outputs); !writable)
        return tl::unexpected(writable.error());
    const auto style = terminal.out_style();
    if (run->capacity) {
        terminal.out(report::capacity_summary(*run->capacity, run->verdict, style));
    } else {
        for (const auto& scenario : run->scenarios) {
            terminal.out(report::summary(scenario, style));
            if (run->scenarios.size() > 1) terminal.out("\n");
        }
        terminal.out(report::suite_summary(*run, style));
    }
    std::vector<Error> errors;
    for (const auto& written : run::write_outputs(*run, outputs, errors))
        terminal.out(written + "\n");
    if (!errors.empty()) return tl::unexpected(errors.front());
    return result::ExitCode::pass;
}

Result<int> compare_runs(const std::string& path_a, const std::string& path_b,
                         const compare::Tolerance& tolerance, const std::string& html,
                         const run::Terminal& terminal) {
    const auto a = read_metrics(path_a);
    if (!a) return tl::unexpected(a.error());
    const auto b = read_metrics(path_b);
    if (!b) return tl::unexpected(b.error());
    const auto comparison = compare::compare(*a, *b, tolerance);
    terminal.out(report::comparison(comparison, path_a, path_b, terminal.out_style()));
    if (!html.empty()) {
        const auto page = report::comparison_html(comparison, *a, *b, path_a, path_b);
        if (auto written = report::replace_file(html, page); !written)
            return tl::unexpected(written.error());
        terminal.out(html + "\n");
    }
    return comparison.exit_code();
}

}  // namespace squadload::cli
