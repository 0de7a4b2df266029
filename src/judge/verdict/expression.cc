#include "judge/verdict/expression.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>

#include "base/suggest.h"
#include "base/units.h"
#include "load/scenario/entries.h"

namespace squadload::verdict {
namespace {

using measure::Outcome;

bool is_letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
bool is_digit(char c) {
    return c >= '0' && c <= '9';
}
bool is_space(char c) {
    return c == ' ' || c == '\t';
}

std::string_view trim(std::string_view s) {
    while (!s.empty() && is_space(s.front())) s.remove_prefix(1);
    while (!s.empty() && is_space(s.back())) s.remove_suffix(1);
    return s;
}

std::string did_you_mean(std::string_view word, const std::vector<std::string>& known) {
    const std::string near = nearest_name(word, std::span<const std::string>(known));
    return near.empty() ? "" : fmt::format("; did you mean '{}'?", near);
}

// Text inside the parentheses, cut at the first comma. Columns count from 0.
struct Argument {
    std::string_view text;
    std::size_t column = 0;
};

constexpr std::string_view kIteration = "iteration_";

// A name that an expression may use, and with its class in front.
struct Named {
    std::string label, full;
    std::vector<std::uint16_t> entries;
};

class Parser {
  public:
    Parser(std::string_view text, const SourceMark& mark, const scenario::Scenario& scenario)
        : text_(text), mark_(mark), scenario_(scenario) {
        threshold_.name = std::string(trim(text));
        threshold_.mark = mark;
    }

    Result<Threshold> parse() {
        const bool fine = figure() && comparison() && value();
        if (!fine) return fail_at(mark_, error_);
        if (const auto why = impossible(threshold_); !why.empty()) {
            return fail_at(mark_, fmt::format("'{}' {}", threshold_.name, why));
        }
        return threshold_;
    }

  private:
    bool wrong(std::size_t column, const std::string& what) {
        error_ = fmt::format("in '{}', column {}: {}", text_, column + 1, what);
        return false;
    }
    void skip_spaces() {
        while (at_ < text_.size() && is_space(text_[at_])) ++at_;
    }

    bool figure() {
        skip_spaces();
        const std::size_t start = at_;
        while (at_ < text_.size() && (is_letter(text_[at_]) || is_digit(text_[at_]) ||
                                      text_[at_] == '.' || text_[at_] == '_')) {
            ++at_;
        }
        const std::string_view word = text_.substr(start, at_ - start);
        std::vector<Argument> arguments;
        if (!take_arguments(arguments)) return false;
        if (word == "rate" || word == "count") return outcome_figure(word, start, arguments);
        if (word == "iterations" || word.starts_with(kIteration)) {
            return iteration_figure(word, start, arguments);
        }
        if (!plain_figure(word, start)) return false;
        if (arguments.size() > 1) {
            return wrong(arguments[1].column, fmt::format("{} takes one task at most", word));
        }
        return arguments.empty() || task(arguments[0]);
    }

    bool iteration_figure(std::string_view word, std::size_t column,
                          std::vector<Argument>& arguments) {
        const std::string_view of = word.substr(std::min(kIteration.size(), word.size()));
        if (word == "iterations") {
            threshold_.figure = Figure::iteration_count;
        } else if (of == "rate") {
            if (arguments.empty() || !iteration_end(arguments[0])) {
                return wrong(arguments.empty() ? column : arguments[0].column,
                             "iteration_rate needs ok, failed or cut_off, such as "
                             "iteration_rate(failed)");
            }
            threshold_.figure = Figure::iteration_rate;
            arguments.erase(arguments.begin());
        } else if (!iteration_time(of, column + kIteration.size())) {
            return false;
        }
        if (arguments.size() > 1) {
            return wrong(arguments[1].column, fmt::format("{} takes one task at most", word));
        }
        return arguments.empty() ? every_iteration(column) : iterations_of(arguments[0]);
    }

    bool iteration_end(const Argument& argument) {
        using measure::IterationEnd;
        static const std::array<std::pair<std::string_view, IterationEnd>, 3> kEnds{{
            {"ok", IterationEnd::ok},
            {"failed", IterationEnd::failed},
            {"cut_off", IterationEnd::cut_off},
        }};
        for (const auto& [name, end] : kEnds) {
            if (argument.text != name) continue;
            threshold_.end = end;
            return true;
        }
        return false;
    }

    bool iteration_time(std::string_view word, std::size_t column) {
        static const std::array<std::pair<std::string_view, Figure>, 3> kFigures{{
            {"mean", Figure::iteration_mean},
            {"min", Figure::iteration_min},
            {"max", Figure::iteration_max},
        }};
        for (const auto& [name, figure] : kFigures) {
            if (word != name) continue;
            threshold_.figure = figure;
            return true;
        }
        if (word.size() > 1 && word[0] == 'p' && is_digit(word[1])) {
            if (!percentile(word, column)) return false;
            threshold_.figure = Figure::iteration_percentile;
            return true;
        }
        return wrong(column,
                     fmt::format("'{}{}' is no figure; there are iterations, iteration_rate, "
                                 "iteration_mean, iteration_min, iteration_max and percentiles "
                                 "such as iteration_p95",
                                 kIteration, word));
    }

    // Of all tasks with steps.
    bool every_iteration(std::size_t column) {
        const auto sequences = scenario::number_sequences(scenario_);
        for (std::size_t s = 0; s < sequences.size(); ++s) {
            if (has_iterations(scenario_, sequences[s])) {
                threshold_.sequences.push_back(static_cast<std::uint16_t>(s));
            }
        }
        return !threshold_.sequences.empty() ||
               wrong(column,
                     "no task has steps, so iterations are requests: write requests, "
                     "rate(…) or p95");
    }

    bool iterations_of(const Argument& argument) {
        const auto sequences = scenario::number_sequences(scenario_);
        const auto labels = scenario::sequence_labels(scenario_);
        std::string known;
        for (std::size_t s = 0; s < sequences.size(); ++s) {
            const bool named = argument.text == labels[s] ||
                               argument.text == full_sequence_name(scenario_, sequences[s]);
            if (named && sequences[s].part == scenario::Part::task &&
                !has_iterations(scenario_, sequences[s])) {
                return wrong(argument.column,
                             fmt::format("'{0}' has no steps, so its iterations are its requests: "
                                         "write requests({0}), rate(…, {0}) or p95({0})",
                                         argument.text));
            }
            if (!has_iterations(scenario_, sequences[s])) continue;
            known += (known.empty() ? "" : ", ") + labels[s];
            if (!named) continue;
            threshold_.sequences = {static_cast<std::uint16_t>(s)};
            threshold_.task_name = labels[s];
            return true;
        }
        return wrong(argument.column,
                     known.empty()
                         ? fmt::format("no task has steps, so there are no iterations of '{}'",
                                       argument.text)
                         : fmt::format("there is no task '{}' with steps; those that have some: {}",
                                       argument.text, known));
    }

    bool take_arguments(std::vector<Argument>& out) {
        skip_spaces();
        if (at_ == text_.size() || text_[at_] != '(') return true;
        const std::size_t open = at_;
        const std::size_t close = text_.find(')', open);
        if (close == std::string_view::npos) return wrong(open, "this '(' is never closed");
        const std::size_t comma = text_.substr(0, close).find(',', open);
        const std::size_t middle = std::min(comma, close);
        out.push_back({trim(text_.substr(open + 1, middle - open - 1)), open + 1});
        if (middle != close)
            out.push_back({trim(text_.substr(middle + 1, close - middle - 1)), middle + 1});
        for (auto& argument : out) {
            if (argument.text.empty()) return wrong(argument.column, "a name is missing here");
            argument.column = static_cast<std::size_t>(argument.text.data() - text_.data());
        }
        at_ = close + 1;
        return true;
    }

    bool plain_figure(std::string_view word, std::size_t column) {
        static const std::array<std::pair<std::string_view, Figure>, 5> kFigures{{
            {"mean", Figure::mean},
            {"min", Figure::min},
            {"max", Figure::max},
            {"requests", Figure::count},
            {"throughput", Figure::throughput},
        }};
        for (const auto& [name, figure] : kFigures) {
            if (word == name) {
                threshold_.figure = figure;
                return true;
            }
        }
        if (word.size() > 1 && word[0] == 'p' && is_digit(word[1])) return percentile(word, column);
        if (word.empty()) {
            return wrong(column,
                         "an expression starts with a figure, such as p95, rate(ok) or max");
        }
        static const std::vector<std::string> known{
            "p50",          "p95",   "p99",      "mean",       "min",        "max",
            "rate",         "count", "requests", "throughput", "iterations", "iteration_rate",
            "iteration_p95"};
        return wrong(column, fmt::format("'{}' is no figure{}", word, did_you_mean(word, known)));
    }

    bool percentile(std::string_view word, std::size_t column) {
        const auto percent = parse_number(word.substr(1));
        if (!percent || *percent <= 0 || *percent >= 100) {
            return wrong(
                column,
                fmt::format("'{}' is no percentile; they go from p1 to p99.999, and max is the "
                            "largest value",
                            word));
        }
        threshold_.figure = Figure::percentile;
        threshold_.quantile = *percent / 100;
        return true;
    }

    bool outcome_figure(std::string_view word, std::size_t column,
                        const std::vector<Argument>& arguments) {
        if (arguments.empty()) {
            return wrong(column, fmt::format("{0} needs an outcome, such as {0}(timeout)", word));
        }
        const bool rate = word == "rate";
        if (arguments[0].text == "failed") {
            threshold_.figure = rate ? Figure::failure_rate : Figure::failed_count;
        } else if (!outcome(arguments[0], rate)) {
            return false;
        }
        return arguments.size() < 2 || task(arguments[1]);
    }

    bool outcome(const Argument& argument, bool rate) {
        const auto outcome = measure::outcome_from_name(argument.text);
        if (!outcome) {
            std::vector<std::string> known{"failed"};
            for (std::size_t i = 0; i < measure::kOutcomes; ++i) {
                known.emplace_back(measure::name(static_cast<Outcome>(i)));
            }
            return wrong(argument.column, fmt::format("'{}' is no outcome{}", argument.text,
                                                      did_you_mean(argument.text, known)));
        }
        threshold_.outcome = *outcome;
        threshold_.figure = rate ? rate_figure(*outcome) : Figure::outcome_count;
        if (rate && *outcome == Outcome::unsent) {
            return wrong(argument.column,
                         "rates are shares of the requests sent; write count(unsent)");
        }
        return true;
    }
    static Figure rate_figure(Outcome outcome) {
        if (outcome == Outcome::ok) return Figure::success_rate;
        if (outcome == Outcome::rate_limited) return Figure::rate_limited_rate;
        return outcome == Outcome::server_error ? Figure::server_error_rate : Figure::outcome_rate;
    }

    // What may stand for requests: each by its label, and a sequence of steps for all of them.
    std::vector<Named> names() const {
        const auto sequences = scenario::number_sequences(scenario_);
        const auto entries = scenario::number_entries(scenario_);
        const auto labels = scenario::entry_labels(scenario_);
        const auto groups = scenario::sequence_labels(scenario_);
        std::vector<Named> out;
        for (std::size_t s = 0; s < sequences.size(); ++s) {
            std::vector<std::uint16_t> all;
            const std::string full = full_sequence_name(scenario_, sequences[s]);
            for (std::size_t e = 0; e < entries.size(); ++e) {
                if (entries[e].sequence != s) continue;
                const auto number = static_cast<std::uint16_t>(e);
                all.push_back(number);
                if (steps_of(scenario_, sequences[s]).empty()) continue;
                const auto& step = request_of(scenario_, sequences[s], entries[e].step);
                out.push_back({labels[e], full + "." + step.name, {number}});
            }
            if (!all.empty()) out.push_back({groups[s], full, all});
        }
        return out;
    }

    bool task(const Argument& argument) {
        const auto named = names();
        // A label first: "a.b" is step b of task a before it is task b of class a.
        for (const auto name : {&Named::label, &Named::full}) {
            for (const Named& one : named) {
                if (argument.text != one.*name) continue;
                threshold_.entries = one.entries;
                threshold_.task_name = one.label;
                return true;
            }
        }
        std::vector<std::string> labels;
        bool shared = false;
        for (const Named& one : named) {
            labels.push_back(one.label);
            shared = shared || (one.label == one.full &&
                                one.full.ends_with("." + std::string(argument.text)));
        }
        if (shared) {
            return wrong(
                argument.column,
                fmt::format("several users have a task '{0}'; write User.{0}", argument.text));
        }
        return wrong(argument.column, fmt::format("there is no task '{}'{}", argument.text,
                                                  did_you_mean(argument.text, labels)));
    }

    bool comparison() {
        static const std::array<std::pair<std::string_view, Comparison>, 5> kComparisons{{
            {"<=", Comparison::less_equal},
            {">=", Comparison::greater_equal},
            {"==", Comparison::equal},
            {"<", Comparison::less},
            {">", Comparison::greater},
        }};
        skip_spaces();
        for (const auto& [sign, comparison] : kComparisons) {
            if (text_.substr(at_).starts_with(sign)) {
                threshold_.comparison = comparison;
                at_ += sign.size();
                return true;
            }
        }
        return wrong(at_, "a comparison is missing here: <, <=, >, >= or ==");
    }

    bool value() {
        skip_spaces();
        const std::string_view text = trim(text_.substr(at_));
        if (text.empty()) return wrong(at_, "a value is missing here");
        switch (unit_of(threshold_.figure)) {
            case Unit::ms:
                return time_value(text);
            case Unit::share: {
                const auto share = parse_share(text);
                if (share && *share >= 0 && *share <= 1) return bound(*share);
                return wrong(at_, fmt::format("'{}' is no share; write 0.1% or 0.001", text));
            }
            case Unit::count: {
                const auto n = parse_integer(text);
                if (n && *n >= 0) return bound(static_cast<double>(*n));
                return wrong(at_, fmt::format("'{}' is no count; write a whole number", text));
            }
            case Unit::per_s:
                break;
        }
        const auto rate = parse_rate(text);
        if (rate) return bound(*rate);
        return wrong(at_, fmt::format("'{}' is no rate; write 29/s or 600/m", text));
    }
    bool time_value(std::string_view text) {
        const auto time = parse_duration(text);
        if (!time) return wrong(at_, fmt::format("'{}' is no time; write 300ms or 2s", text));
        if (!is_letter(text.back()) && time->count() != 0) {
            return wrong(at_,
                         fmt::format("'{}' needs a unit, such as {}ms or {}s", text, text, text));
        }
        return bound(to_ms(*time));
    }
    bool bound(double value) {
        threshold_.bound = value;
        return true;
    }

    std::string_view text_;
    const SourceMark& mark_;
    const scenario::Scenario& scenario_;
    std::size_t at_ = 0;
    Threshold threshold_;
    std::string error_;
};

}  // namespace

Result<Threshold> parse_expression(std::string_view text, const SourceMark& mark,
                                   const scenario::Scenario& scenario) {
    return Parser(text, mark, scenario).parse();
}

std::string impossible(const Threshold& threshold) {
    if (threshold.comparison == Comparison::less && threshold.bound <= 0) {
        return "can never be met: nothing is less than 0";
    }
    if (threshold.comparison == Comparison::greater && unit_of(threshold.figure) == Unit::share &&
        threshold.bound >= 1) {
        return "can never be met: nothing is more than 100 %; write rate(ok) >= 100% to demand "
               "every request";
    }
    return {};
}

}  // namespace squadload::verdict
