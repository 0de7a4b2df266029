#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/units.h"
#include "load/scenario/parsed_file.h"
#include "load/scenario/threshold_keys.h"

namespace squadload::scenario {
namespace {

using pacing::RateStage;
using yaml::Map;
using yaml::Value;

constexpr std::int64_t kMaxUsers = 1'000'000;
constexpr double kMaxRate = 10'000'000;
constexpr std::int64_t kMaxRequests = 1'000'000'000'000;
constexpr std::int64_t kMaxWorkers = 256;
constexpr std::size_t kMaxRateStages = 10'000;
constexpr Nanos kLongestStages = std::chrono::hours{10'000};
// Every second of a window is kept while the run goes.
constexpr Nanos kLongestWindow = std::chrono::minutes{10};

std::uint32_t small(std::int64_t number) {
    return static_cast<std::uint32_t>(number);
}

double positive_rate(const Value& value) {
    const double rate = value.rate(kMaxRate);
    // A wrong text is a problem already; then this one is not kept.
    if (rate <= 0) value.fail("the rate must be above 0");
    return rate;
}

// {duration, rate}: a plateau. {duration, to} or {duration, from, to}: a line from the rate before.
RateStage read_rate_stage(const Value& value, double previous) {
    const Map map = value.map({"duration", "rate", "from", "to"});
    RateStage stage;
    if (const auto duration = map.get("duration"))
        stage.duration = duration->duration(Nanos{1});
    else
        value.fail("a stage needs a duration");
    if (map.has("rate") == map.has("to")) {
        value.fail("a stage has either rate (a plateau) or to (a ramp)");
    }
    if (map.has("rate") && map.has("from")) value.fail("from goes with to, not with rate");
    stage.start_per_s = previous;
    if (const auto rate = map.get("rate")) {
        stage.start_per_s = stage.end_per_s = rate->rate(kMaxRate);
    }
    if (const auto from = map.get("from")) stage.start_per_s = from->rate(kMaxRate);
    if (const auto to = map.get("to")) stage.end_per_s = to->rate(kMaxRate);
    return stage;
}

std::vector<RateStage> read_rate_stages(const Value& value) {
    std::vector<RateStage> stages;
    double previous = 0;
    bool any = false;
    for (const Value& item : value.items()) {
        stages.push_back(read_rate_stage(item, previous));
        previous = stages.back().end_per_s;
        any = any || stages.back().start_per_s > 0 || previous > 0;
        if (stages.size() > kMaxRateStages) {
            value.fail(fmt::format("more than {} stages", kMaxRateStages));
            break;
        }
    }
    Nanos total{};
    for (const RateStage& stage : stages) {
        if (stage.duration > kLongestStages - total) {
            value.fail("the stages together last longer than 10,000 h");
            break;
        }
        total += stage.duration;
    }
    if (stages.empty() && value.is_list())
        value.fail("the list is empty");
    else if (!any)
        value.fail("at least one stage must have a rate above 0");
    return stages;
}

// What a scenario of the file may not say together.
void check_combinations(const Map& map) {
    const auto fail = [&](std::string_view key, std::string_view sentence) {
        if (const auto value = map.get_or_null(key)) value->fail(sentence);
    };
    const bool open = map.has("rate") || map.has("stages");
    if (map.has("rate") && map.has("stages")) {
        fail("stages", "rate and stages exclude each other: a constant rate, or one that changes");
    }
    if (map.has("duration") && map.has("stages")) {
        fail("duration", "stages carry their own durations; remove one of the two");
    }
    if (!open) {
        fail("arrivals", "arrivals needs rate or stages: in the closed model users set the pace");
        fail("max_in_flight",
             "max_in_flight needs rate or stages: in the closed model users are the bound");
    }
}

ScenarioSpec read_scenario(const Value::Named& entry) {
    ScenarioSpec spec;
    spec.name = entry.name;
    spec.mark = entry.key_mark;
    const Map map = entry.value.map({"users", "spawn_rate", "duration", "description", "kind",
                                     "rate", "arrivals", "stages", "requests", "max_in_flight",
                                     "graceful_stop", "thresholds", "events", "on_429"});
    check_combinations(map);
    spec.load = read_load([&](std::string_view key) { return map.get(key); });
    if (const auto description = map.get_or_null("description")) {
        if (!description->is_null()) spec.description = description->text();
    }
    if (const auto kind = map.get("kind")) {
        spec.kind = kind->one_of({"steady", "spike"}) == 1 ? Kind::spike : Kind::steady;
    }
    if (const auto bounds = map.get_or_null("thresholds")) {
        spec.thresholds = read_thresholds(*bounds);
    }
    if (const auto events = map.get("events")) spec.events = read_events(*events);
    if (const auto on_429 = map.get("on_429")) spec.on_429 = read_on_429(*on_429);
    return spec;
}

bool is_file_safe(std::string_view name) {
    return !name.empty() && name.size() <= 100 && std::all_of(name.begin(), name.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '_' || c == '-' || c == '.';
    });
}

// Names stand in files, reports and on the command line, where "all" means every scenario.
void check_name(std::string_view what, const Value::Named& entry) {
    if (is_file_safe(entry.name) && entry.name != "all") return;
    entry.value.problems().add(
        entry.key_mark,
        fmt::format("{}: {} is named with letters, digits, '_', '-' and '.', and not 'all'",
                    entry.value.path(), what));
}

StageSpec read_deployment_stage(const Value::Named& entry) {
    StageSpec stage;
    stage.name = entry.name;
    const Map map = entry.value.map(
        {"users", "spawn_rate", "rate", "duration", "thresholds", "target", "quota_scale"});
    stage.load = read_load([&](std::string_view key) { return map.get(key); });
    if (const auto bounds = map.get_or_null("thresholds")) {
        stage.thresholds = read_thresholds(*bounds);
    }
    if (const auto v = map.get("quota_scale")) stage.quota_scale = v->number(0.01, 10'000);
    if (const auto target = map.get("target")) {
        if (const auto host = target->map({"host"}).get("host")) {
            stage.host = host->text();
            stage.host_mark = host->mark();
        }
    }
    return stage;
}

}  // namespace

LoadSettings read_load(const Lookup& lookup) {
    LoadSettings load;
    if (const auto v = lookup("users")) load.users = small(v->integer(1, kMaxUsers));
    if (const auto v = lookup("spawn_rate")) load.spawn_rate = v->rate(kMaxUsers);
    if (const auto v = lookup("rate")) load.rate = positive_rate(*v);
    if (const auto v = lookup("rate_or_spawn_rate")) load.rate_or_spawn_rate = positive_rate(*v);
    if (const auto v = lookup("stages")) load.stages = read_rate_stages(*v);
    if (const auto v = lookup("arrivals")) {
        load.arrivals = v->one_of({"constant", "poisson"}) == 1 ? pacing::Arrivals::poisson
                                                                : pacing::Arrivals::constant;
    }
    if (const auto v = lookup("duration")) load.duration = v->duration(Nanos{1});
    if (const auto v = lookup("requests")) {
        load.requests = static_cast<std::uint64_t>(v->integer(1, kMaxRequests));
    }
    if (const auto v = lookup("max_in_flight")) {
        load.max_in_flight = small(v->integer(0, kMaxUsers));
    }
    if (const auto v = lookup("graceful_stop")) load.graceful_stop = v->duration();
    if (const auto v = lookup("seed")) {
        load.seed =
            static_cast<std::uint64_t>(v->integer(0, std::numeric_limits<std::int64_t>::max()));
    }
    if (const auto v = lookup("workers")) load.workers = small(v->integer(1, kMaxWorkers));
    return load;
}

Nanos read_window(const Value& value) {
    const Nanos window = value.duration(std::chrono::seconds{1});
    if (window > kLongestWindow) value.fail("the window is at most 10m");
    return window;
}

std::vector<ScenarioSpec> read_scenarios(const Value& value) {
    std::vector<ScenarioSpec> all;
    for (const auto& entry : value.entries()) {
        check_name("a scenario", entry);
        all.push_back(read_scenario(entry));
    }
    return all;
}

std::vector<StageSpec> read_deployment_stages(const Value& value) {
    std::vector<StageSpec> all;
    if (value.is_list()) {
        value.fail(
            "stages at the top are deployment stages by name (dev, prod); the stages of a "
            "load profile belong under scenarios.<name>.stages");
        return all;
    }
    for (const auto& entry : value.entries()) {
        check_name("a stage", entry);
        all.push_back(read_deployment_stage(entry));
    }
    return all;
}

ThresholdEntry read_threshold(std::string_view key, const Value& value) {
    const std::string text = value.text();
    if (key.ends_with("_ms")) {
        if (const auto number = parse_number(text); !number || *number < 0) {
            value.fail(fmt::format("expected milliseconds such as 2000, not '{}'", text));
        }
    } else if (const auto share = parse_share(text); !share || *share < 0 || *share > 1) {
        value.fail(fmt::format("expected a share such as 0.01 or 1%, not '{}'", text));
    }
    return ThresholdEntry{std::string(key), text, value.mark()};
}

std::vector<ThresholdEntry> read_thresholds(const Value& value) {
    std::vector<ThresholdEntry> all;
    const auto add_expressions = [&](const Value& list) {
        for (const Value& item : list.items_or_one()) {
            all.push_back(ThresholdEntry{"", item.text(), item.mark()});
        }
    };
    if (value.is_list()) {
        add_expressions(value);
        return all;
    }
    std::vector<std::string_view> known(threshold_keys().begin(), threshold_keys().end());
    known.emplace_back("expressions");
    const Map map = value.map(std::move(known));
    for (const std::string& key : threshold_keys()) {
        if (const auto bound = map.get(key)) all.push_back(read_threshold(key, *bound));
    }
    if (map.has("p99_latency_spike_max_ms") && map.has("spike_p99_latency_max_ms")) {
        map.get_or_null("spike_p99_latency_max_ms")
            ->fail("is another spelling of p99_latency_spike_max_ms; keep one of the two");
    }
    if (const auto expressions = map.get("expressions")) add_expressions(*expressions);
    return all;
}

}  // namespace squadload::scenario
