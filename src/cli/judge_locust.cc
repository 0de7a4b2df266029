#include "cli/judge_locust.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <iterator>

#include "cli/files.h"
#include "cli/judged.h"
#include "judge/locust_files/locust_files.h"
#include "judge/result/figures.h"
#include "judge/verdict/conclude_totals.h"
#include "load/scenario/entries.h"

namespace squadload::cli {
namespace {

using locust_files::File;

Result<File> read_file(const std::string& path) {
    auto in = open_file(path);
    if (!in) return tl::unexpected(in.error());
    File file{path, {std::istreambuf_iterator<char>(*in), std::istreambuf_iterator<char>()}};
    if (in->bad()) return fail(ErrorKind::io, fmt::format("cannot read {}", path));
    return file;
}

// What a user wrote may be the name of one of the files.
std::string prefix_of(const std::string& text) {
    constexpr std::string_view kStats = "_stats.csv";
    return text.ends_with(kStats) ? text.substr(0, text.size() - kStats.size()) : text;
}

Result<locust_files::Files> read_files(const Invocation& invocation) {
    locust_files::Files files;
    if (!invocation.locust_csv.empty()) {
        const auto prefix = prefix_of(invocation.locust_csv);
        // A run always leaves these three; the history may have been left behind.
        for (const auto& [end, into] :
             {std::pair{"_stats.csv", &files.stats}, std::pair{"_failures.csv", &files.failures},
              std::pair{"_exceptions.csv", &files.exceptions}}) {
            auto file = read_file(prefix + end);
            if (!file) return tl::unexpected(file.error());
            *into = *std::move(file);
        }
        const auto history = prefix + "_stats_history.csv";
        if (std::filesystem::exists(history)) {
            auto file = read_file(history);
            if (!file) return tl::unexpected(file.error());
            files.history = *std::move(file);
        }
    }
    if (!invocation.locust_json.empty()) {
        auto file = read_file(invocation.locust_json);
        if (!file) return tl::unexpected(file.error());
        files.json = *std::move(file);
    }
    return files;
}

std::vector<locust_files::KnownTask> known_tasks(const scenario::Scenario& scenario) {
    std::vector<locust_files::KnownTask> out;
    const auto labels = scenario::entry_labels(scenario);
    const auto sequences = scenario::number_sequences(scenario);
    const auto entries = scenario::number_entries(scenario);
    for (std::size_t i = 0; i < entries.size(); ++i) {
        const auto& request =
            scenario::request_of(scenario, sequences[entries[i].sequence], entries[i].step);
        const auto& shown = request.entry_name.empty() ? labels[i] : request.entry_name;
        out.push_back({labels[i], request.method, shown});
    }
    return out;
}

std::string unknown_to_locust(const verdict::Threshold& t) {
    using measure::Outcome;
    if (verdict::is_on_iterations(t.figure)) return "Locust's figures have no iterations";
    const bool of_outcome =
        t.figure == verdict::Figure::outcome_rate || t.figure == verdict::Figure::outcome_count;
    if (of_outcome && t.outcome == Outcome::unsent)
        return "Locust's figures do not say what was never sent";
    if (of_outcome && t.outcome == Outcome::abandoned)
        return "Locust's figures do not say what was still in flight at the end";
    return {};
}

// The entries' tasks, or all of them.
template <class Visit>
void for_tasks(const verdict::Threshold& t, const locust_files::Read& read,
               const std::vector<std::string>& labels, Visit visit) {
    for (std::size_t i = 0; i < read.scenario.tasks.size(); ++i) {
        const auto is_task = [&](std::uint16_t entry) {
            return labels[entry] == read.scenario.tasks[i].name;
        };
        if (t.entries.empty() || std::any_of(t.entries.begin(), t.entries.end(), is_task)) visit(i);
    }
}

// A failure that nothing explains may have been of any kind. Where that decides a bound, nobody can
// say whether it is met.
std::string undecided(const verdict::Threshold& t, const locust_files::Read& read,
                      const std::vector<std::string>& labels) {
    using measure::Outcome;
    measure::TaskStats told;
    std::uint64_t unexplained = 0;
    for_tasks(t, read, labels, [&](std::size_t i) {
        told.outcomes.merge(read.scenario.tasks[i].stats.outcomes);
        unexplained += read.unexplained[i];
    });
    if (unexplained == 0) return {};
    std::vector<bool> answers;
    for (std::size_t kind = 0; kind < measure::kOutcomes; ++kind) {
        const auto outcome = static_cast<Outcome>(kind);
        if (outcome == Outcome::ok || outcome == Outcome::unsent) continue;
        measure::TaskStats one = told;
        one.outcomes.count[static_cast<std::size_t>(Outcome::check_failed)] -= unexplained;
        one.outcomes.add(outcome, unexplained);
        answers.push_back(verdict::judge_stats(t, one, read.scenario.duration_s).pass);
    }
    const bool same = std::equal(answers.begin() + 1, answers.end(), answers.begin());
    if (same) return {};
    return fmt::format("the files do not say of {} why it failed",
                       result::plural(unexplained, "request"));
}

}  // namespace

Result<int> judge_locust(const Invocation& invocation, const scenario::Scenario& scenario,
                         const std::string& command_text, const run::Terminal& terminal) {
    if (invocation.locust_csv.empty() && invocation.locust_json.empty())
        return fail(ErrorKind::usage,
                    "nothing to judge: name Locust's files with --locust-csv PREFIX or "
                    "--locust-json FILE");
    if (auto writable = run::check_outputs(invocation.outputs); !writable)
        return tl::unexpected(writable.error());
    const auto bounds = verdict::compile_for_totals(scenario);
    if (!bounds) return tl::unexpected(bounds.error());
    const auto files = read_files(invocation);
    if (!files) return tl::unexpected(files.error());
    auto read = locust_files::read(*files, known_tasks(scenario));
    if (!read) return tl::unexpected(read.error());

    auto& s = read->scenario;
    s.name = scenario.name;
    s.description = scenario.description;
    s.kind = scenario.kind == scenario::Kind::spike ? "spike" : "steady";
    s.load_description = "as Locust made it";
    s.target = scenario.target.host;
    s.configuration_yaml = scenario::to_yaml(scenario);
    const auto now = utc_iso8601(wall_now());
    if (s.started_at.empty()) {
        s.started_at = now;
        s.notes.emplace_back("when the run started is not in the files: the time is of now");
    }
    verdict::TotalsSource source;
    const auto labels = scenario::entry_labels(scenario);
    source.unknown = [&](const verdict::Threshold& t) {
        if (auto why = unknown_to_locust(t); !why.empty()) return why;
        return verdict::unit_of(t.figure) == verdict::Unit::ms ? std::string()
                                                               : undecided(t, *read, labels);
    };
    source.providers_unknown = "Locust's figures know no providers and no witness";
    source.percentile = [&](const verdict::Threshold& t) -> std::optional<double> {
        if (t.entries.empty()) return locust_files::percentile_ms(read->all, t.quantile);
        locust_files::Times times;
        for_tasks(t, *read, labels, [&](std::size_t task) {
            for (const auto& [ms, count] : read->times[task]) times[ms] += count;
        });
        return locust_files::percentile_ms(times, t.quantile);
    };
    verdict::conclude_totals(s, *bounds, source);
    for (const auto& t : s.thresholds)
        if (t.actual == "cannot be judged") s.notes.push_back(t.note);

    result::RunResult run;
    run.tool_version = version();
    run.command = command_text;
    run.started_at = s.started_at;
    run.scenarios.push_back(std::move(s));
    return finish_judged(run, invocation, false, terminal);
}

}  // namespace squadload::cli
