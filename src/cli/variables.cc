#include "cli/variables.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>

#include "base/suggest.h"
#include "load/scenario/threshold_keys.h"

namespace squadload::cli {
namespace {

std::vector<std::string> known_variables() {
    std::vector<std::string> keys{"host",
                                  "users",
                                  "spawn_rate",
                                  "rate",
                                  "duration",
                                  "run_time",
                                  "requests",
                                  "seed",
                                  "workers",
                                  "graceful_stop",
                                  "stage",
                                  "config",
                                  "output_dir",
                                  "junit",
                                  "markdown",
                                  "quiet",
                                  "allow_void",
                                  "lag_budget",
                                  "backend",
                                  "insecure",
                                  "ca_file",
                                  "cert",
                                  "key",
                                  "proxy",
                                  "expressions",
                                  "latency_ratio_max",
                                  "witness",
                                  "time_scale",
                                  "fail_fast",
                                  "fail_fast_window",
                                  "fail_fast_min_samples",
                                  "fail_fast_expressions"};
    for (const auto& key : scenario::threshold_keys()) {
        keys.push_back(key);
        keys.push_back("fail_fast_" + key);
    }
    std::transform(keys.begin(), keys.end(), keys.begin(), scenario::environment_name);
    return keys;
}

}  // namespace

std::vector<std::string> unknown_variables(const std::vector<std::string>& names) {
    const auto known = known_variables();
    std::vector<std::string> sentences;
    for (const auto& name : names) {
        if (!name.starts_with("SQUADLOAD_")) continue;
        if (std::find(known.begin(), known.end(), name) != known.end()) continue;
        const auto nearest = nearest_name(name, known);
        sentences.push_back(fmt::format("{} sets nothing: squadload knows no such variable{}", name,
                                        nearest.empty() ? "" : "; did you mean " + nearest + "?"));
    }
    std::sort(sentences.begin(), sentences.end());
    return sentences;
}

std::vector<std::string> variables_set() {
    std::vector<std::string> names;
    for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
        const std::string text(*entry);
        names.push_back(text.substr(0, text.find('=')));
    }
    return names;
}

}  // namespace squadload::cli
