// The scenario file, checked key by key, before anything overrides it. Internal to load/scenario.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "load/scenario/config.h"
#include "load/scenario/data_sets.h"
#include "load/scenario/scenario.h"
#include "yaml/value.h"

namespace squadload::scenario {

// How much load, how fast and how long, as one place says it: a scenario of the file, a deployment
// stage, the environment or the command line. What it does not say is absent.
struct LoadSettings {
    std::optional<std::uint32_t> users;
    std::optional<double> spawn_rate;
    std::optional<double> rate;
    std::optional<double> rate_or_spawn_rate;  // -r
    std::optional<std::vector<pacing::RateStage>> stages;
    std::optional<pacing::Arrivals> arrivals;
    std::optional<Nanos> duration;
    std::optional<std::uint64_t> requests;
    std::optional<std::uint32_t> max_in_flight;
    std::optional<Nanos> graceful_stop;
    std::optional<std::uint64_t> seed;
    std::optional<std::uint32_t> workers;
};

struct ScenarioSpec {
    std::string name;
    SourceMark mark;
    std::string description;
    std::optional<Kind> kind;
    LoadSettings load;
    std::vector<ThresholdEntry> thresholds;
    std::vector<Event> events{};
    std::optional<On429> on_429{};
};

// A deployment stage: dev, staging, prod.
struct StageSpec {
    std::string name;
    LoadSettings load;
    std::vector<ThresholdEntry> thresholds;
    std::optional<std::string> host;
    SourceMark host_mark;
    std::optional<double> quota_scale{};
};

struct ParsedFile {
    std::string file_name;
    bool from_url = false;  // made by Config::for_url: no file
    Target target;
    std::vector<UserClass> classes;
    std::shared_ptr<const DataSets> data;
    LoadSettings defaults;  // seed, workers and graceful_stop for every scenario
    std::vector<ScenarioSpec> scenarios;
    std::vector<StageSpec> stages;
    std::vector<ThresholdEntry> thresholds;
    FailFast fail_fast;
    ProviderSettings providers;
    SuiteSettings suite;
    Attribution attribution;
    On429 on_429;
    ObserveSettings observe;
    std::string witness_url;
    SourceMark witness_mark;
};

// What readers of the file share; within a user class with its variables.
using ReadContext = TemplateScope;

// Gives the value a place holds under a key, if any.
using Lookup = std::function<std::optional<yaml::Value>(std::string_view key)>;

// read_file.cc
[[nodiscard]] Result<ParsedFile> read_file(const yaml::Document& document,
                                           const Environment& environment);
[[nodiscard]] FailFast default_fail_fast();  // success < 99 % or p95 > 3,000 ms over 10 s
// read_users.cc: user classes with their tasks; the target's headers and timeouts merged in.
// `context` knows the variables of all classes: what the target's headers may name.
[[nodiscard]] std::vector<UserClass> read_users(const yaml::Value& users, const Target& target,
                                                const ReadContext& context);
// Adjusts tasks by name: weight, timeout (of each step), description.
void apply_endpoints(const yaml::Value& endpoints, std::vector<UserClass>& classes);
// read_request.cc
[[nodiscard]] HeaderTemplates read_headers(const yaml::Value& headers, const ReadContext& context);
void read_timeouts(const yaml::Value& value, Timeouts& timeouts);  // one duration (total) or a map
[[nodiscard]] std::uint32_t read_max_redirects(const yaml::Value& value);
[[nodiscard]] Template compile_at(const yaml::Value& value, Escape escape,
                                  const ReadContext& context);
// read_wait.cc
[[nodiscard]] pacing::WaitTime read_wait_time(const yaml::Value& value);
[[nodiscard]] pacing::WaitTime read_think(const yaml::Value& value);  // none, constant or between
// read_expect.cc
[[nodiscard]] Expectation read_expect(const yaml::Value& value);
[[nodiscard]] bool is_json_pointer(std::string_view text);  // RFC 6901
// read_tls.cc
[[nodiscard]] TlsSettings read_tls(const yaml::Value& value, const std::string& file_name);
// The command line's and the environment's TLS and proxy settings laid over the file's.
void override_way(const CommandLine& command_line, const Environment& environment,
                  yaml::Problems& problems, Target& target);
// A path of the file, which is relative to the file's folder.
[[nodiscard]] std::string beside(const std::string& file_name, const std::string& path);
// read_attribution.cc: a preset's name, or a map.
[[nodiscard]] Attribution read_attribution(const yaml::Value& value);
[[nodiscard]] ObserveSettings read_observe(const yaml::Value& value);
// read_events.cc
[[nodiscard]] std::vector<Event> read_events(const yaml::Value& value);
// read_on_429.cc: an action's name, or a map.
[[nodiscard]] On429 read_on_429(const yaml::Value& value);
// read_suite.cc
[[nodiscard]] SuiteSettings read_suite(const yaml::Value& value,
                                       const std::vector<ScenarioSpec>& scenarios);
// read_load.cc
[[nodiscard]] LoadSettings read_load(const Lookup& lookup);
[[nodiscard]] std::vector<ScenarioSpec> read_scenarios(const yaml::Value& value);
[[nodiscard]] std::vector<StageSpec> read_deployment_stages(const yaml::Value& value);
[[nodiscard]] std::vector<ThresholdEntry> read_thresholds(const yaml::Value& value);
// Of fail_fast: at most 10 minutes.
[[nodiscard]] Nanos read_window(const yaml::Value& value);
// The bound a value sets under a threshold key, its number checked.
[[nodiscard]] ThresholdEntry read_threshold(std::string_view key, const yaml::Value& value);
// resolve.cc
[[nodiscard]] Result<Scenario> resolve(const ParsedFile& file, const ScenarioSpec& spec,
                                       const CommandLine& command_line,
                                       const Environment& environment);
// time_scale.cc: applies scenario.time_scale to what is resolved.
void scale_time(Scenario& scenario);
// notes.cc: whether a closed scenario can reach the rate its description names. "" when it can, or
// names none.
[[nodiscard]] std::string unreachable_rate_note(const Scenario& scenario);
// builtin.cc: the story's SquadApiUser, as the `users` section of a file.
[[nodiscard]] std::string_view builtin_users();

}  // namespace squadload::scenario
