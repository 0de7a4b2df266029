// Expressions on the providers' side, read.
#include <fmt/core.h>

#include <algorithm>
#include <span>

#include "base/suggest.h"
#include "base/units.h"
#include "judge/verdict/provider_bound.h"
#include "judge/verdict/provider_figures.h"

namespace squadload::verdict {
namespace {

using Figure = ProviderBound::Figure;
using Subject = ProviderBound::Subject;

std::string_view trim(std::string_view s) {
    const auto first = s.find_first_not_of(" \t");
    if (first == std::string_view::npos) return {};
    return s.substr(first, s.find_last_not_of(" \t") - first + 1);
}

// The word before '(' or whatever else ends it.
std::string_view first_word(std::string_view text) {
    text = trim(text);
    return text.substr(0, text.find_first_of("( \t<>=."));
}

// An expression taken apart; columns are found by where a piece points.
class Reader {
  public:
    Reader(std::string_view text, const SourceMark& mark) : text_(text), mark_(mark) {
        bound_.name = std::string(trim(text));
    }

    Result<ProviderBound> read() {
        const bool fine = split() && subject() && (value_ = trim(value_), value());
        if (!fine) return fail_at(mark_, error_);
        return bound_;
    }

  private:
    bool wrong(std::string_view at, const std::string& what) {
        error_ = fmt::format("in '{}', column {}: {}", text_, at.data() - text_.data() + 1, what);
        return false;
    }

    // Left side, comparison, right side.
    bool split() {
        const auto at = text_.find_first_of("<>=");
        if (at == std::string_view::npos)
            return wrong(text_.substr(text_.size()),
                         "a comparison is missing here: <, <=, >, >= or ==");
        left_ = trim(text_.substr(0, at));
        const std::string_view rest = text_.substr(at);
        const bool two = rest.size() > 1 && rest[1] == '=';
        if (rest[0] == '=' && !two) return wrong(rest, "write == to ask for equality");
        bound_.comparison = rest[0] == '<' ? (two ? Comparison::less_equal : Comparison::less)
                            : rest[0] == '>'
                                ? (two ? Comparison::greater_equal : Comparison::greater)
                                : Comparison::equal;
        value_ = rest.substr(two ? 2 : 1);
        if (trim(value_).empty()) return wrong(value_, "a value is missing here");
        return true;
    }

    bool subject() {
        const std::string_view word = first_word(left_);
        if (word == "fallbacks") {
            bound_.subject = Subject::fallbacks;
            if (left_ != word) return wrong(left_.substr(word.size()), "fallbacks takes nothing");
            return true;
        }
        const auto close = left_.find(')');
        if (left_.size() == word.size() || left_[word.size()] != '(')
            return wrong(left_.substr(word.size()),
                         fmt::format("{} needs a name: {}({})", word, word,
                                     word == "witness" ? "window" : "groq"));
        if (close == std::string_view::npos)
            return wrong(left_.substr(word.size()), "this '(' is never closed");
        const std::string_view inside = left_.substr(word.size() + 1, close - word.size() - 1);
        const std::string_view after = trim(left_.substr(close + 1));
        if (trim(inside).empty()) return wrong(inside, "a name is missing here");
        return word == "witness" ? check(inside, after) : figure(inside, after);
    }

    bool check(std::string_view inside, std::string_view after) {
        bound_.subject = Subject::witness;
        if (!after.empty()) return wrong(after, "nothing belongs between ')' and ==");
        const auto comma = inside.find(',');
        const std::string_view name = trim(inside.substr(0, comma));
        if (comma != std::string_view::npos)
            bound_.provider = std::string(trim(inside.substr(comma + 1)));
        const auto& known = witness_check_names();
        if (name != "all" && std::find(known.begin(), known.end(), name) == known.end()) {
            const auto near = nearest_name(name, std::span<const std::string>(known));
            return wrong(
                inside, fmt::format("the witness has no check '{}'{}", name,
                                    near.empty() ? "" : fmt::format("; did you mean '{}'?", near)));
        }
        bound_.check = std::string(name);
        if (bound_.comparison != Comparison::equal)
            return wrong(value_, "a check of the witness is asked with == kept");
        return true;
    }

    bool figure(std::string_view inside, std::string_view after) {
        bound_.subject = Subject::provider;
        bound_.provider = std::string(trim(inside));
        if (after.empty() || after[0] != '.')
            return wrong(
                after, fmt::format("a figure is missing here: provider({}).rpm", bound_.provider));
        const std::string_view word = trim(after.substr(1));
        for (const ProviderFigure& one : kProviderFigures) {
            if (word != one.name) continue;
            bound_.figure = one.figure;
            unit_ = one.unit;
            return true;
        }
        if (word.starts_with('p')) {
            const auto percent = parse_number(word.substr(1));
            if (percent && *percent > 0 && *percent < 100) {
                bound_.figure = Figure::quantile;
                bound_.quantile = *percent / 100;
                unit_ = Unit::ms;
                return true;
            }
        }
        std::vector<std::string> known{"p50", "p95", "p99"};
        for (const ProviderFigure& one : kProviderFigures) known.emplace_back(one.name);
        const auto near = nearest_name(word, std::span<const std::string>(known));
        return wrong(after,
                     fmt::format("a provider has no figure '{}'{}", word,
                                 near.empty() ? "" : fmt::format("; did you mean '{}'?", near)));
    }

    bool value() {
        if (bound_.subject == Subject::witness)
            return value_ == "kept" ||
                   wrong(value_, "a check of the witness is asked with == kept");
        if (value_ == "limit") {
            bound_.against_limit = true;
            return bound_.figure == Figure::rpm && bound_.subject == Subject::provider
                       ? true
                       : wrong(value_, "only rpm has a limit");
        }
        if (unit_ == Unit::ms) {
            const auto time = parse_duration(value_);
            if (!time || value_.find_first_not_of("0123456789. ") == std::string_view::npos)
                return wrong(value_, fmt::format("'{}' is no time; write 300ms or 2s", value_));
            bound_.bound = to_ms(*time);
            return true;
        }
        if (unit_ == Unit::share) {
            const auto share = parse_share(value_);
            if (!share || *share < 0 || *share > 1)
                return wrong(value_, fmt::format("'{}' is no share; write 60% or 0.6", value_));
            bound_.bound = *share;
            return true;
        }
        const auto n = parse_integer(value_);
        if (!n || *n < 0)
            return wrong(value_, fmt::format("'{}' is no count; write a whole number", value_));
        bound_.bound = static_cast<double>(*n);
        return true;
    }

    std::string_view text_;
    const SourceMark& mark_;
    std::string_view left_, value_;
    Unit unit_ = Unit::count;
    ProviderBound bound_;
    std::string error_;
};

}  // namespace

bool is_provider_expression(std::string_view text) {
    const std::string_view word = first_word(text);
    return word == "provider" || word == "fallbacks" || word == "witness";
}

Result<std::vector<ProviderBound>> compile_provider_bounds(
    const std::vector<scenario::ThresholdEntry>& entries) {
    std::vector<ProviderBound> out;
    for (const auto& entry : entries) {
        if (!entry.name.empty() || !is_provider_expression(entry.value)) continue;
        auto bound = Reader(entry.value, entry.mark).read();
        if (!bound) return tl::unexpected(bound.error());
        out.push_back(std::move(*bound));
    }
    return out;
}

const std::vector<std::string>& witness_check_names() {
    static const std::vector<std::string> names{
        "window",      "bucket",        "tokens",      "utilisation", "provider_429",
        "retry_after", "return",        "chain_order", "attempts",    "truth",
        "metrics",     "amplification", "throttle",    "recovery",    "reported"};
    return names;
}

}  // namespace squadload::verdict
