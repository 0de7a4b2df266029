#include "run/outputs.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "report/files.h"
#include "report/junit.h"
#include "report/markdown.h"

namespace squadload::run {
namespace {

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

}  // namespace

Result<void> check_outputs(const Outputs& outputs) {
    for (const auto* path : {&outputs.junit, &outputs.markdown})
        if (auto good = check_path(*path); !good) return good;
    return {};
}

std::vector<std::string> write_outputs(const result::RunResult& run, const Outputs& outputs,
                                       std::vector<Error>& errors) {
    std::vector<std::string> paths;
    const auto named = [&](const std::string& path, const auto& render) {
        if (path.empty()) return;
        if (auto done = report::replace_file(path, render(run)); done)
            paths.push_back(path);
        else
            errors.push_back(done.error());
    };
    named(outputs.junit, report::junit_xml);
    named(outputs.markdown, report::markdown);
    if (!outputs.step_summary.empty()) {
        if (auto done = report::append_file(outputs.step_summary, report::markdown(run)); !done)
            errors.push_back(done.error());
    }
    return paths;
}

}  // namespace squadload::run
