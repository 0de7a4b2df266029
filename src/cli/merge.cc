#include "cli/merge.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "cli/judged.h"
#include "cli/report.h"
#include "judge/merge/merge.h"
#include "judge/verdict/conclude_totals.h"
#include "judge/verdict/suite.h"

namespace squadload::cli {
namespace {

using result::ScenarioResult;
using result::ThresholdResult;

Result<std::vector<merge::Part>> read_parts(const std::vector<std::string>& files) {
    std::vector<merge::Part> parts;
    for (std::size_t i = 0; i < files.size(); ++i) {
        for (std::size_t j = 0; j < i; ++j) {
            std::error_code error;
            if (files[i] == files[j] || std::filesystem::equivalent(files[i], files[j], error))
                return fail(ErrorKind::usage,
                            fmt::format("{} and {} are the same file: each part counts once",
                                        files[j], files[i]));
        }
        auto run = read_metrics(files[i]);
        if (!run) return tl::unexpected(run.error());
        parts.push_back({files[i], *std::move(run)});
    }
    return parts;
}

// The configuration in a metrics file; none where it cannot be read again, for instance because it
// names data that is not here.
std::optional<scenario::Scenario> configured(const ScenarioResult& s) {
    const auto config =
        scenario::Config::parse(s.configuration_yaml, "the configuration of " + s.name,
                                [](const std::string&) { return std::nullopt; });
    if (!config) return std::nullopt;
    auto scenario = config->effective(s.name, {});
    if (!scenario) return std::nullopt;
    return *std::move(scenario);
}

std::vector<ThresholdResult> bounds_of(const merge::Part& part, const std::string& scenario) {
    std::vector<ThresholdResult> out;
    for (const auto& s : part.run.scenarios)
        if (s.name == scenario) out = s.thresholds;
    std::erase_if(out, [](const auto& t) { return t.name.starts_with("fail_fast."); });
    return out;
}

// The bounds as the files were judged by: those of the configuration, if they are the same.
Result<scenario::Scenario> judged_scenario(const merge::Part& part, const ScenarioResult& merged) {
    const auto bounds = bounds_of(part, merged.name);
    if (auto scenario = configured(merged)) {
        if (const auto compiled = verdict::compile_for_totals(*scenario);
            compiled && compiled->thresholds.size() + compiled->providers.size() == bounds.size())
            return *std::move(scenario);
    }
    return verdict::skeleton(merged, bounds);
}

scenario::SuiteSettings suite_settings(const merge::Part& part, const result::RunResult& merged) {
    scenario::SuiteSettings settings;
    if (const auto scenario = configured(merged.scenarios.front())) settings = scenario->suite;
    settings.latency_ratio_max = 0;
    settings.criteria = !part.run.criteria.empty();
    for (const auto& t : part.run.suite_thresholds) settings.latency_ratio_max = t.bound_value;
    return settings;
}

// Why bounds on providers cannot be judged on the whole; "": they can.
std::string providers_unknown(const std::vector<merge::Part>& parts, const std::string& scenario) {
    if (parts.size() == 1) return {};
    for (const auto& part : parts)
        for (const auto& s : part.run.scenarios) {
            const bool seen_there =
                !s.witness.empty() ||
                std::any_of(s.providers.begin(), s.providers.end(),
                            [](const auto& p) { return p.source != "responses"; });
            if (s.name == scenario && seen_there)
                return fmt::format(
                    "what {} knows of the providers is of the load of all parts, and cannot be "
                    "merged; squadload audit judges the providers' log",
                    part.file);
        }
    return {};
}

bool terminated(const result::RunResult& run) {
    return std::any_of(run.scenarios.begin(), run.scenarios.end(),
                       [](const auto& s) { return s.stop_reason == "terminated"; });
}

}  // namespace

Result<int> merge_files(const Invocation& invocation, const std::string& command_text,
                        const run::Terminal& terminal, const scenario::Environment& environment) {
    if (auto writable = run::check_outputs(invocation.outputs); !writable)
        return tl::unexpected(writable.error());
    auto parts = read_parts(invocation.arguments);
    if (!parts) return tl::unexpected(parts.error());
    auto run = merge::merge(*parts);
    if (!run) return tl::unexpected(run.error());
    std::optional<scenario::Config> config;
    if (invocation.config_given) {
        auto read = scenario::Config::load_file(*invocation.config, environment);
        if (!read) return tl::unexpected(read.error());
        config = *std::move(read);
    } else if (auto same = merge::same_bounds(*parts); !same) {
        return tl::unexpected(same.error());
    }
    run->tool_version = version();
    run->command = command_text;
    const auto& first = parts->front();
    auto suite = suite_settings(first, *run);
    for (auto& s : run->scenarios) {
        auto scenario = config ? config->effective(s.name, {}) : judged_scenario(first, s);
        if (!scenario) return tl::unexpected(scenario.error());
        if (config) {
            suite = scenario->suite;
            s.configuration_yaml = scenario::to_yaml(*scenario);
            s.notes.push_back(fmt::format("judged by the bounds of {}", config->file_name()));
        }
        const auto bounds = verdict::compile_for_totals(*std::move(scenario));
        if (!bounds) return tl::unexpected(bounds.error());
        verdict::TotalsSource source;
        source.providers_unknown = providers_unknown(*parts, s.name);
        verdict::conclude_totals(s, *bounds, source);
    }
    if (run->scenarios.size() > 1) {
        run->suite_thresholds = verdict::judge_suite(*run, suite);
        if (suite.criteria) run->criteria = verdict::acceptance_criteria(*run);
    }
    return finish_judged(*run, invocation, terminated(*run), terminal);
}

}  // namespace squadload::cli
