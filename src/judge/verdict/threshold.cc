#include "judge/verdict/threshold.h"

#include <fmt/core.h>

#include <algorithm>
#include <tuple>

#include "base/suggest.h"
#include "base/units.h"
#include "judge/verdict/expression.h"
#include "judge/verdict/provider_bound.h"

namespace squadload::verdict {
namespace {

struct Key {
    const char* name;
    Figure figure;
    double quantile;
    Comparison comparison;
    bool spike = false;  // applies to kind spike only
};

const std::vector<Key>& keys() {
    static const std::vector<Key> table{
        {"success_rate_min", Figure::success_rate, 0, Comparison::greater},
        {"rate_limited_max", Figure::rate_limited_rate, 0, Comparison::less},
        {"failure_rate_max", Figure::failure_rate, 0, Comparison::less_equal},
        {"error_rate_max", Figure::server_error_rate, 0, Comparison::less},
        {"p50_latency_max_ms", Figure::percentile, 0.50, Comparison::less},
        {"p95_latency_max_ms", Figure::percentile, 0.95, Comparison::less},
        {"p99_latency_max_ms", Figure::percentile, 0.99, Comparison::less},
        {"max_latency_max_ms", Figure::max, 0, Comparison::less},
        {"p95_latency_spike_max_ms", Figure::percentile, 0.95, Comparison::less, true},
        {"p99_latency_spike_max_ms", Figure::percentile, 0.99, Comparison::less, true},
        {"spike_p99_latency_max_ms", Figure::percentile, 0.99, Comparison::less, true},
        {"max_latency_spike_ms", Figure::max, 0, Comparison::less, true},
    };
    return table;
}

// A key as a file gives it, before spike keys take their places.
struct Given {
    const Key* key;
    Threshold threshold;
    bool none;  // the value was 0
};

bool same_figure(const Key& a, const Key& b) {
    return a.figure == b.figure && a.quantile == b.quantile;
}

std::string place(const SourceMark& mark) {
    if (mark.file.empty()) return "elsewhere";
    return mark.line > 0 ? fmt::format("at {}:{}", mark.file, mark.line) : "by " + mark.file;
}

Result<double> key_value(const Key& key, const scenario::ThresholdEntry& entry) {
    if (unit_of(key.figure) == Unit::share) {
        const auto share = parse_share(entry.value);
        if (share && *share >= 0 && *share <= 1) return *share;
        return fail_at(entry.mark,
                       fmt::format("{} is '{}'; write a share between 0 and 1, such as 0.01 or 1%",
                                   entry.name, entry.value));
    }
    auto ms = parse_number(entry.value);
    if (!ms) {
        if (const auto time = parse_duration(entry.value)) ms = to_ms(*time);
    }
    if (ms && *ms >= 0) return *ms;
    return fail_at(entry.mark, fmt::format("{} is '{}'; write milliseconds, such as 2000",
                                           entry.name, entry.value));
}

Result<Given> compile_key(const scenario::ThresholdEntry& entry) {
    const auto it = std::find_if(keys().begin(), keys().end(),
                                 [&](const Key& k) { return entry.name == k.name; });
    if (it == keys().end()) {
        const auto near =
            nearest_name(entry.name, std::span<const std::string>(known_threshold_keys()));
        return fail_at(entry.mark,
                       fmt::format("unknown threshold '{}'{}", entry.name,
                                   near.empty() ? "" : fmt::format("; did you mean '{}'?", near)));
    }
    const auto value = key_value(*it, entry);
    if (!value) return tl::unexpected(value.error());
    Given given{&*it, {}, *value == 0};
    given.threshold.name = it->name;
    given.threshold.figure = it->figure;
    given.threshold.quantile = it->quantile;
    given.threshold.comparison = it->comparison;
    given.threshold.bound = *value;
    given.threshold.mark = entry.mark;
    if (const auto why = impossible(given.threshold); !given.none && !why.empty()) {
        return fail_at(entry.mark, fmt::format("{} {} {}", entry.name, entry.value, why));
    }
    return given;
}

// Adds a key, the later of one name counting, and refuses a second spelling.
Result<void> add_key(std::vector<Given>& all, Given given) {
    for (auto& earlier : all) {
        if (earlier.key == given.key) {
            earlier = std::move(given);
            return {};
        }
        if (earlier.key->spike && given.key->spike && same_figure(*earlier.key, *given.key)) {
            return fail_at(
                given.threshold.mark,
                fmt::format(
                    "{} and {} are two spellings of one bound, and both are given (the other {}); "
                    "keep one",
                    given.key->name, earlier.key->name, place(earlier.threshold.mark)));
        }
    }
    all.push_back(std::move(given));
    return {};
}

bool applies(const Given& given, const std::vector<Given>& all, bool spike) {
    if (given.none || (given.key->spike && !spike)) return false;
    if (given.key->spike || !spike) return true;
    return std::none_of(all.begin(), all.end(), [&](const Given& other) {
        return other.key->spike && same_figure(*other.key, *given.key);
    });
}

// In the order of the table of keys: rates first, then the quantiles upwards.
void order(std::vector<Given>& all) {
    std::sort(all.begin(), all.end(), [](const Given& a, const Given& b) {
        const auto rank = [](const Given& g) {
            return std::make_tuple(
                static_cast<int>(unit_of(g.key->figure)) == static_cast<int>(Unit::ms),
                g.key->figure == Figure::max, g.key->quantile, g.key);
        };
        return rank(a) < rank(b);
    });
}

}  // namespace

Unit unit_of(Figure figure) {
    switch (figure) {
        case Figure::percentile:
        case Figure::mean:
        case Figure::min:
        case Figure::max:
        case Figure::iteration_percentile:
        case Figure::iteration_mean:
        case Figure::iteration_min:
        case Figure::iteration_max:
            return Unit::ms;
        case Figure::iteration_count:
        case Figure::count:
        case Figure::outcome_count:
        case Figure::failed_count:
            return Unit::count;
        case Figure::throughput:
            return Unit::per_s;
        default:
            return Unit::share;
    }
}

const std::vector<std::string>& known_threshold_keys() {
    static const std::vector<std::string> names = [] {
        std::vector<std::string> out;
        for (const auto& key : keys()) out.emplace_back(key.name);
        return out;
    }();
    return names;
}

Result<std::vector<Threshold>> compile(const std::vector<scenario::ThresholdEntry>& entries,
                                       const scenario::Scenario& scenario) {
    std::vector<Given> given;
    std::vector<Threshold> expressions;
    for (const auto& entry : entries) {
        if (entry.name.empty() && is_provider_expression(entry.value)) continue;
        if (entry.name.empty()) {
            auto threshold = parse_expression(entry.value, entry.mark, scenario);
            if (!threshold) return tl::unexpected(threshold.error());
            expressions.push_back(std::move(*threshold));
            continue;
        }
        auto key = compile_key(entry);
        if (!key) return tl::unexpected(key.error());
        if (const auto added = add_key(given, std::move(*key)); !added)
            return tl::unexpected(added.error());
    }
    order(given);
    std::vector<Threshold> out;
    for (const auto& g : given) {
        if (applies(g, given, scenario.kind == scenario::Kind::spike)) out.push_back(g.threshold);
    }
    out.insert(out.end(), expressions.begin(), expressions.end());
    return out;
}

}  // namespace squadload::verdict
