#include "load/scenario/config.h"

#include <fmt/core.h>

#include <algorithm>

#include "base/suggest.h"
#include "load/scenario/parsed_file.h"

namespace squadload::scenario {
namespace {

Result<std::shared_ptr<const ParsedFile>> read_document(const Result<yaml::Document>& document,
                                                        const Environment& environment) {
    if (!document) return tl::unexpected(document.error());
    auto file = read_file(*document, environment);
    if (!file) return tl::unexpected(file.error());
    return std::make_shared<const ParsedFile>(std::move(*file));
}

// "http://host:80/a?b" → "http://host:80" and "/a?b". What is wrong with the host is said when the
// run resolves it.
std::pair<std::string, std::string> split_url(const std::string& url) {
    const std::size_t scheme = url.find("://");
    const std::size_t start = scheme == std::string::npos ? 0 : scheme + 3;
    const std::size_t end = std::min(url.find_first_of("/?", start), url.size());
    std::string path = url.substr(end);
    if (!path.starts_with('/')) path.insert(0, "/");
    return {url.substr(0, end), path};
}

}  // namespace

Result<Config> Config::parse(std::string_view text, const std::string& file_name,
                             const Environment& environment) {
    auto file = read_document(yaml::Document::parse(text, file_name), environment);
    if (!file) return tl::unexpected(file.error());
    Config config;
    config.file_ = std::move(*file);
    config.environment_ = environment;
    return config;
}

Result<Config> Config::load_file(const std::string& path, const Environment& environment) {
    auto file = read_document(yaml::Document::load_file(path), environment);
    if (!file) return tl::unexpected(file.error());
    Config config;
    config.file_ = std::move(*file);
    config.environment_ = environment;
    return config;
}

Result<Config> Config::for_url(const std::string& url, const Environment& environment) {
    const SourceMark mark{"the URL", 0, 0};
    const auto [host, path] = split_url(url);
    if (url.find('#') != std::string::npos) {
        return fail_at(mark, fmt::format("'{}' has a '#': what follows it is never sent", url));
    }
    auto file = std::make_shared<ParsedFile>();
    auto data = std::make_shared<const DataSets>();
    auto compiled = Template::compile(path, Escape::url_path, {*data, environment}, mark);
    if (!compiled) return tl::unexpected(compiled.error());
    Task task;
    task.name = "get";
    task.entry_name = path.substr(0, path.find('?'));
    task.path = std::move(*compiled);
    UserClass user;
    user.name = "User";
    user.tasks.push_back(std::move(task));
    ScenarioSpec spec;
    spec.name = "run";
    spec.mark = mark;
    file->file_name = "";
    file->from_url = true;
    file->target.host = host;
    file->target.host_mark = mark;
    file->classes.push_back(std::move(user));
    file->data = std::move(data);
    file->scenarios.push_back(std::move(spec));
    file->fail_fast = default_fail_fast();
    // Most requests failing is no success because nobody wrote a bound; 0 in the environment lifts
    // it.
    file->thresholds.push_back(ThresholdEntry{"success_rate_min", "0.99", mark});
    Config config;
    config.file_ = std::move(file);
    config.environment_ = environment;
    return config;
}

std::vector<std::string> Config::scenario_names() const {
    std::vector<std::string> names;
    for (const ScenarioSpec& spec : file_->scenarios) names.push_back(spec.name);
    return names;
}

Result<Scenario> Config::effective(const std::string& name, const CommandLine& command_line) const {
    for (const ScenarioSpec& spec : file_->scenarios) {
        if (spec.name == name) return resolve(*file_, spec, command_line, environment_);
    }
    const std::vector<std::string> names = scenario_names();
    const std::string nearest = nearest_name(name, names);
    std::string known;
    for (const std::string& other : names) known += (known.empty() ? "" : ", ") + other;
    return fail(ErrorKind::usage,
                fmt::format("there is no scenario '{}'; {}", name,
                            nearest.empty() ? fmt::format("the file has {}", known)
                                            : fmt::format("did you mean '{}'?", nearest)));
}

const std::string& Config::file_name() const {
    return file_->file_name;
}

}  // namespace squadload::scenario
