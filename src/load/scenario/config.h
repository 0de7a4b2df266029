// The scenario file and what overrides it. Precedence: command line, SQUADLOAD_*, LOCUST_*, stage,
// file, default. A variable that is set but empty counts as not set.
//
// How the sources are laid over each other, lowest precedence first:
// - A source with rate or stages makes the scenario open; one with users alone makes it closed. The
//   last such source decides, and a note says when that changed what the file says.
// - A rate takes the place of stages and keeps their whole duration; a duration cuts stages off or
//   holds their last rate.
// - Thresholds replace each other by key (two spellings of one bound are one key); expressions add
//   up, so that no bound is lost in silence.
// - A fail_fast block with bounds replaces the default ones; without any it keeps them.
// - `endpoints` adjusts tasks by name, the built-in ones and those of `users`, and wins over them.
// - A URL in place of a file: SQUADLOAD_HOST, LOCUST_HOST and SQUADLOAD_STAGE do not apply; without
//   a load it is 10 requests per second for 30 s.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "load/scenario/environment.h"
#include "load/scenario/scenario.h"

namespace squadload::scenario {

// What the command line says. Values are text as typed: the same parsers serve file, environment
// and command line.
struct CommandLine {
    std::optional<std::string> host, users, spawn_rate, rate, duration, requests, seed, workers,
        stage, graceful_stop;
    // -r: the request rate in the open model, the spawn rate in the closed one. It never changes
    // the model.
    std::optional<std::string> rate_or_spawn_rate;
    std::optional<std::string> ca_file, certificate, key, proxy;
    std::optional<std::string> witness, time_scale;
    bool insecure = false;
    bool fail_fast = false;
};

struct ParsedFile;  // the file, checked key by key; defined in config.cc's internals

class Config {
  public:
    // Reads and checks a file. Errors: kind config with file:line:column, the key, and the nearest
    // known key.
    [[nodiscard]] static Result<Config> load_file(const std::string& path,
                                                  const Environment& environment);
    [[nodiscard]] static Result<Config> parse(std::string_view text, const std::string& file_name,
                                              const Environment& environment);
    // `squadload run URL -r 50 -t 30s`: one scenario "run" with one task "get" that gets the URL
    // and one bound, success_rate_min 0.99.
    [[nodiscard]] static Result<Config> for_url(const std::string& url,
                                                const Environment& environment);

    [[nodiscard]] std::vector<std::string> scenario_names() const;  // in file order
    // One scenario, resolved. Error with the nearest name when there is none of that name.
    [[nodiscard]] Result<Scenario> effective(const std::string& name,
                                             const CommandLine& command_line) const;
    [[nodiscard]] const std::string& file_name() const;

  private:
    Config() = default;

    std::shared_ptr<const ParsedFile> file_;
    Environment environment_;
};

// The effective configuration as YAML text (what `validate` prints; every default shown; secrets in
// headers masked).
[[nodiscard]] std::string to_yaml(const Scenario& scenario);

// A commented starter file for `squadload init URL`.
[[nodiscard]] std::string starter_file(const std::string& url);

}  // namespace squadload::scenario
