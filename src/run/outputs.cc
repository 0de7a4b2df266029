#include "run/outputs.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <functional>

#include "report/files.h"
#include "report/html.h"
#include "report/junit.h"
#include "report/locust_csv.h"
#include "report/markdown.h"

namespace squadload::run {
namespace {

constexpr const char* kStats = "_stats.csv";

// The nearest folder above that is there must take a new one, or a file.
Result<void> check_path(const std::string& path) {
    if (path.empty()) return {};
    std::error_code error;
    const std::filesystem::path target(path);
    if (std::filesystem::is_directory(target, error) || !target.has_filename())
        return fail(ErrorKind::io, fmt::format("cannot write {}: it is a folder", path));
    auto dir = target.has_parent_path() ? target.parent_path() : std::filesystem::path(".");
    while (!std::filesystem::exists(dir, error) && dir.has_parent_path() &&
           dir != dir.parent_path())
        dir = dir.parent_path();
    if (!std::filesystem::exists(dir, error)) dir = ".";
    if (!std::filesystem::is_directory(dir, error))
        return fail(ErrorKind::io,
                    fmt::format("cannot write {}: {} is a file, not a folder", path, dir.string()));
    if (::access(dir.c_str(), W_OK | X_OK) != 0)
        return fail(ErrorKind::io, fmt::format("cannot write {}: {}: {}", path, dir.string(),
                                               std::generic_category().message(errno)));
    return {};
}

// A scenario's name in a file's name.
std::string file_part(std::string name) {
    std::replace_if(
        name.begin(), name.end(), [](unsigned char c) { return c < 0x20 || c == '/' || c == '\\'; },
        '_');
    return name;
}

void write_csv(const result::ScenarioResult& scenario, const std::string& prefix,
               const std::function<void(const std::string&, const std::string&)>& keep) {
    const auto csv = report::locust_csv(scenario);
    keep(prefix + kStats, csv.stats);
    keep(prefix + "_stats_history.csv", csv.history);
    keep(prefix + "_failures.csv", csv.failures);
    keep(prefix + "_exceptions.csv", csv.exceptions);
}

}  // namespace

Result<void> check_outputs(const Outputs& outputs) {
    const auto csv = outputs.csv.empty() ? std::string() : outputs.csv + kStats;
    for (const auto* path : {&csv, &outputs.html, &outputs.junit, &outputs.markdown})
        if (auto good = check_path(*path); !good) return good;
    return {};
}

std::vector<std::string> write_outputs(const result::RunResult& run, const Outputs& outputs,
                                       std::vector<Error>& errors) {
    std::vector<std::string> paths;
    const auto keep = [&](const std::string& path, const std::string& text) {
        if (auto done = report::replace_file(path, text); done)
            paths.push_back(path);
        else
            errors.push_back(done.error());
    };
    const auto named = [&](const std::string& path, const auto& render) {
        if (!path.empty()) keep(path, render(run));
    };
    if (!outputs.csv.empty())
        for (const auto& s : run.scenarios)
            write_csv(
                s, run.scenarios.size() > 1 ? outputs.csv + "_" + file_part(s.name) : outputs.csv,
                keep);
    named(outputs.html, report::html);
    named(outputs.junit, report::junit_xml);
    named(outputs.markdown, report::markdown);
    if (!outputs.step_summary.empty()) {
        if (auto done = report::append_file(outputs.step_summary, report::markdown(run)); !done)
            errors.push_back(done.error());
    }
    return paths;
}

}  // namespace squadload::run
