#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <deque>

#include "base/suggest.h"
#include "base/units.h"
#include "load/scenario/parsed_file.h"
#include "load/scenario/threshold_keys.h"

namespace squadload::scenario {
namespace {

using pacing::RateStage;
using yaml::Problems;
using yaml::TextValue;
using yaml::Value;

constexpr std::uint32_t kOpenUsers = 10'000;  // bound on concurrent users when none is given
constexpr double kUrlRate = 10;               // `squadload run URL` without a load
constexpr Nanos kUrlDuration = std::chrono::seconds{30};

// Texts of the environment or the command line, read like values of the file.
class TextSource {
  public:
    explicit TextSource(Problems& problems) : problems_(problems) {}

    void add(std::string_view key, std::string source, std::optional<std::string> text) {
        if (!text) return;
        texts_.push_back({std::string(key), TextValue(std::move(source), std::move(*text))});
    }
    [[nodiscard]] Lookup lookup() const {
        return [this](std::string_view key) { return get(key); };
    }
    [[nodiscard]] std::optional<Value> get(std::string_view key) const {
        for (const auto& [name, text] : texts_) {
            if (name == key) return text.value(problems_);
        }
        return std::nullopt;
    }

  private:
    Problems& problems_;
    std::deque<std::pair<std::string, TextValue>> texts_;
};

// A variable that is set but empty counts as not set, as in most CI systems.
std::optional<std::string> variable(const Environment& environment, const std::string& name) {
    auto value = environment(name);
    return value && !value->empty() ? value : std::nullopt;
}

// One place that says how much load, and what it is called in notes.
struct Layer {
    LoadSettings load;
    std::string
        users_label;  // "--users", "SQUADLOAD_USERS", "stage dev"; empty: the scenario itself
};

// The scenario being resolved from its layers, lowest precedence first.
class LoadResolver {
  public:
    LoadResolver(const ScenarioSpec& spec, bool from_url) : spec_(spec), from_url_(from_url) {}

    void apply(const Layer& layer) {
        const LoadSettings& load = layer.load;
        const bool overrides = !layer.users_label.empty();
        if (load.rate || load.stages) {
            model_ = Model::open;
            closed_by_.clear();
        } else if (load.users) {
            model_ = Model::closed;
            if (overrides) closed_by_ = layer.users_label;
        }
        if (overrides && load.users) own_users_ = false;
        if (!overrides) own_model_ = model_;
        if (load.rate) stages_.reset();
        if (load.stages) rate_.reset();
        take(users_, load.users);
        take(spawn_rate_, load.spawn_rate);
        take(rate_, load.rate);
        take(stages_, load.stages);
        take(arrivals_, load.arrivals);
        take(duration_, load.duration);
        take(requests_, load.requests);
        take(max_in_flight_, load.max_in_flight);
        take(graceful_stop_, load.graceful_stop);
        take(seed_, load.seed);
        take(workers_, load.workers);
        if (load.rate_or_spawn_rate) apply_r(*load.rate_or_spawn_rate);
    }

    [[nodiscard]] Result<void> finish(Scenario& out) {
        use_url_defaults();
        if (!model_) {
            return fail_here(
                "names neither users nor rate nor stages, so there is no load to make");
        }
        say_switch();
        out.model = *model_;
        out.users = users_.value_or(kOpenUsers);
        out.users_by_default = !users_;
        out.spawn_rate = out.model == Model::closed ? spawn_rate_.value_or(0) : 0;
        out.requests = requests_;
        out.graceful_stop = graceful_stop_.value_or(out.graceful_stop);
        out.seed = seed_.value_or(out.seed);
        out.workers = workers_.value_or(out.workers);
        if (auto timed = set_duration(out); !timed) return timed;
        if (out.model == Model::open) set_open(out);
        out.notes.insert(out.notes.end(), notes_.begin(), notes_.end());
        return {};
    }

  private:
    template <class T>
    static void take(std::optional<T>& into, const std::optional<T>& from) {
        if (from) into = from;
    }

    // A model other than the scenario's own is said, with what brought it about.
    void say_switch() {
        if (model_ == Model::open && own_model_ == Model::closed && own_users_) {
            notes_.push_back(fmt::format(
                "a rate switches {} to the open model: its {} users only bound how many requests "
                "run at a time",
                spec_.name, *users_));
        }
        if (model_ != Model::closed || closed_by_.empty() || own_model_ == Model::closed) return;
        if (!own_model_ && !spawn_rate_by_r_) return;  // a URL has no model of its own to leave
        std::string note = fmt::format(
            "{} {} switches {} to the closed model: {} users, each waiting for its answer",
            closed_by_, *users_, spec_.name, *users_);
        if (spawn_rate_by_r_) {
            note += fmt::format("; -r {0:g} is their spawn rate (a request rate is --rate {0:g})",
                                *spawn_rate_);
        }
        notes_.push_back(std::move(note));
    }

    void apply_r(double value) {
        if (model_ == Model::closed) {
            spawn_rate_ = value;
            spawn_rate_by_r_ = true;
            return;
        }
        model_ = Model::open;
        stages_.reset();
        rate_ = value;
    }

    void use_url_defaults() {
        if (!from_url_) return;
        if (!model_) {
            model_ = Model::open;
            rate_ = kUrlRate;
        }
        if (!duration_ && !requests_) duration_ = kUrlDuration;
    }

    [[nodiscard]] tl::unexpected<Error> fail_here(std::string_view sentence) const {
        return fail_at(spec_.mark, fmt::format("scenario {} {}", spec_.name, sentence));
    }

    // Closed: what ends the run. Open: the same, and how long the rate holds.
    [[nodiscard]] Result<void> set_duration(Scenario& out) {
        Nanos staged{};
        for (const RateStage& stage : stages_.value_or(std::vector<RateStage>{})) {
            staged += stage.duration;
        }
        if (!duration_ && !stages_ &&
            spec_.load.stages) {  // its stages gave way to a rate or users
            for (const RateStage& stage : *spec_.load.stages) staged += stage.duration;
        }
        if (duration_)
            out.duration = *duration_;
        else if (staged > Nanos::zero())
            out.duration = staged;
        else if (requests_)
            out.duration = Nanos::max();
        else
            return fail_here("needs a duration or a number of requests, or it would never end");
        return {};
    }

    void set_open(Scenario& out) {
        out.arrivals = arrivals_.value_or(pacing::Arrivals::constant);
        out.max_in_flight = max_in_flight_.value_or(0);
        out.rates = stages_ ? fitted_stages(out.duration)
                            : std::vector<RateStage>{{out.duration, *rate_, *rate_}};
        if (spawn_rate_) {
            notes_.push_back(fmt::format("{} follows a rate (open model), so spawn_rate is ignored",
                                         spec_.name));
        }
    }

    // Stages cut off at `duration`, or their last rate held until it.
    std::vector<RateStage> fitted_stages(Nanos duration) {
        std::vector<RateStage> fitted;
        Nanos at{};
        for (const RateStage& stage : *stages_) {
            if (at >= duration) break;
            fitted.push_back(stage);
            if (at + stage.duration > duration) {
                RateStage& last = fitted.back();
                last.duration = duration - at;
                const double share = to_seconds(last.duration) / to_seconds(stage.duration);
                last.end_per_s = stage.start_per_s + share * (stage.end_per_s - stage.start_per_s);
            }
            at += fitted.back().duration;
        }
        if (at < duration) {
            const double rate = fitted.back().end_per_s;
            fitted.push_back({duration - at, rate, rate});
        }
        if (fitted != *stages_) {
            notes_.push_back(
                fmt::format("a duration of {} {} the stages of {}", format_duration(duration),
                            at < duration ? "holds the last rate after" : "cuts off", spec_.name));
        }
        return fitted;
    }

    const ScenarioSpec& spec_;
    bool from_url_;
    std::optional<Model> own_model_;  // the scenario's, before anything overrides it
    std::optional<Model> model_;
    bool own_users_ = true;  // no override names users
    std::string closed_by_;  // the override that made it closed
    bool spawn_rate_by_r_ = false;
    std::optional<std::uint32_t> users_;
    std::optional<double> spawn_rate_;
    std::optional<double> rate_;
    std::optional<std::vector<RateStage>> stages_;
    std::optional<pacing::Arrivals> arrivals_;
    std::optional<Nanos> duration_;
    std::optional<std::uint64_t> requests_;
    std::optional<std::uint32_t> max_in_flight_;
    std::optional<Nanos> graceful_stop_;
    std::optional<std::uint64_t> seed_;
    std::optional<std::uint32_t> workers_;
    std::vector<std::string> notes_;
};

Layer locust_layer(const Environment& environment, Problems& problems) {
    TextSource texts(problems);
    texts.add("users", "LOCUST_USERS", variable(environment, "LOCUST_USERS"));
    texts.add("spawn_rate", "LOCUST_SPAWN_RATE", variable(environment, "LOCUST_SPAWN_RATE"));
    texts.add("duration", "LOCUST_RUN_TIME", variable(environment, "LOCUST_RUN_TIME"));
    return Layer{read_load(texts.lookup()), "LOCUST_USERS"};
}

Layer environment_layer(const Environment& environment, Problems& problems) {
    TextSource texts(problems);
    for (const std::string_view key : {"users", "spawn_rate", "rate", "duration", "requests",
                                       "seed", "workers", "graceful_stop"}) {
        const std::string name = environment_name(key);
        texts.add(key, name, variable(environment, name));
    }
    texts.add("duration", "SQUADLOAD_RUN_TIME", variable(environment, "SQUADLOAD_RUN_TIME"));
    return Layer{read_load(texts.lookup()), "SQUADLOAD_USERS"};
}

Layer command_line_layer(const CommandLine& command_line, Problems& problems) {
    TextSource texts(problems);
    texts.add("users", "--users", command_line.users);
    texts.add("spawn_rate", "--spawn-rate", command_line.spawn_rate);
    texts.add("rate", "--rate", command_line.rate);
    texts.add("rate_or_spawn_rate", "-r", command_line.rate_or_spawn_rate);
    texts.add("duration", "--duration", command_line.duration);
    texts.add("requests", "--requests", command_line.requests);
    texts.add("seed", "--seed", command_line.seed);
    texts.add("workers", "--workers", command_line.workers);
    texts.add("graceful_stop", "--graceful-stop", command_line.graceful_stop);
    return Layer{read_load(texts.lookup()), "--users"};
}

// The stage asked for; nullptr when none is.
Result<const StageSpec*> find_stage(const ParsedFile& file, const CommandLine& command_line,
                                    const Environment& environment) {
    const auto from_environment = variable(environment, "SQUADLOAD_STAGE");
    if (file.from_url && !command_line.stage) return nullptr;  // there is no file to have stages
    if (!command_line.stage && !from_environment) return nullptr;
    const std::string name = command_line.stage ? *command_line.stage : *from_environment;
    std::vector<std::string> names;
    for (const StageSpec& stage : file.stages) {
        if (stage.name == name) return &stage;
        names.push_back(stage.name);
    }
    const std::string source = command_line.stage ? "--stage" : "SQUADLOAD_STAGE";
    const std::string nearest = nearest_name(name, names);
    std::string hint = nearest.empty() ? "" : fmt::format("; did you mean '{}'?", nearest);
    if (names.empty()) hint = "; the file has no `stages` section at the top";
    return fail_at(SourceMark{source, 0, 0}, fmt::format("there is no stage '{}'{}", name, hint));
}

void set_host(const ParsedFile& file, const StageSpec* stage, const CommandLine& command_line,
              const Environment& environment, Target& target) {
    const auto set = [&](const std::optional<std::string>& host, const SourceMark& mark) {
        if (!host) return;
        target.host = *host;
        target.host_mark = mark;
    };
    if (stage != nullptr) set(stage->host, stage->host_mark);
    if (!file.from_url) {  // the URL itself is from the command line
        set(variable(environment, "LOCUST_HOST"), SourceMark{"LOCUST_HOST", 0, 0});
        set(variable(environment, "SQUADLOAD_HOST"), SourceMark{"SQUADLOAD_HOST", 0, 0});
    }
    set(command_line.host, SourceMark{"--host", 0, 0});
}

void set_witness(const ParsedFile& file, const CommandLine& command_line,
                 const Environment& environment, Scenario& out) {
    out.witness_url = file.witness_url;
    out.witness_mark = file.witness_mark;
    const auto set = [&](const std::optional<std::string>& url, const char* source) {
        if (!url) return;
        out.witness_url = *url;
        out.witness_mark = SourceMark{source, 0, 0};
    };
    set(variable(environment, "SQUADLOAD_WITNESS"), "SQUADLOAD_WITNESS");
    set(command_line.witness, "--witness");
}

void set_time_scale(const CommandLine& command_line, const Environment& environment,
                    Problems& problems, Scenario& out) {
    constexpr double kMost = 60;
    TextSource texts(problems);
    texts.add("time_scale", "SQUADLOAD_TIME_SCALE", variable(environment, "SQUADLOAD_TIME_SCALE"));
    texts.add("time_scale", "--time-scale", command_line.time_scale);
    if (const auto v = texts.get("time_scale")) out.time_scale = v->number(1, kMost);
}

void note_late_events(Scenario& out) {
    for (const Event& event : out.events)
        if (event.at >= out.duration)
            out.notes.push_back(fmt::format("the event {} at {} comes after the end of {}",
                                            label_of(event), format_duration(event.at), out.name));
}

// Bounds from the environment, each variable named after its key with `prefix` in front.
std::vector<ThresholdEntry> environment_bounds(std::string_view prefix,
                                               const Environment& environment, Problems& problems) {
    std::vector<ThresholdEntry> bounds;
    for (const std::string& key : threshold_keys()) {
        const std::string name = environment_name(fmt::format("{}{}", prefix, key));
        if (auto text = variable(environment, name)) {
            const TextValue value(name, std::move(*text));
            bounds.push_back(read_threshold(key, value.value(problems)));
        }
    }
    const std::string name = environment_name(fmt::format("{}expressions", prefix));
    std::string text = variable(environment, name).value_or("");
    while (!text.empty()) {
        const std::size_t end = std::min(text.find(';'), text.size());
        const std::string expression = text.substr(0, end);
        text.erase(0, end + 1);
        if (expression.find_first_not_of(' ') == std::string::npos) continue;
        bounds.push_back(ThresholdEntry{"", expression, SourceMark{name, 0, 0}});
    }
    return bounds;
}

void apply_fail_fast(const CommandLine& command_line, const Environment& environment,
                     Problems& problems, FailFast& fail_fast) {
    TextSource texts(problems);
    for (const std::string_view key : {"fail_fast", "fail_fast_window", "fail_fast_min_samples"}) {
        const std::string name = environment_name(key);
        texts.add(key, name, variable(environment, name));
    }
    if (const auto v = texts.get("fail_fast")) {
        const std::string& text = v->node().text;
        fail_fast.enabled = text == "1" || (text != "0" && v->boolean());
    }
    if (const auto v = texts.get("fail_fast_window")) {
        fail_fast.window = read_window(*v);
    }
    if (const auto v = texts.get("fail_fast_min_samples")) {
        fail_fast.min_samples = static_cast<std::uint64_t>(v->integer(1, 1'000'000'000));
    }
    override_thresholds(fail_fast.bounds, environment_bounds("fail_fast_", environment, problems));
    if (command_line.fail_fast) fail_fast.enabled = true;
}

// Users wait in the closed model only: an open arrival does not ask how the last one fared.
Result<void> set_on_429(const ParsedFile& file, const ScenarioSpec& spec, Scenario& out) {
    const bool own = spec.on_429.has_value();
    out.on_429 = own ? *spec.on_429 : file.on_429;
    On429& on = out.on_429;
    const bool waits = on.action == On429::Action::wait;
    if (out.model == Model::closed || !(waits || on.adaptive)) return {};
    // What the file says for every scenario applies where it can.
    if (!own) {
        out.notes.push_back(
            fmt::format("on_429: {} is for the closed model; here every arrival keeps its time",
                        waits ? "wait" : "adaptive"));
        if (waits) on.action = On429::Action::record;
        on.adaptive = false;
        return {};
    }
    return fail_at(on.mark,
                   fmt::format("scenarios.{}.on_429: {} needs the closed model (users without "
                               "rate or stages): in the open model arrivals do not wait for the "
                               "target; use retry or record",
                               spec.name, waits ? "wait" : "adaptive"));
}

}  // namespace

Result<Scenario> resolve(const ParsedFile& file, const ScenarioSpec& spec,
                         const CommandLine& command_line, const Environment& environment) {
    const auto stage = find_stage(file, command_line, environment);
    if (!stage) return tl::unexpected(stage.error());
    Scenario out;
    out.name = spec.name;
    out.description = spec.description;
    out.kind = spec.kind.value_or(spec.name == "spike" ? Kind::spike : Kind::steady);
    out.target = file.target;
    out.classes = file.classes;
    out.data = file.data;
    out.providers = file.providers;
    set_host(file, *stage, command_line, environment, out.target);

    Problems problems;
    override_way(command_line, environment, problems, out.target);
    LoadResolver load(spec, file.from_url);
    load.apply(Layer{file.defaults, ""});
    load.apply(Layer{spec.load, ""});
    if (*stage != nullptr) {
        load.apply(Layer{(*stage)->load, fmt::format("stage {} with users", (*stage)->name)});
    }
    load.apply(locust_layer(environment, problems));
    load.apply(environment_layer(environment, problems));
    load.apply(command_line_layer(command_line, problems));

    out.thresholds = file.thresholds;
    override_thresholds(out.thresholds, spec.thresholds);
    if (*stage != nullptr) override_thresholds(out.thresholds, (*stage)->thresholds);
    override_thresholds(out.thresholds, environment_bounds("", environment, problems));
    out.suite = file.suite;
    out.attribution = file.attribution;
    out.observe = file.observe;
    if (const auto text = variable(environment, "SQUADLOAD_LATENCY_RATIO_MAX")) {
        const TextValue value("SQUADLOAD_LATENCY_RATIO_MAX", *text);
        out.suite.latency_ratio_max = value.value(problems).number(0, 1000);
    }
    out.events = spec.events;
    if (*stage != nullptr) out.stack.quota_scale = (*stage)->quota_scale.value_or(1);
    set_witness(file, command_line, environment, out);
    set_time_scale(command_line, environment, problems, out);
    out.fail_fast = file.fail_fast;
    apply_fail_fast(command_line, environment, problems, out.fail_fast);
    if (problems.first()) return tl::unexpected(*problems.first());

    if (auto finished = load.finish(out); !finished) return tl::unexpected(finished.error());
    if (auto refused = set_on_429(file, spec, out); !refused)
        return tl::unexpected(refused.error());
    if (auto note = unreachable_rate_note(out); !note.empty()) out.notes.push_back(std::move(note));
    note_late_events(out);
    // Where quotas are another size, what they are cut to is, too.
    for (Event& event : out.events)
        for (auto& [what, amount] : event.amounts)
            amount = std::max<std::int64_t>(
                1, std::llround(static_cast<double>(amount) * out.stack.quota_scale));
    scale_time(out);
    return out;
}

}  // namespace squadload::scenario
