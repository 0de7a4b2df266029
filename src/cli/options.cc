#include "cli/options.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <cctype>

#include "base/suggest.h"
#include "base/units.h"
#include "cli/completion.h"
#include "cli/parser.h"
#include "judge/result/run_result.h"

namespace squadload::cli {
namespace {

constexpr double kMostPerSecond = 10'000'000;
constexpr Nanos kShortestStep = std::chrono::seconds{2};
constexpr Nanos kLongestStep = std::chrono::hours{1};
constexpr double kFinestPrecision = 0.005;
constexpr double kWidestTolerance = 10;

std::string suggestion(const std::string& word, const std::vector<std::string>& known) {
    const auto nearest = nearest_name(word, known);
    return nearest.empty() ? "" : fmt::format("; did you mean {}?", nearest);
}

}  // namespace

Result<void> Parser::read_capacity() {
    auto& c = invocation_.capacity;
    const auto wrong = [](const char* option, const std::string& why) {
        return fail(ErrorKind::usage, fmt::format("{}: {}", option, why));
    };
    const auto rate = [&](const char* option, const std::optional<std::string>& text,
                          double& into) -> Result<void> {
        if (!text) return {};
        const auto value = parse_rate(*text);
        if (!value) return wrong(option, value.error().message);
        if (*value <= 0 || *value > kMostPerSecond)
            return wrong(option, "expected a rate above 0 and up to 10,000,000 per second");
        into = *value;
        return {};
    };
    if (auto read = rate("--from", from_, c.from_per_s); !read) return read;
    if (from_ && !to_) c.to_per_s = std::max(c.to_per_s, c.from_per_s);
    if (auto read = rate("--to", to_, c.to_per_s); !read) return read;
    if (!from_ && to_) c.from_per_s = std::min(c.from_per_s, c.to_per_s);
    if (c.from_per_s > c.to_per_s)
        return fail(ErrorKind::usage, fmt::format("--from {} is above --to {}", from_.value_or(""),
                                                  to_.value_or("")));
    if (step_) {
        const auto step = parse_duration(*step_);
        if (!step) return wrong("--step", step.error().message);
        if (*step < kShortestStep || *step > kLongestStep)
            return wrong("--step", "expected 2s to 1h: less shows no trend");
        c.step = *step;
    }
    if (precision_) {
        const auto share = parse_share(*precision_);
        if (!share) return wrong("--precision", share.error().message);
        if (*share < kFinestPrecision || *share > 1)
            return wrong("--precision", "expected 0.5% to 100%");
        c.precision = *share;
    }
    return {};
}

Result<void> Parser::read_tolerance() {
    auto& t = invocation_.tolerance;
    const auto share = [](const char* option, const std::optional<std::string>& text, double most,
                          double& into) -> Result<void> {
        if (!text) return {};
        const auto value = parse_share(*text);
        if (!value)
            return fail(ErrorKind::usage, fmt::format("{}: {}", option, value.error().message));
        if (*value < 0 || *value > most)
            return fail(ErrorKind::usage,
                        fmt::format("{}: expected 0% to {:.0f}%", option, most * 100));
        into = *value;
        return {};
    };
    if (auto read = share("--tolerance", tolerance_, kWidestTolerance, t.relative); !read)
        return read;
    if (auto read = share("--share-tolerance", share_tolerance_, 1, t.share); !read) return read;
    if (time_tolerance_) {
        const auto time = parse_duration(*time_tolerance_);
        if (!time)
            return fail(ErrorKind::usage,
                        fmt::format("--time-tolerance: {}", time.error().message));
        t.time_ms = to_ms(*time);
    }
    return {};
}

Result<void> Parser::check_leftovers() const {
    const auto chosen = app_->get_subcommands();
    const CLI::App& app = chosen.empty() ? *app_ : *chosen.front();
    auto left = app.remaining();
    if (left.empty() && &app != app_.get()) left = app_->remaining();
    if (left.empty()) return {};
    // An unknown option may have left its value behind: the option is what is wrong.
    const auto option = std::find_if(left.begin(), left.end(), [](const auto& word) {
        return word.size() > 1 && word[0] == '-';
    });
    if (option != left.end()) {
        const auto name = option->substr(0, option->find('='));
        return fail(ErrorKind::usage,
                    fmt::format("unknown option {}{}", name, suggestion(name, option_names(app))));
    }
    if (!chosen.empty())
        return fail(ErrorKind::usage, fmt::format("unexpected argument {}", left.front()));
    std::vector<std::string> names;
    for (const auto& [command, value] : commands_) names.push_back(command->get_name());
    return fail(ErrorKind::usage,
                fmt::format("unknown command {}{}", left.front(), suggestion(left.front(), names)));
}

Result<void> Parser::apply_environment(const scenario::Environment& environment) {
    const auto chosen = app_->get_subcommands();
    const auto given = [&](const std::string& name) {
        const auto* option = chosen.empty() ? nullptr : chosen.front()->get_option_no_throw(name);
        return option != nullptr && option->count() > 0;
    };
    const auto text = [&](const char* variable,
                          const std::string& option) -> std::optional<std::string> {
        if (given(option)) return std::nullopt;
        auto value = environment(variable);
        return value && !value->empty() ? value : std::nullopt;
    };
    invocation_.config_given = given("--config");
    if (auto value = text("SQUADLOAD_CONFIG", "--config")) {
        // A file given as the argument of validate comes from the command line, too.
        if (invocation_.command != Command::validate || invocation_.arguments.empty())
            invocation_.config = value;
    }
    if (auto value = text("SQUADLOAD_OUTPUT_DIR", "--output-dir")) invocation_.output_dir = *value;
    if (auto value = text("SQUADLOAD_BACKEND", "--backend")) invocation_.backend = *value;
    const bool writes = invocation_.command == Command::run ||
                        invocation_.command == Command::merge ||
                        invocation_.command == Command::judge;
    if (auto value = text("SQUADLOAD_HTML", "--html"); value && writes)
        invocation_.outputs.html = *value;
    if (auto value = text("SQUADLOAD_JUNIT", "--junit"); value && writes)
        invocation_.outputs.junit = *value;
    if (auto value = text("SQUADLOAD_MARKDOWN", "--markdown"); value && writes)
        invocation_.outputs.markdown = *value;
    if (auto page = environment("GITHUB_STEP_SUMMARY"); page && writes)
        invocation_.outputs.step_summary = *page;
    std::string budget_source = "--lag-budget";
    if (auto value = text("SQUADLOAD_LAG_BUDGET", "--lag-budget")) {
        lag_budget_ = value;
        budget_source = "SQUADLOAD_LAG_BUDGET";
    }
    if (lag_budget_) {
        const auto budget = parse_duration(*lag_budget_);
        if (!budget)
            return fail(ErrorKind::usage,
                        fmt::format("{}: {}", budget_source, budget.error().message));
        invocation_.lag_budget_ms = to_ms(*budget);
    }
    const std::array<std::tuple<const char*, const char*, bool*>, 2> switches{
        {{"SQUADLOAD_QUIET", "--quiet", &invocation_.quiet},
         {"SQUADLOAD_ALLOW_VOID", "--allow-void", &invocation_.allow_void}}};
    for (const auto& [variable, option, target] : switches) {
        const auto value = text(variable, option);
        if (!value) continue;
        const auto on = parse_switch(variable, *value);
        if (!on) return tl::unexpected(on.error());
        *target = *on;
    }
    return {};
}

std::string Parser::help(bool all) const {
    if (!all)
        for (auto* option : rare_) option->group("");  // not shown
    std::string text = app_->help();
    for (auto at = text.find("\n\n\n"); at != std::string::npos; at = text.find("\n\n\n"))
        text.erase(at, 1);
    return text;
}

Ended Parser::wrong(const std::string& sentence) const {
    const auto chosen = app_->get_subcommands();
    const auto command =
        chosen.empty() ? std::string("squadload") : "squadload " + chosen.front()->get_name();
    return {result::ExitCode::usage, "",
            fmt::format("squadload: error: {}\nSee {} --help\n", sentence, command)};
}

std::variant<Invocation, Ended> Parser::parse(const std::vector<std::string>& arguments,
                                              const scenario::Environment& environment) {
    if (arguments.empty()) return Ended{result::ExitCode::usage, "", app_->help()};
    try {
        app_->parse(std::vector<std::string>(arguments.rbegin(), arguments.rend()));
    } catch (const CLI::CallForHelp&) {
        return Ended{0, help(false), ""};  // of the chosen command, if there is one
    } catch (const CLI::CallForAllHelp&) {
        return Ended{0, help(true), ""};
    } catch (const CLI::CallForVersion& e) {
        return Ended{0, std::string(e.what()) + "\n", ""};
    } catch (const CLI::ArgumentMismatch& e) {
        const std::string sentence = e.what();
        return wrong(sentence.substr(0, sentence.find(':')) + " needs a value");
    } catch (const CLI::ParseError& e) {
        // A mistyped option explains what CLI11 then misses.
        const auto leftovers = check_leftovers();
        return wrong(leftovers ? std::string(e.what()) : leftovers.error().message);
    }
    if (const auto none_left = check_leftovers(); !none_left)
        return wrong(none_left.error().message);
    const auto chosen = app_->get_subcommands();
    if (chosen.empty()) return wrong("a command is missing");
    for (const auto& [app, command] : commands_) {
        if (app == chosen.front()) invocation_.command = command;
    }
    if (argument_) invocation_.arguments = {*argument_};
    if (other_) invocation_.arguments.push_back(*other_);
    if (scenario_) invocation_.scenarios = {*scenario_};
    if (invocation_.command == Command::completion) {
        const auto script = completion(*app_, argument_.value_or(""));
        if (script.empty())
            return wrong(fmt::format("no completion for {}: expected bash, zsh or fish",
                                     argument_.value_or("")));
        return Ended{0, script, ""};
    }
    const auto& load = invocation_.load;
    if (load.rate_or_spawn_rate && load.rate) {
        return wrong(fmt::format("-r {} and --rate {} both name a rate; give one of them",
                                 *load.rate_or_spawn_rate, *load.rate));
    }
    if (const auto applied = apply_environment(environment); !applied)
        return wrong(applied.error().message);
    if (const auto read = read_capacity(); !read) return wrong(read.error().message);
    if (const auto read = read_tolerance(); !read) return wrong(read.error().message);
    if (const auto read = read_master(environment); !read) return wrong(read.error().message);
    return invocation_;
}

std::variant<Invocation, Ended> parse(const std::vector<std::string>& arguments,
                                      const scenario::Environment& environment) {
    return Parser().parse(arguments, environment);
}

Result<bool> parse_switch(const std::string& name, const std::string& text) {
    std::string lower = text;
    std::transform(lower.begin(), lower.end(), lower.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    if (lower == "1" || lower == "true" || lower == "yes" || lower == "on") return true;
    if (lower.empty() || lower == "0" || lower == "false" || lower == "no" || lower == "off")
        return false;
    return fail(ErrorKind::usage,
                fmt::format("{}: \"{}\" is neither on nor off; use 1 or 0", name, text));
}

std::string version() {
    return SQUADLOAD_VERSION;
}

}  // namespace squadload::cli
