#include "cli/audit.h"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>

#include "cli/files.h"
#include "judge/result/figures.h"
#include "judge/witness/figures.h"
#include "judge/witness/witness.h"
#include "report/console.h"

namespace squadload::cli {
namespace {

constexpr std::size_t kMostDeclared = 16 * 1024 * 1024;

Result<witness::Declared> read_declared(const std::string& path) {
    if (path.empty()) return witness::Declared{};
    auto in = open_file(path);
    if (!in) return tl::unexpected(in.error());
    std::string text;
    text.resize(kMostDeclared);
    in->read(text.data(), static_cast<std::streamsize>(text.size()));
    text.resize(static_cast<std::size_t>(in->gcount()));
    return witness::read_declared_file(text, path);
}

}  // namespace

Result<int> audit(const std::string& log, const std::string& declared_path,
                  const run::Terminal& terminal) {
    const auto declared = read_declared(declared_path);
    if (!declared) return tl::unexpected(declared.error());
    auto in = open_file(log);
    if (!in) return tl::unexpected(in.error());
    const auto table = witness::read_log(*in, log);
    if (!table) return tl::unexpected(table.error());

    const auto& rows = table->rows();
    const witness::FigureSettings settings{Nanos{rows.front().at}, 0, 1};
    result::ScenarioResult shown;
    shown.providers = witness::figures(*table, *declared, settings);
    const witness::Evidence evidence{
        *table, *declared, nullptr, std::nullopt, Nanos{rows.front().at}, Nanos{}};
    shown.witness = witness::judge(evidence);
    const bool broken = std::any_of(shown.witness.begin(), shown.witness.end(), [](const auto& c) {
        return c.answer == result::WitnessAnswer::broken;
    });
    terminal.out(fmt::format("{} in {} from {}\n", result::plural(rows.size(), "call"),
                             result::clock(Nanos{rows.back().at - rows.front().at}), log));
    if (table->lost > 0)
        terminal.out(fmt::format("the log lacks {}: there was no room for more\n",
                                 result::plural(table->lost, "call")));
    terminal.out(report::providers_and_witness(shown, terminal.out_style()));
    if (declared_path.empty())
        terminal.err(
            "note: --declared FILE says what the gateway keeps to; without it no limit is "
            "judged\n");
    return broken ? result::ExitCode::fail : result::ExitCode::pass;
}

}  // namespace squadload::cli
